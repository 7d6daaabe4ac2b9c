"""An answer says which part of a question it leaves open, and a part that supposes a case is about what the part before it named."""

from __future__ import annotations

from datetime import date

import pytest

from service.chat.issues import issues_of, pieces_of
from service.chat.left_open import left_open
from service.commands.answers import Asked, answers_of
from service.exchange import Answer

TODAY = date(2026, 11, 22)
OPEN = "lama waktu atau biaya"


def answer_to(question: str) -> Answer:
    ((_, answer),) = answers_of([Asked("public", (question,))], "courtsight", TODAY)
    return answer


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("Apa hak tersangka dan berapa lama penahanan oleh polisi?", "“berapa lama penahanan oleh polisi”"),
        ("Bagaimana cara melapor penipuan online dan berapa lama prosesnya?", "“berapa lama prosesnya”"),
        ("Apa hukuman pencurian dan berapa biaya mengurus SIM?", "“berapa biaya mengurus SIM”"),
        ("Berapa biaya balik nama sertifikat tanah di BPN?", "“Berapa biaya balik nama sertifikat tanah di BPN”"),
    ],
)
def test_a_time_or_cost_that_no_source_states_is_named(question: str, part: str) -> None:
    """The part stands in a notice, word for word, though passages on its matter were quoted."""
    answer = answer_to(question)
    assert answer.outcome == "ok"
    assert [part in notice for notice in answer.notices if OPEN in notice] == [True]


@pytest.mark.parametrize(
    "question",
    [
        "Berapa lama cuti melahirkan karyawati?",
        "Berapa lama waktu mengajukan kasasi?",
        "Berapa biaya mengurus KTP?",
        "Pencurian dipenjara berapa lama?",
        "Apa itu wanprestasi?",
    ],
)
def test_what_is_answered_is_not_called_open(question: str) -> None:
    """A time, a cost or a penalty that a quoted sentence states, and a question that asks for none, leave nothing open."""
    assert not any(OPEN in notice for notice in answer_to(question).notices)


@pytest.mark.parametrize(
    ("told", "is_open"),
    [
        ("Gugatan diajukan paling lambat 14 hari sejak putusan. [1]", False),
        ("Prosesnya berlangsung enam puluh hari. [1]", False),
        ("Diancam penjara paling lama satu tahun. [1]", True),
        ("Hak menuntut lewat waktu setelah tiga tahun bagi yang diancam denda. [1]", False),
        ("Pemohon berumur 17 tahun. [1]", True),
        ("Berikut penjelasan dengan bahasa sehari-hari.\nSetahun kemudian?", True),
        ("PALING LAMA 14 HARI. [1]", False),
        ("Seminggu kemudian\nputusan dibacakan. [1]", True),
        ("Seminggu [a] putusan dibacakan. [1]", True),
        ("Putusan dibacakan. [1][2] Sebulan[3]", False),
    ],
)
def test_only_what_a_source_says_of_a_time_answers_how_long(told: str, is_open: bool) -> None:
    """Years of prison and of age are no answer to how long a matter takes, and neither is what bears no mark."""
    assert bool(left_open("Berapa lama prosesnya?", told, "id")) == is_open


def test_letters_of_any_size_ask_and_answer() -> None:
    """A question in capitals asks as well, and the sign of a currency states a cost."""
    assert left_open("BERAPA LAMA PROSESNYA?", "Putusan dibacakan. [1]", "id")
    assert left_open("Berapa biaya SIM?", "Putusan dibacakan. [1]", "id")
    assert not left_open("Berapa BIAYA SIM?", "Pemohon menyetor Rp 50.000. [1]", "id")


def test_a_penalty_answers_how_long_somebody_is_imprisoned_and_english_is_told_in_english() -> None:
    """What counts depends on what is asked, and the notice speaks the reader's language."""
    assert not left_open("Berapa lama dipenjara?", "Diancam penjara paling lama satu tahun. [1]", "id")
    (told,) = left_open("How long does a divorce take?", "Perceraian diajukan ke pengadilan. [1]", "en")
    assert "“How long does a divorce take”" in told


def test_a_part_that_supposes_a_case_is_about_the_part_before_it() -> None:
    """The part "… dan bagaimana kalau dibuat karena paksaan?" was answered from criminal law; it asks for a contract's lack of consent."""
    answer = answer_to(
        "apa syarat sah perjanjian dan bagaimana kalau dibuat karena paksaan, lalu berapa lama gugatannya?"
    )
    cited = {citation.id for citation in answer.citations}
    assert "kuhperdata-1321" in cited
    assert "uu-1-2023-448" not in cited
    assert any("“berapa lama gugatannya”" in notice for notice in answer.notices)


def test_other_parts_keep_to_their_own_words() -> None:
    """A part that names its own topic inherits nothing, and a question without parts is one piece."""
    question = "Apa syarat perjanjian dan bagaimana hukuman pencurian?"
    terms = [issue.terms for issue in issues_of(question, "", str.split, lambda _term: 3.0, ())]
    assert "pencurian" in terms[1]
    assert "perjanjian" not in terms[1]
    supposed = "Apa syarat perjanjian dan bagaimana kalau dibuat terpaksa?"
    assert "perjanjian" in issues_of(supposed, "", str.split, lambda _term: 3.0, ())[1].terms
    assert pieces_of("Apa itu wanprestasi?") == ["Apa itu wanprestasi"]
