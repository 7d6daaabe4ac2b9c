"""Questions are read as people write them: no run of signs or letters is long enough to keep a worker."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text import calmed, fold


@given(st.text(alphabet="ab1_ \n\t.!?-é你\u200b", max_size=900))
def test_runs_are_bounded_and_no_letter_is_lost(text: str) -> None:
    """White space is single, signs end after forty, letters after two hundred; letters and digits all stay, in order."""
    calm = calmed(text)
    assert re.search(r"\s{2,}|\W{42,}|\S{201,}", calm) is None
    assert re.findall(r"\w", calm) == re.findall(r"\w", text)


@pytest.mark.parametrize("text", ["Apa itu wanprestasi?", "Pasal 1320 KUHPerdata:\na. sepakat;\nb. cakap.", "", "…"])
def test_what_people_write_stays(text: str) -> None:
    """An ordinary question is not changed by a letter."""
    assert calmed(text) == text


def test_a_wide_gap_keeps_its_line_break() -> None:
    """Lines stay lines, however many of them are empty."""
    assert calmed("satu  \n \n\tdua   tiga") == "satu\ndua tiga"


@given(st.text(max_size=60))
def test_folding_takes_accents_and_capitals(text: str) -> None:
    """Lower case, without compatibility forms and marks, whatever the script."""
    decomposed = unicodedata.normalize("NFKD", text)
    assert fold(text) == "".join(letter for letter in decomposed if not unicodedata.combining(letter)).lower()


def test_a_long_text_of_another_script_is_folded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter may stand for a whole phrase: however many read a question of them, each wording of it is taken apart once."""
    letters: list[int] = []
    normalize = unicodedata.normalize

    def counted(form: str, text: str) -> str:
        letters.append(len(text))
        return normalize(form, text)  # type: ignore[arg-type]

    monkeypatch.setattr("service.text.unicodedata.normalize", counted)
    text = "\ufdfa" * 4_999 + "?"
    folded = {fold(text) for _ in range(50)}
    assert len(folded) == 1
    assert sum(letters) == 5_000
