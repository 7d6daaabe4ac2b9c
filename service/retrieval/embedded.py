"""The retriever that ships: an index in this process. Its work takes less than a millisecond, so it runs in the event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from service.retrieval.analysis import Analyser
from service.retrieval.document import Document
from service.retrieval.hits import Search
from service.retrieval.index import Index
from service.retrieval.retriever import NO_FILTERS, Filters, Found, Holdings
from service.retrieval.router import Citation, Unresolved


class EmbeddedRetriever:
    """An index behind the Protocol that other stores implement with input and output."""

    waits = False

    def __init__(self, index: Index) -> None:
        self._index = index
        self.idf: Callable[[str], float] = index.idf
        """The weight of a term."""
        self.let_go: Callable[[str], None] = index.let_go
        """Forget what searches for a text share."""
        self.terms: Callable[[Found], frozenset[str]] = index.terms
        """The distinct terms under which a passage is found."""
        self.holdings: Holdings = index.holdings
        """What is searched."""
        self.analyser: Analyser = index.analyser
        """How this corpus reads words."""

    async def search(
        self, text: str, *, filters: Filters = NO_FILTERS, limit: int = 10, passages_per_document: int = 1
    ) -> Search:
        """The passages that fit a text best."""
        return self._index.search(text, filters=filters, limit=limit, passages_per_document=passages_per_document)

    async def lookup(self, citations: Iterable[Citation]) -> Search:
        """The documents that state the cited articles."""
        return self._index.lookup(citations)

    async def resolves(self, citation: Citation) -> bool:
        """Whether the corpus states the cited article."""
        return self._index.resolves(citation)

    async def references(self, text: str, cited: Iterable[Document]) -> tuple[int, int]:
        """How many laws, articles and decisions a text names, and how many of them the corpus states."""
        return self._index.references(text, cited)

    async def unresolved(self, text: str) -> tuple[Unresolved, ...]:
        """The citations and laws of a text that the corpus does not state."""
        return self._index.unresolved(text)

    async def check(self) -> None:
        """Nothing: an index that was opened answers."""
