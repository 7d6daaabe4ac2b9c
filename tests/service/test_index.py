"""Searching the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.retrieval.analysis import Analyser
from service.retrieval.document import Document
from service.retrieval.index import Index
from service.retrieval.retriever import DECISIONS, STATUTES
from service.retrieval.router import find_citations
from service.text import words


def ids(hits: Sequence[object]) -> list[str]:
    return [hit.document.id for hit in hits]  # type: ignore[attr-defined]  # hits


def entry(title: str, text: str, law: str = "UU 1/2000") -> Document:
    """A statute with just what a search looks at."""
    name = "-".join(words(title))
    day = date(2026, 11, 1)
    return Document(
        name, "statute", title, text, law, None, None, None, "berlaku", None, law, day, "unverified", demo=False
    )


def test_the_best_passage_comes_first(index: Index) -> None:
    """A question about a topic finds the entry on it."""
    assert ids(index.search("Bagaimana cara mengurus surat cerai?").hits)[0] == "panduan-surat-cerai"


def test_a_search_can_be_held_to_one_kind(index: Index) -> None:
    """A search for decisions gives decisions only, and their scores are on the scale of the whole search."""
    decisions = index.search("korupsi", filters=DECISIONS).hits
    assert {hit.document.kind for hit in decisions} == {"decision"}
    everything = [hit.score for hit in index.search("korupsi", limit=15).hits]
    assert all(any(score == pytest.approx(hit.score, rel=1e-4) for score in everything) for hit in decisions)


@pytest.mark.parametrize("statutes", [3, 30, 60])
def test_what_one_tool_found_tells_the_next_nothing_else(statutes: int) -> None:
    """The best statutes are the same, with the same scores, whether passages of all kinds were searched before or not."""
    laws = [entry(f"Korupsi {number}", "korupsi dan keuangan " * (number % 7 + 1)) for number in range(statutes)]
    guides = [replace(entry(f"Suap {number}", "korupsi " * (number % 5 + 1)), kind="guide") for number in range(60)]
    searched = Index.of([*laws, *guides], Analyser(), lambda: 0.0)
    asked = "Apa hukum korupsi dan keuangan?"
    alone = searched.search(asked, filters=STATUTES, limit=5).hits
    other = Index.of([*laws, *guides], Analyser(), lambda: 0.0)
    everything = other.search(asked, limit=8).hits
    assert everything
    assert other.search(asked, filters=STATUTES, limit=5).hits == alone
    assert [hit.document.kind for hit in alone] == ["statute"] * min(5, statutes)


def test_a_title_that_asks_the_same_comes_first() -> None:
    """Of entries that hold the words as often, the one that is named by them comes before those that are named by more."""
    text = "Korupsi merugikan keuangan negara dan diadili oleh pengadilan."
    titles = ("Korupsi oleh korporasi", "Apa itu korupsi?", "Pengadilan korupsi")
    searched = Index.of([entry(title, text) for title in titles], Analyser(), lambda: 0.0)
    first, *others = searched.search("Apa itu korupsi?").hits
    assert first.document.title == "Apa itu korupsi?"
    assert all(first.score >= hit.score for hit in others)


def test_the_law_of_today_comes_before_a_repealed_one() -> None:
    """Of two articles that fit alike the one in force comes first, whatever their ids."""
    old = replace(
        entry("Pencemaran nama baik dahulu", "Pencemaran nama baik diancam pidana empat tahun."), status="dicabut"
    )
    new = entry("Pencemaran nama baik sekarang", "Pencemaran nama baik diancam pidana dua tahun.")
    found = Index.of([old, new], Analyser(), lambda: 0.0).search("pencemaran nama baik")
    assert [hit.document.status for hit in found.hits] == ["berlaku", "dicabut"]


def test_a_law_that_is_named_is_found_by_its_number() -> None:
    """A law without an article leads to its own entries, and not to whatever else has a number."""
    entries = [
        entry("Pelat nomor kendaraan", "Nomor kendaraan tertera pada pelat nomor.", "UU 22/2009"),
        entry("Restitusi bagi korban", "Pelaku membayar restitusi kepada korban.", "UU 12/2022"),
        entry("Restitusi bagi pekerja", "Pengusaha membayar restitusi kepada pekerja.", "UU 13/2003"),
    ]
    searched = Index.of(entries, Analyser(), lambda: 0.0)
    assert ids(searched.search("UU nomor 12 tahun 2022").hits) == ["restitusi-bagi-korban"]
    assert ids(searched.search("restitusi menurut UU 12/2022").hits)[0] == "restitusi-bagi-korban"


def test_words_outside_the_corpus_find_nothing(index: Index) -> None:
    """A question whose words no entry holds is empty, not an error."""
    search = index.search("resep rendang padang")
    assert search.hits == ()
    assert search.outcome == "empty"


def test_a_rare_word_that_nothing_holds_lowers_every_score(index: Index) -> None:
    """Scores are out of the greatest possible one, so a word that no entry holds weighs against all of them."""
    alone = index.search("korupsi").hits[0].score
    assert index.search("korupsi fotosintesis").hits[0].score < alone / 1.5


def test_a_citation_is_looked_up_exactly(index: Index) -> None:
    """Looking an article up gives it with full score."""
    hits = index.lookup(find_citations("pasal 39 UU 1/1974")).hits
    assert [(hit.document.id, hit.score) for hit in hits] == [("uu-1-1974-39", 1.0), ("panduan-surat-cerai", 1.0)]


def test_every_stage_is_timed(index: Index) -> None:
    """A search tells its stages, and the total is at least their sum."""
    seconds = index.search("korupsi").seconds
    assert set(seconds) == {"analyse", "search", "rank", "total"}
    assert seconds["total"] >= seconds["analyse"] + seconds["search"] + seconds["rank"] - 1e-9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Apa itu hukum pidana?", (0, 0)),
        ("pasal 1320 KUHPerdata", (1, 1)),
        ("pasal 9999 KUHPerdata", (1, 0)),
        ("PP Nomor 100 Tahun 2050", (1, 0)),
        ("menurut UU 1/1974", (1, 1)),
        ("pasal 1320 tentang syarat sah", (1, 1)),
        ("pasal 500 Kitab Hukum Dagang", (1, 0)),
    ],
)
def test_named_laws_and_articles_are_checked(index: Index, text: str, expected: tuple[int, int]) -> None:
    """What a question names is counted with what the sources state of it; a made-up law or article is found out."""
    cited = [document for document in index.documents() if document.id == "kuhperdata-1320"]
    assert index.references(text, cited) == expected


@given(st.text(max_size=200))
def test_scores_lie_between_zero_and_one_in_order(index: Index, text: str) -> None:
    """Whatever is asked, scores are in [0, 1] and do not rise."""
    scores = [hit.score for hit in index.search(text).hits]
    assert all(0 <= score <= 1 for score in scores)
    assert scores == sorted(scores, reverse=True)
