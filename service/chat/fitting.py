"""Fits the weights of the complexity model: ordinal logistic regression by gradient descent, deterministic and without a library."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.chat.complexity import COMPLEXITIES, Complexity

_HELD_OUT = 3
"""One question of so many is held out."""
_ROUNDS = 1_500
_STEP = 0.5
_PULL = 0.006
"""How strongly a weight is drawn to what the guideline expects; chosen by cross-validation on the two thirds."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question with the class that a person gave it."""

    id: str
    question: str
    label: Complexity


@dataclass(frozen=True, slots=True)
class Fitted:
    """A weight for each feature, and the two thresholds of their sum."""

    weights: Mapping[str, float]
    medium_from: float
    complex_from: float


def held_out(identifier: str, one_in: int = _HELD_OUT) -> bool:
    """Whether a labelled item belongs to the share (a third) that no rule was tuned on: by the hash of its id."""
    return int(hashlib.sha256(identifier.encode()).hexdigest(), 16) % one_in == 0


def fit(
    rows: Sequence[tuple[Mapping[str, float], Complexity]],
    names: Sequence[str],
    never_negative: frozenset[str],
    expected: Mapping[str, float],
) -> Fitted:
    """Fit the model to features and labels.

    Args:
        rows: the features of each question and its class.
        names: every feature.
        never_negative: features that may only make a question more demanding.
        expected: what a weight is where the questions say little of it, by the labelling guideline; 0 for those not named.
    """
    places = {name: place for place, name in enumerate(names)}
    examples = [([(places[n], v) for n, v in found.items()], COMPLEXITIES.index(label)) for found, label in rows]
    weights = [0.0] * len(names)
    cuts = [1.0, 3.0]
    floor = [0.0 if name in never_negative else -math.inf for name in names]
    priors = [expected.get(name, 0.0) for name in names]
    for _ in range(_ROUNDS):
        slopes, cut_slopes = _slopes(examples, weights, cuts)
        share = _STEP / len(examples)
        weights = [
            max(least, weight - share * slope - _STEP * _PULL * (weight - prior))
            for weight, slope, least, prior in zip(weights, slopes, floor, priors, strict=True)
        ]
        cuts = [cut - share * slope for cut, slope in zip(cuts, cut_slopes, strict=True)]
    return Fitted(
        {name: round(w, 3) for name, w in zip(names, weights, strict=True)}, round(cuts[0], 3), round(cuts[1], 3)
    )


def _slopes(
    examples: Sequence[tuple[list[tuple[int, float]], int]], weights: Sequence[float], cuts: Sequence[float]
) -> tuple[list[float], list[float]]:
    """The slope of the loss in each weight and in both thresholds; each threshold is a logistic question of its own."""
    slopes, cut_slopes = [0.0] * len(weights), [0.0, 0.0]
    for found, level in examples:
        score = sum(weights[place] * value for place, value in found)
        for number, cut in enumerate(cuts):
            error = _sigmoid(score - cut) - (level > number)
            cut_slopes[number] -= error
            for place, value in found:
                slopes[place] += error * value
    return slopes, cut_slopes


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, value))))
