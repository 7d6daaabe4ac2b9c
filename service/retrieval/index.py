"""BM25 over passages by Tantivy; terms come from our own analysis, so query and text always agree.

Tantivy ranks; the best few are weighed again by their titles, by what is in force and by what repeats another, all of it from columns
of numbers. Only what is given back is read as text.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import tantivy

from service.retrieval.analysis import Analyser, QueryTerms
from service.retrieval.building import Split, shared_terms, title_code, write_index
from service.retrieval.document import Document, Passage
from service.retrieval.duplicates import SKETCH_SIZE, alike, says_the_same
from service.retrieval.fields import ROW, TERMS, Conditions, schema
from service.retrieval.hits import Hit, Search
from service.retrieval.passages import split
from service.retrieval.places import MemoryPlace, Place
from service.retrieval.retriever import NO_FILTERS, Filters, Found, Holdings
from service.retrieval.router import (
    Citation,
    CitationRouter,
    Unresolved,
    article_numbers,
    find_articles,
    find_citations,
    find_decisions,
    find_laws,
    law_term,
)
from service.retrieval.shelving import Blobs, load_document, load_passage, read_column
from service.retrieval.vocabulary import SOURCE_WORDS
from service.retrieval.weights import greatest_score, idf

_SOURCE_BOOST = 0.2
"""A word such as "putusan" only breaks ties between passages on the same topic."""
_SIDE_BOOST = 0.5
"""A word such as "syarat" chooses among the passages on a topic."""
_LAW_BOOST = 0.5
"""A law that the question names lifts its own articles, without hiding a better match elsewhere."""
_DEFINED_BOOST = 3.0
"""A passage that defines the term that is asked for answers, whatever else it says."""
_RELATED_BOOST = 0.5
"""What laws may write for what people say counts half."""
_TITLE_SHARE = 0.4
"""How much of a place in the order depends on whether the title asks or names just what the question does."""
_REPEALED_SHARE = 0.8
"""A repealed article stands behind one in force that fits about as well; who asks for it by its number finds it at once."""
_NEGLIGIBLE_SHARE = 0.02
"""A term with less of all terms' idf than this stands nearly everywhere: it costs the most time and decides nothing."""
_STRONGEST = 0.99
"""The score of a search stays below that of a citation, which is exact."""
_SPARE = 10
"""So many more passages are looked at than are wanted: a fitting title may lift one of them."""
_WIDEN = 4
_WIDENINGS = 3
"""When passages of one document, or repeated ones, leave too few hits, four times as many are looked at; so often at most."""
_MOST_CITED = 200
"""Documents looked up under one key; an article has a handful, a law needs one to be known."""
_REMEMBERED_TERMS = 2_000

Clock = Callable[[], float]


