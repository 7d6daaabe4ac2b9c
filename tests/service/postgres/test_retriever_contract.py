"""What every store of passages promises, held to the embedded one and to PostgreSQL alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.retrieval.analysis import Analyser
from service.retrieval.corpus import Corpus, load_corpus
from service.retrieval.document import Document
from service.retrieval.embedded import EmbeddedRetriever
from service.retrieval.index import Index
from service.retrieval.postgres.opening import OpenedDatabase, open_database
from service.retrieval.postgres.publishing import publish
from service.retrieval.retriever import DECISIONS, STATUTES, Filters, Retriever
from service.retrieval.router import find_citations
from service.settings import CORPORA
from service.text import words

Open = Callable[[Iterable[Document]], Retriever]
TOLERANCE = 1e-5
"""Tantivy adds in four bytes, PostgreSQL in eight: so much may a score differ, relative to itself."""
QUESTIONS = (
    "Bagaimana cara mengurus surat cerai?",
    "Apa itu korupsi?",
    "syarat sah perjanjian menurut pasal 1320 KUHPerdata",
    "putusan KDRT lima tahun terakhir",
    "Berapa lama masa percobaan karyawan PKWT?",
    "UU nomor 27 tahun 2022",
    "apa hukuman penipuan online",
    "hak asuh anak setelah perceraian",
    "upah lembur",
    "tidak ada yang seperti ini",
)


class Stores:
    """Opens retrievers of one kind in one event loop."""

    def __init__(self, kind: str, request: pytest.FixtureRequest) -> None:
        self._kind = kind
        self._request = request
        self._runner = asyncio.Runner()
        self._opened: list[OpenedDatabase] = []

    def of(self, documents: Iterable[Document]) -> Retriever:
        if self._kind == "embedded":
            return EmbeddedRetriever(Index.of(documents, Analyser(), lambda: 0.0))
        name = self._request.getfixturevalue("new_database")()
        writer, reader = self._request.getfixturevalue("addresses")(name)
        self.run(publish(writer, documents, corpus_hash="fixture"))
        opened = open_database(reader, lambda: 0.0)
        self._opened.append(opened)
        return opened.retriever

    def run(self, work: Awaitable[Any]) -> Any:
        return self._runner.run(work)  # type: ignore[arg-type]  # every awaitable here is a coroutine

    def close(self) -> None:
        for opened in self._opened:
            self.run(opened.close())
        self._runner.close()


@pytest.fixture(scope="module", params=["embedded", pytest.param("postgres", marks=pytest.mark.integration)])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    made = Stores(request.param, request)
    yield made
    made.close()


@pytest.fixture(scope="module")
def filled(stores: Stores, corpus: Corpus) -> Retriever:
    return stores.of(corpus.documents)


def entry(title: str, text: str, law: str = "UU 1/2000", **changes: Any) -> Document:
    """A statute with just what a search looks at."""
    name = "-".join(words(title))
    day = date(2026, 11, 1)
    made = Document(
        name, "statute", title, text, law, None, None, None, "berlaku", None, law, day, "unverified", demo=False
    )
    return replace(made, **changes)


def ids(hits: Iterable[Any]) -> list[str]:
    return [hit.document.id for hit in hits]


def test_the_best_passage_comes_first(stores: Stores, filled: Retriever) -> None:
    """A question about a topic finds the entry on it, with its passage verbatim in it."""
    hit = stores.run(filled.search("Bagaimana cara mengurus surat cerai?")).hits[0]
    assert hit.document.id == "panduan-surat-cerai"
    assert hit.text in hit.document.text


def test_it_tells_what_it_holds(filled: Retriever, index: Index) -> None:
    """Counts are those of the corpus, wherever it is kept."""
    assert replace(filled.holdings, hash="") == replace(index.holdings, hash="")


def test_whole_documents_come_back(stores: Stores, filled: Retriever, corpus: Corpus) -> None:
    """What is found is the document that was given, field by field."""
    known = {document.id: document for document in corpus.documents}
    for question in QUESTIONS:
        for hit in stores.run(filled.search(question)).hits:
            assert hit.document == known[hit.document.id]


def test_both_agree_with_the_index(stores: Stores, filled: Retriever, index: Index) -> None:
    """Each store gives the hits of the embedded index, in its order, with its scores."""
    for question in QUESTIONS:
        for filters in (Filters(), STATUTES, DECISIONS, Filters(year_from=2000), Filters(types=("uu",))):
            found = stores.run(filled.search(question, filters=filters)).hits
            expected = index.search(question, filters=filters).hits
            assert ids(found) == ids(expected)
            assert [hit.passage for hit in found] == [hit.passage for hit in expected]
            assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], rel=TOLERANCE)


def test_a_search_can_be_held_to_one_kind(stores: Stores, filled: Retriever) -> None:
    """A search for decisions gives decisions only."""
    hits = stores.run(filled.search("korupsi", filters=DECISIONS)).hits
    assert {hit.document.kind for hit in hits} == {"decision"}


def test_a_search_can_be_held_to_years_types_and_a_day(stores: Stores) -> None:
    """Years are inclusive and leave out what has none; types are met in any case; a day leaves out what does not hold on it."""
    text = "Korupsi merugikan keuangan negara."
    searched = stores.of(
        [
            entry("Korupsi satu", text + " Satu.", type="UU", year=1999, in_force_until=date(2020, 1, 1)),
            entry("Korupsi dua", text + " Dua hal.", type="PP", year=2001, in_force_from=date(2020, 1, 1)),
            entry("Korupsi tiga", text + " Tiga perkara.", type="UU"),
        ]
    )

    def found(**filters: Any) -> set[str]:
        return set(ids(stores.run(searched.search("korupsi", filters=Filters(**filters))).hits))

    assert found(year_from=1999, year_to=1999) == {"korupsi-satu"}
    assert found(year_to=2001) == {"korupsi-satu", "korupsi-dua"}
    assert found(types=("pp",)) == {"korupsi-dua"}
    assert found(in_force_on=date(2019, 12, 31)) == {"korupsi-satu", "korupsi-tiga"}
    assert found(in_force_on=date(2020, 1, 1)) == {"korupsi-dua", "korupsi-tiga"}


def test_the_law_of_today_comes_before_a_repealed_one(stores: Stores) -> None:
    """Of two articles that fit alike the one in force comes first, whatever their ids."""
    old = entry("Pencemaran nama baik dahulu", "Pencemaran nama baik diancam pidana empat tahun.", status="dicabut")
    new = entry("Pencemaran nama baik sekarang", "Pencemaran nama baik diancam pidana dua tahun.")
    found = stores.run(stores.of([old, new]).search("pencemaran nama baik"))
    assert [hit.document.status for hit in found.hits] == ["berlaku", "dicabut"]


def test_repetitions_are_named_and_not_shown(stores: Stores) -> None:
    """Of two articles in the same words one is shown, and the other's id stands with it."""
    text = "Setiap orang yang dengan sengaja merusak segel diancam pidana penjara paling lama dua tahun."
    one, other = entry("Segel", text, "UU 1/2000"), entry("Segel lagi", text, "UU 2/2000")
    hits = stores.run(stores.of([one, other]).search("merusak segel")).hits
    assert [(hit.document.id, hit.repeated_in) for hit in hits] == [("segel", ("segel-lagi",))]


