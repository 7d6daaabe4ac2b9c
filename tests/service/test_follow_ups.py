"""Labelled dialogues: what a question takes from the ones before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.chat.contextualise import contextualise, is_follow_up
from service.chat.fitting import held_out
from service.retrieval.analysis import content_words

DIALOGUES: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "follow_ups.jsonl").read_text(encoding="utf-8").splitlines()
]


def carried(turns: list[str]) -> str:
    return contextualise(turns[-1], turns[-2::-1], None, content_words).carried.lower()


@pytest.mark.parametrize("only_held_out", [False, True])
def test_follow_ups_are_told_from_new_topics(only_held_out: bool) -> None:
    """Precision and recall are at least 0.9, also on the third that no rule was tuned on."""
    rows = [row for row in DIALOGUES if held_out(row["id"]) or not only_held_out]
    found = {row["id"] for row in rows if is_follow_up(row["turns"][-1], content_words)}
    labelled = {row["id"] for row in rows if row["follow_up"]}
    assert len(found & labelled) / len(found) >= 0.9
    assert len(found & labelled) / len(labelled) >= 0.9


@pytest.mark.parametrize("only_held_out", [False, True])
def test_the_right_words_are_carried(only_held_out: bool) -> None:
    """In at least nine dialogues of ten all words that matter are carried, and none that must not be."""
    rows = [row for row in DIALOGUES if held_out(row["id"]) or not only_held_out]
    right = [
        row
        for row in rows
        if all(word.lower() in carried(row["turns"]) for word in row["must"])
        and not any(word.lower() in carried(row["turns"]).split() for word in row["must_not"])
    ]
    assert len(right) / len(rows) >= 0.9


def test_there_are_enough_dialogues() -> None:
    """At least 120 dialogues, with new topics and chains of three turns among them."""
    assert len(DIALOGUES) >= 120
    assert sum(not row["follow_up"] for row in DIALOGUES) >= 30
    assert sum(len(row["turns"]) >= 3 for row in DIALOGUES) >= 10


def test_a_correction_keeps_what_it_does_not_replace() -> None:
    """Who corrects the offence still wants to report it."""
    assert carried(["Bagaimana cara lapor penipuan online?", "maksud saya penggelapan"]) == "lapor"


def test_a_return_carries_the_topic_returned_to() -> None:
    """Going back to an earlier question leaves the one in between behind."""
    assert carried(["Apa itu hibah?", "Apa itu tilang?", "Kembali ke hibah tadi, apakah bisa dibatalkan?"]) == "hibah"


@given(st.text(max_size=200), st.lists(st.text(max_size=200), max_size=4))
def test_carried_words_are_few_and_come_from_the_conversation(question: str, earlier: list[str]) -> None:
    """At most twelve words are carried, each of them a word of an earlier question, and without one nothing is."""
    context = contextualise(question, earlier, None, content_words)
    said = " ".join(word for text in earlier for word in content_words(text))
    assert question.strip() in context.search
    assert all(part in said for part in context.carried.split())
    assert bool(earlier) or context.carried == ""


@given(st.lists(st.sampled_from([row["turns"][0] for row in DIALOGUES]), min_size=6, max_size=9))
def test_a_long_conversation_carries_no_more(earlier: list[str]) -> None:
    """However much was said, no more than twelve phrases are carried."""
    assert len(contextualise("Mengapa?", earlier, None, content_words).search.split()) <= 1 + 12 * 6
