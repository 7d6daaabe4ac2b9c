"""What every recording rule must say of varied traffic: its name, all its labels, and a value that is worked out here.

The traffic is such that no two windows have the same error ratio, and that a mean of ratios differs from the ratio of sums. The last
sample weighs more in every window than the tolerance, so that rules that look ten minutes late are noticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from operator import mul

from alerts.looks import Case, Look, Sample
from alerts.ratios import (
    LONGEST_DENSE_WINDOW,
    LONGEST_RAW_WINDOW,
    MONTH_WORD,
    Pair,
    recorded_pair,
    selected,
    slo_labels,
)
from alerts.recording import windows_of
from alerts.subjects import Subject, once
from alerts.traffic import MINUTE, InputSeries, Stretch, bad_and_valid, healthy, total_minutes
from slo import names
from slo.quantities import UNITS, format_duration, format_number
from slo.sli import matchers
from slo.spec import CompositeSLI, RawSLI, TimeSliceSLI, cell

SHORT_STEP = 30 * MINUTE
LONG_STEP = 120 * MINUTE
BASE = Decimal(300)
DAY = UNITS["d"]
JANUARY, FEBRUARY = 31 * DAY, 28 * DAY
TOLERANCE = Decimal("0.02")
"""Relative; ranges on raw counters are put together from samples a minute apart."""
TIME_TOLERANCE = Decimal("0.08")
"""Of means over time, which have a sample more than minutes."""
ABSOLUTE = Decimal("0.000001")
OF_DAYS = tuple(map(Decimal, ("0.12", "0.01", "0.12", "0.06")))
BY_TIME_OF_DAYS = tuple(map(Decimal, ("0.04", "0.01", "0.3", "0.6")))
"""Error ratios: high, low, and the last two. Shares of time weigh alike however much traffic there is: what shall weigh most has the highest ratio."""
OF_WEEKS = tuple(map(Decimal, ("0.12", "0.01", "0.12")))
BY_TIME_OF_WEEKS = tuple(map(Decimal, ("0.04", "0.005", "0.6")))
"""The same over weeks: high, low, and that of the last hour."""
BAD_SLICES = (80 * 60, 3600, 3570, 1800, 1770, 1200, 600, 210, 90, 0)
"""When a sample of half an hour is bad, in minutes before the end: some in each window that are not in the next shorter one, few in all."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Traffic, and where it is looked at: at its end, by evaluations a step apart."""

    subject: Subject
    stretches: tuple[Stretch, ...]
    step: Decimal

    @property
    def end(self) -> Decimal:
        """The moment of the look, in seconds."""
        return total_minutes(self.stretches) * MINUTE

    def ratio(self, length: Decimal) -> tuple[Decimal, Decimal]:
        """Bounds of the error ratio over a window: whether or not its left end belongs to it, and the tolerance."""
        if self.subject.components:
            parts = [Truth(part, told, self.step).ratio(length) for part, told in _told(self.subject, self.stretches)]
            low, high = (
                sum(map(mul, bounds, _shares(self.subject)), Decimal(0)) for bounds in zip(*parts, strict=True)
            )
            return low, high
        looks_back = length <= LONGEST_RAW_WINDOW and self.subject.slice is None
        found = [self._counted(self.end - length, self.end)] if looks_back else self._summed(length)
        tolerance = TOLERANCE if self.subject.counts else TIME_TOLERANCE
        return min(found) * (1 - tolerance) - ABSOLUTE, max(found) * (1 + tolerance) + ABSOLUTE

    def _counted(self, start: Decimal, end: Decimal) -> Decimal:
        bad, valid = self._weighed(start, end)
        return bad / valid if valid else Decimal(0)

    def _summed(self, length: Decimal) -> list[Decimal]:
        length = max(length, self.subject.slice or length)
        moments = [self.step * count for count in range(1, int(self.end / self.step) + 1)]
        span = self.subject.slice or BASE
        found = []
        for inclusive in (True, False):
            taken = [at for at in moments if at > self.end - length or (inclusive and at == self.end - length)]
            pairs = [self.sample(at - span, at) for at in taken]
            valid = sum(valid for _, valid in pairs)
            found.append(sum(bad for bad, _ in pairs) / valid if valid else Decimal(0))
        return found

    def sample(self, start: Decimal, end: Decimal) -> tuple[Decimal, Decimal]:
        """What is counted as bad and as valid between two moments: events, or whether a slice was bad and whether it had any."""
        bad, valid = self._weighed(start, end)
        if self.subject.slice is not None:
            return Decimal(bad > valid * self._allowed()), Decimal(valid > 0)
        return bad, valid

    def _allowed(self) -> Decimal:
        """Share of bad events that a slice may have; none where its value is a gauge's, of which the stories know good and bad alone."""
        sli = self.subject.slo.sli
        return Decimal(0) if not isinstance(sli, TimeSliceSLI) or isinstance(sli.of, str) else 1 - sli.limit

    def _weighed(self, start: Decimal, end: Decimal) -> tuple[Decimal, Decimal]:
        """Bad and valid events; of a raw ratio the time instead, bad by its share."""
        if isinstance(self.subject.slo.sli, RawSLI) and not _quotient(self.subject):
            return bad_and_valid((_even(stretch) for stretch in self.stretches), start, end)
        if isinstance(self.subject.slo.sli, RawSLI):
            bad, valid = bad_and_valid(self.stretches, start, end)
            return (bad / valid, Decimal(1)) if valid else (valid, valid)
        return bad_and_valid(self.stretches, start, end)


