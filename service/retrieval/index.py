"""BM25 over the corpus, held in memory by Tantivy; terms come from our own analysis, so query and text always agree."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import tantivy

from service.retrieval.analysis import Analyser, QueryTerms
from service.retrieval.document import Document, Passage
from service.retrieval.hits import Hit, Search
from service.retrieval.retriever import NO_FILTERS, Filters, Found, Holdings
from service.retrieval.router import (
    Citation,
    CitationRouter,
    article_numbers,
    find_articles,
    find_citations,
    find_decisions,
    find_laws,
)
from service.retrieval.vocabulary import SOURCE_WORDS
from service.text import fold

_K1 = 1.2
"""Tantivy's BM25 saturation; its b is 0.75. A term adds at most idf x (k1 + 1)."""
_TITLE_WEIGHT = 2
"""The title counts as if it stood twice in the text: it says what the entry is about."""
_SOURCE_BOOST = 0.2
"""A word such as "putusan" only breaks ties between passages on the same topic."""
_SIDE_BOOST = 0.5
"""A word such as "syarat" chooses among the passages on a topic."""
_LAW_BOOST = 0.5
"""A law that the question names lifts its own articles, without hiding a better match elsewhere."""
_TITLE_SHARE = 0.4
"""How much of a place in the order depends on whether the title asks or names just what the question does."""
_REPEALED_SHARE = 0.8
"""A repealed article stands behind one in force that fits about as well; who asks for it by its number finds it at once."""
_SPARE = 10
"""So many more documents are looked at than are wanted: a fitting title may lift one of them."""
_WRITER_BYTES = 15_000_000

Clock = Callable[[], float]


