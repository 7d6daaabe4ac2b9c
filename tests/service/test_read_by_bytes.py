"""What is read of a text by tables of its bytes is what the patterns say that they stand for."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from service.chat.complexity import _sentence_ends
from service.text import LONGEST_WORD, fold, shows_digits, words

_WORD = re.compile(rf"([a-z0-9]{{1,{LONGEST_WORD}}})[a-z0-9]*")
_TEXTS = st.text(
    st.one_of(
        st.sampled_from(" \t\n\x0b\x1c\x85.!?;:,-'_“”aAzZ09éİ٣Ａ1"), st.characters(max_codepoint=127), st.characters()
    ),
    max_size=60,
)


@given(_TEXTS)
@example("a" * LONGEST_WORD + " " + "b" * (LONGEST_WORD + 1))
@example("c" * (LONGEST_WORD * 2 + 1))
@example("Pasal-5_ayat(2)")
def test_words_are_those_of_the_pattern(text: str) -> None:
    """Words are runs of small letters and digits of the folded text, and longer ones are cut."""
    assert words(text) == _WORD.findall(fold(text))


@given(_TEXTS)
@example("٣")
@example("tanpa angka")
def test_a_text_that_shows_no_digit_holds_none(text: str) -> None:
    """ASCII text is told exactly; of other text it may be said that a digit stands there, never that none does."""
    holds = re.search(r"\d", text) is not None
    assert shows_digits(text) == (holds or not text.isascii())


@given(_TEXTS)
@example("Apa?! Lalu: bagaimana;\x1cini. ")
@example("itu.\xa0ya")
def test_the_ends_of_sentences_are_those_of_the_pattern(text: str) -> None:
    """Signs in a row before white space are one end."""
    assert _sentence_ends(text) == len(re.findall(r"[.!?;:]+\s", text))
