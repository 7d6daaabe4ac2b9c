"""Entries are cut where a reader would cut them, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.retrieval.definitions import asked_terms, defined_terms, definition_key
from service.retrieval.document import Document
from service.retrieval.passages import LONGEST, split

ARTICLE = Document(
    id="uu-1-2000-5",
    kind="statute",
    title="Pasal 5 UU 1/2000",
    text="-",
    law="UU 1/2000",
    law_title="Perpustakaan Keliling",
    article="5",
    year=2000,
    status="berlaku",
    earlier=None,
    source="test",
    as_of=date(2000, 1, 1),
    verified_against="unverified",
    demo=False,
)
AYAT = (
    "(1) Setiap peminjam wajib mengembalikan buku dalam empat belas hari.\n(2) Peminjam yang melanggar ayat (1) membayar denda:\n"
    "a. seribu rupiah; atau\nb. dua ribu rupiah.\n(3) Denda disetor ke kas perpustakaan."
)
DEFINITIONS = (
    "Dalam Undang-Undang ini yang dimaksud dengan:\n1. Perpustakaan Keliling yang selanjutnya disebut Perling adalah mobil yang "
    "membawa buku.\n2. Peminjam adalah orang yang terdaftar:\na. di desa; atau\nb. di kota.\n3. Buku Langka (rare book) adalah buku "
    "yang disimpan menurut Pasal 7 ayat (2)."
)
AMENDING = (
    "Beberapa ketentuan dalam Undang-Undang Nomor 9 Tahun 1990 tentang Perpustakaan diubah sebagai berikut:\n 1. Ketentuan Pasal 1 "
    "diubah sehingga berbunyi sebagai berikut: Pasal 1 Dalam Undang-Undang ini yang dimaksud dengan:\n 1. Rak adalah tempat buku.\n "
    "2. Meja adalah tempat membaca.\n 2. Di antara Pasal 4 dan Pasal 5 disisipkan satu pasal, yakni Pasal 4A yang berbunyi sebagai "
    "berikut:\n Pasal 4A\n (1) Meja wajib bersih.\n (2) Rak wajib kering." + " Ketentuan penutup." * 60
)


def of(text: str) -> Document:
    """The article with another text."""
    return replace(ARTICLE, text=text)


def test_each_ayat_is_a_passage() -> None:
    """Ayat are passages with their number; a cross-reference to an ayat and lettered items cut nothing."""
    found = split(of(AYAT))
    assert [(one.ayat, one.place) for one in found] == [("1", 0), ("2", 1), ("3", 2)]
    assert found[1].text.endswith("b. dua ribu rupiah.")


def test_each_definition_is_a_passage_with_its_terms() -> None:
    """An item of a definition article knows which terms it defines, the short name too, and the lead stays with the first."""
    found = split(of(DEFINITIONS))
    assert [one.item for one in found] == ["1", "2", "3"]
    assert [one.defines for one in found] == [
        ("Perpustakaan Keliling", "Perling"),
        ("Peminjam",),
        ("Buku Langka (rare book)", "rare book", "Buku Langka"),
    ]


def test_an_amending_article_is_cut_at_the_articles_it_states() -> None:
    """Articles that an amending article states anew keep their number as context, their ayat and their definitions."""
    found = {one.text.splitlines()[0][:24]: one for one in split(of(AMENDING))}
    assert found["2. Meja adalah tempat me"].defines == ("Meja",)
    assert found["2. Meja adalah tempat me"].context == "Pasal 1"
    assert [one.ayat for one in split(of(AMENDING)) if one.context == "Pasal 4A"][:2] == ["1", "2"]


def test_a_later_ayat_is_found_by_the_opening_of_its_article() -> None:
    """An ayat that only says "it" can be found by what the article is about."""
    first, second, _ = split(of(AYAT))
    assert first.context == ""
    assert "mengembalikan buku" in second.context


def test_a_number_that_a_scan_lost_hides_only_itself() -> None:
    """When ayat (2) lost its marker, ayat (3) is still cut."""
    found = split(of("(1) Buku dipinjam.\n2) Buku kembali.\n(3) Buku hilang."))
    assert [one.ayat for one in found] == ["1", "3"]


def test_a_list_inside_an_ayat_is_not_an_ayat() -> None:
    """A number that falls back belongs to the text before it."""
    found = split(of("(1) Satu.\n(2) Dua menurut:\n(1) contoh;\n(3) Tiga."))
    assert [one.ayat for one in found] == ["1", "2", "3"]


def test_a_glossary_entry_defines_its_title() -> None:
    """An entry of a glossary states no "adalah": its title is the term."""
    entry = replace(
        ARTICLE, kind="guide", type="glosarium", title="In casu", text="Dalam perkara ini.", law=None, article=None
    )
    assert split(entry)[0].defines == ("In casu",)


@given(
    st.lists(
        st.sampled_from(
            [
                "(1) ",
                "(2) ",
                "(3) ",
                "\n",
                "1. ",
                "2. ",
                "a. ",
                " Pasal 5 ",
                "Kata adalah kata.",
                "; ",
                "kata " * 90,
                "x" * 1500,
                "yang dimaksud dengan:\n",
                "berikut: Pasal 7 (1) ",
                " ",
            ]
        ),
        min_size=1,
        max_size=60,
    ).map("".join)
)
def test_passages_cover_the_entry_in_order(text: str) -> None:
    """Every passage is a verbatim span no longer than allowed, and only white space lies between them."""
    at = 0
    for place, one in enumerate(split(of(text))):
        assert text[one.start : one.start + len(one.text)] == one.text
        assert not text[at : one.start].strip()
        assert one.place == place
        assert len(one.text) <= LONGEST or not text.strip()
        at = one.start + len(one.text)
    assert not text[at:].strip()


@pytest.mark.parametrize(
    "question",
    [
        "Apa yang dimaksud dengan Data Pribadi?",
        "apa itu data pribadi",
        "Apa arti data pribadi menurut UU 27/2022?",
        "Jelaskan pengertian data pribadi!",
        "definisi dari 'Data Pribadi'",
        "Data pribadi itu apa sih?",
        'apa yang dimaksud dengan istilah "data pribadi" dalam undang-undang?',
        "Apakah yang dimaksud data pribadi",
    ],
)
def test_a_question_for_a_meaning_names_its_term(question: str) -> None:
    """However people ask what a word means, the key is that of the definition."""
    assert definition_key("Data Pribadi") in {definition_key(term) for term in asked_terms(question)}


@pytest.mark.parametrize("question", ["Apa sanksi mencuri?", "Bagaimana cara cerai?", "", "pasal 5 UU 1/2023"])
def test_other_questions_ask_for_no_term(question: str) -> None:
    """A question for something else than a meaning names no term."""
    assert asked_terms(question) == ()


def test_spaces_and_hyphens_do_not_part_a_term() -> None:
    """Scans and people write a term with spaces and hyphens anywhere."""
    assert definition_key("Lembaga Jasa Keuangan Non-Bank") == definition_key("lembaga jasa keuangan nonbank")
    assert definition_key("?!") == ""


def test_a_sentence_is_no_definition() -> None:
    """Outside a list of definitions a long or uncapitalised beginning defines nothing."""
    assert defined_terms("Anak adalah orang yang belum dewasa.", listed=False) == ("Anak",)
    assert defined_terms("yang wajib hadir di sana adalah saksi.", listed=False) == ()
    assert defined_terms("Dalam hal hakim menilai bahwa yang bersalah adalah saksi.", listed=False) == ()


@given(st.text(max_size=300))
def test_any_text_may_be_asked_or_defined(text: str) -> None:
    """No text makes the reading of terms fail."""
    assert all(asked_terms(text)) or asked_terms(text) == ()
    assert isinstance(defined_terms(text, listed=True), tuple)


@pytest.mark.parametrize(
    "unit", ["(1) ", "1. ", "Pasal 1 ", "yang dimaksud dengan", "apa arti ", "yang selanjutnya ", "( "]
)
def test_long_text_is_cut_in_linear_time(unit: str) -> None:
    """Ten thousand repetitions of a marker are read to their end: no pattern explodes."""
    assert split(of(unit * 10_000))
    assert isinstance(asked_terms(unit * 10_000), tuple)
