"""What is evaluated: the whole retrieval as users meet it, or with components left out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from service.evaluation.measures import DEPTH
from service.retrieval.analysis import Analyser, Parts
from service.retrieval.dense import DenseReranker, DenseRules, Embedder, QueryVectors
from service.retrieval.document import Document, Passage
from service.retrieval.embedded import EmbeddedRetriever
from service.retrieval.index import Index
from service.retrieval.passages import split
from service.retrieval.router import find_citations
from service.retrieval.vectors import MatrixVectors, embed_all

Rank = Callable[[str], Sequence[str]]
"""A question to ids of the corpus, best first, each once."""


@dataclass(frozen=True, slots=True)
class Components:
    """What the retrieval is made of beyond BM25 over folded words, in the order in which the ablation adds it."""

    stop_words: bool = True
    stemming: bool = True
    roots: bool = True
    concepts: bool = True
    titles: bool = True
    passages: bool = True
    definitions: bool = True
    related: bool = True
    spellings: bool = True
    citations: bool = True
    repetitions: bool = True


WHOLE = Components()
_PATIENT_SECONDS = 30.0
"""An evaluation waits for the model: a late one would be measured as the order by words."""
NAMES: Mapping[str, str] = {
    "stop_words": "stop words",
    "stemming": "stemming",
    "roots": "roots that prefixes hide",
    "concepts": "concepts and synonyms",
    "titles": "titles and names of laws",
    "passages": "passages",
    "definitions": "definition keys",
    "related": "lay words to legal ones",
    "spellings": "numbers, and other spellings of unknown words",
    "citations": "citation router",
    "repetitions": "near-duplicates, behind the one shown",
}


def ladder() -> list[tuple[str, Components]]:
    """From bare BM25 over whole entries to the whole retrieval, one component more at each step."""
    at = Components(**{field.name: False for field in fields(Components)})
    steps = [("BM25 over words of the text", at)]
    for field in fields(Components):
        at = replace(at, **{field.name: True})
        steps.append((f"+ {NAMES[field.name]}", at))
    return steps


def build(documents: Sequence[Document], components: Components, clock: Callable[[], float]) -> Rank:
    """Index the documents with these components, and rank by them: cited articles first, then what the search finds."""
    parts = Parts(
        stop_words=components.stop_words,
        stemming=components.stemming,
        concepts=components.concepts,
        definitions=components.definitions,
        related=components.related,
        roots=components.roots,
        spellings=components.spellings,
    )
    given = documents if components.titles else [_untitled(document) for document in documents]
    index = Index.of(given, Analyser(parts=parts), clock, split_into=split if components.passages else _whole)

    def rank(text: str) -> list[str]:
        found: dict[str, None] = {}
        if components.citations:
            found.update(dict.fromkeys(hit.document.id for hit in index.lookup(find_citations(text)).hits))
        for hit in index.search(text, limit=DEPTH).hits:
            # What says the same in another law takes no place of its own: it is named with the hit, and counts behind it.
            found.update(dict.fromkeys((hit.document.id, *(hit.repeated_in if components.repetitions else ()))))
        return list(found)[:DEPTH]

    return rank


def build_dense(
    documents: Sequence[Document], embedder: Embedder, clock: Callable[[], float], run: Callable[[Awaitable[Any]], Any]
) -> Rank:
    """The whole retrieval with dense re-ranking behind it; `run` is a loop to wait in for the model.

    Raises:
        NoVectors: the model fails while the passages are embedded.
    """
    index = Index.of(documents, Analyser(), clock)
    width, values = run(embed_all(index.passages(), embedder))
    vectors = MatrixVectors(embedder.name, width, values)
    rules = DenseRules(seconds=_PATIENT_SECONDS)
    searched = DenseReranker(EmbeddedRetriever(index), vectors, QueryVectors(embedder), rules, lambda _: None)

    def rank(text: str) -> list[str]:
        found = dict.fromkeys(hit.document.id for hit in index.lookup(find_citations(text)).hits)
        for hit in run(searched.search(text, limit=DEPTH)).hits:
            found.update(dict.fromkeys((hit.document.id, *hit.repeated_in)))
        return list(found)[:DEPTH]

    return rank


def _whole(document: Document) -> tuple[Passage, ...]:
    return (Passage.whole(document),)


def _untitled(document: Document) -> Document:
    """Without all that is found by and is not its text; the citation router needs law and article."""
    return replace(document, title="-", law_title=None, topics=())
