"""PromQL between the formats: `{{.window}}` becomes `[$window]`, and sums of rates become the counters that they count.

A pair of queries is reduced together or not at all: a rate beside an increase would be off by the window's seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from slo import names
from slo.promql import PromQLError, read_expression
from slo.promql_words import AGGREGATIONS
from slo.quantities import format_number
from slo.sli import WINDOW

_TEMPLATE = re.compile(r"\{\{-?\s*\.window\s*-?\}\}")
_OTHER_TEMPLATE = re.compile(r"\{\{|\}\}|\$__")
_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`"
_WORDS = re.compile(rf"({_QUOTED})|\b([A-Z][A-Z_]+)\b")
_SELECTOR = rf"(?P<metric>[a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{{(?P<inside>(?:[^{{}}\"'`]|{_QUOTED})*)\}})?"
_LABELS = r"by\s*\((?P<{name}>[a-zA-Z0-9_,\s]*)\)"
_SUM = rf"\s*sum\s*(?:{_LABELS.format(name='before')}\s*)?\(\s*{{inner}}\s*\)\s*(?:{_LABELS.format(name='after')})?\s*"
_RATE = re.compile(_SUM.format(inner=rf"(?:rate|increase)\s*\(\s*{_SELECTOR}\s*\[\s*\$window\s*\]\s*\)"))
_TOTAL = re.compile(_SUM.format(inner=_SELECTOR))
_PLAIN = re.compile(rf"\s*{_SELECTOR}\s*")
_FIXED_RANGE = re.compile(rf"({_QUOTED})|\[\s*((?:\d+(?:ms|[smhdwy]))+)\s*\]")
_MATCHER = re.compile(rf"\s*(?P<label>[a-zA-Z_][a-zA-Z0-9_]*)\s*(?P<how>=~|!~|!=|=)\s*(?P<value>{_QUOTED})\s*(?:,|$)")
_ZERO = re.compile(r"\s*\bor\s+(?:on\s*\(\s*\)\s*)?vector\s*\(\s*0(?:\.0*)?\s*\)\s*$")
_FROM_ONE = re.compile(r"1(?:\.0*)?\s*-\s*(\S.*)", re.DOTALL)
_KEYWORDS = AGGREGATIONS.keys() | {
    "or",
    "and",
    "unless",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
}
_KEYWORDS |= {"offset", "bool", "atan2"}


class QueryError(ValueError):
    """A query that our rules cannot ask, and what to do about it."""

    def __init__(self, message: str, advice: str) -> None:
        self.advice = advice
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Counter:
    """A sum over one counter.

    Attributes:
        metric: Its name.
        inside: What stands between the braces of its selector.
        grouped: Labels that the sum keeps.
    """

    metric: str
    inside: str = ""
    grouped: tuple[str, ...] = ()

    @property
    def selector(self) -> str:
        """The counter as a selector."""
        return f"{self.metric}{{{self.inside}}}" if self.inside else self.metric


def from_template(query: str) -> str:
    """The query with `$window` for `{{.window}}`, and keywords in small letters.

    Raises:
        QueryError: It holds another template, is no PromQL, or yields a plain number.
    """
    text = _TEMPLATE.sub(WINDOW, query.strip())
    if _OTHER_TEMPLATE.search(_unquoted(text)):
        raise QueryError("holds a template other than {{.window}}", "write out what it stands for")
    text = _WORDS.sub(lambda found: found.group(1) or _lowered(found.group(2)), text)
    try:
        read = read_expression(text)
    except PromQLError as error:
        raise QueryError(f"is no PromQL: {error}", error.advice) from None
    if read.number:
        raise QueryError("is a number, of which no series tell", "write a query over the series that are counted")
    return text


def bare(query: str) -> str:
    """A query without `or vector(0)` at its end and without parentheses around the whole.

    What is missing counts as zero for our SLIs too, where the total has samples.
    """
    text = query.strip()
    while True:
        shorter = _ZERO.sub("", text)
        if shorter != text and _balanced(shorter):
            text = shorter.strip()
        elif text.startswith("(") and _closes(text) == len(text) - 1:
            text = text[1:-1].strip()
        else:
            return text


def to_template(query: str) -> str:
    """The query with `{{.window}}` for `$window`, as Sloth and OpenSLO's own examples write it."""
    return query.replace(WINDOW, "{{.window}}")


def windowed(query: str) -> bool:
    """Whether the query looks back over the window that stands for all windows."""
    return WINDOW in query


def over_window(query: str) -> str | None:
    """The query with `[$window]` for each fixed range; None when it has none."""
    text = _FIXED_RANGE.sub(lambda found: found.group(1) or f"[{WINDOW}]", query)
    return None if text == query else text


