"""How much of a secret cannot be foreseen from the rest of it: rows of keys, series, words and repetitions add next to nothing. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator

_SHORTEST_PIECE = 4
"""Random text holds pieces of three letters that stand in a row or twice; of four it hardly does."""
_LONGEST_LOOK = 4096
"""Characters that are looked at; what follows could only add."""
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "123456789abcdef",
    "qwertyuiop[]",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl;'",
    "qsdfghjklm",
    "zxcvbnm,./",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "qazwsxedcrfvtgbyhnujmikolp",
    "deadbeef",
    "cafebabe",
)
"""What fingers and counting make without thinking, in lower case and without Shift."""
_BOTH_WAYS = tuple(way for row in _ROWS for way in (row, row[::-1]))
_UNSHIFTED = str.maketrans('!@#$%^&*()_+{}:"<>?~|', "1234567890-=[];',./`\\")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")


def is_guessable(text: str, words: Iterable[str], is_known: Callable[[str], bool], fewest: int) -> bool:
    """Whether a text, or what it stands for in hexadecimal or base64, is made of too few pieces that nobody could foresee.

    Args:
        text: a secret.
        words: known ones, in lower case: each counts as one piece.
        is_known: whether a whole text is in everybody's hands; asked of what a text stands for.
        fewest: how many pieces there must be.
    """
    pieces = tuple(word for word in words if len(word) >= _SHORTEST_PIECE)
    if _pieces(text, pieces) < fewest:
        return True
    for decoded in _decoded(text):
        if decoded.isascii() and decoded.isprintable():
            # Somebody's own text in other letters: random bytes never are one.
            if is_known(decoded) or is_guessable(decoded, pieces, is_known, fewest):
                return True
        elif _pieces(decoded, pieces) < len(decoded[:_LONGEST_LOOK]) / 2:
            return True
    return False


def _pieces(text: str, words: tuple[str, ...]) -> int:
    """Into how many pieces a text falls: single characters, and whatever could be foreseen as one."""
    looked = text[:_LONGEST_LOOK]
    plain = "".join(char.lower() if char.isascii() else char for char in looked).translate(_UNSHIFTED)
    at = count = 0
    while at < len(plain):
        at += max(1, _foreseen(plain, at, words), _series(looked, at))
        count += 1
    return count


def _foreseen(plain: str, at: int, words: tuple[str, ...]) -> int:
    """The length of the longest piece at a place that is a word, goes along a row, or stood there before; 0 when there is none."""
    longest = max((len(word) for word in words if plain.startswith(word, at)), default=0)
    length = max(_SHORTEST_PIECE, longest + 1)
    while at + length <= len(plain):
        piece = plain[at : at + length]
        if plain.find(piece, 0, at + length - 1) < 0 and not any(piece in row for row in _BOTH_WAYS):
            break
        longest = length
        length += 1
    return longest


def _series(plain: str, at: int) -> int:
    """How long characters go on by the same step of -1, 0 or 1."""
    end = at + 1
    step = ord(plain[end]) - ord(plain[at]) if end < len(plain) else 2
    if abs(step) > 1:
        return 0
    while end < len(plain) and ord(plain[end]) - ord(plain[end - 1]) == step:
        end += 1
    return end - at if end - at >= _SHORTEST_PIECE else 0


def _decoded(text: str) -> Iterator[str]:
    """What a text stands for where it may be hexadecimal or base64, a character for each byte."""
    if _HEX.fullmatch(text):
        yield bytes.fromhex(text).decode("latin-1")
    if _BASE64.fullmatch(text):
        bare = text.rstrip("=").translate(str.maketrans("-_", "+/"))
        try:
            yield base64.b64decode(bare + "=" * (-len(bare) % 4)).decode("latin-1").rstrip("\n")
        except binascii.Error:
            return
