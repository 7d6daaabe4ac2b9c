"""Looks at the passages that an answer cites, and gathers what its confidence is reckoned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from service.chat.arranging import Part
from service.chat.confidence import EXACT, Asked, Calibration, Support, confidence, features
from service.chat.evidence import Evidence
from service.readings import Readings
from service.retrieval.analysis import QueryTerms
from service.retrieval.retriever import Retriever
from service.retrieval.router import Unresolved
from service.values import value

_UNKNOWN = "?"
"""A term that no analysis makes, so that no passage holds it."""


@value
class Weighed:
    """The outcome of weighing: the numbered passages, what speaks for them, and the confidence they allow.

    `looked_at` counts the documents that were found, `unknown` are laws called by a title that none of them bears, `unresolved`
    is what the question cites and the corpus does not state, `resolved` counts what it does, and `search` is what was looked for.
    """

    evidence: tuple[Evidence, ...]
    features: Mapping[str, float]
    confidence: float
    looked_at: int
    unknown: tuple[str, ...]
    unresolved: tuple[Unresolved, ...]
    resolved: int
    search: str
    parts: tuple[Part, ...] = ()
    unmet: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """What the question names and the sources do not state, as it is shown to the reader."""
        return self.unknown or tuple(dict.fromkeys(one.label for one in self.unresolved))

    @property
    def baseless(self) -> bool:
        """Whether the question names laws or articles and not one of them was found: words that match do not make up for that."""
        return bool(self.missing) and not self.resolved


def matter_of(asked: QueryTerms, cited: Sequence[Evidence]) -> tuple[str, ...]:
    """The topic as evidence: none where an article is asked for by its number and cited, because "pasal" and "uu" are words of any source."""
    return () if asked.named_only and any(item.score >= EXACT for item in cited) else asked.topic


def supports_of(retriever: Retriever, readings: Readings, cited: Sequence[Evidence]) -> list[Support]:
    """What confidence needs to know of the passages that are cited.

    Args:
        retriever: the corpus.
        readings: how it reads passages.
        cited: the passages.
    """
    idf = retriever.idf
    return [
        Support(
            retriever.terms(item), item.score, readings.title(item.document.title, idf), partial(readings.places, item)
        )
        for item in cited
    ]


async def evidence_features(
    retriever: Retriever, search: str, cited: Sequence[Evidence], supports: Sequence[Support], *, unknown: int = 0
) -> dict[str, float]:
    """The features of an answer's confidence (`service.chat.confidence.FEATURES`).

    Args:
        retriever: the corpus.
        search: what was looked for: the question with what it carries over, in the language of the sources.
        cited: the passages.
        supports: what confidence needs to know of each (`supports_of`).
        unknown: how many laws the question calls by a title that was not found.
    """
    named, resolved = await retriever.references(search, [item.document for item in cited])
    terms = retriever.analyser.query_terms(search)
    matter = matter_of(terms, cited)
    steering = (*terms.side, *terms.source) if matter else terms.topic
    asked = Asked(matter, steering, terms.related, terms.defined, named + unknown, resolved)
    idf = retriever.idf
    return features(asked, idf, idf(_UNKNOWN), supports)


async def confidence_in(
    retriever: Retriever, readings: Readings, weighed: Weighed, used: Sequence[Evidence], calibration: Calibration
) -> float:
    """The confidence in what the answer really cites, which is mostly all that was weighed."""
    if len(used) == len(weighed.evidence):
        return weighed.confidence
    supports = supports_of(retriever, readings, used)
    return confidence(
        await evidence_features(retriever, weighed.search, used, supports, unknown=len(weighed.unknown)), calibration
    )
