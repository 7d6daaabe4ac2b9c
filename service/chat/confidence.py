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
Places = Mapping[str, Sequence[int]]

_NEAR = 3
"""Two neighbours in the question are near in a passage when at most so many terms lie between their places."""
EXACT = 1.0
"""The score of a passage that is the very article that a question cites."""

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
class Title:
    """The distinct terms of a title, and what they weigh together."""

    terms: frozenset[str]
    mass: float


NO_TITLE = Title(frozenset(), 0.0)


def title_of(terms: Iterable[str], idf: Idf) -> Title:
    """A title of these distinct terms; they are summed in their order."""
    held = tuple(terms)
    return Title(frozenset(held), sum(map(idf, held)))


@value
class Support:
    """One cited passage: its distinct terms, its score in [0, 1], its title, and a way to the places of its terms (`places_of`)."""

    terms: AbstractSet[str]
    score: float
    title: Title = NO_TITLE
    places: Callable[[], Places] = dict


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
    weights = {term: idf(term) for term in (*asked.topic, *asked.steering)}
    topic = [(term, weights[term]) for term in asked.topic]
    beside = [(term, weight) for term, weight in weights.items() if term not in asked.topic] if asked.steering else []
    total = _mass(topic)
    covered, together, most_held, best_title = _seen(topic, beside, cited)
    most = max(covered)
    scores = sorted([support.score for support in cited], reverse=True)
    exact = scores[0] >= EXACT
    # A question that is nothing but a citation leaves nothing to cover.
    nothing = float(exact)
    return {
        "coverage": most / total if total else nothing,
        "together": _held(topic, together) / total if total else nothing,
        "matched": math.log1p(most_held / unknown_idf),
        "score": scores[0],
        "margin": (scores[0] - scores[1]) / scores[0] if len(scores) > 1 and scores[0] > 0 else 0.0,
        "near": _near(topic, cited[covered.index(most)].places()) if topic else nothing,
        "title": best_title,
        "lay": _best_share([(term, idf(term)) for term in asked.related], cited) if asked.related else 0.0,
        "defined": float(bool(asked.defined) and any(not one.terms.isdisjoint(asked.defined) for one in cited)),
        "exact": float(exact),
        "missing": 1 - asked.resolved / asked.named if asked.named else 0.0,
    }


def confidence(found: Mapping[str, float], calibration: Calibration) -> float:
    """The probability that a cited passage is relevant, rounded to four places; 0 without features, because nothing is cited."""
    if not found:
        return 0.0
    weights = calibration.weights
    value = calibration.intercept + sum([weights[name] * found[name] for name in FEATURES])
    return round(probability(value), 4)


def probability(value: float) -> float:
    """The logistic function, safe for any value."""
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, value))))


def _mass(terms: _Weighted) -> float:
    return sum([weight for _, weight in terms])


def _seen(
    topic: _Weighted, beside: _Weighted, cited: Sequence[Support]
) -> tuple[list[float], AbstractSet[str], float, float]:
    """Look at each passage once for the terms of the topic and for those `beside` it, which steer the search.

    Gives how much of the topic each passage holds, the terms of it that any holds, the most that one holds of all terms, and the
    agreement (Dice) with the best title.
    """
    whole = _mass([*topic, *beside])
    covered: list[float] = []
    together: set[str] = set()
    most_held = best_title = 0.0
    for support in cited:
        terms, title = support.terms, support.title.terms
        held = called = 0.0
        for term, weight in topic:
            if term in terms:
                held += weight
                together.add(term)
            if term in title:
                called += weight
        covered.append(held)
        for term, weight in beside:
            if term in terms:
                held += weight
            if term in title:
                called += weight
        most_held = max(most_held, held)
        both = whole + support.title.mass
        best_title = max(best_title, 2 * called / both if both else 0.0)
    return covered, together, most_held, best_title


def _held(terms: _Weighted, held: AbstractSet[str]) -> float:
    return sum([weight for term, weight in terms if term in held])


def _best_share(terms: _Weighted, cited: Iterable[Support]) -> float:
    total = _mass(terms)
    return max([_held(terms, support.terms) for support in cited]) / total if total else 0.0


def places_of(sequence: Sequence[str]) -> Places:
    """Where each term of a passage stands among its terms in their order."""
    places: dict[str, tuple[int, ...]] = {}
    for place, term in enumerate(sequence):
        places[term] = (*places.get(term, ()), place)
    return places


def _near(topic: _Weighted, places: Places) -> float:
    if len(topic) < 2:
        return 0.0
    total = near = 0.0
    for (one, first_weight), (other, second_weight) in itertools.pairwise(topic):
        weight = first_weight + second_weight
        total += weight
        if (
            one in places
            and other in places
            and any(abs(first - second) <= _NEAR for first in places[one] for second in places[other])
        ):
            near += weight
    return near / total if total else 0.0