def counter_of(query: str) -> Counter | None:
    """The counter of `sum(rate(x{…}[$window]))`, of `sum by (…) (increase(…))` and the like."""
    return _counter(_RATE.fullmatch(query))


def divided(query: str) -> tuple[Counter, Counter] | None:
    """Both counters of `sum(rate(a[$window])) / sum(rate(b[$window]))`, kept apart by the same labels."""
    for place, char in enumerate(query):
        if char == "/":
            first, second = counter_of(bare(query[:place])), counter_of(bare(query[place + 1 :]))
            if first is not None and second is not None and set(first.grouped) == set(second.grouped):
                return first, second
    return None


def complement(query: str) -> str | None:
    """What is taken from one in `1 - …`; None for anything else."""
    found = _FROM_ONE.fullmatch(query)
    return None if found is None else bare(found[1])


def running_counter(query: str) -> Counter | None:
    """The counter of `sum(x{…})` or `x{…}`: a query that shows how far it has counted."""
    found = _TOTAL.fullmatch(query)
    if found is not None:
        return _counter(found)
    plain = _PLAIN.fullmatch(query)
    return None if plain is None else Counter(plain["metric"], _inside(plain["inside"]))


def difference(query: str) -> tuple[Counter, Counter] | None:
    """Both counters of `sum(rate(a[$window])) - sum(rate(b[$window]))`, in parentheses or without."""
    text = bare(query)
    for place, char in enumerate(text):
        if char == "-":
            first, second = counter_of(text[:place]), counter_of(text[place + 1 :])
            if first is not None and second is not None:
                return first, second
    return None


def threshold_of(bucket: Counter, whole: Counter) -> tuple[str, Decimal, dict[str, str]] | None:
    """Histogram, threshold in seconds and other labels, where a bucket stands beside its histogram's count.

    None when they are not of one histogram of seconds, or when a label is matched by anything but `=`.
    """
    metric = bucket.metric.removesuffix(names.BUCKET)
    if metric == bucket.metric or whole.metric != metric + names.COUNT or not metric.endswith("_seconds"):
        return None
    matched, others = _equal_matchers(bucket.inside), _equal_matchers(whole.inside)
    if matched is None or others is None or set(bucket.grouped) != set(whole.grouped):
        return None
    edge = matched.pop(names.LE, "")
    if matched != others:
        return None
    try:
        threshold = Decimal(edge)
    except InvalidOperation:
        return None
    whole_milliseconds = threshold * 1000 == (threshold * 1000).to_integral_value() if threshold.is_finite() else False
    return (metric, threshold, matched) if threshold > 0 and whole_milliseconds else None


def duration_text(seconds: Decimal) -> str:
    """A threshold as our specs write it: `400ms`, `2.5s`."""
    return f"{format_number(seconds * 1000)}ms" if seconds < 1 else f"{format_number(seconds)}s"


def grouping_of(query: str) -> tuple[str, ...]:
    """Labels by which the query keeps series apart; buckets are kept for a quantile, which takes them up."""
    return tuple(label for label in read_expression(query).kept or () if label != names.LE)


def _counter(found: re.Match[str] | None) -> Counter | None:
    if found is None or (found["before"] and found["after"]):
        return None
    labels = (found["before"] or found["after"] or "").replace(",", " ").split()
    return Counter(found["metric"], _inside(found["inside"]), tuple(dict.fromkeys(labels)))


def _inside(text: str | None) -> str:
    return "" if text is None else text.strip().rstrip(",").rstrip()


def _equal_matchers(inside: str) -> dict[str, str] | None:
    found: dict[str, str] = {}
    place = 0
    while place < len(inside):
        match = _MATCHER.match(inside, place)
        if match is None or match["how"] != "=" or "\\" in match["value"]:
            return None
        found[match["label"]] = match["value"][1:-1]
        place = match.end()
    return found


def _unquoted(text: str) -> str:
    return re.sub(_QUOTED, "", text)


def _lowered(word: str) -> str:
    return word.lower() if word.lower() in _KEYWORDS else word


def _balanced(text: str) -> bool:
    signs = [found.group() for found in re.finditer(rf"{_QUOTED}|[()]", text)]
    return signs.count("(") == signs.count(")")


def _closes(text: str) -> int:
    """Place of the parenthesis that closes the first one."""
    depth = 0
    for found in re.finditer(rf"{_QUOTED}|[()]", text):
        depth += {"(": 1, ")": -1}.get(found.group(), 0)
        if not depth:
            return found.start()
    return -1
