"""How a regulation is recognised and cut."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest.articles import cut
from service.ingest.entries import Origin, entries_of
from service.ingest.identity import identify, in_title_case, promulgated
from service.ingest.manuscript import Line, Manuscript
from service.ingest.noise import join, without_noise
from service.ingest.paragraphs import paragraphs
from service.ingest.parsing import read_text
from service.ingest.readings import digits, readings, roman


def lines(text: str, page: int = 0) -> tuple[Line, ...]:
    return tuple(Line(line, page=page) for line in text.strip().splitlines())


def entries(text: str, name: str = "berkas.txt") -> dict[str, dict[str, object]]:
    made = entries_of(read_text(text), Origin(name, date(2026, 11, 21)))
    return {str(entry["id"]): dict(entry) for entry in made.entries}


def test_a_law_becomes_its_articles_and_its_notes(law: str) -> None:
    """Articles and explanatory notes are entries of their own, and the notes name the article they explain."""
    found = entries(law)
    assert list(found) == [
        "uu-98-2031#pasal-1",
        "uu-98-2031#pasal-2",
        "uu-98-2031#pasal-3",
        "uu-98-2031#penjelasan-umum",
        "uu-98-2031#penjelasan-pasal-2",
    ]
    article = found["uu-98-2031#pasal-2"]
    assert article["law"] == "UU 98/2031"
    assert article["title"] == "Pasal 2 Undang-Undang Nomor 98 Tahun 2031 tentang Perlindungan Kebun Bunga"
    assert article["topics"] == ["BAB II HAK DAN KEWAJIBAN"]
    assert article["as_of"] == "2031-05-05"
    assert article["verified_against"] == "unverified"
    assert "memetik adalah" not in str(article["text"])
    assert found["uu-98-2031#penjelasan-pasal-2"]["applies"] == ["Pasal 2 UU 98/2031"]


def test_a_reference_at_the_start_of_a_line_is_no_heading(law: str) -> None:
    """The words "Pasal 1" after "dimaksud dalam" goes on the sentence of the line before."""
    text = str(entries(law)["uu-98-2031#pasal-2"]["text"])
    assert text == (
        "(1) Pemilik berhak memetik bunga sebagaimana dimaksud dalam Pasal 1 angka 1.\n(2) Hak itu tidak dapat dialihkan."
    )


def test_headings_of_parts_belong_to_no_article(law: str) -> None:
    """The lines of BAB and Bagian stay out of the article before them."""
    assert str(entries(law)["uu-98-2031#pasal-1"]["text"]).endswith("mempunyai Kebun Bunga.")


@pytest.mark.parametrize(
    ("spelt", "number"),
    [("Pasa1 2", "2"), ("Pasal2", "2"), ("PasaJ2", "2"), (". Pasal 2", "2"), ("' Pasal Z", "2"), ("PASAL 2", "2")],
)
def test_a_scan_may_misspell_a_heading(spelt: str, number: str) -> None:
    """The place in the sequence says what a misread heading is."""
    found = cut(lines(f"Pasal I\nSatu.\n{spelt}\nDua.\nPasal 3\nTiga."), wrapped=True, amends=False)
    assert [one.number for one in found.articles] == ["1", number, "3"]
    assert found.findings == ()


def test_a_space_may_be_read_as_a_figure() -> None:
    """The heading "Pasa722" between 21 and 23 is Pasal 22."""
    text = "".join(f"Pasal {n}\nIsi {n}.\n" for n in range(1, 22)) + "Pasa722\nIsi.\nPasal 23\nIsi."
    assert [one.number for one in cut(lines(text), wrapped=True, amends=False).articles][-2:] == ["22", "23"]


def test_missing_articles_are_told() -> None:
    """A gap in the numbers is a warning that names the numbers."""
    found = cut(lines("Pasal 1\nSatu.\nPasal 4\nEmpat.\nPasal 5\nLima."), wrapped=True, amends=False)
    assert [one.number for one in found.articles] == ["1", "4", "5"]
    assert found.findings == ("articles not found between 1 and 5: 2, 3",)


def test_an_article_without_text_is_told() -> None:
    """An empty article is no entry, and a warning."""
    found = cut(lines("Pasal 1\nPasal 2\nDua."), wrapped=True, amends=False)
    assert [one.number for one in found.articles] == ["2"]
    assert found.findings == ("articles without text: 1",)


def test_an_amending_law_keeps_what_it_amends_apart() -> None:
    """Pasal I and II are the amending law's own; the articles between them are those of the other one."""
    text = """UNDANG-UNDANG REPUBLIK INDONESIA
NOMOR 7 TAHUN 2032
TENTANG
PERUBAHAN ATAS UNDANG-UNDANG NOMOR 98 TAHUN 2031
DENGAN RAHMAT TUHAN YANG MAHA ESA
MEMUTUSKAN:
Pasal I
Beberapa ketentuan diubah sebagai berikut:
1. Ketentuan Pasal 2 diubah sehingga berbunyi sebagai berikut:
Pasal 2
Pemilik berhak memetik dua bunga.
2. Di antara Pasal 3 dan Pasal 4 disisipkan 1 (satu) pasal sebagai berikut:
Pasal 3A
Kebun dipagari.
Pasal II
Undang-Undang ini mulai berlaku pada tanggal diundangkan."""
    found = entries(text)
    assert list(found) == ["uu-7-2032#pasal-i", "uu-7-2032#pasal-2", "uu-7-2032#pasal-3a", "uu-7-2032#pasal-ii"]
    assert "Kebun dipagari." in str(found["uu-7-2032#pasal-3a"]["text"])


