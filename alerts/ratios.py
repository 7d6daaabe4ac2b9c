"""The error ratio of each kind of SLI over a window, in PromQL: counts are summed first and divided last.

- *Events* (ratio, latency, events): up to an hour straight from the counters, up to three days from counts recorded every evaluation,
  beyond from counts kept once in five minutes. The mean of ratios would weigh a quiet night like a busy day (sloth#241).
- *Raw ratios* have no counts: every moment weighs the same.
- *Time slices*: one sample for each slice, bad or not.
- *Composites*: the components' ratios over the same window, weighed over those that had traffic.

A window without valid events yields no sample instead of NaN, which would stay in every longer window until it aged out (sloth#133).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from alerts.pace import Pace
from slo import names
from slo.quantities import format_duration, format_number
from slo.sli import WINDOW, CountedSLI, bad_or_none, by_group, counted, matchers, over, valid_of
from slo.spec import SLO, Cell, CompositeSLI, Direction, RawSLI, TimeSliceSLI, cell

BASE_WINDOW = Decimal(300)
"""Range of the recorded counts."""
LONGEST_RAW_WINDOW = Decimal(3600)
"""Up to here a ratio reads the counters themselves; beyond, it sums recorded counts."""
LONGEST_DENSE_WINDOW = Decimal(3 * 86400)
"""Up to here it sums the counts of every evaluation; beyond, those that are kept once in five minutes."""
CURRENT_MONTH = f'count_values("{names.MONTH}", month())'
MONTH_GONE = "(day_of_month() - 1 + time() % 86400 / 86400) / days_in_month()"
"""How much of the calendar month is over, of one; UTC."""
MONTH_RANGE = Decimal(31 * 86400)
MONTH_WORD = "month"


@dataclass(frozen=True, slots=True)
class Pair:
    """Names of two recorded series whose sums make an error ratio."""

    bad: str
    valid: str

    def sampled(self) -> Pair:
        """The pair that is kept once in five minutes; time slices are seldom enough as they are."""
        return self if self.bad == names.BAD_SLICES else Pair(self.bad + names.SAMPLED, self.valid + names.SAMPLED)

    def of_month(self) -> Pair:
        """The pair whose samples say in which month they were taken."""
        return Pair(self.bad + names.OF_MONTH, self.valid + names.OF_MONTH)


def recorded_pair(slo: SLO) -> Pair | None:
    """The counts that are recorded for this SLO; None for a composite, which has none of its own."""
    if isinstance(slo.sli, TimeSliceSLI):
        return Pair(names.BAD_SLICES, names.VALID_SLICES)
    if isinstance(slo.sli, RawSLI):
        return Pair(names.BAD_TIME_5M, names.VALID_TIME_5M)
    return Pair(names.BAD_EVENTS_5M, names.VALID_EVENTS_5M) if counted(slo) is not None else None


def sloth_id(slo: SLO) -> str:
    """The id under which Sloth's dashboards know the SLO: `courtsight-availability`."""
    return f"{slo.service}-{slo.id}"


def slo_labels(slo: SLO) -> Cell:
    """Labels of everything that is recorded for this SLO: Sloth's three, and what singles it out of its family."""
    own = {names.SLO_ID: sloth_id(slo), names.SLO_SERVICE: slo.service, names.SLO_NAME: slo.id}
    return cell({**dict(slo.labels), **own})


def selected(metric: str, slo: SLO) -> str:
    """A recorded series of this SLO."""
    return metric + matchers(((names.SLO_ID, sloth_id(slo)),))


def counts(slo: SLO, pace: Pace) -> tuple[str, str] | None:
    """Bad and valid events of the base window, or what stands for them; None where nothing is counted."""
    window = pace.range(BASE_WINDOW)
    sli = counted(slo)
    if sli is not None:
        return bad_or_none(sli, slo, window), valid_of(sli, slo, window)
    if isinstance(slo.sli, RawSLI):
        ratio = _raw(slo.sli, slo, window)
        return ratio, f"{selected(names.BAD_TIME_5M, slo)} >= bool 0"
    return None


