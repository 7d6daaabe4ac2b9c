"""A history: how many events were valid and how many bad, step by step. What nobody measured is NaN, never zero."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slo.spec import Cell

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]

MOST_STEPS = 2_000_000
"""Steps of one history; 90 days of minutes are 129,600. More is a slip in a date or a step."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Events of one SLO (of one group) in steps of equal length.

    Attributes:
        start: Begin of the first step, seconds since the epoch.
        step: Length of a step in seconds.
        valid: Valid events of each step; NaN where nothing is known.
        bad: Bad ones among them.
    """

    start: float
    step: float
    valid: Floats
    bad: Floats

    def __post_init__(self) -> None:
        if self.valid.shape != self.bad.shape or self.valid.ndim != 1:
            raise ValueError("valid and bad events need the same steps")

    @property
    def end(self) -> float:
        """End of the last step, seconds since the epoch."""
        return self.start + self.step * len(self.valid)


def until(history: History, end: float) -> History:
    """A history without the steps that begin at this time or later."""
    count = max(0, math.ceil((end - history.start) / history.step - 1e-9))
    return History(history.start, history.step, history.valid[:count], history.bad[:count])


Groups = Mapping[Cell, History]
"""The histories of one SLO by the values of its `group_by`; `()` for the whole."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The instants at which the fast rules are evaluated: `start + number x interval`, the first one before anything was seen.

    Attributes:
        start: Seconds since the epoch.
        interval: Seconds between two evaluations.
        count: How many instants there are.
    """

    start: float
    interval: float
    count: int

    @property
    def times(self) -> Floats:
        """The instants, seconds since the epoch."""
        return self.start + self.interval * np.arange(self.count, dtype=np.float64)

    @property
    def end(self) -> float:
        """The last instant."""
        return self.start + self.interval * (self.count - 1)

    def place(self, at: float) -> int:
        """Number of the first instant that is not before this time, inside the grid."""
        return int(np.clip(np.ceil((at - self.start) / self.interval - 1e-9), 0, self.count - 1))


def grid_over(histories: Mapping[str, Groups], interval: float) -> Grid:
    """The evaluations from the first step of any of these histories to the last one."""
    every = [history for groups in histories.values() for history in groups.values()]
    start, end = min(history.start for history in every), max(history.end for history in every)
    return Grid(start, interval, int((end - start) / interval + 1e-9) + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Events since the beginning at each instant of a grid. The events of a step are taken to be spread evenly over it."""

    grid: Grid
    bad: Floats
    valid: Floats

    def over(self, seconds: float, *, left_sample: bool = False) -> tuple[Floats, Floats]:
        """Bad and valid events of the window that ends at each instant; a window older than the history begins with it.

        Args:
            seconds: Length of the window.
            left_sample: What is summed are samples taken at instants, and the one on the window's left end counts too, as it does
                in `sum_over_time` of Prometheus 2.
        """
        lag = seconds / self.grid.interval + (1 if left_sample else 0)
        return _grown(self.bad, lag), _grown(self.valid, lag)


def sums(history: History, grid: Grid) -> Sums:
    """Prefix sums of a history on a grid."""
    edges = history.start + history.step * np.arange(len(history.valid) + 1, dtype=np.float64)
    known = ~np.isnan(history.valid) & ~np.isnan(history.bad)
    bad, valid = (
        np.interp(grid.times, edges, np.concatenate(([0.0], np.cumsum(np.where(known, events, 0.0)))))
        for events in (history.bad, history.valid)
    )
    return Sums(grid, bad, valid)


def sampled(grid: Grid, bad: Floats, valid: Floats) -> Sums:
    """Sums of samples that are taken at the instants of a grid; NaN is no sample."""
    known = ~np.isnan(bad) & ~np.isnan(valid)
    return Sums(grid, np.cumsum(np.where(known, bad, 0.0)), np.cumsum(np.where(known, valid, 0.0)))


def divided(bad: Floats, valid: Floats) -> Floats:
    """Bad of valid events; NaN where there were none, as the rules then have no sample."""
    found = np.full(len(bad), np.nan)
    # What is left of many subtractions is not exactly zero.
    np.divide(bad, valid, out=found, where=valid > 1e-9)
    np.maximum(found, 0.0, out=found)
    return found


def _grown(total: Floats, lag: float) -> Floats:
    whole = round(lag)
    if abs(lag - whole) < 1e-9:
        grown = total.copy()
        grown[whole:] -= total[: max(0, len(total) - whole)]
        return grown
    places = np.arange(len(total), dtype=np.float64)
    return np.asarray(total - np.interp(places - lag, places, total, left=0.0), dtype=np.float64)
