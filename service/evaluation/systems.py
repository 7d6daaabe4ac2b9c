"""What is evaluated: the whole retrieval as users meet it, or with components left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from service.evaluation.measures import DEPTH
from service.retrieval.analysis import Analyser, Parts, QueryTerms
from service.retrieval.document import Document, Passage
from service.retrieval.index import Index
from service.retrieval.passages import split
from service.retrieval.router import find_citations

Rank = Callable[[str], Sequence[str]]
"""A question to ids of the corpus, best first, each once."""
_PASSAGES_PER_DOCUMENT = 6
"""So many more passages are asked for than documents are wanted."""
_RELATED_BOOST = 0.5
"""What laws may write for what people say counts half."""


@dataclass(frozen=True, slots=True)
class Components:
    """What the retrieval is made of beyond BM25 over folded words, in the order in which the ablation adds it."""

    stop_words: bool = True
    stemming: bool = True
    concepts: bool = True
    titles: bool = True
    passages: bool = True
    definitions: bool = True
    related: bool = True
    citations: bool = True


_DEFINITION_BOOST = 3.0
"""A passage that defines the term that is asked for answers, whatever else it says."""


WHOLE = Components()
NAMES: Mapping[str, str] = {
    "stop_words": "stop words",
    "stemming": "stemming",
    "concepts": "concepts and synonyms",
    "titles": "titles and names of laws",
    "passages": "passages",
    "definitions": "definition keys",
    "related": "lay words to legal ones",
    "citations": "citation router",
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
        components.stop_words, components.stemming, components.concepts, components.definitions, components.related
    )
    index = _PassageIndex(documents, components, Analyser(parts=parts), clock)

    def rank(text: str) -> list[str]:
        found: dict[str, None] = {}
        if components.citations:
            found.update(dict.fromkeys(index.entry_of(hit.document) for hit in index.lookup(find_citations(text)).hits))
        hits = index.search(text, limit=DEPTH * _PASSAGES_PER_DOCUMENT).hits
        found.update(dict.fromkeys(index.entry_of(hit.document) for hit in hits))
        return list(found)[:DEPTH]

    return rank


class _PassageIndex(Index):
    """The index over passages, each a document of its own."""

    def __init__(
        self, documents: Sequence[Document], components: Components, analyser: Analyser, clock: Callable[[], float]
    ) -> None:
        self._components = components
        self._passages: dict[str, Passage] = {}
        rows = []
        for document in documents:
            whole = (Passage(document.id, 0, None, None, document.text),)
            for passage in split(document) if components.passages else whole:
                row = replace(document, id=f"{document.id}\0{passage.place}", text=passage.text)
                if not components.titles:
                    row = replace(row, title="-", law_title=None, topics=(), law=None, article=None)
                self._passages[row.id] = passage
                rows.append(row)
        super().__init__(rows, analyser, clock)

    def entry_of(self, row: Document) -> str:
        return self._passages[row.id].document

    def _terms_of(self, document: Document) -> list[str]:
        passage = self._passages[document.id]
        own = self.analyser.passage_terms(passage)
        return super()._terms_of(replace(document, text="")) + own

    def _weights(self, query: QueryTerms, text: str) -> dict[str, float]:
        known = (key for key in query.defined if key in self._frequency)
        weights = super()._weights(query, text) | dict.fromkeys(known, _DEFINITION_BOOST)
        return dict.fromkeys(query.related, _RELATED_BOOST) | weights