class _Candidate(NamedTuple):
    """A passage in the running: its place in the order (smaller is better), its row, its document's, and its score."""

    place: float
    row: int
    document: int
    score: float


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
        self._documents = Blobs(place, "documents")
        self._passages = Blobs(place, "passages")
        self._document_of = read_column(place, "document_of", "I")
        self._first_passage = read_column(place, "first_passage", "I")
        self._repealed = read_column(place, "repealed", "B")
        self._sketches = read_column(place, "sketches", "I")
        self._title_codes = read_column(place, "title_codes", "I")
        self._title_starts = read_column(place, "title_starts", "I")
        self._title_weights = read_column(place, "title_weights", "f")
        self._router = CitationRouter(self._rows_under)
        self._rows_are_ids = self._searcher.num_segments == 1
        self._known_terms: OrderedDict[tuple[str, int, int], frozenset[str]] = OrderedDict()

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
        documents, passages = self.holdings.documents, self.holdings.passages
        counts = {
            documents: (
                len(self._documents),
                len(self._first_passage) - 1,
                len(self._title_weights),
                len(self._repealed),
            ),
            passages: (len(self._passages), len(self._document_of), self._searcher.num_docs),
        }
        agree = all(count == expected for expected, found in counts.items() for count in found)
        return agree and self._documents.whole() and self._passages.whole()

    def documents(self) -> Iterator[Document]:
        """Every document, in the order in which it was indexed."""
        return (self._document(row) for row in range(len(self._documents)))

    def close(self) -> None:
        """Give back what the place holds. Nobody may search afterwards."""
        columns = (self._document_of, self._first_passage, self._repealed, self._sketches)
        for column in (*columns, self._title_codes, self._title_starts, self._title_weights):
            column.release()
        self._documents.close()
        self._passages.close()
        self._place.close()

    def idf(self, term: str) -> float:
        """BM25's inverse document frequency; a term that no passage holds weighs most."""
        return idf(self._searcher.doc_freq(TERMS, term), self.holdings.passages)

    def terms(self, found: Found) -> frozenset[str]:
        """The distinct terms under which a passage is found; the latest ones are remembered, because an answer asks twice."""
        document, passage = found.document, found.passage or Passage.whole(found.document)
        key = (document.id, passage.start, len(passage.text))
        known = self._known_terms.get(key)
        if known is None:
            known = frozenset(shared_terms(document, self.analyser) + self.analyser.passage_terms(passage))
            self._known_terms[key] = known
            if len(self._known_terms) > _REMEMBERED_TERMS:
                self._known_terms.popitem(last=False)
        return known

    def search(
        self, text: str, *, filters: Filters = NO_FILTERS, limit: int = 10, passages_per_document: int = 1
    ) -> Search:
        """The passages that fit the text best, best first; see `Retriever.search`."""
        started = self._clock()
        query = self.analyser.query_terms(text)
        weights = self._weights(query, text)
        analysed = self._clock()
        searching = 0.0
        hits: tuple[Hit, ...] = ()
        reach = limit + _SPARE
        for _ in range(_WIDENINGS if weights and limit > 0 else 0):
            before = self._clock()
            found = self._run(weights, filters, reach)
            searching += self._clock() - before
            hits = self._hits(self._order(found, query, weights), limit, passages_per_document)
            if len(hits) == limit or len(found) < reach:
                break
            reach *= _WIDEN
        ended = self._clock()
        seconds = {
            "analyse": analysed - started,
            "search": searching,
            "rank": ended - analysed - searching,
            "total": ended - started,
        }
        return Search(hits=hits, seconds=seconds)

    def lookup(self, citations: Iterable[Citation]) -> Search:
        """The documents that state the cited articles, the cited ayat where they mark it: exact, so each scores 1."""
        started = self._clock()
        rows: dict[int, str] = {}
        for citation in citations:
            for row in self._router.rows(citation):
                rows.setdefault(row, citation.ayat)
        hits = tuple(self._cited(row, ayat) for row, ayat in rows.items())
        spent = self._clock() - started
        return Search(hits=hits, seconds={"search": spent, "total": spent})

    def resolves(self, citation: Citation) -> bool:
        """Whether the corpus states the cited article."""
        return bool(self._router.rows(citation))

    def unresolved(self, text: str) -> tuple[Unresolved, ...]:
        """The citations and laws of a text that the corpus does not state."""
        return self._router.unresolved(text)

    def references(self, text: str, cited: Iterable[Document]) -> tuple[int, int]:
        """How many laws, articles and decisions a text names, and how many of them its sources state.

        An article with its law must stand in the corpus; a law without an article must be known to it; an article without a law
        must be one of the cited documents' own, and only counts when no article is named in full. A decision must be known by its number.
        """
        citations = find_citations(text)
        of_citations = {citation.laws for citation in citations}
        found = [self.resolves(citation) for citation in citations]
        found += [self._router.holds(law) for law in find_laws(text) if law not in of_citations]
        found += [False for _ in self._router.unknown_names(text)]
        found += [self._router.knows(decision) for decision in find_decisions(text)]
        if not citations:
            known = {number for document in cited for number in article_numbers(document.article)}
            found += [number in known for number in find_articles(text)]
        return len(found), sum(found)

    def _weights(self, query: QueryTerms, text: str) -> dict[str, float]:
        """What to search for and how much each term counts: the topic, what is defined, the kind of source, and the laws named."""
        known = [term for keys in find_laws(text) for key in keys if self._holds(term := law_term(key))]
        defined = [key for key in query.defined if self._holds(key)]
        topic = known if known and not set(query.topic) - SOURCE_WORDS else query.topic
        weights = dict.fromkeys(known, _LAW_BOOST) | dict.fromkeys(query.source, _SOURCE_BOOST)
        weights |= dict.fromkeys(query.side, _SIDE_BOOST) | dict.fromkeys(defined, _DEFINED_BOOST)
        return dict.fromkeys(query.related, _RELATED_BOOST) | weights | dict.fromkeys(topic, 1.0)

    def _holds(self, term: str) -> bool:
        return self._searcher.doc_freq(TERMS, term) > 0

    def _run(self, weights: Mapping[str, float], filters: Filters, reach: int) -> list[tuple[float, int]]:
        """The best passages by BM25, as score and row."""
        worth = {term: self.idf(term) for term in weights}
        least = _NEGLIGIBLE_SHARE * sum(worth.values())
        parts = [
            tantivy.Query.boost_query(self._conditions.term(term), weight)
            for term, weight in weights.items()
            if worth[term] >= least
        ]
        tree = tantivy.Query.boolean_query([(tantivy.Occur.Should, part) for part in parts])
        conditions = self._conditions.of(filters)
        if conditions:
            tree = tantivy.Query.boolean_query([(tantivy.Occur.Must, part) for part in (tree, *conditions)])
        return self._rows(self._searcher.search(tree, limit=reach, count=False).hits)

    def _rows(self, found: Sequence[tuple[float, tantivy.DocAddress]]) -> list[tuple[float, int]]:
        """In one segment a passage's address is its row; else a column says it."""
        if self._rows_are_ids:
            return [(score, address.doc) for score, address in found]
        rows = self._searcher.fast_field_values(ROW, [address for _, address in found])
        return [(score, int(row or 0)) for (score, _), row in zip(found, rows, strict=True)]

    def _rows_under(self, key: str) -> Sequence[int]:
        """The documents that are cited under a key."""
        found = self._rows(self._searcher.search(self._conditions.keyed(key), limit=_MOST_CITED, count=False).hits)
        return sorted({self._document_of[row] for _, row in found})

    def _order(
        self, found: Sequence[tuple[float, int]], query: QueryTerms, weights: Mapping[str, float]
    ) -> list[_Candidate]:
        """Normalise, and order by score, title and force; ties in the order of the corpus, so that they always come out the same.

        BM25 tells "Apa itu korupsi?" from "Korupsi oleh korporasi" by length and repetition only; the title tells them apart.
        It decides places alone: the scores stay those of the search, the best for the first place, and keep their meaning.
        """
        idfs = {term: self.idf(term) for term in {*weights, *query.topic}}
        # To define what is asked for, or to say it as laws do, is a merit beside the scale: others must not look weaker for it.
        beside = {*query.defined, *query.related} - {*query.topic}
        greatest = greatest_score((weight, idfs[term]) for term, weight in weights.items() if term not in beside)
        titled = {title_code(term): idfs[term] for term in query.topic}
        total = sum(titled.values())
        candidates = []
        for score, row in found:
            if score > 0:
                document, share = self._document_of[row], score / greatest
                place = -share * self._title_weight(document, titled, total) * self._force(document)
                candidates.append(_Candidate(place, row, document, share))
        candidates.sort()
        return candidates

    def _title_weight(self, document: int, titled: Mapping[int, float], total: float) -> float:
        """From 1 - share, for a title without a word of the question, to 1, for one with the same words (Dice, by idf)."""
        codes = self._title_codes[self._title_starts[document] : self._title_starts[document + 1]]
        common = sum(titled[code] for code in codes if code in titled)
        if not common:
            return 1 - _TITLE_SHARE
        return 1 - _TITLE_SHARE + _TITLE_SHARE * 2 * common / (total + self._title_weights[document])

    def _force(self, document: int) -> float:
        return _REPEALED_SHARE if self._repealed[document] else 1.0

    def _hits(self, candidates: Sequence[_Candidate], limit: int, passages_per_document: int) -> tuple[Hit, ...]:
        """The best passages, so many of one document at most, and each text once."""
        taken: Counter[int] = Counter()
        running: list[_Candidate] = []
        for candidate in candidates:
            if taken[candidate.document] < passages_per_document:
                taken[candidate.document] += 1
                running.append(candidate)
        strengths = sorted((min(_STRONGEST, candidate.score) for candidate in running), reverse=True)
        groups = self._without_repetitions(running, limit)
        return tuple(self._hit(group, score) for group, score in zip(groups, strengths, strict=False))

    def _without_repetitions(self, running: Sequence[_Candidate], limit: int) -> list[list[_Candidate]]:
        """Groups of passages that say the same, the one to show first: the one in force, then the one that fits best."""
        groups: list[list[_Candidate]] = []
        sketches: list[frozenset[int]] = []
        seen: set[int] = set()
        for candidate in running:
            own = self._sketch(candidate.row)
            same = None
            if alike(own, seen):
                same = next((at for at, other in enumerate(sketches) if alike(own, other)), None)
            if same is not None and self._repeats(candidate, groups[same][0]):
                groups[same].append(candidate)
                groups[same].sort(key=lambda one: self._repealed[one.document])
            elif len(groups) < limit:
                groups.append([candidate])
                sketches.append(own)
                seen |= own
            else:
                break
        return groups

    def _sketch(self, row: int) -> frozenset[int]:
        return frozenset(self._sketches[row * SKETCH_SIZE : (row + 1) * SKETCH_SIZE])

    def _repeats(self, one: _Candidate, other: _Candidate) -> bool:
        """Whether two documents of one kind say the same; a decision is a case of its own even in the words of another."""
        if one.document == other.document:
            return False
        first, second = self._document(one.document), self._document(other.document)
        if first.kind != second.kind or first.kind == "decision":
            return False
        return says_the_same(self._passage(one.row, first).text, self._passage(other.row, second).text)

    def _hit(self, group: Sequence[_Candidate], score: float) -> Hit:
        shown, *others = group
        document = self._document(shown.document)
        repeated = tuple(self._document(other.document).id for other in others)
        return Hit(document, score, self._passage(shown.row, document), repeated)

    def _cited(self, row: int, ayat: str) -> Hit:
        """A document that is cited, by its ayat when that was named and the text marks it, else as a whole."""
        document = self._document(row)
        if ayat:
            for at in range(self._first_passage[row], self._first_passage[row + 1]):
                passage = self._passage(at, document)
                if passage.ayat == ayat:
                    return Hit(document, 1.0, passage)
        return Hit(document, 1.0, Passage.whole(document))

    def _document(self, row: int) -> Document:
        return load_document(self._documents[row])

    def _passage(self, row: int, document: Document) -> Passage:
        return load_passage(self._passages[row], document)
