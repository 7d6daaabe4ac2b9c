"""Roots of Indonesian words: the letter that a prefix swallowed, and words that only look as if they had a prefix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.retrieval.analysis import Analyser
from service.retrieval.roots import root_of

ANALYSER = Analyser()


@pytest.mark.parametrize(
    "forms",
    [
        "menagih ditagih penagihan tagihan",
        "mengirim dikirim pengiriman kiriman",
        "mengecualikan dikecualikan pengecualian kecuali",
        "menolong ditolong pertolongan",
        "memiliki dimiliki pemilik milik",
        "menuduh dituduh tuduhan",
        "dipenjara penjara pemenjaraan",
        "menyelesaikan selesai penyelesaian",
        "memelihara pemeliharaan dipelihara pelihara",
        "permasalahan masalah dipermasalahkan",
    ],
)
def test_the_forms_of_a_root_share_a_term(forms: str) -> None:
    """A question finds a law whichever form either of them uses."""
    assert len({ANALYSER.stem(word) for word in forms.split()}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pengawasan", "pengawalan"),
        ("mengadili", "kadal"),
        ("pemilihan", "pemilik"),
        ("meninggal", "ditinggalkan"),
        ("masalah", "masa"),
    ],
)
def test_other_words_stay_apart(one: str, other: str) -> None:
    """No letter is put where the root never had one, and no word loses what it needs to be told from others."""
    assert ANALYSER.stem(one) != ANALYSER.stem(other)


@given(st.text(alphabet="abegikmnopstuy", max_size=14))
def test_a_root_is_its_own_root(word: str) -> None:
    """What is given as a root is given back for itself: the term of a root is the root."""
    root = root_of(word)
    if root is not None:
        assert root_of(root) == root
