"""Citations in questions, and the articles they lead to."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.retrieval.corpus import Corpus
from service.retrieval.document import Document
from service.retrieval.numerals import value_of
from service.retrieval.records import Record, document_of
from service.retrieval.router import find_citations, find_decisions, find_laws, router_of


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


ARTICLES = [
    ("{a}", ""),
    ("{a} ayat (2)", "2"),
    ("{a} ayat 2", "2"),
    ("{a} (2)", "2"),
    ("{a} ayat (2) huruf b", "2"),
    ("{a} huruf b", ""),
    ("{a} ayat (2) dan (3)", "2"),
    ("{a} angka 4", ""),
]
MARKS = ["pasal 65", "Pasal 65", "PASAL 65", "psl 65", "psl. 65", "ps. 65", "ps 65", "pasal65", "pasal enam puluh lima"]
LAWS = {
    "UU 8/1999": "uu 8/1999",
    "UU No. 8 Thn 1999": "uu 8/1999",
    "UU no 8 th. 1999": "uu 8/1999",
    "UU RI Nomor 8 Tahun 1999": "uu 8/1999",
    "uu 8/99": "uu 8/1999",
    "Undang-Undang Nomor 8 Tahun 1999": "uu 8/1999",
    "undang undang no.8 tahun 1999": "uu 8/1999",
    "Undang-Undang Republik Indonesia Nomor 8 Tahun 1999": "uu 8/1999",
    "UU Perlindungan Konsumen": "uu 8/1999",
    "UU Perlindungan Konsumen No. 8 Tahun 1999": "uu 8/1999",
    "Peraturan Pemerintah Nomor 1 Tahun 2022": "pp 1/2022",
    "Perppu 2/2022": "perppu 2/2022",
    "Perpu No. 2 Tahun 2022": "perppu 2/2022",
    "Peraturan Pemerintah Pengganti Undang-Undang Nomor 2 Tahun 2022": "perppu 2/2022",
    "Perpres 82/2018": "perpres 82/2018",
    "Peraturan Presiden Nomor 82 Tahun 2018": "perpres 82/2018",
    "Keppres No 3 Tahun 1997": "keppres 3/1997",
    "PERMA No. 1 Tahun 2016": "perma 1/2016",
    "Peraturan Mahkamah Agung Nomor 1 Tahun 2016": "perma 1/2016",
    "SEMA 3/2023": "sema 3/2023",
    "POJK 13/POJK.02/2014": "pojk 13/pojk.02/2014",
    "POJK Nomor 13/POJK.02/2014 Tahun 2014": "pojk 13/pojk.02/2014",
    "Peraturan OJK No. 13/POJK.02/2014": "pojk 13/pojk.02/2014",
    "Peraturan Otoritas Jasa Keuangan Nomor 13/POJK.02/2014": "pojk 13/pojk.02/2014",
    "PMK 12/PMK.03/2020": "pmk 12/pmk.03/2020",
    "Peraturan Menteri Keuangan Nomor 12/PMK.03/2020": "pmk 12/pmk.03/2020",
    "PBI No. 23/6/PBI/2021": "pbi 23/6/pbi/2021",
    "Permenaker No. 6 Tahun 2016": "permenaker 6/2016",
    "Peraturan Menteri Ketenagakerjaan Nomor 6 Tahun 2016": "permenaker 6/2016",
    "Permendagri 108/2019": "permendagri 108/2019",
    "Perpol 5/2021": "perpol 5/2021",
    "Peraturan Kepolisian Negara Republik Indonesia Nomor 5 Tahun 2021": "perpol 5/2021",
    "Perda Nomor 4 Tahun 2014": "perda 4/2014",
    "UUD 1945": "uud 1945",
    "UUD NRI 1945": "uud 1945",
    "Undang-Undang Dasar Negara Republik Indonesia Tahun 1945": "uud 1945",
    "KUHPer": "kuhperdata",
    "Kitab Undang-Undang Hukum Perdata": "kuhperdata",
    "KUH Pidana": "uu 1/2023",
    "KUHP baru": "uu 1/2023",
    "UU TPKS": "uu 12/2022",
    "Undang-Undang Ketenagakerjaan": "uu 13/2003",
}


@pytest.mark.parametrize("written", LAWS)
def test_every_law_is_read_with_every_article(written: str) -> None:
    """Before its law or behind it, after "dari", a comma or a parenthesis: law, article and ayat are the same."""
    forms = ["Apa isi {cited} {law}?", "{cited} dari {law}", "{law} {cited}", "menurut {law}, {cited} itu apa"]
    for at, (mark, (article, ayat)) in enumerate(product(MARKS, ARTICLES)):
        text = forms[(at + at // len(ARTICLES)) % len(forms)].format(cited=article.format(a=mark), law=written)
        (citation,) = find_citations(text)
        assert (citation.laws[0], citation.article, citation.ayat) == (LAWS[written], "65", ayat), text


@pytest.mark.parametrize(
    ("text", "law", "article"),
    [
        ("Undang-Undang Nomor 22 Tahun 2009 tentang Lalu Lintas dan Angkutan Jalan Pasal 77", "uu 22/2009", "77"),
        ("UU 12 tahun 2022 ttg kekerasan seksual pasal 5", "uu 12/2022", "5"),
        ("UU Ketenagakerjaan (UU 13/2003) pasal 79", "uu 13/2003", "79"),
        ("UU 13/2003 (Ketenagakerjaan) pasal 79", "uu 13/2003", "79"),
        ("pasal 28 D UUD 45", "uud 1945", "28d"),
        ("Pasal II UU 13/2022", "uu 13/2022", "ii"),
        ("Pasal IX UU 13/2022", "uu 13/2022", "ix"),
        ("pasal seribu tiga ratus dua puluh KUHPer", "kuhperdata", "1320"),
        ("Article 65 of UU 1/2023", "uu 1/2023", "65"),
        ("ayat (1) pasal 5 UU 1/2023", "uu 1/2023", "5"),
        ("Pasal 5 Nomor 77/POJK.01/2016", "pojk 77/pojk.01/2016", "5"),
        ("Pasal 363 ayat (1) ke-4 KUHP lama", "kuhp", "363"),
        ("pasal 310 ke 1e KUHP lama", "kuhp", "310"),
        ("pasal 7 ayat 1 dan ayat 2 UU 1/1974", "uu 1/1974", "7"),
        ("UU 1 2023 pasal 411", "uu 1/2023", "411"),
        ("pasal 60 uu 13-2003", "uu 13/2003", "60"),
        ("uu nomer 1 taun 2023 pasal 411", "uu 1/2023", "411"),
        ("U.U. No. 1 Tahun 2023 Pasal 411", "uu 1/2023", "411"),
        ("Pasal 1320 B.W.", "kuhperdata", "1320"),
    ],
)
def test_a_rare_spelling_is_read(text: str, law: str, article: str) -> None:
    """Names between a law and its article, roman numerals, numbers in words, English, items, points, and numbers without a kind."""
    assert [
        (citation.laws[-1] if law == "kuhp" else citation.laws[0], citation.article)
        for citation in find_citations(text)
    ] == [(law, article)]


@given(st.integers(0, 999_999))
def test_a_number_in_words_is_read(number: int) -> None:
    """Every number below a million that is written out has its value."""
    assert value_of(spelt(number)) == number


def spelt(number: int) -> str:
    """An Indonesian number in words."""
    units = [
        "nol",
        "satu",
        "dua",
        "tiga",
        "empat",
        "lima",
        "enam",
        "tujuh",
        "delapan",
        "sembilan",
        "sepuluh",
        "sebelas",
    ]
    if number < 12:
        return units[number]
    for size, word in ((1000, "ribu"), (100, "ratus")):
        if number >= size:
            head, rest = divmod(number, size)
            said = f"se{word}" if head == 1 else f"{spelt(head)} {word}"
            return f"{said} {spelt(rest)}" if rest else said
    if number < 20:
        return f"{units[number - 10]} belas"
    head, rest = divmod(number, 10)
    return f"{units[head]} puluh" + (f" {units[rest]}" if rest else "")


def law(name: str, article: str, number: int = 0) -> Document:
    """A document that states an article of a law."""
    return document_of(
        Record(
            id=f"{number}",
            text="Teks.",
            source="t",
            type=name.split(maxsplit=1)[0],
            number=name.split()[1],
            year=2014,
            article=article,
        )
    )


def test_what_leads_nowhere_is_told_apart() -> None:
    """A law that the corpus lacks, and an article that a known law does not have here, are different findings."""
    router = router_of([law("UU 12", "5")])
    found = router.unresolved("pasal 5 UU 12/2014, pasal 99 UU 12/2014, pasal 5 UU 77/2014 dan UU 3/1950")
    assert [(one.laws[0], one.reason) for one in found] == [
        ("uu 12/2014", "article_not_in_law"),
        ("uu 77/2014", "law_not_in_corpus"),
        ("uu 3/1950", "law_not_in_corpus"),
    ]
    assert router.unresolved("Apa itu cerai?") == ()


def test_a_regulators_number_may_be_cited_short() -> None:
    """A regulation whose number names its issuer is found without it; both versions of one article are found."""
    router = router_of(
        [law("POJK 13/POJK.05/2014", "5"), law("POJK 13/POJK.05/2014", "5", 1), law("POJK 13/POJK.05/2014", "1O", 2)]
    )
    for text, rows in (
        ("pasal 5 POJK 13/2014", (0, 1)),
        ("POJK 13/POJK.05/2014 ps 5", (0, 1)),
        ("pasal 10 POJK 13/2014", (2,)),
    ):
        assert router.rows(find_citations(text)[0]) == rows


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


@pytest.mark.parametrize(
    ("text", "articles"),
    [
        ("Pasal 603 jo. Pasal 20 huruf c UU 1/2023", ["603", "20"]),
        ("Pasal 44 ayat (1) jo. Pasal 5 huruf a UU 1/2023", ["44", "5"]),
        ("Pasal 2 dan/atau Pasal 3 UU 1/2023", ["2", "3"]),
        ("UU 1/2023 pasal 2 & 3", ["2", "3"]),
        ("Pasal 459 subsider Pasal 458 lebih subsider Pasal 466 ayat (3) UU 1/2023", ["459", "458", "466"]),
        ("pasal 459 subs. 458 UU 1/2023", ["459", "458"]),
        ("pasal 476 s.d. 479 UU 1/2023", ["476", "477", "478", "479"]),
        ("pasal 476-478 UU 1/2023", ["476", "477", "478"]),
        ("pasal 476 sampai dengan pasal 478 UU 1/2023", ["476", "477", "478"]),
        ("pasal 1 s/d 600 UU 1/2023", ["1", "600"]),
    ],
)
def test_articles_are_joined_as_charges_and_ranges_join_them(text: str, articles: list[str]) -> None:
    """Letters and items of one article do not part it from the next; a range means all between its ends, unless nobody could read them."""
    assert [(one.laws[0], one.article) for one in find_citations(text)] == [("uu 1/2023", one) for one in articles]


def test_an_article_belongs_to_the_law_right_behind_it() -> None:
    """An article that is joined to another law before it is never taken for one of that law."""
    for joined in ("jo.", "dan", ","):
        cited = find_citations(f"Pasal 2 jo. Pasal 18 UU 31/1999 {joined} Pasal 55 ayat (1) ke-1 KUHPerdata")
        assert [(one.laws[0], one.article) for one in cited] == [
            ("uu 31/1999", "2"),
            ("uu 31/1999", "18"),
            ("kuhperdata", "55"),
        ]
    (cited,) = find_citations("UU 31/1999 jo. UU 20/2001 jo. Pasal 55 ayat (1) ke-1 KUHPerdata")
    assert (cited.laws[0], cited.article) == ("kuhperdata", "55")
    first, second = find_citations("UU 13/2003 pasal 156 dan pasal 1365 KUHPerdata")
    assert [(one.laws[0], one.article) for one in (first, second)] == [("uu 13/2003", "156"), ("kuhperdata", "1365")]


def test_of_articles_in_a_row_only_the_missing_one_is_named() -> None:
    """Of two articles before one law the one that is found is not called missing."""
    router = router_of([law("UU 12", "5")])
    assert [one.label for one in router.unresolved("pasal 5 dan 99 UU 12/2014")] == ["pasal 99 uu 12/2014"]


def test_the_very_paragraph_comes_first(corpus: Corpus) -> None:
    """An entry that replaced the paragraph that is asked for comes before entries on the rest of the article."""
    whole = replace(corpus.documents[1], id="uu-31-1999-2", law="UU 31/1999", article="2")
    router = router_of([whole, corpus.documents[0]])
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
    rows = router_of(corpus.documents).rows(citation)
    assert [corpus.documents[row].id for row in rows] == ["kuhperdata-1320"]


def test_the_router_finds_a_replaced_article(corpus: Corpus) -> None:
    """An article that was replaced leads to the entry that replaced it."""
    (citation,) = find_citations("pasal 2 UU 31/1999")
    rows = router_of(corpus.documents).rows(citation)
    assert [corpus.documents[row].id for row in rows] == ["uu-1-2023-603"]


def test_an_unknown_article_leads_nowhere(corpus: Corpus) -> None:
    """An article that the corpus does not state gives nothing, and never a neighbour."""
    (citation,) = find_citations("pasal 9999 KUHPerdata")
    assert router_of(corpus.documents).rows(citation) == ()


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
    assert find_laws(text) == find_laws(f"putusan MK nomor {number}") == ()


def test_only_decisions_of_the_corpus_are_known(corpus: Corpus) -> None:
    """A decision that no entry is or speaks of is not known, however well its words match."""
    router = router_of(corpus.documents)
    assert router.knows(*find_decisions("DEMO 2 K/Ag/2022"))
    assert not router.knows(*find_decisions("123 K/Pdt/2015"))


@pytest.mark.parametrize(
    "unit",
    [
        "pasal 1 ",
        "pasal 1, ",
        "uu 1/",
        "pasal ",
        "ayat (1) ",
        "undang-undang nomor ",
        "1 k/",
        " ",
        "uu a ",
        "uu 1/1999 tentang ",
        "pasal satu ",
        "peraturan menteri ",
        "ayat (1) pasal 5 ",
        "pasal 1 ke-1 ",
        "pasal 1-",
        "pasal 1 huruf a subsider ",
        "uu 1/1999 pasal 1 ayat 1 ",
        "a.",
        "a.b ",
    ],
)
def test_long_text_does_not_make_a_pattern_backtrack(unit: str) -> None:
    """Ten thousand repetitions of the beginning of a citation are read to their end: no pattern explodes."""
    assert len(find_citations(unit * 10_000)) <= 1
    assert len(find_decisions(unit * 10_000)) <= 1


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Apa sanksi menurut UU Kapal Selam Tahun 2025?", "UU Kapal Selam"),
        ("Pasal 3 Undang-Undang Pajak Angin", "Undang-Undang Pajak Angin"),
        ("Peraturan Pemerintah tentang Robot dan Drone tahun 2023", "Peraturan Pemerintah tentang Robot dan Drone"),
        ("PP Perpustakaan Keliling", "PP Perpustakaan Keliling"),
    ],
)
def test_a_law_named_by_a_topic_that_no_title_has_is_not_found(text: str, label: str) -> None:
    """A law without a number is known by its title, and by titles of its own kind alone."""
    router = router_of([titled("UU 12", "Perpustakaan Keliling")])
    assert [(one.label, one.reason) for one in router.unresolved(text)] == [(label, "law_not_in_corpus")]


@pytest.mark.parametrize(
    "text",
    [
        "Apa isi UU Perpustakaan?",
        "Menurut Undang-Undang tentang Perpustakaan Keliling, siapa peminjam?",
        "apa isi uu yang baru itu?",
        "Kitab Undang-Undang Hukum Pidana",
        "UU Nomor 12 Tahun 2014 tentang Perpustakaan",
    ],
)
def test_a_known_title_or_no_name_is_no_missing_law(text: str) -> None:
    """Part of a title is enough; words that are not written as a name are none, and a number tells which law is meant."""
    router = router_of(
        [titled("UU 12", "Perpustakaan Keliling"), titled("UU 1", "Kitab Undang-Undang Hukum Pidana", 2023)]
    )
    assert router.unresolved(text) == ()


def titled(name: str, title: str, year: int = 2014) -> Document:
    """A document of a law with a title."""
    kind, number = name.split()
    return document_of(
        Record(
            id=number,
            text="Teks.",
            source="t",
            type=kind,
            number=number,
            year=year,
            article="1",
            about=title,
        )
    )
