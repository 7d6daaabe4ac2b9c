"""The words of PromQL: functions with what they take, aggregations, and operators with how strongly they bind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SCALAR: Final = "a number"
VECTOR: Final = "series"
RANGE: Final = "a range"
TEXT: Final = "a text"
KINDS: Final = {"s": SCALAR, "v": VECTOR, "r": RANGE, "t": TEXT}
"""What an argument may be, by its letter in a signature."""

_OVER_A_RANGE: Final = (
    "absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate last_over_time mad_over_time "
    "max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time"
)
_OF_SERIES: Final = (
    "abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg histogram_count histogram_stddev "
    "histogram_stdvar histogram_sum ln log10 log2 rad scalar sgn sin sinh sort sort_desc sqrt tan tanh timestamp"
)
_OF_THE_CLOCK: Final = "day_of_month day_of_week day_of_year days_in_month hour minute month year"
FUNCTIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(_OVER_A_RANGE.split(), "r"),
    **dict.fromkeys(_OF_SERIES.split(), "v"),
    **dict.fromkeys(_OF_THE_CLOCK.split(), "v?"),
    **dict.fromkeys(("pi", "time"), ""),
    **dict.fromkeys(("clamp_max", "clamp_min"), "v s"),
    **dict.fromkeys(("double_exponential_smoothing", "holt_winters"), "r s s"),
    **dict.fromkeys(("sort_by_label", "sort_by_label_desc"), "v t*"),
    "clamp": "v s s",
    "histogram_fraction": "s s v",
    "histogram_quantile": "s v",
    "info": "v v?",
    "label_join": "v t t t*",
    "label_replace": "v t t t t",
    "predict_linear": "r s",
    "quantile_over_time": "s r",
    "round": "v s?",
    "vector": "s",
}
"""What each function takes: a letter of `KINDS` for each argument; `?` may be left away, `*` may stand as often as one likes."""
GIVES_A_NUMBER: Final = frozenset(["pi", "scalar", "time"])

AGGREGATIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("avg", "count", "group", "max", "min", "stddev", "stdvar", "sum"), "v"),
    **dict.fromkeys(("bottomk", "limit_ratio", "limitk", "quantile", "topk"), "s v"),
    "count_values": "t v",
}
"""What each aggregation takes, as `FUNCTIONS` does."""
SELECTIONS: Final = frozenset(["bottomk", "count_values", "limit_ratio", "limitk", "topk"])
"""Aggregations whose results carry more labels than those that they are grouped by."""
RELABELLING: Final = frozenset(["label_join", "label_replace"])
BINARY: Final = {
    **dict.fromkeys(("or",), 1),
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}
"""Operators, and how strongly they bind."""
COMPARISONS: Final = ("==", "!=", "<", "<=", ">", ">=")
OF_SETS: Final = ("and", "or", "unless")
MATCHES: Final = ("=", "!=", "=~", "!~")
RESERVED: Final = frozenset([*BINARY, "bool", "group_left", "group_right", "ignoring", "on"])
"""Words that are no metric."""
KEYWORDS: Final = RESERVED | AGGREGATIONS.keys() | {"by", "offset", "without"}
"""Words that may be written in capitals too, as Prometheus reads them."""
NUMBERS: Final = frozenset(["inf", "nan"])
