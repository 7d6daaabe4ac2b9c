"""Short cuts on the way to an answer: each gives what the long way gives."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.chat import abstaining, complexity, contextualise, facets, guard, issues, scope
from service.deployments.load import deployment_file, load_deployment
from service.exchange import Delta, Step
from service.retrieval import definitions
from service.retrieval.analysis import Analyser
from service.retrieval.corpus import load_corpora
from service.retrieval.duplicates import alike
from service.retrieval.index import Index
from service.retrieval.retriever import DECISIONS, NO_FILTERS, STATUTES, Filters
from service.serving.running import collect_rarely
from service.settings import CORPORA
from service.text import found_from, said

_ASKING = [
    "apa", "Apakah", "APA", "itu", "sih", "saja", "yang", "disebut", "dimaksud", "di maksud", "dengan", "arti", "artinya", "makna", "maksudnya",
    "pengertian", "definisi", "jelaskan", "bagaimana", "tentang", "adalah", "korupsi", "hukum", "ya", "?", "dan",
]  # fmt: skip
_TIMES = [
    "berlaku", "pada", "per", "tahun", "2015", "1 maret 2019", "sekarang", "menurut", "hukum", "berdasarkan", "memakai", "keadaan", "posisi", "statusnya",
    "in force", "applicable", "in effect", "as of", "applied", "valid", "on", "in", "the law", "sebelum", "today", ",", "pidana",
]  # fmt: skip
_YEARS = [
    "hanya", "khusus", "cukup", "dari", "pada", "uu", "pp", "perma", "pojk", "permenaker", "peraturan", "regulasi", "tentang", "saja", "soal", "tahun", "thn.",
    "sejak", "antara", "between", "of", "in", "2019", "1998", "dan", "2021", "20", "yang terbit", "pidana",
]  # fmt: skip
_OPENING = [
    "ganti topik", "topik baru", "topik", "pindah topik,", "pertanyaan lain", "ngomong-ngomong", "koreksi:", "Ralat", "eh", "bukan itu", "eh bukan", "maksud saya",
    "maksudku", "yang tadi", "soal yang tadi", "ok", "Oke,", "baiklah", "baik", "terimakasih", "terima kasih", "makasih", "trims", "halo", "hai", "selamat pagi",
    "permisi", "maaf", "saya mau tanya", "aku ingin bertanya", "mau tanya", "by the way", "another question", "different topic", "correction", "sorry", "thanks",
    "thank you", "hello", "I meant", "i mean", "(", "pasal", "apa", "eh_", "3",
]  # fmt: skip
_ASKED_PARTS = [
    *["apa", "apakah", "bagaimana", "bagaimanakah", "gimana", "kapan", "siapa", "berapa", "dimana", "kemana", "mengapa", "kenapa", "bisakah", "bolehkah", "haruskah", "how", "what", "when", "who", "where", "why", "which"],
    "can", "must", "does", "di mana", "ke mana", "dan", "serta", "lalu", "kemudian", "juga", "and", ",", "?", ".", ";", "sanksi", "sewa,", "tanah?", "jelaskan",
]  # fmt: skip
_NAMES = [
    "UU", "Undang-Undang", "undang-undang", "undang undang", "PP", "Perpres", "Permenaker", "Perppu", "Peraturan Pemerintah", "Peraturan Daerah", "POJK", "Perda", "Qanun", "tentang",
    "No.", "Aceh", "Ekonomi", "Metaverse", "pidana",
]  # fmt: skip
_SEARCHES = [
    (NO_FILTERS, 8),
    (STATUTES, 5),
    (DECISIONS, 6),
    (DECISIONS, 40),
    (NO_FILTERS, 30),
    (Filters(("guide",)), 5),
]


_SIDES = [
    "kecuali", "celah", "bukti", "membuktikan", "tenggat", "berapa", "lama", "hari", "kapan", "batas", "waktunya", "how", "long", "can", "sanksi", "denda",
    "terjadi", "kalau", "lama dan", "masih", "berlaku", "before", "changes", "unsurnya", "syarat", "cara", "apa", "yang", "harus", "lapor", "itu", "what", "is",
    "arti", "biaya", "bayar", "gratis", "fees", ",", "pidana", "APA ITU", "Bagaimana mengurus",
]  # fmt: skip

_STATING = [
    "kecuali", "tidak berlaku", "bukan", "tindak pidana", "bukti", "alat bukti", "paling lambat", "dalam", "selama waktu", "14", "tiga", "hari kerja", "tahun",
    "Diancam", "dendanya", "pidana mati", "sejak", "tidak lagi", "PENGGANTINYA", "unsurnya", "harus ada", "tiga syarat", "minta", "laporkan", "adalah", "artinya",
    "tanpa biaya", "cuma-cuma", "x 24 jam", "_buat", "warisan", ",", "\u212aini", "a\u0301bukti",
]  # fmt: skip
_REFUSALS = load_deployment(deployment_file("courtsight")).refusals
_ENTRIES = sorted(
    {
        entry
        for rule in _REFUSALS
        for group in (*rule.groups, rule.unless)
        for entry in (
            *group.single,
            *group.beginnings,
            *(" ".join(one) for ones in group.phrases.values() for one in ones),
            *rule.marks,
        )
    }
)


@pytest.fixture(scope="module")
def corpus() -> Index:
    """The shipped corpus."""
    return Index.of(load_corpora((CORPORA / "courtsight",)).documents, Analyser(), time.perf_counter)


@pytest.fixture
def collector() -> Iterator[None]:
    """The collector's thresholds, put back afterwards."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@given(st.lists(st.sampled_from(_ASKING), max_size=8).map(" ".join))
