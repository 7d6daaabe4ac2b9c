"""PromQL of an SLI: how many events were bad, how many were valid, over a range or since the counters began.

Counts, not ratios: whoever needs a ratio sums the counts first and divides last. An average of ratios lies when traffic varies.
Labels of `group_by` are kept by every sum, so that each of their values has counts of its own.
"""

from __future__ import annotations

from decimal import Decimal

from slo import names
from slo.quantities import format_number
from slo.spec import SLO, Cell, EventsSLI, LatencySLI, RatioSLI

WINDOW = "$window"
"""What stands for the range in expressions that people write: `sum(increase(orders_failed_total[$window]))`."""

_JAVA_HAS_POWERS = Decimal("0.001")
_GO_HAS_POWERS = Decimal("0.0001")
"""Smaller edges are written with a power of ten, by Java's clients and by most others."""

CountedSLI = RatioSLI | LatencySLI | EventsSLI
"""The SLIs whose bad and valid events can be counted."""


def matchers(labels: Cell, *more: str) -> str:
    """Label matchers in braces, sorted as given: `{job="courtsight",role="judge"}`; empty braces are left out."""
    parts = [f'{name}="{value}"' for name, value in labels] + list(more)
    return "{" + ",".join(parts) + "}" if parts else ""


def counted(slo: SLO) -> CountedSLI | None:
    """The SLI if its events can be counted; None for raw ratios, time slices and composites."""
    return slo.sli if isinstance(slo.sli, RatioSLI | LatencySLI | EventsSLI) else None


def named(slo: SLO) -> RatioSLI | LatencySLI:
    """The SLI that names its metric and labels itself, so that its counters can be made up or found on a page.

    Raises:
        ValueError: It is written in PromQL, or is no SLI of events.
    """
    if isinstance(slo.sli, RatioSLI | LatencySLI):
        return slo.sli
    raise ValueError(f"{slo.id}: its counters are not named in the spec; only those of `ratio` and `latency` are")


def bad_events(slo: SLO, window: str | None) -> str:
    """Bad events within a range such as `5m`; with None the counters' present values.

    Raises:
        ValueError: The SLI's events cannot be counted, or not without a range.
    """
    return bad_of(_counted(slo), slo, window)


def valid_events(slo: SLO, window: str | None) -> str:
    """Valid (good and bad) events within a range such as `5m`; with None the counters' present values.

    Raises:
        ValueError: As `bad_events`.
    """
    return valid_of(_counted(slo), slo, window)


def bad_of(sli: CountedSLI, slo: SLO, window: str | None) -> str:
    """As `bad_events`, of an SLI that this SLO looks at, if only slice by slice."""
    if isinstance(sli, RatioSLI):
        return _sum(slo, _matched(sli, slo, sli.bad), window, _matched(sli, slo, sli.good + sli.bad))
    if isinstance(sli, EventsSLI):
        if sli.bad is not None:
            return _sum(slo, sli.bad, window, sli.valid)
        valid, good = valid_of(sli, slo, window), _sum(slo, sli.good or "", window, sli.valid)
        return f"({valid}\n-\n({good}\nor\n0 * {_sum(slo, sli.valid, window)}))"
    valid = valid_of(sli, slo, window)
    if sli.native:
        share = f"histogram_fraction(0, {format_number(sli.threshold)}, {_sum(slo, _latency(sli, slo, ''), window)})"
        return f"(({valid} > 0) * (1 - {share}) or 0 * {valid})"
    return f"({valid} - {_sum(slo, _latency(sli, slo, names.BUCKET, le_matcher(sli)), window)})"


def valid_of(sli: CountedSLI, slo: SLO, window: str | None) -> str:
    """As `valid_events`, of an SLI that this SLO looks at, if only slice by slice."""
    if isinstance(sli, RatioSLI):
        every = _matched(sli, slo, sli.good + sli.bad)
        return _sum(slo, every, window, every)
    if isinstance(sli, EventsSLI):
        return _sum(slo, sli.valid, window, sli.valid)
    if sli.native:
        return f"histogram_count({_sum(slo, _latency(sli, slo, ''), window)})"
    return _sum(slo, _latency(sli, slo, names.COUNT), window)


def le_matcher(sli: LatencySLI) -> str:
    """Matcher of the bucket edge at the threshold; clients write it `4` or `4.0`, `5e-05` or `5.0E-5` (sloth#506, pyrra#1502)."""
    edge = format_number(sli.threshold)
    if sli.threshold < _JAVA_HAS_POWERS:
        spelled = "|".join((edge, *_powers(sli.threshold))).replace(".", "\\\\.")
        return f'{names.LE}=~"{spelled}"'
    if "." in edge:
        return f'{names.LE}="{edge}"'
    return f'{names.LE}=~"{edge}(\\\\.0)?"'


