"""The retriever over PostgreSQL: one generation, whose vocabulary lives here and whose passages live there."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from service.retrieval.analysis import Analyser
from service.retrieval.document import Document, Passage
from service.retrieval.duplicates import SKETCH_SIZE, Sketch
from service.retrieval.hits import Hit, Search
from service.retrieval.postgres.connecting import Connections
from service.retrieval.postgres.statements import (
    Posted,
    Statements,
    conditions,
    proven,
    saturation,
    shares,
)
from service.retrieval.ranking import (
    MOST_CITED,
    SPARE,
    WIDEN,
    WIDENINGS,
    KnownTerms,
    Scale,
    Standing,
    Weighed,
    cited_hit,
    rank,
    repeats,
    telling_terms,
    title_bits,
    weigh,
)
from service.retrieval.retriever import NO_FILTERS, Filters, Found, Holdings
from service.retrieval.router import Citation, CitationRouter, Unresolved
from service.retrieval.shelving import load_document, load_passage
from service.retrieval.weights import greatest_score, idf

Clock = Callable[[], float]
_Answer = TypeVar("_Answer")
SKETCH = struct.Struct(f"<{SKETCH_SIZE}I")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The terms of a generation: their numbers, and by number how many passages hold each."""

    numbers: Mapping[str, int]
    holding: Sequence[int]

    def holding_of(self, term: str) -> int:
        """How many passages hold a term."""
        number = self.numbers.get(term)
        return 0 if number is None else self.holding[number]


@dataclass(frozen=True, slots=True)
class Generation:
    """What a reader keeps of a published generation in memory: its number, what it holds, its words, and how long its passages are."""

    number: int
    publication: int
    holdings: Holdings
    vocabulary: Vocabulary
    tokens: int
    embedding: str | None = None


