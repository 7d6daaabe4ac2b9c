"""Made-up traffic for promtool: what stands behind an SLI of any kind, minute by minute.

A day of virtual time costs promtool a fraction of a second, so rules are proven over their whole windows here, and live drills only
show that the running stack behaves alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import accumulate, groupby, pairwise

from slo.quantities import format_number

EVENTS_PER_MINUTE = 1_000_000
"""So many that an error ratio of six decimals is a whole number of events."""
MINUTE = Decimal(60)
NAN = Decimal("NaN")
BEFORE = 1000
"""Minutes that a counter counted before it was looked at."""
NATIVE_REACH = 3
"""Buckets of a native histogram (each twice the last) between the threshold and where made-up events lie."""
ANOTHER = 'relabelled="yes"'
"""A label that a target gets while it runs."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some minutes of even traffic.

    Attributes:
        error_ratio: Share of bad among valid events.
        idle: No events at all.
        restart: The counters begin at zero again with the first minute.
        gone: Nobody answers the scrapes; the counters stand still meanwhile.
        events: Valid events in a minute.
    """

    minutes: int
    error_ratio: Decimal = Decimal(0)
    idle: bool = False
    restart: bool = False
    gone: bool = False
    events: int = EVENTS_PER_MINUTE

    @property
    def bad(self) -> int:
        """Bad events in a minute."""
        return 0 if self.idle or self.gone else int((self.events * self.error_ratio).to_integral_value())

    @property
    def valid(self) -> int:
        """Valid events in a minute."""
        return 0 if self.idle or self.gone else self.events


@dataclass(frozen=True, slots=True)
class InputSeries:
    """One series as promtool reads it: its name with labels, and its values a minute apart, `0 600+600x59`."""

    series: str
    values: str


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter of bad events, of good ones, or with None of both."""

    series: str
    bad: bool | None

    def told(self, stretches: Iterable[Stretch]) -> InputSeries:
        """Its cumulative counts."""
        total, parts = 0, ["0"]
        for stretch in stretches:
            if stretch.gone:
                parts.append(f"_x{stretch.minutes}")
                continue
            step = stretch.valid if self.bad is None else stretch.bad if self.bad else stretch.valid - stretch.bad
            first = step if stretch.restart else total + step
            parts.append(f"{first}+{step}x{stretch.minutes - 1}")
            total = first + step * (stretch.minutes - 1)
        return InputSeries(self.series, " ".join(parts))


@dataclass(frozen=True, slots=True)
class Gauge:
    """A gauge that follows the error ratio in a straight line, from its value without errors to that of nothing but errors.

    Attributes:
        steep: Any error at all gives the latter: a limit is missed, or it is not.
        rising: It is a moment, so many seconds after the present one.
        early: It is ill from the sample before the first error on: who takes the best value of a slice sees it ill only when all of
            its samples are, that on the left end of the range too.
    """

    series: str
    well: Decimal
    ill: Decimal
    steep: bool = False
    rising: bool = False
    early: bool = False

    def told(self, stretches: Iterable[Stretch]) -> InputSeries:
        """Its values; idle it is NaN, as the quantile of nothing is, and gone it has none."""
        stretches = tuple(stretches)
        return InputSeries(self.series, " ".join(self._parts(stretches)))

    def _parts(self, stretches: tuple[Stretch, ...]) -> Iterator[str]:
        at = 0
        for value, samples in self._runs(stretches):
            if value is None:
                yield f"_x{samples}"
            elif value.is_nan():
                yield f"NaN+0x{samples - 1}"
            elif self.rising:
                yield f"{format_number(value + at * MINUTE)}+{format_number(MINUTE)}x{samples - 1}"
            else:
                yield f"{format_number(value)}x{samples - 1}"
            at += samples

    def _runs(self, stretches: tuple[Stretch, ...]) -> list[tuple[Decimal | None, int]]:
        """Its values and for how many samples; None where nobody looks."""
        runs = [(self._value(stretch), stretch.minutes + (number == 0)) for number, stretch in enumerate(stretches)]
        for number, (value, samples) in enumerate(runs):
            following = runs[number + 1] if self.early and number + 1 < len(runs) else None
            if value == self.well and following is not None and following[0] == self.ill:
                runs[number], runs[number + 1] = (value, samples - 1), (self.ill, following[1] + 1)
        return [run for run in runs if run[1]]

    def _value(self, stretch: Stretch) -> Decimal | None:
        if stretch.idle or stretch.gone:
            return None if stretch.gone else NAN
        share = (Decimal(1) if stretch.error_ratio else Decimal(0)) if self.steep else stretch.error_ratio
        return self.well + (self.ill - self.well) * share


