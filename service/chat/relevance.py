"""Keeps, of the passages that were found, those that speak of what was asked: a word met by chance makes no source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

from service.chat.issues import Issue
from service.retrieval.document import Document
from service.retrieval.hits import Hit
from service.values import value

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


@value
class PassageTerms:
    """A passage as terms: of its law's names, of what it is called, and of all of it, each with the numbers of the sentences that say it.

    `pairs` stand side by side.
    """

    law: tuple[str, ...]
    called: frozenset[str]
    sentences: int
    all: Mapping[str, tuple[int, ...]]
    pairs: frozenset[tuple[str, str]]


def passage_terms(document: Document, text: str, terms_of: TermsOf, sentences: Sentences) -> PassageTerms:
    """Read a passage of a document."""
    law = f"{document.law or ''} {document.law_title or ''}"
    title = tuple(terms_of(document.title))
    said = [tuple(terms_of(one)) for one in sentences(text)]
    called = frozenset((*title, *terms_of(f"{' '.join(document.topics)} {law}")))
    places: dict[str, tuple[int, ...]] = dict.fromkeys(called, ())
    for number, one in enumerate(said):
        for term in dict.fromkeys(one):
            places[term] = (*places.get(term, ()), number)
    pairs = frozenset(pair for one in (title, *said) for pair in pairwise(one))
    return PassageTerms(tuple(terms_of(law)), called, len(said), places, pairs)


@value
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
    read: Callable[[Hit], PassageTerms],
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
        read: the terms of a passage.
        sides: the terms of words that ask for a side of a topic.
    """

    def weight(term: str) -> float:
        return idf(term) * (_WORTH_OF_SIDES if term in sides else 1.0)

    exact = [hit for hit in hits if hit.score >= _EXACT]
    named = frozenset(term for hit in exact for term in read(hit).law) | _articles(exact)
    kept: set[str] = {hit.document.id for hit in exact}
    asked = [issue.terms for issue in issues] or [tuple(topic)]
    free = [hit for hit in hits if hit.score < _EXACT and hit.document.id not in compared]
    best_score = max([hit.score for hit in free], default=0.0)
    for terms in asked:
        wanted = {term: weight(term) for term in terms if term not in named}
        kept.update(_near(free, wanted, read, best_score if len(asked) == 1 else 0.0))
    beside = [hit for hit in hits if hit.document.id in compared]
    wanted = {term: weight(term) for term in topic if term not in named}
    if not wanted or any(_fit(read(hit), wanted).cover >= _LEAST_COMPARED for hit in beside):
        kept.update(hit.document.id for hit in beside)
    # The best of the law stays whatever its words are, and a decision, which illustrates it, never stands alone.
    if not exact:
        kept.update(hit.document.id for hit in [hit for hit in free if hit.document.kind != "decision"][:1])
    return [hit for hit in hits if hit.document.id in kept] or list(hits[:1])


def _fit(passage: PassageTerms, wanted: Mapping[str, float]) -> Fit:
    """How well a passage fits terms with their weights, in the order of the question."""
    total = sum(wanted.values())
    places = passage.all
    held = [(term, worth) for term, worth in wanted.items() if term in places]
    if not total or not held:
        return Fit(0.0, 0.0)

    called = sum([worth for term, worth in held if term in passage.called]) / total
    by_sentence = [0.0] * passage.sentences
    for term, worth in held:
        for number in places[term]:
            by_sentence[number] += worth
    # Divided once: a greater sum is a greater share.
    said = max(by_sentence, default=0.0) / total
    about = (called + said) / 2
    # Words that stand together in the question and here mean the same; apart they may not.
    pairs = list(pairwise(wanted))
    together = len([pair for pair in pairs if pair in passage.pairs]) / len(pairs) if pairs else 0.0
    return Fit(sum([worth for _, worth in held]) / total, min(1.0, about + _WORTH_OF_PAIRS * together))


def _near(
    hits: Sequence[Hit], wanted: Mapping[str, float], read: Callable[[Hit], PassageTerms], best_score: float
) -> list[str]:
    if not wanted or not hits:
        return []
    fits = [(hit, _fit(read(hit), wanted)) for hit in hits]
    law = [fit for hit, fit in fits if hit.document.kind != "decision"] or [fit for _, fit in fits]
    cover = max([fit.cover for fit in law])
    about = max([fit.about for fit in law])
    few = len(wanted) <= _FEW_TERMS
    least_cover, least_about = (_COVER_OF_FEW, _ABOUT_OF_FEW) if few else (_COVER, _ABOUT)
    return [
        hit.document.id
        for hit, fit in fits
        if hit.score >= _SCORE * best_score
        and fit.cover > 0
        and (
            (fit.cover >= least_cover * cover and fit.about >= least_about * about)
            or (not few and fit.about >= _WELL_ABOUT * about)
        )
    ]


def _articles(exact: Sequence[Hit]) -> frozenset[str]:
    """Words such as "pasal" and "uu" name no topic beside a named article."""
    return frozenset(("pasal", "uu", "ayat")) if exact else frozenset()


def unmet(
    asked: Iterable[str],
    topic: Sequence[str],
    held: Sequence[AbstractSet[str]],
    terms_of: TermsOf,
    sides: Collection[str] = (),
) -> tuple[str, ...]:
    """The words of a question that name a part of its topic and that no cited passage holds, each once and in order.

    Args:
        asked: the words of the question, as written.
        topic: the terms that say what it is about.
        held: the terms of each cited passage.
        terms_of: the terms that a word stands for, those that laws write instead among them.
        sides: the terms of words that ask for a side of a topic.
    """
    wanted = frozenset(topic).difference(sides)
    found: dict[str, str] = {}
    for word in asked:
        own = frozenset(terms_of(word))
        if not own.isdisjoint(wanted) and all(own.isdisjoint(one) for one in held):
            found.setdefault(word.lower(), word)
    return tuple(found.values())
