"""Dense re-ranking: the best passages by words are ordered anew by what they mean, as far as an embedding model can tell.

Words find, meaning orders: nothing that the search did not find comes in, and where the model is late, fails or has no vectors of this corpus,
the order by words stands. Ranks are fused (Cormack, Clarke and Büttcher 2009), for scores of the two do not compare.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from service.errors import Problem, ServiceError
from service.retrieval.analysis import Analyser
from service.retrieval.document import Document, Passage
from service.retrieval.hits import Hit, Search
from service.retrieval.retriever import NO_FILTERS, Filters, Found, Holdings, Retriever
from service.retrieval.router import Citation, Unresolved

OUTCOMES = ("fused", "late", "failed", "missing")
"""What becomes of a search: fused; the model was late or failed; this corpus has no vectors of this model."""
_REMEMBERED = 1_000

Vector = Sequence[float]


class NoVectors(ServiceError):  # noqa: N818 - a state of the model, told to whoever asked it
    """The embedding model gave nothing that can be used; the message says why, without any text that was sent."""


class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def name(self) -> str:
        """Provider and model: vectors of different names do not compare."""

    async def vectors(self, texts: Sequence[str]) -> Sequence[Vector]:
        """One vector for each text, in their order.

        Raises:
            NoVectors: the model failed.
        """


class Vectors(Protocol):
    """The vectors of one generation's passages."""

    @property
    def embedding(self) -> str:
        """The name of the embedder that made them."""

    async def likeness(self, query: Vector, rows: Sequence[int]) -> Mapping[int, float]:
        """The cosine of a query with these passages; one without a vector is left out.

        Raises:
            NoVectors: the query has another length.
            StorageUnavailable: they cannot be read now.
        """


@dataclass(frozen=True, slots=True)
class DenseRules:
    """How much meaning counts beside words: passages looked at, the constant of the fusion, the weight of the dense rank, seconds for all of it."""

    candidates: int = 50
    constant: float = 60.0
    weight: float = 1.0
    seconds: float = 0.5


class QueryVectors:
    """Remembers the vectors of the latest questions by a hash of their text; the text itself is not kept."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._known: OrderedDict[bytes, Vector] = OrderedDict()

    async def of(self, text: str) -> Vector:
        """The vector of a question.

        Raises:
            NoVectors: the model failed.
        """
        key = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
        known = self._known.get(key)
        if known is None:
            (known,) = await self.embedder.vectors([text])
            self._known[key] = known
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return known


class DenseReranker:
    """Any retriever, its searches ordered anew; all else is passed on."""

    waits = True

    def __init__(
        self,
        retriever: Retriever,
        vectors: Vectors | None,
        queries: QueryVectors,
        rules: DenseRules,
        counted: Callable[[str], None],
    ) -> None:
        """Wrap a retriever.

        Args:
            retriever: finds.
            vectors: of the same generation; None where nobody made any.
            queries: vectors of questions.
            rules: how much they count.
            counted: told the outcome of each search, one of `OUTCOMES`.
        """
        self._retriever = retriever
        fitting = vectors is not None and vectors.embedding == queries.embedder.name
        self._vectors = vectors if fitting else None
        self._queries = queries
        self._rules = rules
        self._counted = counted

    @property
    def holdings(self) -> Holdings:
        """What is searched."""
        return self._retriever.holdings

    @property
    def analyser(self) -> Analyser:
        """How this corpus reads words."""
        return self._retriever.analyser

    async def search(
        self, text: str, *, filters: Filters = NO_FILTERS, limit: int = 10, passages_per_document: int = 1
    ) -> Search:
        """The passages that fit a text best by words, in the order of words and meaning. Scores belong to places, as in the search."""
        wanted = max(limit, self._rules.candidates) if self._vectors and limit > 0 else limit
        found = await self._retriever.search(
            text, filters=filters, limit=wanted, passages_per_document=passages_per_document
        )
        outcome, likeness = await self._likeness(text, found.hits)
        self._counted(outcome)
        ordered = fused(found.hits, likeness, self._rules) if likeness else found.hits
        placed = (replace(hit, score=at.score) for hit, at in zip(ordered[:limit], found.hits, strict=False))
        return Search(hits=tuple(placed), seconds=found.seconds)

    async def lookup(self, citations: Iterable[Citation]) -> Search:
        """The documents that state the cited articles."""
        return await self._retriever.lookup(citations)

    async def resolves(self, citation: Citation) -> bool:
        """Whether the corpus states the cited article."""
        return await self._retriever.resolves(citation)

    async def references(self, text: str, cited: Iterable[Document]) -> tuple[int, int]:
        """How many laws, articles and decisions a text names, and how many of them the corpus states."""
        return await self._retriever.references(text, cited)

    async def unresolved(self, text: str) -> tuple[Unresolved, ...]:
        """The citations and laws of a text that the corpus does not state."""
        return await self._retriever.unresolved(text)

    async def check(self) -> None:
        """Ask the store; without the model questions are answered all the same."""
        await self._retriever.check()

    def let_go(self, text: str) -> None:
        """Forget what the searches for a text were kept for."""
        self._retriever.let_go(text)

    def idf(self, term: str) -> float:
        """The weight of a term."""
        return self._retriever.idf(term)

    def terms(self, found: Found) -> frozenset[str]:
        """The distinct terms under which a passage is found."""
        return self._retriever.terms(found)

    async def _likeness(self, text: str, hits: Sequence[Hit]) -> tuple[str, Mapping[int, float]]:
        rows = [hit.row for hit in hits if hit.row is not None]
        if self._vectors is None:
            return "missing", {}
        if not rows:
            return "fused", {}
        try:
            async with asyncio.timeout(self._rules.seconds):
                return "fused", await self._vectors.likeness(await self._queries.of(text), rows)
        except TimeoutError:
            return "late", {}
        except (NoVectors, Problem):
            return "failed", {}


def fused(hits: Sequence[Hit], likeness: Mapping[int, float], rules: DenseRules) -> list[Hit]:
    """Hits by the sum of 1 / (constant + rank) over both orders, the dense one weighted; ties stay in the order of words."""
    alike = sorted(
        (at for at, hit in enumerate(hits) if hit.row in likeness),
        key=lambda at: (-likeness[hits[at].row or 0], at),
    )
    worth = [1 / (rules.constant + rank) for rank in range(1, len(hits) + 1)]
    for rank, at in enumerate(alike, start=1):
        worth[at] += rules.weight / (rules.constant + rank)
    return [hits[at] for at in sorted(range(len(hits)), key=lambda at: (-worth[at], at))]


def embedded_text(document: Document, passage: Passage) -> str:
    """What is embedded of a passage: its title says what it is about, its text what it says."""
    return f"{document.title}\n{passage.text}"
