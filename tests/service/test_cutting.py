"""Cutting an answer where a client asked for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.cutting import Cutting


def shown(cutting: Cutting, pieces: list[str]) -> str:
    return "".join([*(cutting.take(piece) for piece in pieces), cutting.rest()])


def whole(text: str, stops: list[str]) -> str:
    ends = [at for stop in stops if stop and (at := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


def test_sentences_that_fit_are_shown_whole() -> None:
    """A cap of seven words keeps the two sentences of three, with the mark of the source, and drops the third."""
    cutting = Cutting(7)
    assert (
        shown(cutting, ["Satu dua tiga. ", "Empat lima enam. [1] Tujuh delapan."])
        == "Satu dua tiga. Empat lima enam. [1]"
    )
    assert cutting.at_limit


def test_a_first_sentence_that_is_too_long_is_not_shown_in_part() -> None:
    """Half a rule is another rule: with too small a cap there is no text at all."""
    cutting = Cutting(2)
    assert shown(cutting, ["Satu dua tiga."]) == ""
    assert cutting.at_limit


def test_without_a_cap_or_a_stop_every_piece_passes_at_once() -> None:
    """Nothing is held back."""
    cutting = Cutting()
    assert [cutting.take(piece) for piece in ("a", " b")] == ["a", " b"]
    assert cutting.rest() == ""


@pytest.mark.parametrize("stop", [".\n\n", "1] Z", ". Z"])
@pytest.mark.parametrize("most", range(1, 9))
def test_a_stop_that_never_comes_changes_nothing_of_a_cap(stop: str, most: int) -> None:
    """What is held back because a stop may begin there is the end of a sentence that fitted: it is shown, and not counted a second time."""
    pieces = ["Satu dua. ", "Tiga empat [1]", " Lima enam. Tujuh."]
    alone, beside = Cutting(most), Cutting(most, [stop])
    assert shown(beside, pieces) == shown(alone, pieces)
    assert beside.at_limit == alone.at_limit


def test_a_stop_before_the_cap_is_the_reason_of_the_end() -> None:
    """The piece in which the stop stands is longer than the cap; what was left out lies behind the stop."""
    cutting = Cutting(3, ["[1]"])
    assert shown(cutting, ["Satu dua. [1] Tiga empat lima."]) == "Satu dua. "
    assert not cutting.at_limit


@given(st.lists(st.text("ab. \n", max_size=6), max_size=8), st.lists(st.text("ab.", max_size=3), max_size=4))
def test_a_stop_is_found_however_the_text_is_cut_into_pieces(pieces: list[str], stops: list[str]) -> None:
    """The text before the first stop sequence, and no character of it or behind it."""
    assert shown(Cutting(None, stops), pieces) == whole("".join(pieces), stops)


@given(
    st.lists(st.text("ab. \n[]1", max_size=20), max_size=8),
    st.integers(1, 20),
    st.lists(st.text("ab.", max_size=3), max_size=2),
)
def test_a_cap_is_never_exceeded(pieces: list[str], most: int, stops: list[str]) -> None:
    """What is shown is a beginning of the text before the stop, with at most so many words."""
    text = shown(Cutting(most, stops), pieces)
    assert whole("".join(pieces), stops).startswith(text)
    # Pieces may part a word; each part is reckoned as one, so the cap holds all the more.
    assert len(text.split()) <= most