def test_no_form_that_asks_for_a_meaning_is_passed_over(question: str) -> None:
    """Whatever the patterns find in a question, the look at single words before them lets pass."""
    found = definitions._ASKS.search(question) or definitions._ASKED_BEHIND.match(question)
    assert not found or definitions._may_ask(question)


@given(st.lists(st.sampled_from(_TIMES), max_size=8).map(" ".join))
def test_no_day_that_law_holds_on_is_passed_over(text: str) -> None:
    """Whatever the patterns find in a text, the looks at single words and at years before them let pass."""
    found = scope._IN_FORCE.search(text) or scope._HELD.search(text)
    assert not found or any(said_so in text for said_so in scope._SAYS_IN_FORCE)
    assert not found or scope._ANY_YEAR.search(text) or any(said_so in text for said_so in scope._TODAY)


@given(st.lists(st.sampled_from(_YEARS), max_size=6).map(" ".join))
@example("hanya pp saja")
@example("khusus uu tentang pajak")
@example("cukup perma soal sewa")
def test_no_years_and_no_kind_are_passed_over(text: str) -> None:
    """Whatever narrows a search to years or to a kind, the looks at years and at words that say "only" let pass."""
    assert scope._ANY_YEAR.search(text) or not scope._OF_YEARS.search(text)
    assert any(word in text for word in scope._ONLY_THESE) or not scope._ONLY.search(text)


@given(st.lists(st.sampled_from(_OPENING), max_size=5).map(" ".join))
@example("I mean pasal 3")
@example("¿eh, pasal 3")
def test_no_opening_is_passed_over(text: str) -> None:
    """Whatever opens a message and is no part of its question is taken off, though only some first words are looked at closely."""
    for written in (text, *[f"{one} {text}" for one in _OPENING]):
        found = contextualise._OPENED.match(written)
        expected = written[found.end() :] if found and found.end() < len(written) else written
        assert contextualise._without_opening(written) == expected


@given(st.lists(st.sampled_from(_ASKED_PARTS), max_size=8).map(" ".join))
def test_no_part_of_a_question_is_passed_over(text: str) -> None:
    """Wherever a question is cut into parts of which two say something, the look at its signs and words lets it pass."""
    for asked in (text, *[f"sewa tanah, {one} {text}" for one in _ASKED_PARTS]):
        cut = [issues._LEAD.sub("", piece.strip(issues._AROUND_A_PART)) for piece in issues._PARTS.split(asked)]
        assert issues._may_have_parts(asked) or sum(map(bool, cut)) < 2


@given(st.lists(st.sampled_from(_NAMES), max_size=5).map(" ".join))
def test_no_law_by_a_title_is_passed_over(text: str) -> None:
    """Every law that is called by a title is found where its kind may begin."""
    for named in (text, *[f"{one} Aceh {text}" for one in _NAMES]):
        looked_for = found_from(abstaining._KINDS_BEGIN, abstaining._LAW_BY_NAME, named)
        assert [one.span() for one in looked_for] == [one.span() for one in abstaining._LAW_BY_NAME.finditer(named)]