class Index:
    """The searchable corpus. Immutable after construction, safe to share between tasks."""

    def __init__(self, documents: Sequence[Document], analyser: Analyser, clock: Clock, corpus_hash: str = "") -> None:
        self.documents = tuple(documents)
        self.analyser = analyser
        self._clock = clock
        self.holdings = _holdings(self.documents, corpus_hash)
        self._terms = tuple(self._terms_of(document) for document in self.documents)
        self._frequency: Counter[str] = Counter(term for terms in self._terms for term in set(terms))
        self._titles = tuple(self._titled(document) for document in self.documents)
        self._sets = {document.id: frozenset(terms) for document, terms in zip(documents, self._terms, strict=True)}
        self._router = CitationRouter(self.documents)
        self._schema = _schema()
        self._searcher = self._build()

    def __len__(self) -> int:
        return len(self.documents)

    def idf(self, term: str) -> float:
        """BM25's inverse document frequency; a term that no document holds weighs most."""
        count = self._frequency[term]
        return math.log(1 + (len(self.documents) - count + 0.5) / (count + 0.5))

    def terms(self, found: Found) -> frozenset[str]:
        """The distinct terms of what was found."""
        return self._sets[found.document.id]

    def search(
        self,
        text: str,
        *,
        filters: Filters = NO_FILTERS,
        limit: int = 10,
        passages_per_document: int = 1,  # noqa: ARG002 - an entry is one passage here
    ) -> Search:
        """The passages that fit the text best."""
        started = self._clock()
        query = self.analyser.query_terms(text)
        wanted = self._weights(query, text)
        analysed = self._clock()
        found = self._run(wanted, filters, limit + _SPARE) if wanted else []
        searched = self._clock()
        hits = self._rank(found, query, wanted)[:limit]
        ended = self._clock()
        seconds = {
            "analyse": analysed - started,
            "search": searched - analysed,
            "rank": ended - searched,
            "total": ended - started,
        }
        return Search(hits=hits, seconds=seconds)

    def lookup(self, citations: Iterable[Citation]) -> Search:
        """The documents that state the cited articles: exact, so each scores 1."""
        started = self._clock()
        rows = dict.fromkeys(row for citation in citations for row in self._router.rows(citation))
        hits = tuple(_hit(self.documents[row], 1.0) for row in rows)
        spent = self._clock() - started
        return Search(hits=hits, seconds={"search": spent, "total": spent})

    def resolves(self, citation: Citation) -> bool:
        """Whether the corpus states the cited article."""
        return bool(self._router.rows(citation))

    def references(self, text: str, cited: Iterable[Document]) -> tuple[int, int]:
        """How many laws, articles and decisions a text names, and how many of them its sources state.

        An article with its law must stand in the corpus; a law without an article must be known to it; an article without a law
        must be one of the cited documents' own, and only counts when no article is named in full. A decision must be known by its number.
        """
        citations = find_citations(text)
        of_citations = {citation.laws for citation in citations}
        found = [self.resolves(citation) for citation in citations]
        found += [self._router.holds(law) for law in find_laws(text) if law not in of_citations]
        found += [self._router.knows(decision) for decision in find_decisions(text)]
        if not citations:
            known = {number for document in cited for number in article_numbers(document.article)}
            found += [number in known for number in find_articles(text)]
        return len(found), sum(found)

    def _terms_of(self, document: Document) -> list[str]:
        analyse = self.analyser.document_terms
        title = analyse(_title(document))
        rest = " ".join((*document.topics, document.law or "", document.law_title or "", document.holding or ""))
        law = [_law_term(document.law)] if document.law else []
        return title * _TITLE_WEIGHT + analyse(rest) + law + analyse(document.text)

    def _weights(self, query: QueryTerms, text: str) -> dict[str, float]:
        """What to search for and how much each term counts: the topic, the kind of source, and the laws that are named."""
        laws = (_law_term(key) for keys in find_laws(text) for key in keys)
        known = [term for term in laws if term in self._frequency]
        topic = known if known and not set(query.topic) - SOURCE_WORDS else query.topic
        weights = dict.fromkeys(known, _LAW_BOOST) | dict.fromkeys(query.source, _SOURCE_BOOST)
        return weights | dict.fromkeys(query.side, _SIDE_BOOST) | dict.fromkeys(topic, 1.0)

    def _build(self) -> tantivy.Searcher:
        index = tantivy.Index(self._schema)
        tokenizer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        index.register_tokenizer("terms", tokenizer)
        writer = index.writer(heap_size=_WRITER_BYTES, num_threads=1)
        for row, (document, terms) in enumerate(zip(self.documents, self._terms, strict=True)):
            writer.add_document(tantivy.Document(terms=" ".join(terms), kind=document.kind, row=row))
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        return index.searcher()

    def _run(self, weights: Mapping[str, float], filters: Filters, limit: int) -> list[tuple[float, int]]:
        wanted = [
            (tantivy.Occur.Should, tantivy.Query.boost_query(self._term(term), weight))
            for term, weight in weights.items()
        ]
        tree = tantivy.Query.boolean_query(wanted)
        reach = limit if filters == NO_FILTERS else len(self.documents)
        found = self._searcher.search(tree, limit=reach, count=False).hits
        rows = ((score, int(self._searcher.doc(address)["row"][0])) for score, address in found)
        return [(score, row) for score, row in rows if _passes(self.documents[row], filters)][:limit]

    def _term(self, term: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, "terms", term)

    def _rank(
        self, found: Sequence[tuple[float, int]], query: QueryTerms, weights: Mapping[str, float]
    ) -> tuple[Hit, ...]:
        """Normalise, order by score and title, and break ties by id so that equal documents always come in the same order.

        BM25 tells "Apa itu korupsi?" from "Korupsi oleh korporasi" by length and repetition only; the title tells them apart.
        It decides places alone: the scores stay those of the search, the best for the first place, and keep their meaning.
        """
        best = (_K1 + 1) * sum(weight * self.idf(term) for term, weight in weights.items())
        scores = [(min(1.0, score / best), row) for score, row in found if score > 0]
        idf = {term: self.idf(term) for term in query.topic}
        total = sum(idf.values())
        places = sorted(
            (-score * self._title_weight(row, idf, total) * self._force(row), self.documents[row].id, row)
            for score, row in scores
        )
        strengths = sorted((score for score, _ in scores), reverse=True)
        return tuple(_hit(self.documents[row], strength) for (*_, row), strength in zip(places, strengths, strict=True))

    def _title_weight(self, row: int, idf: Mapping[str, float], total: float) -> float:
        """From 1 - share, for a title without a word of the question, to 1, for one with the same words (Dice, by idf)."""
        title, weight = self._titles[row]
        common = sum(value for term, value in idf.items() if term in title)
        return 1 - _TITLE_SHARE + (_TITLE_SHARE * 2 * common / (total + weight) if common else 0.0)

    def _force(self, row: int) -> float:
        return _REPEALED_SHARE if self.documents[row].status == "dicabut" else 1.0

    def _titled(self, document: Document) -> tuple[frozenset[str], float]:
        """The terms of a title that say what the entry is about, and their weight."""
        terms = frozenset(self.analyser.query_terms(_title(document)).topic)
        return terms, sum(self.idf(term) for term in terms)


def _passes(document: Document, filters: Filters) -> bool:
    year = document.year
    return (
        (not filters.kinds or document.kind in filters.kinds)
        and (not filters.types or (document.instrument or "") in {name.upper() for name in filters.types})
        and (filters.year_from is None or (year is not None and year >= filters.year_from))
        and (filters.year_to is None or (year is not None and year <= filters.year_to))
        and (filters.in_force_on is None or document.in_force_on(filters.in_force_on))
    )


def _hit(document: Document, score: float) -> Hit:
    return Hit(document, score, Passage.whole(document))


def _holdings(documents: Sequence[Document], corpus_hash: str) -> Holdings:
    demo = sum(document.demo for document in documents)
    unverified = sum(not document.verified and not document.demo for document in documents)
    return Holdings(corpus_hash, len(documents), len(documents), demo, unverified)


def _law_term(law: str) -> str:
    """A law as one term: "UU 12/2022" and "uu 12/2022" become "uu_12/2022"."""
    return "_".join(fold(law).split())


def _title(document: Document) -> str:
    return document.title.removeprefix("[DEMO] ")


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("terms", tokenizer_name="terms", index_option="freq")
    builder.add_text_field("kind", tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("row", stored=True)
    return builder.build()
