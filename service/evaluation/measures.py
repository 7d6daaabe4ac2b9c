"""Ranking measures as TREC defines them, and how sure their means are. Pure functions of ranked ids and judgements."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Grades = Mapping[str, int]
"""Document id to grade; above 0 is relevant."""

MEASURES = ("recall@5", "recall@10", "mrr@10", "ndcg@10")
DEPTH = 10
"""No measure looks further down."""
SEED = 20261121
"""Of the bootstrap, unless another is given."""
_RESAMPLES = 1_000
_TAIL = 0.025
"""Of the resampled means so many lie below the interval, and as many above: 95 % lie in it."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The mean of a measure over `n` questions, and the bootstrap interval that holds it with 95 %."""

    value: float
    low: float
    high: float
    n: int


def scores(ranked: Sequence[str], grades: Grades) -> tuple[float, ...]:
    """The measures of one question, in the order of `MEASURES`; at least one grade must be above 0."""
    return (
        recall(ranked, grades, 5),
        recall(ranked, grades, 10),
        reciprocal_rank(ranked, grades, 10),
        ndcg(ranked, grades, 10),
    )


def recall(ranked: Sequence[str], grades: Grades, k: int) -> float:
    """The share of the relevant documents among the first k."""
    relevant = {document for document, grade in grades.items() if grade > 0}
    return len(relevant.intersection(ranked[:k])) / len(relevant)


def reciprocal_rank(ranked: Sequence[str], grades: Grades, k: int) -> float:
    """One over the place of the first relevant document, 0 when none is among the first k."""
    places = (place for place, document in enumerate(ranked[:k], start=1) if grades.get(document, 0) > 0)
    return 1 / next(places, math.inf)


def ndcg(ranked: Sequence[str], grades: Grades, k: int) -> float:
    """Discounted gain over that of the best order; the gain is the grade itself, as in trec_eval."""
    best = sorted((grade for grade in grades.values() if grade > 0), reverse=True)
    return _discounted([max(0, grades.get(document, 0)) for document in ranked[:k]]) / _discounted(best[:k])


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, start=1))


def estimates(rows: Sequence[Sequence[float]], seed: int) -> dict[str, Estimate]:
    """The mean and interval of each measure over the questions' scores: questions are drawn with replacement, all measures at once.

    Where every question scores alike the interval is a point: the bootstrap knows no question but those it was given.
    """
    count = len(rows)
    draw = random.Random(seed)  # noqa: S311 - resampling, no secret
    columns = list(zip(*rows, strict=True))
    means: list[list[float]] = [[] for _ in columns]
    for _ in range(_RESAMPLES):
        chosen = draw.choices(range(count), k=count)
        for column, found in zip(columns, means, strict=True):
            found.append(sum(map(column.__getitem__, chosen)) / count)
    made = {}
    for name, column, found in zip(MEASURES, columns, means, strict=True):
        found.sort()
        low, high = found[int(_TAIL * _RESAMPLES)], found[int((1 - _TAIL) * _RESAMPLES) - 1]
        made[name] = Estimate(sum(column) / count, low, high, count)
    return made


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; values must not be empty."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
