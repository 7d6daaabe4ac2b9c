"""Sets the sentences of the passages under the parts of a question that they answer, and under the sides that are compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from service.chat.evidence import Evidence, units_of
from service.chat.issues import Issue
from service.remembering import remembered
from service.values import value

Idf = Callable[[str], float]
TermsOf = Callable[[str], AbstractSet[str]]

_SHARED = 0.25
"""What a term counts for a part when other parts have it too: it tells them apart badly."""
_CALLED = 0.5
"""What a term counts that only the passage's title holds."""
_BOTH = 0.6
"""What fits both sides, the lesser at least so well as this share of the better, is about both."""
_MOVES = 0.3
"""A sentence leaves the others of its passage for a part that it fits better by so much, when it can be read alone."""
_POINTS_BACK = re.compile(
    r"(?:\w+ ){0,3}(?:itu|ini|tersebut|serupa|sama)\b|\w+nya\b|(?:dua|tiga|kedua|ketiga) \w+ (?:pertama|terakhir)\b",
    re.IGNORECASE,
)


@value
class Point:
    """Sentences of a passage that are read together, and the passage's number."""

    number: int
    text: str


@value
class Part:
    """A part of the question and what answers it. Without a label it is what both sides of a comparison share."""

    label: str
    points: tuple[Point, ...]
    side: bool = False


def arrange(evidence: Sequence[Evidence], issues: Sequence[Issue], idf: Idf, terms_of: TermsOf) -> tuple[Part, ...]:
    """The parts of an answer in the order of the question; none when it has only one, or when only one of them found anything.

    Args:
        evidence: the numbered passages. Decisions are not arranged.
        issues: the parts of the question.
        idf: the weight of a term.
        terms_of: the terms of a text.
    """
    if len(issues) < 2:
        return ()
    weights = _weights(issues, idf)
    places: list[list[Point]] = [[] for _ in issues]
    shared: list[Point] = []
    sided = issues[0].side
    for item in evidence:
        if item.document.kind == "decision":
            continue
        found = units_of(item.quote)
        called = terms_of(f"{item.document.title} {' '.join(item.document.topics)}")
        said = [terms_of(text) for text in found]
        together = frozenset().union(*said)
        whole = [_fit(weight, together, called) for weight in weights]
        for text, terms in zip(found, said, strict=True):
            alone = [_fit(weight, terms, frozenset()) for weight in weights]
            fits = alone if _moves(text, alone, whole, sided=sided) else whole
            best = fits.index(max(fits))
            beside = sided and min(fits) >= _BOTH * max(fits)
            (shared if beside else places[best]).append(Point(item.number, text))
    if not any(places) or (not sided and sum(map(bool, places)) < 2):
        return ()
    parts = [Part(one.label, tuple(points), one.side) for one, points in zip(issues, places, strict=True)]
    return (*([Part("", tuple(shared), side=True)] if shared else []), *parts)


@remembered(most=8_000)
def _points_back(text: str) -> bool:
    return _POINTS_BACK.match(text) is not None


def _moves(text: str, alone: Sequence[float], whole: Sequence[float], *, sided: bool) -> bool:
    """Whether a sentence is set by itself and not with its passage. Of two sides it is, wherever it names one."""
    if _points_back(text):
        return False
    if sided:
        return max(alone) > 0
    home = whole.index(max(whole))
    return max(alone) - alone[home] > _MOVES


def _weights(issues: Sequence[Issue], idf: Idf) -> list[dict[str, float]]:
    """For each part, what each of its terms counts; together they count 1."""
    found: list[dict[str, float]] = []
    for issue in issues:
        others = {term for other in issues if other is not issue for term in other.terms}
        raw = {term: idf(term) * (_SHARED if term in others else 1.0) for term in issue.terms}
        total = sum(raw.values()) or 1.0
        found.append({term: value / total for term, value in raw.items()})
    return found


def _fit(weight: dict[str, float], said: AbstractSet[str], called: AbstractSet[str]) -> float:
    total = 0.0
    for term, worth in weight.items():
        if term in said:
            total += worth
        elif term in called:
            total += worth * _CALLED
    return total