class PostgresRetriever:
    """A generation behind the Protocol. Each search is one query, a lookup two; nothing but the vocabulary is kept."""

    waits = True

    def __init__(self, connections: Connections, generation: Generation, analyser: Analyser, clock: Clock) -> None:
        self.generation = generation
        self._connections = connections
        self._analyser = analyser
        self._clock = clock
        self._statements = Statements(generation.number)
        self._saturation = saturation(generation.tokens, generation.holdings.passages)
        self._known_terms = KnownTerms(analyser)

    @property
    def holdings(self) -> Holdings:
        """What is searched."""
        return self.generation.holdings

    @property
    def analyser(self) -> Analyser:
        """How this corpus reads words."""
        return self._analyser

    def let_go(self, text: str) -> None:
        """Nothing: a search keeps nothing."""

    def idf(self, term: str) -> float:
        """The weight of a term."""
        return idf(self.generation.vocabulary.holding_of(term), self.holdings.passages)

    def terms(self, found: Found) -> frozenset[str]:
        """The distinct terms under which a passage is found."""
        return self._known_terms.of(found)

    async def check(self) -> None:
        """Ask for one row.

        Raises:
            StorageUnavailable: the server does not answer, or the generation is gone.
        """
        await self._connections.fetch(self._statements.check)

    async def search(
        self, text: str, *, filters: Filters = NO_FILTERS, limit: int = 10, passages_per_document: int = 1
    ) -> Search:
        """The passages that fit a text best.

        Raises:
            StorageUnavailable: the server does not answer.
        """
        started = self._clock()
        weighed = weigh(text, self._analyser, self.generation.vocabulary.holding_of)
        posted = self._posted(weighed)
        analysed = self._clock()
        searching = 0.0
        hits: tuple[Hit, ...] = ()
        reach = limit + SPARE
        for _ in range(WIDENINGS if posted and limit > 0 else 0):
            before = self._clock()
            rows = await self._best(posted, filters, reach)
            searching += self._clock() - before
            stock = _Fetched(rows, self.generation.vocabulary, self._idf_of)
            found = [(row["score"], row["passage"]) for row in rows]
            hits = rank(
                found,
                Scale(weighed, stock.title_code, self.idf),
                stock,
                filters=filters,
                limit=limit,
                passages_per_document=passages_per_document,
            )
            if len(hits) == limit or len(found) < reach:
                break
            reach *= WIDEN
        ended = self._clock()
        seconds = {
            "analyse": analysed - started,
            "search": searching,
            "rank": ended - analysed - searching,
            "total": ended - started,
        }
        return Search(hits=hits, seconds=seconds)

    async def lookup(self, citations: Iterable[Citation]) -> Search:
        """The documents that state the cited articles.

        Raises:
            StorageUnavailable: the server does not answer.
        """
        started = self._clock()
        asked = tuple(citations)
        rows: dict[int, str] = {}
        for citation, found in zip(asked, await self._route(lambda router: [*map(router.rows, asked)]), strict=True):
            for row in found:
                rows.setdefault(row, citation.ayat)
        hits = await self._cited(rows)
        spent = self._clock() - started
        return Search(hits=hits, seconds={"search": spent, "total": spent})

    async def resolves(self, citation: Citation) -> bool:
        """Whether the corpus states the cited article.

        Raises:
            StorageUnavailable: the server does not answer.
        """
        return await self._route(lambda router: bool(router.rows(citation)))

    async def references(self, text: str, cited: Iterable[Document]) -> tuple[int, int]:
        """How many laws, articles and decisions a text names, and how many of them the corpus states.

        Raises:
            StorageUnavailable: the server does not answer.
        """
        documents = tuple(cited)
        return await self._route(lambda router: router.references(text, documents))

    async def unresolved(self, text: str) -> tuple[Unresolved, ...]:
        """The citations and laws of a text that the corpus does not state.

        Raises:
            StorageUnavailable: the server does not answer.
        """
        return await self._route(lambda router: router.unresolved(text))

    def _idf_of(self, number: int) -> float:
        return idf(self.generation.vocabulary.holding[number], self.holdings.passages)

    def _posted(self, weighed: Weighed) -> list[Posted]:
        """The terms that any passage holds, with the most that each adds to a score."""
        vocabulary = self.generation.vocabulary
        posted = []
        for term, weight in telling_terms(weighed.weights, self.idf).items():
            number = vocabulary.numbers.get(term)
            if number is not None and vocabulary.holding[number]:
                posted.append(Posted(number, greatest_score([(weight, self.idf(term))]), vocabulary.holding[number]))
        return posted

    async def _best(self, posted: Sequence[Posted], filters: Filters, reach: int) -> Sequence[asyncpg.Record]:
        """The best passages: by way of the rare terms, and by all of them when that proves too few."""
        given = conditions(filters)
        split = shares(posted, reach)
        if split.frequent:
            numbers, weights = _numbers_and_weights(split.frequent)
            arguments = (*self._asked(split.rare, reach), numbers, weights, split.slack, *given)
            rows = await self._connections.fetch(self._statements.best(filtered=bool(given), shared=True), *arguments)
            if rows and proven(rows[0]["least"], split.slack):
                return rows
        statement = self._statements.best(filtered=bool(given), shared=False)
        return await self._connections.fetch(statement, *self._asked(posted, reach), *given)

    def _asked(self, posted: Sequence[Posted], reach: int) -> tuple[object, ...]:
        numbers, weights = _numbers_and_weights(posted)
        return numbers, weights, reach, *self._saturation

    async def _route(self, ask: Callable[[CitationRouter], _Answer]) -> _Answer:
        """Ask a router twice: one that knows nothing notes the keys that matter, the other one knows what stands under them."""
        noted: dict[str, None] = {}

        def note(key: str) -> Sequence[int]:
            noted[key] = None
            return ()

        ask(CitationRouter(note))
        table = await self._rows_under(list(noted)) if noted else {}
        return ask(CitationRouter(lambda key: table.get(key, ())))

    async def _rows_under(self, keys: Sequence[str]) -> Mapping[str, Sequence[int]]:
        """The documents that are cited under each of these keys."""
        table: dict[str, list[int]] = {}
        for row in await self._connections.fetch(self._statements.cited, list(keys), MOST_CITED):
            table.setdefault(row["key"], []).append(row["document"])
        return table

    async def _cited(self, rows: Mapping[int, str]) -> tuple[Hit, ...]:
        if not rows:
            return ()
        found = await self._connections.fetch(self._statements.documents, list(rows))
        hits: dict[int, Hit] = {}
        for row in found:
            document = load_document(row["content"])
            ayat = rows[row["number"]]
            passages = [load_passage(stored, document) for stored in row["passages"]] if ayat else ()
            hits[row["number"]] = cited_hit(document, passages, ayat)
        return tuple(hits[number] for number in rows if number in hits)


def _numbers_and_weights(posted: Sequence[Posted]) -> tuple[list[int], list[float]]:
    return [term.number for term in posted], [term.weight for term in posted]


class _Fetched:
    """The stock of one search: the rows that its query gave. Texts are read only of what is shown or compared."""

    def __init__(self, rows: Sequence[asyncpg.Record], vocabulary: Vocabulary, idf_of: Callable[[int], float]) -> None:
        self._rows = {row["passage"]: row for row in rows}
        self._vocabulary = vocabulary
        self._idf_of = idf_of

    def title_code(self, term: str) -> int:
        """The number of a term; one that no title holds has none."""
        return self._vocabulary.numbers.get(term, -1)

    def standing(self, row: int) -> Standing:
        """What places a passage; titles are known by the numbers of their terms."""
        found = self._rows[row]
        numbers = found["title"]
        weight = sum(map(self._idf_of, numbers))
        return Standing(int(found["document"]), numbers, title_bits(numbers), weight, bool(found["repealed"]))

    def sketch(self, row: int) -> Sketch:
        """What passages in almost the same words share."""
        return Sketch.of(SKETCH.unpack(self._rows[row]["sketch"]))

    def repeats(self, rows: tuple[int, int]) -> bool:
        """Whether two passages say the same."""
        return repeats(self.held(rows[0]), self.held(rows[1]))

    def held(self, row: int) -> tuple[Document, Passage]:
        """A passage and its document, read from their bytes."""
        found = self._rows[row]
        document = load_document(found["document_content"])
        return document, load_passage(found["content"], document)
