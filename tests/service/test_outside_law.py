"""Questions that no source of law answers are declined, whatever words they share with one; those of law beside them are asked of the sources."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from service.chat.domain import Domain, Elsewhere
from service.chat.lexicon import lexicon
from service.commands.answers import Asked, answers_of
from service.deployments.guards import load_guards
from service.deployments.load import HERE, deployment_file, load_deployment
from service.errors import ConfigurationError
from service.text import said

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "outside_questions.jsonl").read_text(encoding="utf-8").splitlines()
]
DOMAIN = load_deployment(deployment_file("courtsight")).domain
TODAY = date(2026, 11, 22)


def test_questions_of_other_fields_are_declined() -> None:
    """Of sixty that the words were chosen by 58 at least are declined, of sixty others 52, and of 32 of law beside them two at most."""
    asked = [Asked("public", (row["question"],)) for row in ROWS]
    declined = Counter(
        (row["label"], row["half"])
        for row, (_, answer) in zip(ROWS, answers_of(asked, "courtsight", TODAY), strict=True)
        if answer.outcome == "abstained"
    )
    assert declined["outside", "seen"] >= 58
    assert declined["outside", "unseen"] >= 52
    assert declined["law", "seen"] <= 2


@pytest.mark.parametrize(
    ("outside", "of_law"),
    [
        ("Siapa presiden Indonesia?", "Siapa presiden menurut UUD 1945?"),
        ("Siapa ketua Mahkamah Agung saat ini?", "Siapa yang mengangkat ketua Mahkamah Agung?"),
        ("Berapa gaji presiden?", "Berapa gaji minimum pekerja?"),
        ("Kapan Indonesia merdeka?", "Apa hak kemerdekaan berpendapat?"),
        ("Hari ini hari apa?", "Berapa hari cuti tahunan sekarang?"),
        ("Berapa 15 kali 37?", "Berapa kali boleh mengajukan peninjauan kembali?"),
        ("Who is the president of Indonesia?", "Who appoints the president of the court?"),
        ("hp", "hp saya dicuri"),
        ("Sekarang jam 7?", "Lalu tanggal berapa?"),
    ],
)
def test_one_word_of_law_more_is_asked_of_the_sources(outside: str, of_law: str) -> None:
    """A question is sent elsewhere only when it consists of nothing but words of such questions."""
    assert DOMAIN.is_elsewhere(said(outside))
    assert not DOMAIN.is_elsewhere(said(of_law))


def test_a_sum_needs_two_numbers() -> None:
    """Who writes "Berapa kali?" asks how often, and a message without a word or a number is no kind of question."""
    kind = Elsewhere((lexicon(["kali"]),), frozenset(["berapa"]), numbers=2)
    assert kind.is_all_of(said("Berapa 2 kali 2?"))
    assert not kind.is_all_of(said("Berapa kali?"))
    assert not Domain(lexicon(["hp"]), lexicon([]), 0.8).is_elsewhere(said("?"))


def test_the_answer_says_so_without_looking_anything_up() -> None:
    """Nothing was searched, so nothing is cited and the confidence is that of no evidence; the text says what the service is for."""
    ((_, answer),) = answers_of([Asked("judge", ("Siapa wakil presiden sekarang?",))], "courtsight", TODAY)
    assert (answer.outcome, answer.refusal_reason, answer.confidence) == ("abstained", "out_of_domain", 0.0)
    assert not answer.citations
    assert not answer.tool_runs
    assert "hanya menjawab pertanyaan tentang hukum Indonesia" in answer.text


def test_a_misspelt_group_is_named(tmp_path: Path) -> None:
    """A group that is not there stops the start with its place and the nearest name."""
    shipped = (HERE / "guarding" / "courtsight.yaml").read_text(encoding="utf-8")
    file = tmp_path / "mine.yaml"
    file.write_text(shipped.replace("{all: [who, posts]", "{all: [who, post]"), encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match=r"domain\.elsewhere\.0: no group of words 'post' \(did you mean 'posts'"
    ):
        load_guards(file)
