"""The error ratio of an SLO over any window at every evaluation, computed as the generated rules do for each kind of SLI.

- Events: up to an hour straight from the counts; beyond it the counts over five minutes of every evaluation are summed.
- Raw ratios: every moment weighs the same.
- Time slices: one sample for each slice.
- Composites: the components' ratios over the same window, weighed over those that have one.

`alerts/ratios.py` writes the same in PromQL; a test replays histories through promtool and compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from slo.simulation.history import Floats, Grid, Groups, Sums, divided, sampled, sums
from slo.sli import WINDOW, counted
from slo.spec import SLO, Cell, CompositeSLI, RawSLI, TimeSliceSLI

TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How the rules are evaluated, in seconds.

    Attributes:
        fast: Interval of the group that counts, and of alerts with a long window up to `longest_direct`.
        slow: Interval of the group with the alerts up to `longest_dense`.
        slowest: Interval of the group with the other alerts.
        base: Range of the recorded counts.
        longest_direct: Longest window that is read from the counters themselves.
        longest_dense: Longest window over which the counts of every evaluation are summed.
    """

    fast: float
    slow: float
    slowest: float
    base: float
    longest_direct: float
    longest_dense: float

    def interval(self, long: float) -> float:
        """Seconds between two evaluations of an alert with this long window."""
        if long <= self.longest_direct:
            return self.fast
        return self.slow if long <= self.longest_dense else self.slowest


class Course(Protocol):
    """What is known of one SLO at every instant of a grid."""

    @property
    def weights(self) -> Sums:
        """What budgets are reckoned with: the events, or what stands for them."""

    def recorded(self, window: float) -> Floats:
        """The error ratio that the rules record over a window; NaN where they have no sample."""

    def plain(self, window: float) -> Floats:
        """What is bad in the window divided by what is valid, without the detour by recorded counts."""

    def events(self, window: float) -> Floats | None:
        """Valid events of a window as the guard against little traffic counts them; None where events are not counted."""


@dataclass(frozen=True, slots=True, eq=False)
class EventCourse:
    """Of counted events: `ratio`, `latency`, `events`."""

    weights: Sums
    dense: Sums
    evaluation: Evaluation

    def recorded(self, window: float) -> Floats:
        """See `Course`."""
        if window <= self.evaluation.longest_direct:
            return self.plain(window)
        return divided(*self.dense.over(window, left_sample=True))

    def plain(self, window: float) -> Floats:
        """See `Course`."""
        return divided(*self.weights.over(window))

    def events(self, window: float) -> Floats | None:
        """See `Course`."""
        return self.weights.over(window)[1]


@dataclass(frozen=True, slots=True, eq=False)
class RawCourse:
    """Of an error ratio that somebody else computes: time is what is weighed."""

    counts: Sums
    weights: Sums
    by_window: bool
    evaluation: Evaluation

    def recorded(self, window: float) -> Floats:
        """See `Course`."""
        if self.by_window and window <= self.evaluation.longest_direct:
            return divided(*self.counts.over(window))
        if window <= self.evaluation.base:
            return divided(*self.weights.over(self.weights.grid.interval))
        return divided(*self.weights.over(window, left_sample=True))

    def plain(self, window: float) -> Floats:
        """See `Course`."""
        return self.recorded(window)

    def events(self, window: float) -> Floats | None:
        """See `Course`."""
        del window
        return None


@dataclass(frozen=True, slots=True, eq=False)
class SliceCourse:
    """Of time slices, good or bad."""

    weights: Sums
    length: float

    def recorded(self, window: float) -> Floats:
        """See `Course`."""
        return divided(*self.weights.over(max(window, self.length), left_sample=True))

    def plain(self, window: float) -> Floats:
        """See `Course`."""
        return self.recorded(window)

    def events(self, window: float) -> Floats | None:
        """See `Course`."""
        del window
        return None


@dataclass(frozen=True, slots=True, eq=False)
class CompositeCourse:
    """Of other SLOs, weighed."""

    parts: tuple[tuple[float, Course], ...]
    weights: Sums

    def recorded(self, window: float) -> Floats:
        """See `Course`."""
        return _weighed([(weight, part.recorded(window)) for weight, part in self.parts])

    def plain(self, window: float) -> Floats:
        """See `Course`."""
        return _weighed([(weight, part.plain(window)) for weight, part in self.parts])

    def events(self, window: float) -> Floats | None:
        """See `Course`."""
        del window
        return None


