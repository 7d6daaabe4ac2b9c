"""Citations in questions, and the articles they lead to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.retrieval.corpus import Corpus
from service.retrieval.router import CitationRouter, find_citations, find_decisions, find_laws


@pytest.mark.parametrize(
    ("text", "law", "article"),
    [
        ("Apa isi pasal 1320 KUHPerdata?", "kuhperdata", "1320"),
        ("Pasal 1320 KUH Perdata", "kuhperdata", "1320"),
        ("UU 27/2022 pasal 65", "uu 27/2022", "65"),
        ("pasal 65 Undang-Undang Nomor 27 Tahun 2022", "uu 27/2022", "65"),
        ("Pasal 2 ayat (1) UU 31/1999", "uu 31/1999", "2"),
        ("pasal 27A UU ITE", "uu 1/2024", "27a"),
        ("UU No. 1 Tahun 1974, Pasal 39", "uu 1/1974", "39"),
        ("pasal 19 PP 9/1975", "pp 9/1975", "19"),
    ],
)
def test_a_citation_is_read(text: str, law: str, article: str) -> None:
    """Law and article are understood in the ways people write them."""
    (citation,) = find_citations(text)
    assert citation.laws[0] == law
    assert citation.article == article


@pytest.mark.parametrize("text", ["ps 1320 KUHPer", "ps. 1320 BW", "psl 1320 KUH Perdata"])
def test_a_clipped_citation_is_read(text: str) -> None:
    """People clip the word for article as they clip the name of the law."""
    assert [(citation.laws[0], citation.article) for citation in find_citations(text)] == [("kuhperdata", "1320")]


def test_articles_in_a_row_share_the_law_behind_them() -> None:
    """Each of several articles before one law is a citation."""
    cited = find_citations("pasal 378 jo 372 KUHP lama dan Pasal 3, Pasal 4, dan Pasal 5 UU 8/2010")
    assert [(citation.laws[-1], citation.article) for citation in cited] == [
        ("kuhp", "378"),
        ("kuhp", "372"),
        ("uu 8/2010", "3"),
        ("uu 8/2010", "4"),
        ("uu 8/2010", "5"),
    ]


def test_the_very_paragraph_comes_first(corpus: Corpus) -> None:
    """An entry that replaced the paragraph that is asked for comes before entries on the rest of the article."""
    whole = replace(corpus.documents[1], id="uu-31-1999-2", law="UU 31/1999", article="2")
    router = CitationRouter([whole, corpus.documents[0]])
    paragraph, article = find_citations("pasal 2 ayat (1) UU 31/1999"), find_citations("pasal 2 UU 31/1999")
    assert router.rows(paragraph[0]) == (1, 0)
    assert router.rows(article[0]) == (0, 1)


def test_text_without_a_law_is_no_citation() -> None:
    """An article alone leads nowhere."""
    assert find_citations("Apa isi pasal 5?") == ()


def test_laws_are_found_without_an_article() -> None:
    """A law may be named by itself, by number or by the name that people use."""
    assert find_laws("sebelum dan sesudah UU TPKS dan UU 27/2022") == (("uu 12/2022",), ("uu 27/2022",))


def test_the_router_finds_todays_article(corpus: Corpus) -> None:
    """A cited article leads to the entry that states it."""
    (citation,) = find_citations("pasal 1320 KUHPerdata")
    rows = CitationRouter(corpus.documents).rows(citation)
    assert [corpus.documents[row].id for row in rows] == ["kuhperdata-1320"]


def test_the_router_finds_a_replaced_article(corpus: Corpus) -> None:
    """An article that was replaced leads to the entry that replaced it."""
    (citation,) = find_citations("pasal 2 UU 31/1999")
    rows = CitationRouter(corpus.documents).rows(citation)
    assert [corpus.documents[row].id for row in rows] == ["uu-1-2023-603"]


def test_an_unknown_article_leads_nowhere(corpus: Corpus) -> None:
    """An article that the corpus does not state gives nothing, and never a neighbour."""
    (citation,) = find_citations("pasal 9999 KUHPerdata")
    assert CitationRouter(corpus.documents).rows(citation) == ()


@given(st.text(alphabet="pasal UU/0123456789()ayt,.- ", max_size=400))
def test_any_text_can_be_read(text: str) -> None:
    """No text that looks like citations makes the reading fail."""
    assert isinstance(find_citations(text), tuple)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("putusan MA nomor 123 K/Pdt/2015", "123/k/pdt/2015"),
        ("No. 45/Pdt.G/2020/PN.Jkt.Pst", "45/pdt.g/2020"),
        ("Putusan 69/PUU-XIII/2015", "69/puu-xiii/2015"),
    ],
)
def test_a_decision_is_known_by_its_number(text: str, number: str) -> None:
    """The number of a decision is read as courts write it; articles and laws are none."""
    assert find_decisions(text) == (number,)
    assert find_decisions("Pasal 3 UU 31/1999 dan PP 9/1975, 3 putusan tahun 2023") == ()


def test_only_decisions_of_the_corpus_are_known(corpus: Corpus) -> None:
    """A decision that no entry is or speaks of is not known, however well its words match."""
    router = CitationRouter(corpus.documents)
    assert router.knows(*find_decisions("DEMO 2 K/Ag/2022"))
    assert not router.knows(*find_decisions("123 K/Pdt/2015"))


@pytest.mark.parametrize(
    "unit", ["pasal 1 ", "pasal 1, ", "uu 1/", "pasal ", "ayat (1) ", "undang-undang nomor ", "1 k/", " "]
)
def test_long_text_does_not_make_a_pattern_backtrack(unit: str) -> None:
    """Fifty thousand repetitions of the beginning of a citation are read to their end: no pattern explodes."""
    assert len(find_citations(unit * 50_000)) <= 1
    assert len(find_decisions(unit * 50_000)) <= 1
