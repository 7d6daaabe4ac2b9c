"""Made-up traffic for promtool: what stands behind an SLI of any kind, minute by minute.

A day of virtual time costs promtool a fraction of a second, so rules are proven over their whole windows here, and live drills only
show that the running stack behaves alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from slo.quantities import format_number

EVENTS_PER_MINUTE = 1_000_000
"""So many that an error ratio of six decimals is a whole number of events."""
MINUTE = Decimal(60)
NATIVE_REACH = 3
"""Buckets of a native histogram (each twice the last) between the threshold and where made-up events lie."""


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
    """

    series: str
    well: Decimal
    ill: Decimal
    steep: bool = False

    def told(self, stretches: Iterable[Stretch]) -> InputSeries:
        """Its values; idle or gone it has none."""
        stretches = tuple(stretches)
        return InputSeries(self.series, " ".join(self._parts(stretches)))

    def _parts(self, stretches: tuple[Stretch, ...]) -> Iterator[str]:
        for number, stretch in enumerate(stretches):
            minutes = stretch.minutes + (number == 0)
            if stretch.idle or stretch.gone:
                yield f"_x{minutes}"
                continue
            share = (Decimal(1) if stretch.error_ratio else Decimal(0)) if self.steep else stretch.error_ratio
            yield f"{format_number(self.well + (self.ill - self.well) * share)}x{minutes - 1}"


@dataclass(frozen=True, slots=True)
class NativeHistogram:
    """A native histogram whose good events lie well under the threshold, and whose bad ones well over it.

    Attributes:
        edge: Index of the first bucket (of schema 0, each twice as wide as the last) whose upper edge is not under the threshold.
    """

    series: str
    edge: int

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
        between = " 0" * (2 * NATIVE_REACH - 1)
        lowest = self.edge - NATIVE_REACH
        return f"{{{{schema:0 count:{good + bad} sum:{good + bad} offset:{lowest} buckets:[{good}{between} {bad}]}}}}"


Source = Counter | Gauge | NativeHistogram
"""What an SLI reads, and can be made up."""


def total_minutes(stretches: Iterable[Stretch]) -> int:
    """How long the traffic lasts."""
    return sum(stretch.minutes for stretch in stretches)


def healthy(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """The same traffic without errors."""
    return tuple(replace(stretch, error_ratio=Decimal(0)) for stretch in stretches)


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