def courses(
    slo: SLO, slos: Mapping[str, SLO], histories: Mapping[str, Groups], grid: Grid, evaluation: Evaluation
) -> dict[Cell, Course]:
    """The course of an SLO for each of its groups; a composite is put together from the histories of its components.

    Raises:
        KeyError: There is no history of the SLO, or of any component.
    """
    if isinstance(slo.sli, CompositeSLI):
        return _composites(slo.sli, slos, histories, grid, evaluation)
    return {group: _course(slo, sums(history, grid), evaluation) for group, history in histories[slo.id].items()}


def _course(slo: SLO, counts: Sums, evaluation: Evaluation) -> Course:
    grid = counts.grid
    if isinstance(slo.sli, TimeSliceSLI):
        length = float(slo.sli.slice)
        return SliceCourse(_slices(slo.sli, counts, length), length)
    if isinstance(slo.sli, RawSLI):
        by_window = WINDOW in slo.sli.error_ratio
        ratio = divided(*counts.over(evaluation.base if by_window else grid.interval))
        moments = sampled(grid, ratio, np.where(np.isnan(ratio), np.nan, 1.0))
        return RawCourse(counts, moments, by_window, evaluation)
    if counted(slo) is None:
        raise TypeError(f"{slo.id}: an SLI of an unknown kind")
    return EventCourse(counts, sampled(grid, *counts.over(evaluation.base)), evaluation)


def _slices(sli: TimeSliceSLI, counts: Sums, length: float) -> Sums:
    """One sample at the end of each slice: bad or not, or none without events."""
    grid = counts.grid
    # Groups are evaluated at multiples of their interval, and a slice is looked at when it ends.
    first = np.ceil(grid.start / length + TINY) * length
    ends = np.arange(first, grid.end + TINY, length)
    bad, valid = (
        np.interp(ends, grid.times, total) - np.interp(ends - length, grid.times, total)
        for total in (counts.bad, counts.valid)
    )
    ratio = divided(bad, valid)
    missed = _by_share(ratio) if isinstance(sli.of, str) else (ratio > float(1 - sli.limit) + TINY).astype(np.float64)
    counted_slices = (~np.isnan(ratio)).astype(np.float64)
    places = np.minimum(np.ceil((ends - grid.start) / grid.interval - TINY).astype(np.int64), grid.count - 1)
    at_bad, at_valid = (
        np.bincount(places, weights=np.where(counted_slices > 0, weight, 0.0), minlength=grid.count)
        for weight in (missed, counted_slices)
    )
    return Sums(grid, np.cumsum(at_bad), np.cumsum(at_valid))


def _by_share(ratio: Floats) -> Floats:
    """Of a value in PromQL nothing is known but the share of bad slices: they are spread evenly."""
    owed = np.floor(np.cumsum(np.nan_to_num(ratio)) + TINY)
    return np.diff(owed, prepend=0.0)


def _composites(
    sli: CompositeSLI,
    slos: Mapping[str, SLO],
    histories: Mapping[str, Groups],
    grid: Grid,
    evaluation: Evaluation,
) -> dict[Cell, Course]:
    parts = [
        (float(weight), courses(slos[component], slos, histories, grid, evaluation))
        for component, weight in sli.components
    ]
    groups = sorted({group for _, found in parts for group in found})
    return {
        group: _composite(tuple((weight, found[group]) for weight, found in parts if group in found), grid)
        for group in groups
    }


def _composite(parts: tuple[tuple[float, Course], ...], grid: Grid) -> Course:
    # Each component weighs by its share, however many events it has: so its events are reckoned as parts of all that it had.
    bad, valid = np.zeros(grid.count), np.zeros(grid.count)
    for weight, part in parts:
        whole = part.weights.valid[-1]
        if whole > 0:
            bad += weight * part.weights.bad / whole
            valid += weight * part.weights.valid / whole
    return CompositeCourse(parts, Sums(grid, bad * grid.count, valid * grid.count))


def _weighed(ratios: list[tuple[float, Floats]]) -> Floats:
    there = sum(weight * ~np.isnan(ratio) for weight, ratio in ratios)
    bad = sum(weight * np.nan_to_num(ratio) for weight, ratio in ratios)
    return divided(np.asarray(bad, dtype=np.float64), np.asarray(there, dtype=np.float64))
