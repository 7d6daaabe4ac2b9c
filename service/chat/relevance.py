"""Keeps, of the passages that were found, those that speak of what was asked: a word met by chance makes no source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from service.chat.issues import Issue
from service.retrieval.hits import Hit

Idf = Callable[[str], float]
TermsOf = Callable[[str], Iterable[str]]
Sentences = Callable[[str], Sequence[str]]

_FEW_TERMS = 3
_COVER_OF_FEW = 0.8
_ABOUT_OF_FEW = 0.7
_COVER = 0.7
_ABOUT = 0.55
_WELL_ABOUT = 0.7
_SCORE = 0.4
"""Shares of what the best passage reaches. A question of few terms is about all of them; of many, some are by the way."""
_EXACT = 1.0
_LEAST_COMPARED = 0.5
_WORTH_OF_SIDES = 0.25
_WORTH_OF_PAIRS = 0.25


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a passage fits a question: the share of its weight that the passage holds, and that its title and one sentence hold."""

    cover: float
    about: float


def relevant(
    hits: Sequence[Hit],
    topic: Sequence[str],
    issues: Sequence[Issue],
    compared: Collection[str],
    idf: Idf,
    terms_of: TermsOf,
    sentences: Sentences,
    sides: Collection[str] = (),
) -> list[Hit]:
    """The passages worth citing, in the order given: for each part of the question, those near the best one of that part.

    An article that the question names stays, and beside it only what speaks of more than that article's law. Decisions that were
    chosen to be compared stay together, when one of them speaks of the question.

    Args:
        hits: the passages, best first.
        topic: the terms of the whole question.
        issues: its parts; none when it is only one.
        compared: the ids of the decisions to compare.
        idf: the weight of a term.
        terms_of: the terms of a text.
        sentences: the sentences of a text.
        sides: the terms of words that ask for a side of a topic.
    """

    def weight(term: str) -> float:
        return idf(term) * (_WORTH_OF_SIDES if term in sides else 1.0)

    shown = [_Terms(hit, terms_of, sentences) for hit in hits]
    exact = [one for one in shown if one.hit.score >= _EXACT]
    named = frozenset(term for one in exact for term in terms_of(one.law)) | _articles(exact)
    kept: set[str] = {one.hit.document.id for one in exact}
    asked = [issue.terms for issue in issues] or [tuple(topic)]
    free = [one for one in shown if one.hit.score < _EXACT and one.hit.document.id not in compared]
    best_score = max((one.hit.score for one in free), default=0.0)
    for terms in asked:
        wanted = tuple(dict.fromkeys(term for term in terms if term not in named))
        kept.update(_near(free, wanted, weight, best_score if len(asked) == 1 else 0.0))
    beside = [one for one in shown if one.hit.document.id in compared]
    wanted = tuple(term for term in topic if term not in named)
    if not wanted or any(one.fit(wanted, weight).cover >= _LEAST_COMPARED for one in beside):
        kept.update(one.hit.document.id for one in beside)
    # The best of the law stays whatever its words are, and a decision, which illustrates it, never stands alone.
    kept.update(
        one.hit.document.id for one in [one for one in free if one.hit.document.kind != "decision"][: not exact]
    )
    return [hit for hit in hits if hit.document.id in kept] or list(hits[:1])


class _Terms:
    """A passage as terms: of all of it, of what it is called, and of each of its sentences."""

    def __init__(self, hit: Hit, terms_of: TermsOf, sentences: Sentences) -> None:
        document = hit.document
        self.hit = hit
        self.law = f"{document.law or ''} {document.law_title or ''}"
        title = list(terms_of(document.title))
        said = [title, *(list(terms_of(one)) for one in sentences(hit.text))]
        self._called = frozenset((*title, *terms_of(f"{' '.join(document.topics)} {self.law}")))
        self._said = [frozenset(one) for one in said[1:]]
        self._all = self._called.union(*self._said)
        self._pairs = frozenset(pair for one in said for pair in pairwise(one))

    def fit(self, wanted: Sequence[str], idf: Idf) -> Fit:
        total = sum(map(idf, wanted))
        if not total:
            return Fit(0.0, 0.0)

        def share(held: Collection[str]) -> float:
            return sum(idf(term) for term in wanted if term in held) / total

        about = (share(self._called) + max(map(share, self._said), default=0.0)) / 2
        # Words that stand together in the question and here mean the same; apart they may not.
        pairs = list(pairwise(wanted))
        together = sum(pair in self._pairs for pair in pairs) / len(pairs) if pairs else 0.0
        return Fit(share(self._all), min(1.0, about + _WORTH_OF_PAIRS * together))


def _near(shown: Sequence[_Terms], wanted: Sequence[str], idf: Idf, best_score: float) -> list[str]:
    if not wanted or not shown:
        return []
    fits = [(one, one.fit(wanted, idf)) for one in shown]
    law = [fit for one, fit in fits if one.hit.document.kind != "decision"] or [fit for _, fit in fits]
    cover = max(fit.cover for fit in law)
    about = max(fit.about for fit in law)
    few = len(wanted) <= _FEW_TERMS
    least_cover, least_about = (_COVER_OF_FEW, _ABOUT_OF_FEW) if few else (_COVER, _ABOUT)
    return [
        one.hit.document.id
        for one, fit in fits
        if one.hit.score >= _SCORE * best_score
        and fit.cover > 0
        and (
            (fit.cover >= least_cover * cover and fit.about >= least_about * about)
            or (not few and fit.about >= _WELL_ABOUT * about)
        )
    ]


def _articles(exact: Sequence[_Terms]) -> frozenset[str]:
    """Words such as "pasal" and "uu" name no topic beside a named article."""
    return frozenset(("pasal", "uu", "ayat")) if exact else frozenset()


def unmet(
    asked: Iterable[str], topic: Sequence[str], held: Collection[str], terms_of: TermsOf, sides: Collection[str] = ()
) -> tuple[str, ...]:
    """The words of a question that name a part of its topic and that no cited passage holds, each once and in order.

    Args:
        asked: the words of the question, as written.
        topic: the terms that say what it is about.
        held: every term of the cited passages.
        terms_of: the terms that a word stands for, those that laws write instead among them.
        sides: the terms of words that ask for a side of a topic.
    """
    wanted = frozenset(topic).difference(sides)
    found: dict[str, str] = {}
    for word in asked:
        own = frozenset(terms_of(word))
        if own & wanted and own.isdisjoint(held):
            found.setdefault(word.lower(), word)
    return tuple(found.values())