def test_one_document_gives_as_many_passages_as_are_wanted(stores: Stores) -> None:
    """Ayat of one article are found by themselves; by default only the best of them."""
    text = (
        "(1) Penggugat membayar biaya perkara.\n(2) Tergugat membayar biaya perkara banding.\n(3) Biaya perkara kasasi."
    )
    searched = stores.of([entry("Biaya", text), entry("Lain", "Hal yang lain sama sekali.")])
    assert len(stores.run(searched.search("biaya perkara")).hits) == 1
    hits = stores.run(searched.search("biaya perkara", passages_per_document=3)).hits
    assert sorted(hit.passage.ayat for hit in hits) == ["1", "2", "3"]


def test_a_citation_is_looked_up_exactly(stores: Stores, filled: Retriever) -> None:
    """Looking an article up gives it with full score, and with the ayat that is named."""
    hits = stores.run(filled.lookup(find_citations("pasal 39 UU 1/1974"))).hits
    assert [(hit.document.id, hit.score) for hit in hits] == [("uu-1-1974-39", 1.0), ("panduan-surat-cerai", 1.0)]


def test_an_ayat_is_looked_up(stores: Stores) -> None:
    """The ayat that is named is given, the whole article when it marks none of that number."""
    text = "(1) Perkawinan adalah sah.\n(2) Tiap perkawinan dicatat."
    searched = stores.of([entry("Sahnya perkawinan", text, "UU 1/1974", article="2")])
    for asked, ayat in (("pasal 2 ayat (2) UU 1/1974", "2"), ("pasal 2 ayat (9) UU 1/1974", None)):
        (hit,) = stores.run(searched.lookup(find_citations(asked))).hits
        assert hit.passage.ayat == ayat
    assert stores.run(searched.lookup(())).hits == ()


