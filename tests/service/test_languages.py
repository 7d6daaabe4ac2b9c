"""Questions in English find Indonesian sources and are answered in English; other languages get a note."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.chat.language import spoken
from service.chat.translating import glossary, translate
from service.deployments.glossary import load_glossary
from service.deployments.load import deployment_file, load_deployment
from service.errors import ConfigurationError
from service.settings import CORPORA

WORDS = load_deployment(deployment_file("courtsight")).glossary
QUESTIONS = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "english_questions.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.fixture(scope="module")
def labelled() -> list[dict[str, str]]:
    names = ("complexity_questions.jsonl", "guard_questions.jsonl")
    folder = Path(__file__).parent / "data"
    return [json.loads(line) for name in names for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def test_english_questions_find_their_sources(build_house: Callable[..., Any], settings: Any) -> None:
    """Of fifty English questions on the shipped corpus nine in ten are answered, in English, from sources on their topic."""
    house = build_house(wanted=settings.model_copy(update={"corpus": CORPORA / "courtsight"}))
    found = 0
    for row in QUESTIONS:
        answer = house.ask("public", row["question"])
        shown = " ".join(f"{one['title']} {one['article']} {one['quote']}" for one in answer["citations"][:3]).lower()
        found += answer["outcome"] == "ok" and row["found"] in shown
        assert "not legal advice" in answer["notices"][-1]
    assert len(QUESTIONS) >= 40
    assert found >= 0.9 * len(QUESTIONS)


def test_what_english_clips_is_no_word_of_the_question() -> None:
    """Of "I'm" and "what's" nothing is left that a source would have to hold."""
    assert not {"s", "m"} & set(translate("What's a divorce when I'm a wife?", WORDS).search.split())
    assert "surat izin mengemudi" in translate("my driver's license", WORDS).search


def test_an_english_answer_says_that_quotations_are_indonesian(house: Any) -> None:
    """Frame, steps and notices are English; the quotation stays as the source has it, and the reader is told so."""
    answer = house.ask("judge", "What is corruption?")
    assert answer["outcome"] == "ok"
    assert "Quotations are given in Indonesian" in answer["answer"]
    assert answer["reasoning_steps"][0]["title"] == "Judging the complexity"
    assert any("Translating" in step["title"] and "korupsi" in step["detail"] for step in answer["reasoning_steps"])


@pytest.mark.parametrize(
    ("question", "language", "note"),
    [
        ("Apa itu wanprestasi?", "id", ""),
        ("Bagaimana kalau kontraknya di-breach sama vendor?", "id", ""),
        ("What is wanprestasi?", "en", ""),
        ("Is a talak valid without a court?", "en", ""),
        ("Bolehkah peguam saya hadir kerana saya sakit?", "id", "malay"),
        ("¿Cuáles son los derechos de las mujeres?", "id", "other"),
        ("离婚需要什么条件", "id", "other"),
        ("Was ist die Strafe für Diebstahl?", "id", "other"),
        ("Piye carane ngurus surat cerai?", "id", "regional"),
        ("Kumaha carana ngurus KTP?", "id", "regional"),
        ("Apa itu breach of contract?", "id", ""),
        ("Pasal 378 KUHP", "id", ""),
        ("", "id", ""),
    ],
)
def test_the_language_of_a_question(question: str, language: str, note: str) -> None:
    """Small words tell the language; mixed questions are read by their frame, and foreign ones are answered with a note."""
    found = spoken(question)
    assert (found.answer, found.note) == (language, note)


def test_a_question_without_small_words_keeps_the_language_of_the_one_before() -> None:
    """After an English question, "Article 378 KUHP" is English as well."""
    assert spoken("378 KUHP", ["What is the penalty for fraud?"]).answer == "en"


def test_indonesian_questions_are_not_taken_for_english(labelled: list[dict[str, str]]) -> None:
    """Of the labelled questions, those that begin with no English word are read as Indonesian."""
    english = (
        "What",
        "Is ",
        "How",
        "My ",
        "Our",
        "Compare",
        "Analyse",
        "Can ",
        "Who",
        "I ",
        "Help",
        "Teach",
        "Recommend",
        "Are ",
    )
    plain = [
        row["question"]
        for row in labelled
        if not row["question"].startswith(english) and row.get("label") != "injection"
    ]
    wrong = [one for one in plain if spoken(one).answer != "id"]
    assert len(wrong) <= 0.01 * len(plain), wrong


def test_the_longest_phrase_is_translated() -> None:
    """A phrase wins over its words, a plural over nothing, and what is unknown stays."""
    words = glossary(["# remark", "", "contract = perjanjian", "breach of contract = wanprestasi", "please ="])
    found = translate("Please: breach of contracts, contracts and zebra 1320", words)
    assert found.search == "wanprestasi perjanjian zebra 1320"
    assert found.terms == (("breach of contracts", "wanprestasi"), ("contracts", "perjanjian"))


def test_the_glossary_is_large_enough() -> None:
    """It knows at least 400 English terms with Indonesian words."""
    assert sum(bool(indonesian) for indonesian in WORDS.entries.values()) >= 400


@given(st.text(max_size=300))
def test_any_text_can_be_translated(text: str) -> None:
    """Whatever is asked, translation gives words, the same each time."""
    assert translate(text, WORDS) == translate(text, WORDS)
    assert spoken(text) == spoken(text)


def test_a_broken_glossary_is_named(tmp_path: Path) -> None:
    """A line without an equals sign and a missing file end with one line that names the file."""
    broken = tmp_path / "broken.txt"
    broken.write_text("divorce perceraian\n", encoding="utf-8")
    for path in (broken, tmp_path / "missing.txt"):
        with pytest.raises(ConfigurationError, match=path.name):
            load_glossary(path)
