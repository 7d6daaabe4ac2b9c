"""What is remembered of pure functions: the same values, and never more of them than the bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.chat.lexicon import lexicon
from service.remembering import Remembered, remembered
from service.text import said, words

WORDS = st.lists(st.sampled_from(["suap", "barang", "bukti", "lapor", "laporan", "lap"]), max_size=8)


@given(st.lists(st.integers(0, 30), max_size=200), st.integers(1, 10))
def test_remembering_changes_no_value_and_stays_within_its_bound(keys: list[int], most: int) -> None:
    """Whatever is asked in whatever order, each key gives what the function makes of it, and no more than `most` are kept."""
    squares = Remembered[int, int](lambda key: key * key, most)
    for key in keys:
        if key % 3:
            squares.keep(key, key * key)
        assert squares[key] == key * key
        assert len(squares) <= most


def test_a_value_is_made_once_for_as_long_as_it_is_remembered() -> None:
    """A key that comes again is not made again, until newer keys took its place."""
    made: list[str] = []
    known = Remembered[str, int](lambda key: made.append(key) or len(key), 4)
    assert [known[key] for key in ("a", "bb", "a")] == [1, 2, 1]
    assert made == ["a", "bb"]
    for key in ("c", "d", "e"):
        assert known[key] == 1
    assert known["a"] == 1
    assert made.count("a") == 2


def test_what_is_not_worth_its_room_is_made_anew() -> None:
    """A value that `keeps` refuses is given and forgotten."""
    known = Remembered[int, int](lambda key: key, 4, keeps=lambda value: value < 2)
    assert [known[key] for key in (1, 5, 5)] == [1, 5, 5]
    assert dict(known) == {1: 1}


def test_long_texts_are_read_anew() -> None:
    """A function that remembers texts gives the same for long ones, and does not keep them."""
    made: list[str] = []

    @remembered(most=2, longest=3)
    def length(text: str) -> int:
        made.append(text)
        return len(text)

    assert [length(text) for text in ("abc", "abc", "abcd", "abcd")] == [3, 3, 4, 4]
    assert made == ["abc", "abcd", "abcd"]


@given(WORDS, st.lists(st.sampled_from(["suap", "barang bukti", "lapor*", "la*", "bukti barang suap"]), max_size=3))
def test_showing_an_entry_agrees_with_listing_the_entries(text: list[str], entries: list[str]) -> None:
    """A text shows a lexicon exactly when it shows an entry of it."""
    whole = " ".join(text)
    assert lexicon(entries).shows(said(whole)) == bool(lexicon(entries).shown(words(whole)))
