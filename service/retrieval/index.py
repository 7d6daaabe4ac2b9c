"""BM25 over passages by Tantivy; terms come from our own analysis, so query and text always agree.

Tantivy finds the best few; they are weighed again by their titles, by what is in force and by what repeats another (`ranking.py`), all of
it from columns of numbers. Only what is given back is read as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import NoReturn

import tantivy

from service.remembering import Remembered
from service.retrieval.analysis import Analyser
from service.retrieval.building import Split, write_index
from service.retrieval.columns import LONGEST_REMEMBERED, Columns
from service.retrieval.document import Document, Kind, Passage
from service.retrieval.fields import ROW, TERMS, Conditions, schema
from service.retrieval.hits import Hit, Search
from service.retrieval.passages import split
from service.retrieval.places import MemoryPlace, Place
from service.retrieval.ranking import (
    MOST_CITED,
    SPARE,
    WIDEN,
    WIDENINGS,
    KnownTerms,
    Scale,
    cited_hit,
    rank,
    telling_terms,
    weigh,
)
from service.retrieval.retriever import NO_FILTERS, Filters, Found, Holdings
from service.retrieval.router import Citation, CitationRouter, Unresolved
from service.retrieval.weights import idf
from service.values import value

Clock = Callable[[], float]
_ButForKinds = tuple[tuple[str, ...], int | None, int | None, date | None]
_LATEST = 2
"""Questions whose searches stay known, unless whoever asked lets them go before. The tools of a question look things up one right after the other: what
is kept longer is only cold when it is let go, and to let three hundred cold objects go costs as much as to search."""
_SHARED_REACH: Mapping[tuple[Kind, ...], int] = {(): 40, ("decision",): 50}
"""So many passages of all kinds hold the best fifteen statutes for nearly every question; whoever compares decisions looks at fifty."""
_REMEMBERED_CITED = 1_000
"""Articles that were cited, by their ayat, and stay read."""
_REMEMBERED_WEIGHTS = 50_000
"""Terms whose weight stays known: some five megabytes."""


@value
class _Look:
    """What was found, as score and row, when so many passages were asked for."""

    reach: int
    found: list[tuple[float, int]]


@dataclass(slots=True)
class _Sought:
    """What one question searches for: Tantivy's query, what passages are measured by, and what was found by kinds and by the other filters."""

    tree: tantivy.Query
    scale: Scale
    looks: dict[_ButForKinds, dict[tuple[Kind, ...], _Look]] = field(default_factory=dict)