def recent(subject: Subject) -> Case:
    """Three and a half days: windows up to three days, counts, the present burn rate."""
    stretches = days_of(subject)
    truth = Truth(subject, stretches, SHORT_STEP)
    near = [word for word in windows_of(subject.slo) if word <= LONGEST_DENSE_WINDOW and word != subject.slo.window]
    looks = [*(_ratio(truth, window) for window in near), *_counts(truth), *_constants(subject, truth.end)]
    looks.append(
        _near(
            truth, names.CURRENT_BURN_RATE, _burn(subject, truth.ratio(BASE)), {names.SLO_WINDOW: format_duration(BASE)}
        )
    )
    return Case("", _series(subject, stretches), tuple(looks))


def period(subject: Subject) -> Case:
    """Over half of the SLO window: its error ratio, its burn rate and the budget that is left; and the turn of a calendar month."""
    stretches = weeks_of(subject)
    truth = Truth(subject, stretches, LONG_STEP)
    slo = subject.slo
    far = [length for length in windows_of(slo) if length > LONGEST_DENSE_WINDOW or length == slo.window]
    looks = [_ratio(truth, window) for window in far]
    whole = truth.ratio(truth.end - JANUARY) if slo.calendar else truth.ratio(slo.window)
    shown = {names.SLO_WINDOW: MONTH_WORD if slo.calendar else format_duration(slo.window)}
    if slo.calendar:
        looks.append(_near(truth, names.sli_error(MONTH_WORD), whole, shown))
    burn = _burn(subject, whole)
    looks.append(_near(truth, names.PERIOD_BURN_RATE, burn, shown))
    looks.append(_left(truth, burn, shown))
    if slo.calendar:
        # On the first day of a month little of its budget is spent, whatever the share of errors was.
        young = Truth(subject, _until(stretches, JANUARY + DAY / 2), LONG_STEP)
        looks.append(_left(young, _burn(subject, young.ratio(DAY / 2)), shown))
    return Case("", _series(subject, stretches), (*looks, *_kept(truth)))


def _left(truth: Truth, burn: tuple[Decimal, Decimal], shown: dict[str, str]) -> Look:
    """The budget that is left; of a calendar month, here February of 1970, that of all its days."""
    gone = (truth.end - JANUARY) / FEBRUARY if truth.subject.slo.calendar else 1
    return _near(truth, names.PERIOD_BUDGET_REMAINING, (1 - burn[1] * gone, 1 - burn[0] * gone), shown)


def _until(stretches: tuple[Stretch, ...], end: Decimal) -> tuple[Stretch, ...]:
    """The traffic up to a moment."""
    left, parts = int(end / MINUTE), []
    for stretch in stretches:
        parts.append(replace(stretch, minutes=min(stretch.minutes, left)))
        left -= parts[-1].minutes
    return tuple(part for part in parts if part.minutes)


