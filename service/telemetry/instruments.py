"""prometheus_client's counter, gauge and histogram, counted without its locks: the pages and the rules are the library's, a count costs a third.

What a request counts, it counts on the event loop's thread, and there nobody comes between the reading of a number and its writing. Whatever another
thread counts (`drops`) is an instrument of the library itself. A test holds the samples of both to each other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import product

from prometheus_client import Counter, Gauge, Histogram


class LoopCounter(Counter):
    """A counter of the event loop's thread."""

    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:
        """Add, which is never negative."""
        if exemplar or amount < 0:
            super().inc(amount, exemplar)
        else:
            self._value._value += amount  # noqa: SLF001 - past the lock, which is the point


class LoopGauge(Gauge):
    """A gauge of the event loop's thread, without labels."""

    def inc(self, amount: float = 1) -> None:
        """Add."""
        self._value._value += amount  # noqa: SLF001 - past the lock, which is the point

    def dec(self, amount: float = 1) -> None:
        """Take away."""
        self._value._value -= amount  # noqa: SLF001 - as above


class LoopHistogram(Histogram):
    """A histogram of the event loop's thread."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Put a value into its bucket; with an exemplar as the library does, for few are."""
        if exemplar:
            super().observe(amount, exemplar)
        else:
            self._sum._value += amount  # noqa: SLF001 - as above
            self._buckets[bisect_left(self._upper_bounds, amount)]._value += 1  # noqa: SLF001 - as above


class Counters:
    """A labelled counter with a child, made and kept, for every combination of its closed enums."""

    def __init__(self, metric: Counter, *values: Sequence[str]) -> None:
        self._children = {combination: metric.labels(*combination) for combination in product(*values)}

    def inc(self, *labels: str, by: float = 1) -> None:
        """Add to a child; a value outside the enums raises KeyError, because it would be a mistake of ours."""
        self._children[labels].inc(by)


class Histograms:
    """A labelled histogram with a child, made and kept, for every combination of its closed enums."""

    def __init__(self, metric: Histogram, *values: Sequence[str]) -> None:
        self._children = {combination: metric.labels(*combination) for combination in product(*values)}

    def observe(self, *labels: str, value: float, exemplar: dict[str, str] | None = None) -> None:
        """Put a value into a child, with what joins it to a trace where there is one."""
        self._children[labels].observe(value, exemplar)
