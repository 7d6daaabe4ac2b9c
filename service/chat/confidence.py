"""How likely it is that a cited passage is relevant, from 0 to 1: a logistic model of what the evidence shows.

Only the question's words and the cited passages go in: no role, and no bonus for having an answer. The weights are data of the
deployment, fitted to judged questions by `python -m service confidence-eval --fit` (docs/confidence.md).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from service.values import value

Idf = Callable[[str], float]
_Weighted = Sequence[tuple[str, float]]

_NEAR = 3
"""Two neighbours in the question are near in a passage when at most so many terms lie between their places."""
_EXACT = 1.0

FEATURES: Mapping[str, str] = {
    "coverage": "share of the question's terms, by idf, that the best passage holds alone",
    "together": "share of them that all cited passages hold together",
    "matched": "how much the best passage holds: logarithm of 1 + idf held, in units of a term that nobody holds",
    "score": "best score of the search, its share of the greatest possible",
    "margin": "lead of the best score over the next",
    "near": "share of neighbouring terms of the question that stand near each other in the passage that holds most",
    "title": "agreement of the question with the best title (Dice, by idf)",
    "lay": "share of what laws write for the question's everyday words that one passage holds",
    "defined": "whether a passage defines the term whose meaning is asked",
    "exact": "whether a passage is the very article that the question cites",
    "missing": "share of the laws, articles and decisions named in the question that the corpus does not state",
}
"""What a passage's relevance is judged by; each lies in [0, 1] but `matched`."""


@value
class Support:
    """One cited passage: its distinct terms, its score in [0, 1], the terms of its title, and a way to its terms in their order."""

    terms: AbstractSet[str]
    score: float
    title: tuple[str, ...] = ()
    sequence: Callable[[], Sequence[str]] = tuple


@value
class Asked:
    """What a question asks: see `QueryTerms`; `steering` are its `source` and `side` terms.

    `named` laws, articles and decisions stand in it, of which the corpus states `resolved`.
    """

    topic: tuple[str, ...]
    steering: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    defined: tuple[str, ...] = ()
    named: int = 0
    resolved: int = 0


@dataclass(frozen=True, slots=True)
class Calibration:
    """The model: an intercept, a weight for each feature, and what they were fitted to (day, half, sets and their hashes)."""

    intercept: float
    weights: Mapping[str, float]
    fitted: str


def features(asked: Asked, idf: Idf, unknown_idf: float, cited: Sequence[Support]) -> dict[str, float]:
    """What the evidence shows, by the names of `FEATURES`; empty without a cited passage.

    Args:
        asked: the question.
        idf: the weight of a term.
        unknown_idf: the weight of a term that no passage holds.
        cited: the passages that the answer cites.
    """
    if not cited:
        return {}
    topic = _weighted(asked.topic, idf)
    wanted = _weighted(tuple(dict.fromkeys((*asked.topic, *asked.steering))), idf)
    total, whole = _mass(topic), _mass(wanted)
    covered = [_held(topic, support.terms) for support in cited]
    most = max(covered)
    scores = sorted((support.score for support in cited), reverse=True)
    exact = scores[0] >= _EXACT
    # A question that is nothing but a citation leaves nothing to cover.
    nothing = float(exact)
    return {
        "coverage": most / total if total else nothing,
        "together": _held_together(topic, cited) / total if total else nothing,
        "matched": math.log1p(max([_held(wanted, support.terms) for support in cited]) / unknown_idf),
        "score": scores[0],
        "margin": (scores[0] - scores[1]) / scores[0] if len(scores) > 1 and scores[0] > 0 else 0.0,
        "near": _near(topic, cited[covered.index(most)].sequence()),
        "title": max([_agreement(wanted, whole, idf, support.title) for support in cited]),
        "lay": _best_share(_weighted(asked.related, idf), cited),
        "defined": float(any(not support.terms.isdisjoint(asked.defined) for support in cited)),
        "exact": float(exact),
        "missing": 1 - asked.resolved / asked.named if asked.named else 0.0,
    }


def confidence(found: Mapping[str, float], calibration: Calibration) -> float:
    """The probability that a cited passage is relevant, rounded to four places; 0 without features, because nothing is cited."""
    if not found:
        return 0.0
    value = calibration.intercept + sum(calibration.weights[name] * found[name] for name in FEATURES)
    return round(probability(value), 4)


def probability(value: float) -> float:
    """The logistic function, safe for any value."""
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, value))))


def _weighted(terms: Iterable[str], idf: Idf) -> _Weighted:
    """Terms with their weights, looked up once for all features."""
    return [(term, idf(term)) for term in terms]


def _mass(terms: _Weighted) -> float:
    return sum([weight for _, weight in terms])


def _held(terms: _Weighted, held: AbstractSet[str]) -> float:
    return sum([weight for term, weight in terms if term in held])


def _held_together(terms: _Weighted, cited: Sequence[Support]) -> float:
    held = [support.terms for support in cited]
    return sum([weight for term, weight in terms if any(term in one for one in held)])


def _best_share(terms: _Weighted, cited: Iterable[Support]) -> float:
    total = _mass(terms)
    return max([_held(terms, support.terms) for support in cited]) / total if total else 0.0


def _agreement(wanted: _Weighted, whole: float, idf: Idf, title: Sequence[str]) -> float:
    total = whole + sum(map(idf, title))
    return 2 * _held(wanted, frozenset(title)) / total if total else 0.0


def _near(topic: _Weighted, sequence: Sequence[str]) -> float:
    if len(topic) < 2:
        return 0.0
    places: dict[str, list[int]] = {term: [] for term, _ in topic}
    for place, term in enumerate(sequence):
        if term in places:
            places[term].append(place)
    total = near = 0.0
    for (one, first_weight), (other, second_weight) in itertools.pairwise(topic):
        weight = first_weight + second_weight
        total += weight
        if any(abs(first - second) <= _NEAR for first in places[one] for second in places[other]):
            near += weight
    return near / total if total else 0.0