@pytest.mark.parametrize(
    "text",
    [
        "Apa itu hukum pidana?",
        "pasal 1320 KUHPerdata",
        "pasal 9999 KUHPerdata",
        "PP Nomor 100 Tahun 2050",
        "menurut UU 1/1974",
        "pasal 1320 tentang syarat sah",
        "pasal 500 Kitab Hukum Dagang",
        "UU Angkutan Udara dan putusan 112 K/Ag/2021",
    ],
)
def test_references_are_those_of_the_index(stores: Stores, filled: Retriever, index: Index, text: str) -> None:
    """What a text names and the corpus does not state is told alike by every store."""
    cited = [document for document in index.documents() if document.id == "kuhperdata-1320"]
    assert stores.run(filled.references(text, cited)) == index.references(text, cited)
    assert stores.run(filled.unresolved(text)) == index.unresolved(text)
    for citation in find_citations(text):
        assert stores.run(filled.resolves(citation)) == index.resolves(citation)


def test_terms_weigh_alike(filled: Retriever, index: Index) -> None:
    """The weight of a term is the index's; one that no passage holds weighs most."""
    for term in ("korupsi", "cerai", "fotosintesis", ""):
        assert filled.idf(term) == pytest.approx(index.idf(term))


def test_nothing_is_found_for_nothing(stores: Stores, filled: Retriever) -> None:
    """Words outside of the corpus, no words, and a limit of none give an empty search."""
    for text, limit in (("resep rendang padang", 10), ("", 10), ("korupsi", 0)):
        assert stores.run(filled.search(text, limit=limit)).hits == ()


def test_every_stage_is_timed(stores: Stores, filled: Retriever) -> None:
    """A search tells its stages."""
    assert set(stores.run(filled.search("korupsi")).seconds) == {"analyse", "search", "rank", "total"}


def test_a_store_that_stands_can_be_asked_for_it(stores: Stores, filled: Retriever) -> None:
    """The check of a store that answers says nothing."""
    assert stores.run(filled.check()) is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=120))
def test_scores_lie_between_zero_and_one_in_order(stores: Stores, filled: Retriever, text: str) -> None:
    """Whatever is asked, also with quotes, backslashes and null characters, scores are in [0, 1] and do not rise."""
    scores = [hit.score for hit in stores.run(filled.search(text)).hits]
    assert all(0 <= score <= 1 for score in scores)
    assert scores == sorted(scores, reverse=True)


@pytest.mark.integration
def test_the_shipped_corpus_is_ranked_alike(request: pytest.FixtureRequest) -> None:
    """Over the shipped corpus, each of 519 titles asked as a question gives the same ten hits in the same order from both stores."""
    documents = load_corpus(CORPORA / "courtsight").documents
    index = Index.of(documents, Analyser(), lambda: 0.0)
    stores = Stores("postgres", request)
    searched = stores.of(documents)
    overlap = same = 0
    for document in documents:
        expected = index.search(document.title).hits
        found = stores.run(searched.search(document.title)).hits
        overlap += len(set(ids(found)) & set(ids(expected)))
        same += ids(found) == ids(expected)
        assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], rel=TOLERANCE)
    stores.close()
    wanted = sum(len(index.search(document.title).hits) for document in documents)
    print(f"top-10 overlap {overlap / wanted:.4%}, same order {same / len(documents):.4%}, n {len(documents)}")
    assert overlap >= 0.999 * wanted
    assert same >= 0.99 * len(documents)
