"""Keeps, of the passages that were found, those that speak of what was asked: a word met by chance makes no source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import field
from itertools import pairwise

from service.chat.issues import Issue
from service.retrieval.document import Document
from service.retrieval.hits import Hit
from service.values import value

Idf = Callable[[str], float]
TermsOf = Callable[[str], Iterable[str]]
Sentences = Callable[[str], Sequence[str]]
Places = Mapping[str, tuple[int, ...]]
"""By term, the numbers of the sentences that say it."""

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
_OF_ARTICLES = frozenset(("pasal", "uu", "ayat"))
"""Words that name no topic beside a named article."""
_WORTH_OF_SIDES = 0.25
_WORTH_OF_PAIRS = 0.25


@value
class PassageTerms:
    """A passage as terms: of its law's names, of what it is called, and of all of it, each with the numbers of the sentences that say it.

    `pairs` stand side by side. `holding` are the terms of its document's holding, where that has one.
    """

    law: tuple[str, ...]
    called: frozenset[str]
    sentences: int
    all: Places
    pairs: frozenset[tuple[str, str]]
    holding: Places = field(default_factory=dict)


def passage_terms(document: Document, text: str, terms_of: TermsOf, sentences: Sentences) -> PassageTerms:
    """Read a passage of a document."""
    law = f"{document.law or ''} {document.law_title or ''}"
    title = tuple(terms_of(document.title))
    said = [tuple(terms_of(one)) for one in sentences(text)]
    called = frozenset((*title, *terms_of(f"{' '.join(document.topics)} {law}")))
    pairs = frozenset(pair for one in (title, *said) for pair in pairwise(one))
    holding = map(terms_of, sentences(document.holding)) if document.holding else ()
    return PassageTerms(
        tuple(terms_of(law)), called, len(said), places_by_sentence(said, called), pairs, places_by_sentence(holding)
    )


def places_by_sentence(said: Iterable[Iterable[str]], beside: Iterable[str] = ()) -> Places:
    """Where each term stands in sentences that are read; terms `beside` them may stand in none."""
    places: dict[str, tuple[int, ...]] = dict.fromkeys(beside, ())
    for number, one in enumerate(said):
        for term in dict.fromkeys(one):
            places[term] = (*places.get(term, ()), number)
    return places


_Fit = tuple[float, float]
"""How well a passage fits a question: the share of its weight that the passage holds, and that its title and one sentence hold."""
_UNFIT: _Fit = (0.0, 0.0)


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
    exact = [hit for hit in hits if hit.score >= _EXACT]
    named = _OF_ARTICLES.union(*[read(hit).law for hit in exact]) if exact else frozenset()
    kept: set[str] = {hit.document.id for hit in exact}
    asked = [issue.terms for issue in issues] or [tuple(topic)]
    free = [hit for hit in hits if hit.score < _EXACT and hit.document.id not in compared]
    best_score = max([hit.score for hit in free], default=0.0)
    found = [(hit, read(hit)) for hit in free]
    for terms in asked:
        wanted = _wanted(terms, named, idf, sides)
        kept.update(_near(found, wanted, best_score if len(asked) == 1 else 0.0))
    beside = [hit for hit in hits if hit.document.id in compared] if compared else []
    if beside:
        wanted = _wanted(topic, named, idf, sides)
        if not wanted.weights or any(_fit(read(hit), wanted)[0] >= _LEAST_COMPARED for hit in beside):
            kept.update([hit.document.id for hit in beside])
    # The best of the law stays whatever its words are, and a decision, which illustrates it, never stands alone.
    if not exact:
        kept.update([hit.document.id for hit in [hit for hit in free if hit.document.kind != "decision"][:1]])
    return [hit for hit in hits if hit.document.id in kept] or list(hits[:1])


@value
class _Wanted:
    """Terms with their weights in the order of the question, what these weigh together, and the terms that are neighbours."""

    weights: Mapping[str, float]
    total: float
    pairs: Sequence[tuple[str, str]]


def _wanted(terms: Iterable[str], named: Collection[str], idf: Idf, sides: Collection[str]) -> _Wanted:
    """Terms of a question but for those that name its article's law; one that asks for a side counts less."""
    weights = {term: idf(term) * _WORTH_OF_SIDES if term in sides else idf(term) for term in terms if term not in named}
    return _Wanted(weights, sum(weights.values()), list(pairwise(weights)))


def _fit(passage: PassageTerms, wanted: _Wanted) -> _Fit:
    """How well a passage fits terms."""
    total, places, called_by = wanted.total, passage.all, passage.called
    by_sentence = [0.0] * passage.sentences
    cover = called = 0.0
    for term, worth in wanted.weights.items():
        if term in places:
            cover += worth
            if term in called_by:
                called += worth
            for number in places[term]:
                by_sentence[number] += worth
    if not total or not cover:
        return _UNFIT
    # Divided once: a greater sum is a greater share.
    about = (called / total + (max(by_sentence) / total if by_sentence else 0.0)) / 2
    # Words that stand together in the question and here mean the same; apart they may not.
    pairs, beside = wanted.pairs, passage.pairs
    if pairs and not beside.isdisjoint(pairs):
        about += _WORTH_OF_PAIRS * (len([pair for pair in pairs if pair in beside]) / len(pairs))
    return cover / total, min(1.0, about)


def _near(found: Sequence[tuple[Hit, PassageTerms]], wanted: _Wanted, best_score: float) -> list[str]:
    if not wanted.weights or not found:
        return []
    fits = [_fit(passage, wanted) for _, passage in found]
    # The law sets the measure, where any was found.
    best_cover = best_about = -1.0
    for (hit, _), (cover, about) in zip(found, fits, strict=True):
        if hit.document.kind != "decision":
            best_cover, best_about = max(best_cover, cover), max(best_about, about)
    if best_cover < 0:
        best_cover, best_about = max([cover for cover, _ in fits]), max([about for _, about in fits])
    few = len(wanted.weights) <= _FEW_TERMS
    share_of_cover, share_of_about = (_COVER_OF_FEW, _ABOUT_OF_FEW) if few else (_COVER, _ABOUT)
    least_cover, least_about, well_about = (
        share_of_cover * best_cover,
        share_of_about * best_about,
        _WELL_ABOUT * best_about,
    )
    least_score = _SCORE * best_score
    return [
        hit.document.id
        for (hit, _), (cover, about) in zip(found, fits, strict=True)
        if cover > 0
        and hit.score >= least_score
        and ((cover >= least_cover and about >= least_about) or (not few and about >= well_about))
    ]


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
        if own.isdisjoint(wanted):
            continue
        for one in held:
            if not own.isdisjoint(one):
                break
        else:
            found.setdefault(word.lower(), word)
    return tuple(found.values())
