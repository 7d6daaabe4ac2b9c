"""PromQL of an SLI: how many events were bad, how many were valid, over a range or since the counters began.

Counts, not ratios: whoever needs a ratio sums the counts first and divides last. An average of ratios lies when traffic varies.
"""

from __future__ import annotations

from slo import names
from slo.quantities import format_number
from slo.spec import SLO, Cell, LatencySLI, RatioSLI


def matchers(labels: Cell, *more: str) -> str:
    """Label matchers in braces, sorted as given: `{job="courtsight",role="judge"}`; empty braces are left out."""
    parts = [f'{name}="{value}"' for name, value in labels] + list(more)
    return "{" + ",".join(parts) + "}" if parts else ""


def bad_events(slo: SLO, window: str | None) -> str:
    """Bad events within a range such as `5m`; with None the counters' present values."""
    sli = slo.sli
    base = _labels(slo)
    if isinstance(sli, RatioSLI):
        return _sum(sli.metric, matchers(base, _any_of(sli.label, sli.bad)), window)
    slow = _sum(sli.metric + names.BUCKET, matchers(base, le_matcher(sli)), window)
    return f"({valid_events(slo, window)} - {slow})"


def valid_events(slo: SLO, window: str | None) -> str:
    """Valid (good and bad) events within a range such as `5m`; with None the counters' present values."""
    sli = slo.sli
    base = _labels(slo)
    if isinstance(sli, RatioSLI):
        return _sum(sli.metric, matchers(base, _any_of(sli.label, sli.good + sli.bad)), window)
    return _sum(sli.metric + names.COUNT, matchers(base), window)


def le_matcher(sli: LatencySLI) -> str:
    """Matcher of the bucket edge at the threshold; clients write it `4` or `4.0` (sloth#506, pyrra#1502)."""
    edge = format_number(sli.threshold)
    if "." in edge:
        return f'{names.LE}="{edge}"'
    return f'{names.LE}=~"{edge}(\\\\.0)?"'


def _labels(slo: SLO) -> Cell:
    return tuple(sorted({*slo.selector, *slo.sli.where}))


def _any_of(label: str, values: tuple[str, ...]) -> str:
    return f'{label}=~"{"|".join(values)}"'


def _sum(metric: str, braces: str, window: str | None) -> str:
    return f"sum({metric}{braces})" if window is None else f"sum(increase({metric}{braces}[{window}]))"