def days_of(subject: Subject) -> tuple[Stretch, ...]:
    """Three and a half days, the last sample of which is among the worst."""
    if subject.slice is not None:
        return _spots(84 * 60, SHORT_STEP, BAD_SLICES)
    by_time = isinstance(subject.slo.sli, RawSLI)
    high, low, before, last = BY_TIME_OF_DAYS if by_time else OF_DAYS
    return (
        # What three days do not hold weighs more than the tolerance, too.
        Stretch(12 * 60, before if by_time else low, events=400_000),
        Stretch(48 * 60 - 15, high, events=100_000),
        Stretch(15 * 60, low),
        Stretch(5 * 60, high, events=200_000),
        # Nothing where two hours begin, so that it does not matter whether a sample there belongs to them: four hours differ from them.
        Stretch(129, low, events=800_000),
        Stretch(7, idle=True),
        Stretch(14, low, events=800_000),
        Stretch(45, high, events=300_000),
        Stretch(30, low * 2, events=900_000),
        Stretch(22, before, events=500_000),
        Stretch(8, last, events=3_500_000),
    )


def weeks_of(subject: Subject) -> tuple[Stretch, ...]:
    """Over half of the SLO window, of a calendar month the present one, after another; its first days and its last hour are the worst."""
    days = max(6, int(subject.slo.window / DAY / 2) + 2)
    first: tuple[Stretch, ...]
    if subject.slice is not None:
        high, low, last = Decimal(1), Decimal(0), Decimal(1)
        # Few bad slices, so that the last one weighs among them, and none at the very beginning, where a gauge has a value already.
        first = (Stretch(60, low), Stretch(12 * 60, high), Stretch(35 * 60, low))
    else:
        high, low, last = BY_TIME_OF_WEEKS if isinstance(subject.slo.sli, RawSLI) else OF_WEEKS
        first = (Stretch(2 * 1440, high, events=300_000),)
    ending = (Stretch(3 * 1440 - 60, low * 2, events=200_000), Stretch(60, last, events=2_000_000))
    if subject.slo.calendar:
        # January, and more than half of the second month, whose worst days are its first.
        fine, half = (Stretch(length * 1440, low, events=600_000) for length in (29, 13))
        return (*first, fine, *first, half, *ending)
    return (*first, Stretch((days - 5) * 1440, low, events=600_000), *ending)


