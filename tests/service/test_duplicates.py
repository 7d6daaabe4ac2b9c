"""What counts as the same text said twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.retrieval.analysis import Analyser
from service.retrieval.document import Document
from service.retrieval.duplicates import SKETCH_SIZE, Codes, alike, says_the_same, sketch
from service.retrieval.index import Index
from service.retrieval.retriever import Filters

RULE = (
    "Setiap orang yang dengan sengaja menyebarkan kabar bohong kepada masyarakat umum melalui sistem elektronik sehingga menimbulkan"
    " keributan di tengah warga dipidana dengan pidana penjara paling lama lima tahun atau pidana denda kategori kelima"
)
DAY = date(2026, 11, 1)


def article(name: str, text: str, **changes: object) -> Document:
    made = Document(
        name, "statute", f"Kabar bohong {name}", text, "UU 1/2000", None, "1", 2000, "berlaku", None, "UU 1/2000", DAY,
        "unverified", demo=False,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of a document


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (RULE, True),
        (RULE.upper() + ".", True),
        (RULE.replace("keributan", "kerusuhan"), True),
        (RULE.replace("lima tahun", "enam tahun"), False),
        (RULE.replace("atau", "dan"), False),
        (RULE.replace("menimbulkan", "tidak menimbulkan"), False),
        (RULE.replace("kabar bohong kepada masyarakat umum", "kepada masyarakat umum kabar bohong"), False),
        ("Perkawinan dicatat menurut peraturan perundang-undangan yang berlaku", False),
    ],
)
def test_a_word_may_differ_but_no_number_and_no_turn(other: str, same: bool) -> None:
    """A copy with a slip is the same rule; another number, "dan" for "atau", a "tidak" or words that change places are not."""
    assert says_the_same(RULE, other) is same
    assert says_the_same(other, RULE) is same


@given(st.lists(st.text("abcde", min_size=1, max_size=4), max_size=60))
def test_a_sketch_has_one_size_and_knows_itself(terms: list[str]) -> None:
    """Whatever the terms, in whatever order, a sketch has eight numbers and is close to itself."""
    made = sketch(terms, Codes())
    assert len(made) == SKETCH_SIZE
    assert made == sketch(reversed(terms), Codes())
    assert alike(frozenset(made), frozenset(made))


def found(*documents: Document, **options: object) -> list[tuple[str, tuple[str, ...]]]:
    index = Index.of(documents, Analyser(), lambda: 0.0)
    hits = index.search("menyebarkan kabar bohong", **options).hits  # type: ignore[arg-type]  # search's own options
    return [(hit.document.id, hit.repeated_in) for hit in hits]


def test_a_repeated_article_is_shown_once_and_the_other_is_named() -> None:
    """Two ids with one text give one hit that names the other."""
    assert found(article("a", RULE), article("b", RULE)) in ([("a", ("b",))], [("b", ("a",))])


def test_of_two_the_one_in_force_is_shown() -> None:
    """Whatever fits better, the text that was repealed stands behind the one that repeats it."""
    old = article("kabar-bohong-menyebarkan", RULE, status="dicabut", title="Menyebarkan kabar bohong")
    assert found(old, article("b", RULE)) == [("b", (old.id,))]


def test_another_penalty_is_another_rule() -> None:
    """Articles that differ in a number are both shown."""
    assert len(found(article("a", RULE), article("b", RULE.replace("lima", "tujuh")))) == 2


def test_decisions_are_never_merged() -> None:
    """Two decisions in the same words are two cases."""
    case = {"kind": "decision", "court": "PN", "decided_on": DAY, "holding": "Ditolak"}
    pair = [article(name, RULE, decision_number=f"{at} K/Pid/2020", **case) for at, name in enumerate("ab")]
    assert len(found(*pair)) == 2


def test_copies_do_not_push_other_sources_out() -> None:
    """Many copies of the best passage leave room for what differs."""
    copies = [article(f"c{at}", RULE) for at in range(60)]
    other = article("lain", "Penyidik menyita barang bukti kabar bohong yang disimpan pelaku di rumahnya")
    assert [one for one, _ in found(*copies, other, limit=2)][-1] == "lain"


LAWS = (
    article("uu", RULE + " satu", year=2008),
    article("pp", RULE + " dua", year=2019, type="PP", law="PP 5/2019"),
    article("pojk", RULE + " tiga", year=None, type="POJK", law="POJK 1/2020"),
    article("panduan", RULE + " empat", kind="guide", year=2024, law=None, article=None),
    article("lama", RULE + " lima", year=1999, in_force_until=date(2010, 1, 1)),
    article("nanti", RULE + " enam", year=2026, in_force_from=date(2027, 1, 1)),
    article("dicabut", RULE + " tujuh", year=1990, status="dicabut"),
)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(kinds=("guide",)), {"panduan"}),
        (Filters(kinds=("guide", "statute"), types=("pp", "POJK")), {"pp", "pojk"}),
        (Filters(types=("UU",)), {"uu", "lama", "nanti", "dicabut"}),
        (Filters(year_from=2008, year_to=2019), {"uu", "pp"}),
        (Filters(year_to=1999), {"lama", "dicabut"}),
        (Filters(year_from=2026), {"nanti"}),
        (Filters(in_force_on=date(2026, 11, 21)), {"uu", "pp", "pojk", "panduan"}),
        (Filters(in_force_on=date(2009, 12, 31)), {"uu", "pojk", "lama", "dicabut"}),
        (Filters(in_force_on=date(1998, 12, 31)), {"pojk", "dicabut"}),
        (Filters(in_force_on=date(2027, 1, 1), types=("UU",)), {"uu", "nanti"}),
        (Filters(types=("PERDA",)), set()),
    ],
)
def test_filters_hold_what_they_say(filters: Filters, expected: set[str]) -> None:
    """Kind, type in any case, years and the day of force let pass exactly what fits; a repeal of unknown day counts from `as_of`.

    No law holds before the year in which it was made.
    """
    index = Index.of(LAWS, Analyser(), lambda: 0.0)
    assert {hit.document.id for hit in index.search("kabar bohong", filters=filters).hits} == expected


def test_without_a_day_what_was_repealed_stands_behind() -> None:
    """No filter loses a repealed article, and none lets it come first."""
    index = Index.of(LAWS, Analyser(), lambda: 0.0)
    ids = [hit.document.id for hit in index.search("kabar bohong").hits]
    assert set(ids) == {document.id for document in LAWS}
    assert ids[-1] == "dicabut"