@given(st.text(st.sampled_from("abZ01345@$_é .-\n"), max_size=12))
@example("ab@x")
@example("ab$x")
@example("ab_0")
def test_no_word_that_mixes_signs_with_letters_is_passed_over(text: str) -> None:
    """Whatever the search for signs in the place of letters finds, the look at single words before it lets pass."""
    looked_for = guard._ways_to_hide(text) & guard._MIXING and any(map(guard._mixes, text.split()))
    assert looked_for or not guard._MIXED.search(text)


@given(st.lists(st.sampled_from(_SIDES), max_size=8).map(" ".join))
def test_no_side_that_a_question_asks_for_is_passed_over(question: str) -> None:
    """What single words rule out, no search would have found."""
    assert facets.asked_in(question) == {facet for facet, cue in facets._ASKED.items() if cue.search(question)}


@given(st.lists(st.sampled_from([*_STATING, "é"]), max_size=8).map(" ".join))
def test_no_side_that_a_sentence_states_is_passed_over(sentence: str) -> None:
    """What the first words of the cues rule out, no search would have found."""
    assert facets.stated_in(sentence) == {facet for facet, cue in facets._STATED.items() if cue.search(sentence)}


@given(st.data())
def test_no_rule_that_a_question_meets_is_passed_over(data: st.DataObject) -> None:
    """What single words rule out would not have been met; the first rule that is met stays the first."""
    shown = st.sampled_from(_ENTRIES) | st.sampled_from(["apa", "pasal 378", "p e n i p u a n", "k0rups1"])
    question = " ".join(data.draw(st.lists(shown, max_size=6)))
    readings = [(reading.lower(), said(reading)) for reading in guard._readings(question)]
    met = [rule for rule in _REFUSALS if any(guard._meets(rule, *reading) for reading in readings)]
    assert guard.refusal_of(question, _REFUSALS) is (met[0] if met else None)


def test_signals_come_in_the_order_of_the_words() -> None:
    """Words, beginnings and phrases show their signals, each once; weights are summed in this order, which no set may choose."""
    signals = [
        complexity.Signal(name, 1.0, tuple(words)) for name, *words in (("a", "satu"), ("b", "du*"), ("c", "satu dua"))
    ]
    rules = complexity.ComplexityRules(1.0, 2.0, dict.fromkeys(complexity.MEASURES, 1.0), tuple(signals))
    found = [name for name in complexity.features("dua satu dua duanya", rules) if name in "abc"]
    assert found == ["b", "a", "c"]


@given(st.frozensets(st.integers(0, 12), max_size=8), st.frozensets(st.integers(0, 12), max_size=8))
def test_sketches_are_alike_by_six_numbers_or_by_all_of_the_smaller_one(
    one: frozenset[int], other: frozenset[int]
) -> None:
    """Two sketches are alike when they share six numbers, or all that one of them has."""
    assert alike(one, other) == (len(one & other) >= min(6, len(one), len(other)))


@given(
    order=st.permutations(_SEARCHES),
    question=st.sampled_from(["korupsi pengadaan barang", "cerai dan hak asuh anak", "Pasal 378 KUHP"]),
)
def test_what_another_tool_looked_at_changes_no_hit(
    corpus: Index, order: list[tuple[Filters, int]], question: str
) -> None:
    """In whatever order tools search for one question, each gets the hits that it gets alone."""
    corpus._latest.clear()
    shared = {look: corpus.search(question, filters=look[0], limit=look[1]).hits for look in order}
    for filters, limit in order:
        corpus._latest.clear()
        assert corpus.search(question, filters=filters, limit=limit).hits == shared[filters, limit]


def test_values_are_equal_by_what_they_hold() -> None:
    """Two values of one kind with the same fields are one in a set; no field can be added to them."""
    assert {Delta("a"), Delta("a"), Delta("b")} == {Delta("b"), Delta("a")}
    assert repr(Step(1, "a", "b")) == "Step(number=1, title='a', detail='b')"
    with pytest.raises(AttributeError):
        setattr(Delta("a"), "other", 1)  # noqa: B010 - the type checker would refuse to write it plainly


@pytest.mark.usefixtures("collector")
def test_the_collector_looks_after_ten_thousand_objects() -> None:
    """A serving process has the collector look rarely, and it still looks."""
    collect_rarely()
    assert gc.get_threshold()[0] == 10_000
    assert gc.isenabled()