def _spots(length: int, step: Decimal, ends: tuple[int, ...]) -> tuple[Stretch, ...]:
    """Good slices for so many minutes, but for the one sample of each of these, in minutes before the end; farthest first."""
    width = int(step / MINUTE)
    parts: list[Stretch] = []
    at = 0
    for end in ends:
        begin = length - end - (width // 2 if end else width)
        parts += [Stretch(begin - at), Stretch(width, Decimal(1))]
        at = begin + width
    return tuple(part for part in (*parts, Stretch(length - at)) if part.minutes)


def _series(subject: Subject, stretches: tuple[Stretch, ...]) -> tuple[InputSeries, ...]:
    """Its series; of a composite every component fails in its own measure."""
    if not subject.components:
        return subject.everywhere(stretches)
    if subject.coupling is not None:
        well = (source.told(healthy(stretches)) for source in subject.well)
        return once(well, (source.told(own) for source, own in subject.coupling.told(stretches)))
    return tuple(entry for part, told in _told(subject, stretches) for entry in _series(part, told))


def _told(subject: Subject, stretches: tuple[Stretch, ...]) -> Iterator[tuple[Subject, tuple[Stretch, ...]]]:
    """The traffic of each component: the first has all of the errors, every other one half of them."""
    for number, part in enumerate(subject.components):
        if subject.coupling is not None:
            yield part, subject.coupling.seen(number, stretches)
            continue
        less = tuple(replace(one, error_ratio=one.error_ratio / 2) for one in stretches)
        yield part, less if number else stretches


def _shares(subject: Subject) -> list[Decimal]:
    """What each component weighs in its composite, of one."""
    sli = subject.slo.sli
    weights = [weight for _, weight in sli.components] if isinstance(sli, CompositeSLI) else [Decimal(1)]
    if subject.coupling is not None:
        weights = [leaf.weight for leaf in subject.coupling.leaves]
    return [weight / sum(weights) for weight in weights]


def _ratio(truth: Truth, length: Decimal) -> Look:
    word = format_duration(length)
    return _near(truth, names.sli_error(word), truth.ratio(length), {names.SLO_WINDOW: word})


def _near(truth: Truth, record: str, bounds: tuple[Decimal, Decimal], more: dict[str, str]) -> Look:
    """One sample for each group, with all its labels; the failing one's value lies within the bounds, the other's is that of no errors."""
    subject, (low, high) = truth.subject, bounds
    series = selected(record, subject.slo)
    samples = tuple(
        Sample(matchers(cell({**dict(slo_labels(subject.slo)), **more, **dict(group)})), "0" if number else "1")
        for number, group in enumerate(subject.groups)
    )
    return Look(truth.end, f"({series} >= bool {_short(low)}) * ({series} <= bool {_short(high)})", samples)


def _burn(subject: Subject, bounds: tuple[Decimal, Decimal]) -> tuple[Decimal, Decimal]:
    budget = subject.slo.error_budget
    return bounds[0] / budget, bounds[1] / budget


def _counts(truth: Truth) -> Iterator[Look]:
    """The counts of the last five minutes, or of the last slice."""
    pair = recorded_pair(truth.subject.slo)
    if pair is None or truth.subject.components:
        return
    yield from _both(truth, pair)


def _kept(truth: Truth) -> Iterator[Look]:
    """The counts again that are kept for weeks, and for the calendar month."""
    pair = recorded_pair(truth.subject.slo)
    if pair is None:
        return
    if truth.subject.slice is None and max(windows_of(truth.subject.slo)) > LONGEST_DENSE_WINDOW:
        yield from _both(truth, pair.sampled())
    if truth.subject.slo.calendar:
        yield from _both(truth, pair.of_month(), {names.MONTH: "2"})


def _both(truth: Truth, pair: Pair, more: dict[str, str] | None = None) -> Iterator[Look]:
    end, span = truth.end, truth.subject.slice or BASE
    bad, valid = truth.sample(end - span, end)
    if isinstance(truth.subject.slo.sli, RawSLI):
        bad, valid = bad / valid, Decimal(1)
    for record, value in ((pair.bad, bad), (pair.valid, valid)):
        slack = value * TIME_TOLERANCE / 2 + ABSOLUTE
        yield _both_groups(truth, record, (value - slack, value + slack), more or {}, same=record == pair.valid)


def _both_groups(
    truth: Truth, record: str, bounds: tuple[Decimal, Decimal], more: dict[str, str], *, same: bool
) -> Look:
    """As `_near`; of valid events and slices the healthy group has as many."""
    look = _near(truth, record, bounds, more)
    if not same:
        return look
    return Look(look.at, look.expr, tuple(Sample(sample.series, "1") for sample in look.samples))


def _constants(subject: Subject, at: Decimal) -> Iterator[Look]:
    slo = subject.slo
    labels = dict(slo_labels(slo))
    days = Decimal(31) if slo.calendar else slo.window / DAY
    values = ((names.OBJECTIVE, slo.objective), (names.ERROR_BUDGET, slo.error_budget), (names.PERIOD_DAYS, days))
    for record, value in values:
        yield Look(at, selected(record, slo), (Sample(record + matchers(cell(labels)), format_number(value)),))
    info = {
        names.OWNER: slo.owner,
        "sloth_mode": "courtsight",
        "sloth_objective": format_number(slo.objective * 100),
        "sloth_spec": "courtsight/slo/v1",
        "sloth_version": "1",
    }
    yield Look(at, selected(names.SLO_INFO, slo), (Sample(names.SLO_INFO + matchers(cell({**labels, **info})), "1"),))


def _even(stretch: Stretch) -> Stretch:
    return Stretch(stretch.minutes, stretch.error_ratio, stretch.idle, stretch.restart, stretch.gone)


def _quotient(subject: Subject) -> bool:
    return len(subject.sources) > 1


def _short(value: Decimal) -> str:
    return format_number(value.quantize(Decimal("0.00000001")))
