"""How good probabilities are: expected calibration error, area under the ROC curve, Brier score, and how sure these are.

Pure functions of probabilities in [0, 1] and outcomes (True: it came out so).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MOST_BINS = 10
LEAST_IN_BIN = 15
"""Bins hold equally many questions; a small set gets fewer bins, because a bin of four says nothing."""
_RESAMPLES = 500
_TAIL = 0.025

Pairs = Sequence[tuple[float, bool]]
"""Probability and outcome of each question."""


@dataclass(frozen=True, slots=True)
class Bin:
    """A bin of the reliability table: its least and greatest probability, their mean, the share that came out so, and n."""

    low: float
    high: float
    predicted: float
    observed: float
    n: int


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure with the bootstrap interval that holds it with 95 %; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Quality:
    """The figures of a set; AUC is not defined where all outcomes are alike."""

    n: int
    positive: int
    ece: Figure
    auc: Figure
    brier: Figure
    bins: tuple[Bin, ...]


def reliability(pairs: Pairs) -> tuple[Bin, ...]:
    """Bins of equally many questions in the order of their probability; pairs must not be empty."""
    ordered = sorted(pairs)
    count = max(1, min(MOST_BINS, len(ordered) // LEAST_IN_BIN))
    edges = [len(ordered) * place // count for place in range(count + 1)]
    return tuple(_bin(ordered[start:end]) for start, end in itertools.pairwise(edges))


def _bin(pairs: Pairs) -> Bin:
    n = len(pairs)
    return Bin(pairs[0][0], pairs[-1][0], sum(p for p, _ in pairs) / n, sum(right for _, right in pairs) / n, n)


def expected_calibration_error(pairs: Pairs) -> float:
    """The mean distance between the predicted and the observed share over the bins, each by its n."""
    return sum(one.n * abs(one.predicted - one.observed) for one in reliability(pairs)) / len(pairs)


def area_under_curve(pairs: Pairs) -> float | None:
    """How often a positive question has the greater probability than a negative one, ties half; None without both."""
    positive = sum(right for _, right in pairs)
    negative = len(pairs) - positive
    if not positive or not negative:
        return None
    won = below = 0.0
    at, ordered = 0, sorted(pairs)
    while at < len(ordered):
        end = at
        while end < len(ordered) and ordered[end][0] == ordered[at][0]:
            end += 1
        right = sum(outcome for _, outcome in ordered[at:end])
        wrong = end - at - right
        won += right * (below + wrong / 2)
        below += wrong
        at = end
    return won / (positive * negative)


def brier(pairs: Pairs) -> float:
    """The mean squared distance between probability and outcome."""
    return sum((p - right) ** 2 for p, right in pairs) / len(pairs)


def quality(pairs: Pairs, seed: int) -> Quality:
    """All figures of a set; pairs must not be empty. Questions are drawn with replacement, all measures at once."""
    draw = random.Random(seed)  # noqa: S311 - resampling, no secret
    measures: tuple[Callable[[Pairs], float | None], ...] = (expected_calibration_error, area_under_curve, brier)
    drawn: list[list[float]] = [[] for _ in measures]
    for _ in range(_RESAMPLES):
        sample = draw.choices(pairs, k=len(pairs))
        for found, measure in zip(drawn, measures, strict=True):
            value = measure(sample)
            if value is not None:
                found.append(value)
    figures = [_figure(measure(pairs), found) for measure, found in zip(measures, drawn, strict=True)]
    positive = sum(right for _, right in pairs)
    return Quality(len(pairs), positive, figures[0], figures[1], figures[2], reliability(pairs))


def _figure(value: float | None, drawn: list[float]) -> Figure:
    if value is None or not drawn:
        return Figure(value, None, None)
    drawn.sort()
    last = len(drawn) - 1
    return Figure(value, drawn[int(_TAIL * last)], drawn[round((1 - _TAIL) * last)])