def test_running_heads_numbers_and_catchwords_leave() -> None:
    """What a printed page carries beside the law is dropped: head, page number, series number, catchword."""
    pages = (
        *lines("PRESIDEN\nREPUBLIK INDONESIA\nPasal 1\nSatu dan\nSK No 0512 34 A\n(2) Dua . . .", 1),
        *lines("FRESIDEN\nREPUEUK INDONESIA\n-2-\n(2) Dua belas.\nwww.hukumonline.com", 2),
    )
    assert [line.text for line in without_noise(pages)] == ["Pasal 1", "Satu dan", "(2) Dua belas."]


def test_a_repeated_line_at_the_edge_of_pages_leaves() -> None:
    """A footer that stands on most pages is noise, whatever number it carries."""
    pages = [line for page in range(1, 7) for line in lines(f"Isi halaman ke{page}nya.\nSitus Hukum {page} / 6", page)]
    assert not any("Situs" in line.text for line in without_noise(pages))


def test_words_cut_at_a_line_end_are_made_whole() -> None:
    """A hyphen at a line's end goes, unless the word is doubled."""
    assert join(["per-", "aturan"]) == "peraturan"
    assert join(["perundang-", "undangan"]) == "perundang-undangan"
    assert join(["anak-", "anaknya pergi"]) == "anak-anaknya pergi"


def test_numbers_of_ayat_and_items_are_made_readable() -> None:
    """Misread brackets and figures are mended where the sequence says what they are."""
    scanned = lines("(l) Satu.\n(21 Dua.\ni3l Tiga.")
    assert paragraphs(scanned, wrapped=True, ayat=True) == "(1) Satu.\n(2) Dua.\n(3) Tiga."
    items = lines("\n".join([*(f"{n}. Butir." for n in range(1, 8)), "S. Korporasi.", "9. Akhir."]))
    assert "8. Korporasi." in paragraphs(items, wrapped=True, ayat=True)


def test_a_text_without_a_title_block_is_cut_at_headings() -> None:
    """Articles of nobody knows which law are not given a law."""
    text = Manuscript(lines("Catatan rapat\nPasal 1\nIsi.\nPasal 2\nIsi."))
    made = entries_of(text, Origin("catatan.txt", date(2026, 11, 21)))
    assert made.form == "guide"
    assert all(entry["law"] is None for entry in made.entries)
    assert any("no title block" in finding for finding in made.findings)