def slices(slo: SLO, sli: TimeSliceSLI, pace: Pace) -> tuple[str, str]:
    """Whether the slice that ends now missed its limit, and whether it had events: 0 or 1."""
    window = pace.range(sli.slice)
    if isinstance(sli.of, str):
        at_least = sli.direction is Direction.AT_LEAST
        value = f"{'min' if at_least else 'max'}{by_group(slo)}({over(sli.of, window)})"
        return f"{value} {'<' if at_least else '>'} bool {format_number(sli.limit)}", f"{value} == bool {value}"
    valid = valid_of(sli.of, slo, window)
    return f"{_divided(sli.of, slo, window)}\n> bool {format_number(1 - sli.limit)}", f"{valid} > bool 0"


def error_ratio(slo: SLO, window: Decimal, pace: Pace, sloth_ids: dict[str, str]) -> str:
    """The error ratio of this SLO over a window; `sloth_ids` are those of a composite's components, by id."""
    if isinstance(slo.sli, CompositeSLI):
        return _composite(slo, slo.sli, format_duration(window), sloth_ids)
    pair = recorded_pair(slo)
    if pair is None:
        raise TypeError(f"{slo.id}: an SLI of an unknown kind")
    if isinstance(slo.sli, TimeSliceSLI):
        return summed(slo, pair, max(window, slo.sli.slice), pace)
    if window == BASE_WINDOW:
        return f"{selected(pair.bad, slo)}\n/\n({selected(pair.valid, slo)} > 0)"
    if window <= LONGEST_RAW_WINDOW:
        if isinstance(slo.sli, RawSLI) and WINDOW in slo.sli.error_ratio:
            return _raw(slo.sli, slo, pace.range(window))
        sli = counted(slo)
        if sli is not None:
            return _divided(sli, slo, pace.range(window))
    return summed(slo, pair if window <= LONGEST_DENSE_WINDOW else pair.sampled(), window, pace)


def month_ratio(slo: SLO, pace: Pace, sloth_ids: dict[str, str]) -> str:
    """The error ratio since the first of the calendar month, UTC."""
    if isinstance(slo.sli, CompositeSLI):
        return _composite(slo, slo.sli, MONTH_WORD, sloth_ids)
    pair = recorded_pair(slo)
    if pair is None:
        raise TypeError(f"{slo.id}: an SLI of an unknown kind")
    span, months = pace.range(MONTH_RANGE), pair.of_month()
    bad, valid = (
        f"sum without ({names.MONTH}) (sum_over_time({selected(name, slo)}[{span}]) and on ({names.MONTH}) {CURRENT_MONTH})"
        for name in (months.bad, months.valid)
    )
    return f"{bad}\n/\n({valid} > 0)"


def summed(slo: SLO, pair: Pair, window: Decimal, pace: Pace) -> str:
    """Recorded counts over a window, summed and then divided."""
    span = pace.range(window)
    bad, valid = selected(pair.bad, slo), selected(pair.valid, slo)
    return f"sum_over_time({bad}[{span}])\n/\n(sum_over_time({valid}[{span}]) > 0)"


def _divided(sli: CountedSLI, slo: SLO, window: str) -> str:
    bad = bad_or_none(sli, slo, window)
    grouped = f"(\n{bad}\n)" if "\nor\n" in bad else bad
    return f"{grouped}\n/\n({valid_of(sli, slo, window)} > 0)"


def _raw(sli: RawSLI, slo: SLO, window: str) -> str:
    # Of several series the worst counts, and NaN, which compares with nothing, is left out.
    return f"max{by_group(slo)}({over(sli.error_ratio, window)}) >= 0"


def _composite(slo: SLO, sli: CompositeSLI, window: str, sloth_ids: dict[str, str]) -> str:
    metric = names.sli_error(window)
    series = [
        (format_number(weight), metric + matchers(((names.SLO_ID, sloth_ids[component]),)))
        for component, weight in sli.components
    ]
    bad = "\n  or\n  ".join(f"{weight} * {ratio}" for weight, ratio in series)
    there = "\n  or\n  ".join(f"{weight} * ({ratio} >= bool 0)" for weight, ratio in series)
    return f"sum{by_group(slo)}(\n  {bad}\n)\n/\nsum{by_group(slo)}(\n  {there}\n)"
