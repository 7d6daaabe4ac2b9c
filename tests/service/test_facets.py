"""The sides of a rule that a question asks for."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.chat.facets import _ASKED, asked_in

CUES = sorted({word for cue in _ASKED.values() for word in re.findall(r"[a-z]+", cue.pattern) if len(word) > 1})


@given(
    st.lists(st.sampled_from([*CUES, "saya", "Rp", "2022", "tanah"]), max_size=8),
    st.sampled_from([" ", ", ", "-", "/"]),
)
def test_a_look_at_first_words_finds_what_every_search_finds(words: list[str], between: str) -> None:
    """Whatever a question is made of, the sides found by a look at how words begin are those that all patterns find."""
    question = between.join(words).capitalize()
    assert asked_in(question) == {facet for facet, cue in _ASKED.items() if cue.search(question)}


@pytest.mark.parametrize(
    ("question", "sides"),
    [
        ("Apa sanksinya kalau terlambat?", {"sanction"}),
        ("Berapa lama batas waktunya dan berapa biayanya?", {"deadline", "cost"}),
        ("What is the penalty?", {"definition", "sanction"}),
        ("Tanah warisan di Bandung", set()),
    ],
)
def test_the_sides_of_a_question_are_read(question: str, sides: set[str]) -> None:
    """Penalty, deadline, cost and meaning are heard in both languages; a mere topic asks for no side."""
    assert asked_in(question) == sides
