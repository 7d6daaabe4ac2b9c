"""What a term is worth: BM25's inverse document frequency, and the greatest score that a question could reach."""

from __future__ import annotations

import math
from collections.abc import Iterable

_K1 = 1.2
"""Tantivy's BM25 saturation; its b is 0.75. A term adds at most idf x (k1 + 1)."""


def idf(holding: int, passages: int) -> float:
    """The weight of a term that `holding` of all passages hold; one that none holds weighs most."""
    return math.log(1 + (passages - holding + 0.5) / (holding + 0.5))


def greatest_score(weighted: Iterable[tuple[float, float]]) -> float:
    """The BM25 score that no passage exceeds, for (weight in the question, idf) of each term."""
    return (_K1 + 1) * sum(weight * value for weight, value in weighted)
