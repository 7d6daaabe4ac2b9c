"""Words that no passage holds, and what they were meant to be."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.retrieval.analysis import Analyser
from service.retrieval.document import Document
from service.retrieval.index import Index
from service.retrieval.respelling import respelled

ANALYSER = Analyser()
HELD = {"tagih": 3, "sebar": 5, "lalu": 9, "lintas": 9, "celaka": 4, "kontrak": 2, "ambil": 7, "blokir": 1}


def _respelled(term: str) -> tuple[str, ...]:
    return respelled(term, ANALYSER.stem, lambda one: HELD.get(one, 0))


@pytest.mark.parametrize(
    ("term", "meant"),
    [
        ("nagih", ("tagih",)),
        ("ngontrak", ("kontrak",)),
        ("ngambilin", ("ambil",)),
        ("ngeblokir", ("blokir",)),
        ("lalulintas", ("lalu", "lintas")),
        ("cealka", ("celaka",)),
        ("celakaa", ("celaka",)),
        ("celska", ("celaka",)),
        ("sebar2", ("sebar",)),
    ],
)
def test_spoken_joined_and_mistyped_words_are_understood(term: str, meant: tuple[str, ...]) -> None:
    """A spoken prefix, two words in one, or one slip of the fingers still leads to the word that texts hold."""
    assert _respelled(term) == meant


@pytest.mark.parametrize("term", ["xyzzyplugh", "ab", "2023", "selska", "a" * 60, ""])
def test_what_resembles_nothing_stays_unknown(term: str) -> None:
    """No guess is made where nothing that texts hold is near: two slips, numbers and words of any length included."""
    assert _respelled(term) == ()


@given(st.text(max_size=30))
def test_only_held_terms_come_back(term: str) -> None:
    """Whatever is asked, each term that comes back is one that some passage holds."""
    assert all(HELD.get(meant, 0) > 0 for meant in _respelled(term))


def _document(name: str, text: str) -> Document:
    day = date(2026, 1, 1)
    return Document(
        name, "guide", name, text, None, None, None, None, "berlaku", None, "kami", day, "unverified", demo=False
    )


def test_a_mistyped_question_finds_its_passage_and_scores_lower() -> None:
    """A word that no passage holds still lowers every score, however well it could be guessed."""
    documents = [
        _document("satu", "Kecelakaan kendaraan di jalan."),
        _document("dua", "Perceraian di pengadilan agama."),
    ]
    index = Index.of(documents, Analyser(), lambda: 0.0)
    right, wrong = index.search("perceraian"), index.search("percerraian")
    assert [hit.document.id for hit in wrong.hits] == ["dua"]
    assert wrong.hits[0].score < right.hits[0].score