def _powers(edge: Decimal) -> tuple[str, ...]:
    """A small edge as Java's clients write it; and as Go's, Python's and Prometheus 3 itself do, which begin later to write powers of ten."""
    power = edge.adjusted()
    mantissa = format_number(edge.scaleb(-power))
    java = f"{mantissa if '.' in mantissa else f'{mantissa}.0'}E{power}"
    return (java,) if edge >= _GO_HAS_POWERS else (java, f"{mantissa}e-{-power:02}")


def series_of(sli: CountedSLI, slo: SLO) -> str:
    """What has to exist for the SLI to say anything: its valid events, or the bucket edge at its threshold."""
    if isinstance(sli, RatioSLI):
        return _matched(sli, slo, sli.good + sli.bad)
    if isinstance(sli, EventsSLI):
        return sli.valid
    if sli.native:
        return _latency(sli, slo, "")
    return _latency(sli, slo, names.BUCKET, le_matcher(sli))


def base_labels(sli: RatioSLI | LatencySLI, slo: SLO) -> Cell:
    """Labels that all series of the SLI carry."""
    return tuple(sorted({*slo.selector, *sli.where}))


def bad_or_none(sli: CountedSLI, slo: SLO, window: str) -> str:
    """Bad events that never lie below zero, and are zero where only their series is missing.

    A latency SLI has no such fallback: a missing bucket edge means that nothing is known, and `SLISeriesAbsent` says so.
    """
    bad = bad_of(sli, slo, window)
    if isinstance(sli, RatioSLI) or (isinstance(sli, EventsSLI) and sli.bad is not None):
        every = sli.valid if isinstance(sli, EventsSLI) else _matched(sli, slo, sli.good + sli.bad)
        return f"{bad}\nor\n0 * {_sum(slo, every, window)}"
    # increase() extrapolates each series on its own, so that what is taken away may exceed the whole by a hair after a restart.
    return f"clamp_min({bad}, 0)"


def over(expression: str, window: str) -> str:
    """A person's expression over a range: `$window` filled in."""
    return expression.replace(WINDOW, window)


def by_group(slo: SLO) -> str:
    """How an aggregation keeps the labels of `group_by`: ` by (tier) `, or nothing."""
    return f" by ({', '.join(slo.group_by)}) " if slo.group_by else ""


def _counted(slo: SLO) -> CountedSLI:
    sli = counted(slo)
    if sli is None:
        raise ValueError(f"{slo.id}: its events cannot be counted; ask for its recorded ratio instead")
    return sli


def _matched(sli: RatioSLI, slo: SLO, values: tuple[str, ...]) -> str:
    return sli.metric + matchers(base_labels(sli, slo), f'{sli.label}=~"{"|".join(values)}"')


def _latency(sli: LatencySLI, slo: SLO, suffix: str, *more: str) -> str:
    return sli.metric + suffix + matchers(base_labels(sli, slo), *more)


def _sum(slo: SLO, counter: str, window: str | None, among: str = "") -> str:
    """The sum of a counter's series; `among` selects the counter's series of every kind, of which some may be born late."""
    if window is None:
        if WINDOW in counter:
            raise ValueError(f"{slo.id}: an expression over {WINDOW} counts nothing without a range")
        return f"sum{by_group(slo)}({counter})"
    if WINDOW in counter:
        return f"sum{by_group(slo)}({over(counter, window)})"
    grown = f"increase({counter}[{window}])"
    if not among or WINDOW in among:
        return f"sum{by_group(slo)}({grown})"
    # A counter without zero at start-up is born with its first event, or with its first 5,000: increase() sees none of them (sloth#440).
    # So a series that appears on a target whose other series are older counts whole; on a new target nobody knows how old it is.
    # And only beside a series of the target's last scrape: with another label of its own a target has nothing but new series, which count
    # what they always counted, while Prometheus shows its old ones for up to five minutes more.
    target, at = f"({names.JOB}, {names.INSTANCE})", f"timestamp({among})"
    born = f"(max_over_time({counter}[{window}]) unless {counter} offset {window})"
    known = f"and on {target} ({at} == on {target} group_left max by {target} ({at}) and {among} offset {window})"
    return f"sum{by_group(slo)}(\n  {born}\n  {known}\n  or\n  {grown}\n)"