@dataclass(frozen=True, slots=True)
class Rate:
    """A counter whose growth is looked at, whatever it counts: so much a minute without errors, and so much with any error at all.

    Attributes:
        well: Growth in a good minute; `ill` that in a bad one.
        lead: Good minutes' growth at once where it is seen for the first time and where it is about to vanish: a slice that it fills
            only in part has grown as much as a whole one. One where little growth is good.
    """

    series: str
    well: Decimal
    ill: Decimal
    lead: int = 1

    def told(self, stretches: Iterable[Stretch]) -> InputSeries:
        """Its cumulative counts; there are none where nothing happens, for no growth would be little growth."""
        told = tuple(stretches)
        silent = [stretch.idle or stretch.gone for stretch in told]
        # Who was there before anybody looked brings a past along.
        total, parts = (Decimal(0), ["0"]) if not silent[0] else (self.well * BEFORE, ["_"])
        for number, stretch in enumerate(told):
            if silent[number]:
                parts.append(f"_x{stretch.minutes}")
                continue
            new = number == 0 or silent[number - 1]
            last = number + 1 == len(told) or silent[number + 1]
            growth = self._growth(stretch, () if not new else (0, 1) if number else (0,), last=last)
            total = Decimal(0) if stretch.restart else total
            for step, minutes in growth:
                parts.append(f"{format_number(total + step)}+{format_number(step)}x{minutes - 1}")
                total += step * minutes
        return InputSeries(self.series, " ".join(parts))

    def _growth(self, stretch: Stretch, first: tuple[int, ...], *, last: bool) -> list[tuple[Decimal, int]]:
        """By how much it grows each minute, and for how many; `first` are the minutes in which it grows at once."""
        each = [self.ill if stretch.error_ratio else self.well] * stretch.minutes
        if not stretch.error_ratio:
            for minute in {*first, len(each) - 1} if last else first:
                if minute < len(each):
                    each[minute] = self.lead * self.well
        return [(step, len(tuple(run))) for step, run in groupby(each)]


@dataclass(frozen=True, slots=True)
class NativeHistogram:
    """A native histogram whose good events lie well under the threshold, and whose bad ones well over it.

    Attributes:
        edge: Index of the first bucket (of schema 0, each twice as wide as the last) whose upper edge is not under the threshold.
        further: So many buckets on lies the edge of the highest threshold, where several are looked at.
    """

    series: str
    edge: int
    further: int = 0

    def told(self, stretches: Iterable[Stretch]) -> InputSeries:
        """Its cumulative histograms, as promtool 2.46 and later read them."""
        good, bad, parts = 0, 0, [self._at(0, 0)]
        for stretch in stretches:
            if stretch.gone:
                parts.append(f"_x{stretch.minutes}")
                continue
            step = (stretch.valid - stretch.bad, stretch.bad)
            first = step if stretch.restart else (good + step[0], bad + step[1])
            parts.append(f"{self._at(*first)}+{self._at(*step)}x{stretch.minutes - 1}")
            good, bad = (one + by * (stretch.minutes - 1) for one, by in zip(first, step, strict=True))
        return InputSeries(self.series, " ".join(parts))

    def _at(self, good: int, bad: int) -> str:
        between = " 0" * (2 * NATIVE_REACH - 1 + self.further)
        lowest = self.edge - NATIVE_REACH
        return f"{{{{schema:0 count:{good + bad} sum:{good + bad} offset:{lowest} buckets:[{good}{between} {bad}]}}}}"


Source = Counter | Rate | Gauge | NativeHistogram
"""What an SLI reads, and can be made up."""


def total_minutes(stretches: Iterable[Stretch]) -> int:
    """How long the traffic lasts."""
    return sum(stretch.minutes for stretch in stretches)


def with_label(series: str) -> str:
    """The series as its target shows it with another label of the scrape configuration."""
    return f"{series.removesuffix('}')}{',' if series.endswith('}') else '{'}{ANOTHER}}}"


def healthy(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """The same traffic without errors."""
    return tuple(replace(stretch, error_ratio=Decimal(0)) for stretch in stretches)


def scattered(stretches: Iterable[Stretch], parts: int) -> tuple[tuple[Stretch, ...], ...]:
    """The same traffic over several instances, no two of which have the same error ratio: the first has most of the bad events.

    Whoever takes the largest of them, their mean, or all but one for the whole is wrong.
    """
    each: list[list[Stretch]] = [[] for _ in range(parts)]
    for stretch in stretches:
        bad, good = stretch.bad, stretch.valid - stretch.bad
        shares = zip(_split(bad, range(parts, 0, -1)), _split(good, range(1, parts + 1)), strict=True)
        for own, (ill, well) in zip(each, shares, strict=True):
            ratio = Decimal(ill) / (ill + well) if ill else Decimal(0)
            own.append(
                stretch if stretch.idle or stretch.gone else replace(stretch, error_ratio=ratio, events=ill + well)
            )
    return tuple(map(tuple, each))


def _split(count: int, weights: Iterable[int]) -> list[int]:
    """Whole numbers in about these proportions that make up the count."""
    sums = [0, *accumulate(weights)]
    return [count * end // sums[-1] - count * start // sums[-1] for start, end in pairwise(sums)]


def bad_and_valid(stretches: Iterable[Stretch], start: Decimal, end: Decimal) -> tuple[Decimal, Decimal]:
    """Bad and valid events between two moments, in seconds from the start."""
    stretches = tuple(stretches)
    edges = [Decimal(0)]
    for stretch in stretches:
        edges.append(edges[-1] + stretch.minutes * MINUTE)
    bad = valid = Decimal(0)
    for stretch, (begins, ends) in zip(stretches, pairwise(edges), strict=True):
        minutes = max(Decimal(0), min(end, ends) - max(start, begins)) / MINUTE
        bad, valid = bad + minutes * stretch.bad, valid + minutes * stretch.valid
    return bad, valid