@pytest.mark.parametrize(
    ("title", "doc_id", "law"),
    [
        ("PERATURAN OTORITAS JASA KEUANGAN\nNOMOR 13 /POJK.05/2014\nTENTANG\nLEMBAGA KEUANGAN", "pojk-13.pojk.05.2014-2014", "POJK 13/POJK.05/2014"),
        ("PERATURAN PEMERINTAH REPUBLIK INDONESIA\nNOMOR 76 TAHUN 2O2O\nT'ENTANG\nJENIS DAN TARIF", "pp-76-2020", "PP 76/2020"),
        ("PERATURAN PEMERINTAH PENGGANTI UNDANG-UNDANG\nNOMOR 1 TAHUN 2020\nTENTANG\nKEBIJAKAN", "perppu-1-2020", "Perppu 1/2020"),
        ("Undang-Undang Nomor 5 Tahun 2024 tentang Perlindungan Kucing", "uu-5-2024", "UU 5/2024"),
        ("PERATURAN MENTERI PERHUBUNGAN REPUBLIK INDONESIA\nNOMOR PM 12 TAHUN 2021", None, None),
    ],
)  # fmt: skip
def test_a_title_block_says_which_regulation_it_is(title: str, doc_id: str | None, law: str | None) -> None:
    """Type, number and year come from the title; what does not state them is not guessed."""
    found = identify(lines(title))
    assert (found.doc_id if found else None) == doc_id
    assert (found.law if found else None) == law


def test_the_day_is_that_of_promulgation() -> None:
    """The later of enactment and promulgation is the day for which the text stands; nonsense is no day."""
    assert promulgated("Disahkan di Jakarta pada tanggal L7 Oktober 2O22") == date(2022, 10, 17)
    assert promulgated("Diundangkan di Jakarta pada tanggal 31 Februari 2022") is None


def test_titles_are_written_as_titles() -> None:
    """Capitals become those of a title, and small words stay small."""
    assert in_title_case("JENIS DAN TARIF ATAS (PNBP)") == "Jenis dan Tarif atas (PNBP)"
    assert in_title_case("Perlindungan Kucing") == "Perlindungan Kucing"


@given(st.integers(1, 999), st.data())
def test_a_misread_number_can_still_be_read(number: int, data: st.DataObject) -> None:
    """Whatever figures a scan turns into letters, the true number is among the readings."""
    confused = {"0": "0OoQ", "1": "1lIi|", "2": "2Z", "5": "5S", "6": "6b", "7": "7T", "8": "8B", "9": "9g"}
    spelt = "".join(data.draw(st.sampled_from(confused.get(figure, figure))) for figure in str(number))
    assert number in {reading for reading, _ in readings(spelt)}


@given(st.integers(1, 3999))
def test_roman_numerals_are_read(number: int) -> None:
    """Chapters are counted in Roman numerals."""
    signs = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL")]
    spelt, rest = "", number
    for value, sign in [*signs, (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]:
        spelt += sign * (rest // value)
        rest %= value
    assert "L" in spelt or roman(spelt) == number


@given(st.text(alphabet="OolI09 abc", max_size=30))
def test_only_figures_change_when_numbers_are_mended(text: str) -> None:
    """Mending figures never changes the length of a text."""
    assert len(digits(text)) == len(text)


@given(st.lists(st.sampled_from(["Pasal 1", "Pasal 2", "Pasal l0", "BAB II", "Isi.", "(2) Isi", "PENJELASAN", "II. PASAL DEMI PASAL", "LAMPIRAN"]), max_size=40))  # fmt: skip
def test_no_order_of_lines_breaks_the_cutting(order: list[str]) -> None:
    """Whatever the order of headings, articles are numbered once each and in rising order."""
    numbers = [int(one.number) for one in cut(lines("\n".join(order)), wrapped=True, amends=False).articles]
    assert numbers == sorted(set(numbers))


def test_origin_names_the_source(law: str, origin: Callable[[str], Origin]) -> None:
    """An entry's source names regulation, article and file."""
    made = entries_of(read_text(law), origin("hukum/kebun.txt"))
    assert made.entries[0]["source"] == "Undang-Undang Nomor 98 Tahun 2031, Pasal 1 (kebun.txt)"