class Index:
    """The searchable corpus. It does not change, and any number of tasks of one thread may share it."""

    def __init__(self, place: Place, holdings: Holdings, analyser: Analyser, clock: Clock) -> None:
        """Open an index that `write_index` wrote into the place."""
        self.holdings = holdings
        self.analyser = analyser
        self._clock = clock
        self._place = place
        self._searcher = place.open_search().searcher()
        self._conditions = Conditions(schema())
        self._columns = Columns(place)
        searcher, passages = self._searcher, holdings.passages
        self._holding = Remembered[str, int](lambda term: int(searcher.doc_freq(TERMS, term)), _REMEMBERED_WEIGHTS)
        holding = self._holding
        weights = Remembered[str, float](lambda term: idf(holding[term], passages), _REMEMBERED_WEIGHTS)
        self.idf: Callable[[str], float] = weights.__getitem__
        """BM25's inverse document frequency; a term that no passage holds weighs most. An answer asks for a hundred of them."""
        # Of the columns and not of `self`, which would keep the files for as long as the collector pleases.
        self._cited = Remembered[tuple[int, str], Hit](partial(_cited, self._columns), _REMEMBERED_CITED, _is_short)
        self._router = CitationRouter(self._rows_under)
        self._rows_are_ids = self._searcher.num_segments == 1
        self.terms: Callable[[Found], frozenset[str]] = KnownTerms(analyser).of
        """The distinct terms under which a passage is found; the latest ones are remembered, because an answer asks twice."""
        self._latest: dict[str, _Sought] = {}

    @classmethod
    def of(
        cls,
        documents: Iterable[Document],
        analyser: Analyser,
        clock: Clock,
        corpus_hash: str | None = None,
        *,
        split_into: Split = split,
    ) -> Index:
        """An index in memory; see `write_index`.

        Raises:
            ConfigurationError: there is no document, or an id comes twice.
        """
        place = MemoryPlace()
        holdings = write_index(documents, place, analyser, corpus_hash=corpus_hash, split_into=split_into)
        return cls(place, holdings, analyser, clock)

    def __len__(self) -> int:
        return self.holdings.documents

    def whole(self) -> bool:
        """Whether all its parts agree on how many documents and passages there are."""
        return self._columns.whole(self.holdings) and self._searcher.num_docs == self.holdings.passages

    def documents(self) -> Iterator[Document]:
        """Every document, in the order in which it was indexed."""
        return map(self._columns.document, range(len(self._columns)))

    def passages(self) -> Iterator[tuple[Document, Passage]]:
        """Every passage with its document, by row."""
        for number, document in enumerate(self.documents()):
            for row in self._columns.passages_of(number):
                yield document, self._columns.passage(row, document)

    def close(self) -> None:
        """Give back what the place holds. Nobody may search afterwards."""
        self._latest.clear()
        self._cited.clear()
        self._columns.close()
        self._place.close()
        # The router holds a method of this index. Untied, index and Tantivy's files and thread go with the last reference.
        self._router = CitationRouter(_closed)

    def search(
        self, text: str, *, filters: Filters = NO_FILTERS, limit: int = 10, passages_per_document: int = 1
    ) -> Search:
        """The passages that fit the text best, best first; see `Retriever.search`."""
        started = self._clock()
        sought = self._sought(text)
        analysed = self._clock()
        searching = 0.0
        hits: tuple[Hit, ...] = ()
        reach = limit + SPARE
        for _ in range(WIDENINGS if limit > 0 else 0):
            before = self._clock()
            found = self._found(sought, filters, reach)
            searching += self._clock() - before
            hits = rank(
                found,
                sought.scale,
                self._columns,
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

    def let_go(self, text: str) -> None:
        """Forget what searches for a text share. At once it costs a fifth of what it costs when the next questions have made it cold."""
        self._latest.pop(text, None)

    def lookup(self, citations: Iterable[Citation]) -> Search:
        """The documents that state the cited articles, the cited ayat where they mark it: exact, so each scores 1."""
        started = self._clock()
        rows: dict[int, str] = {}
        for citation in citations:
            for row in self._router.rows(citation):
                rows.setdefault(row, citation.ayat)
        hits = tuple(map(self._cited.__getitem__, rows.items()))
        spent = self._clock() - started
        return Search(hits=hits, seconds={"search": spent, "total": spent})

    def resolves(self, citation: Citation) -> bool:
        """Whether the corpus states the cited article."""
        return bool(self._router.rows(citation))

    def unresolved(self, text: str) -> tuple[Unresolved, ...]:
        """The citations and laws of a text that the corpus does not state."""
        return self._router.unresolved(text)

    def references(self, text: str, cited: Iterable[Document]) -> tuple[int, int]:
        """How many laws, articles and decisions a text names, and how many of them its sources state."""
        return self._router.references(text, cited)

    def _sought(self, text: str) -> _Sought:
        """What to search for; remembered for the latest questions, because several tools search for each."""
        found = self._latest.get(text)
        if found is None:
            if len(self._latest) >= _LATEST:
                del self._latest[next(iter(self._latest))]
            weighed = weigh(text, self.analyser, self._holding.__getitem__)
            telling = telling_terms(weighed.weights, self.idf)
            weighted, holding = self._conditions.weighted, self._holding
            parts = [weighted(one) for one in telling.items() if holding[one[0]]]
            tree = tantivy.Query.boolean_query(parts)
            found = self._latest[text] = _Sought(tree, Scale(weighed, self._columns.title_code, self.idf))
        return found

    def _found(self, sought: _Sought, filters: Filters, reach: int) -> list[tuple[float, int]]:
        """The best passages by BM25, as score and row.

        A look at a few more for the first tool often holds all that the next one wants, of the same kinds or of a single one; to
        search for these alone costs several times as much.
        """
        looks = sought.looks.setdefault((filters.types, filters.year_from, filters.year_to, filters.in_force_on), {})
        known = looks.get(filters.kinds)
        if known is not None and known.reach >= reach:
            return known.found[:reach]
        if filters.kinds and (shared := looks.get(())):
            picked = self._columns.of_kinds(shared.found, filters.kinds, reach)
            if len(picked) == reach:
                return picked
        wide = max(reach, _SHARED_REACH.get(filters.kinds, 0))
        found = self._run(sought, filters, wide)
        looks[filters.kinds] = _Look(wide, found)
        return found[:reach]

    def _run(self, sought: _Sought, filters: Filters, reach: int) -> list[tuple[float, int]]:
        """The best passages by BM25, searched for now."""
        tree = sought.tree
        conditions = self._conditions.of(filters)
        if conditions:
            tree = tantivy.Query.boolean_query([(tantivy.Occur.Must, part) for part in (tree, *conditions)])
        return self._rows(self._searcher.search(tree, limit=reach, count=False).hits)

    def _rows(self, found: Sequence[tuple[float, tantivy.DocAddress]]) -> list[tuple[float, int]]:
        """Best first and ties by row. In one segment a passage's address is its row; else a column says it."""
        if self._rows_are_ids:
            return [(score, address.doc) for score, address in found]
        rows = self._searcher.fast_field_values(ROW, [address for _, address in found])
        read = [(score, int(row or 0)) for (score, _), row in zip(found, rows, strict=True)]
        return sorted(read, key=lambda one: (-one[0], one[1]))

    def _rows_under(self, key: str) -> Sequence[int]:
        """The documents that are cited under a key."""
        found = self._rows(self._searcher.search(self._conditions.keyed(key), limit=MOST_CITED, count=False).hits)
        return sorted({self._columns.document_of(row) for _, row in found})


def _cited(columns: Columns, article: tuple[int, str]) -> Hit:
    """A document that is cited, by its row, and the ayat that was named."""
    row, ayat = article
    document = columns.document(row)
    rows = columns.passages_of(row) if ayat else ()
    return cited_hit(document, [columns.passage(at, document) for at in rows], ayat)


def _is_short(hit: Hit) -> bool:
    return len(hit.document.text) <= LONGEST_REMEMBERED


def _closed(_: str) -> NoReturn:
    raise ValueError("the index was released; nobody may search it")
