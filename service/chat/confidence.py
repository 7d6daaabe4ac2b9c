"""How well the cited passages carry an answer, from 0 to 1. Nothing but evidence goes in: no role, no constant bonus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

_COVERAGE_SHARE = 0.6
"""What coverage alone gives; the rest is earned by the strength of the match."""


@dataclass(frozen=True, slots=True)
class Support:
    """One cited passage: its distinct terms and its normalised BM25 score."""

    terms: AbstractSet[str]
    score: float


def confidence(
    topic: Sequence[str], idf: Callable[[str], float], cited: Sequence[Support], *, named: int, resolved: int
) -> float:
    """The confidence in an answer, in [0, 1] and rounded to four places.

    Coverage is the share of the question's terms, weighted by idf, that the best passage holds alone, lowered by the part of what
    all cited passages hold that it lacks: words that match here and there are no answer. It is multiplied by the strength of the
    best match, and by the share of the laws, articles and decisions named in the question that the corpus states. A rare word that
    no passage holds weighs most: that is what a question from outside the corpus looks like.

    Args:
        topic: the distinct terms of the question.
        idf: the weight of a term.
        cited: the passages that the answer cites.
        named: how many laws, articles and decisions the question names.
        resolved: how many of those the corpus states.
    """
    total = sum(idf(term) for term in topic)
    if not cited or total <= 0:
        return 0.0
    together = _covered(topic, idf, set().union(*(support.terms for support in cited))) / total
    alone = max(_covered(topic, idf, support.terms) for support in cited) / total
    strength = min(1.0, max(support.score for support in cited))
    found = resolved / named if named else 1.0
    coverage = alone * (together + alone) / (2 * together) if together else 0.0
    value = coverage * (_COVERAGE_SHARE + (1 - _COVERAGE_SHARE) * strength) * found
    return round(min(1.0, value), 4)


def _covered(topic: Sequence[str], idf: Callable[[str], float], terms: AbstractSet[str]) -> float:
    return sum(idf(term) for term in topic if term in terms)
