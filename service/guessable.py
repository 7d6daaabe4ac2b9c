"""How much of a secret cannot be foreseen from the rest of it: rows of keys, series, words, repetitions and sentences add next to nothing. Pure."""

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
_SPELT = str.maketrans("@40315$!7+", "aaoeissitt")
"""Letters that people write as digits and signs, as in p4ssw0rd."""
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_SEPARATOR = re.compile(r"[\s_.,:;!?'-]")
_FEWEST_WORDS = 4
_PIECES_OF_A_WORD = 2
"""Of a word in a sentence, where grammar and what it speaks of leave a few thousand to choose from: two random characters have as many."""
_COMMON = frozenset(
    """
    a about after again all always am an and any are as at be because been before but by can cannot come could day did do does ever every for
    from get go good had has have he her here him his how i if in into is it its just know let like make me more most must my never new no
    nobody not now of on one only or other our out over own people please really say see she should so some take than that the their them then
    there these they thing think this time to today two up us use very want was way we well were what when where which who why will with would
    year yes you your api app bot chat chatbot company court for guess jwt key keys law legal login office password passwords private production
    safe secret secrets secure server service sign signing signs strong team token tokens user web work ada adalah agar aku akan anda apa atau
    aplikasi bagi bagus bahwa banyak baru belum bisa boleh buat bukan dalam dan dapat dari dengan di dia ingat ini itu jangan jika juga kami
    kamu karena kata kalau ke kepada kita kunci lagi lain layanan lebih mereka milik oleh orang pada paling panjang pengadilan perusahaan pernah
    punya rahasia saja sandi sangat satu saya sebuah sekali selalu semua sendiri seperti siapa siapapun pun sistem sudah supaya tahu tak telah
    tentang tetapi tidak tiga tim tolong untuk yang
    """.split()  # noqa: SIM905 - a list of 280 quoted words is harder to read and to change
)
"""What sentences hold everywhere, in both languages, and what one about a secret of this service holds."""


def is_guessable(text: str, words: Iterable[str], is_known: Callable[[str], bool], fewest: int) -> bool:
    """Whether a text, or what it stands for in hexadecimal or base64, is made of too few pieces that nobody could foresee.

    Args:
        text: a secret.
        words: known ones, in lower case: each counts as one piece.
        is_known: whether a whole text is in everybody's hands; asked of what a text stands for.
        fewest: how many pieces there must be.
    """
    pieces = tuple(word for word in words if len(word) >= _SHORTEST_PIECE)
    if _pieces(text, pieces) < fewest or _is_sentence(text, fewest):
        return True
    # Two rows may take turns, as in a1b2c3 and aabbcc.
    if _pieces(text[::2], pieces) + _pieces(text[1::2], pieces) < fewest:
        return True
    for decoded in _decoded(text):
        if decoded.isascii() and decoded.isprintable():
            # Somebody's own text in other letters: random bytes never are one.
            if is_known(decoded) or is_guessable(decoded, pieces, is_known, fewest):
                return True
        elif _pieces(decoded, pieces) < len(decoded[:_LONGEST_LOOK]) / 2:
            return True
    return False


def spelt_out(text: str) -> str:
    """A text in small letters, with the digits and signs that stand for letters as those."""
    return text.lower().translate(_SPELT)


def _pieces(text: str, words: tuple[str, ...]) -> int:
    """Into how many pieces a text falls: single characters, and whatever could be foreseen as one."""
    looked = text[:_LONGEST_LOOK]
    small = "".join(char.lower() if char.isascii() else char for char in looked)
    plain, spelt = small.translate(_UNSHIFTED), small.translate(_SPELT)
    at = count = 0
    while at < len(plain):
        known = max(
            (len(word) for word in words if small.startswith(word, at) or spelt.startswith(word, at)), default=0
        )
        at += max(1, _foreseen(plain, at, known), _series(looked, at))
        count += 1
    return count


def _is_sentence(text: str, fewest: int) -> bool:
    """Whether a text is a sentence of somebody's own that holds too few pieces.

    In one, every second word is a common one; of eight words that dice chose hardly one is.
    """
    looked = text[:_LONGEST_LOOK]
    found = [word.lower() for word in _WORD.findall(looked)]
    common = sum(word in _COMMON for word in found)
    if len(found) < _FEWEST_WORDS or common * 2 <= len(found):
        return False
    rest = _SEPARATOR.sub("", _WORD.sub("", looked))
    return _PIECES_OF_A_WORD * (len(found) - common) + len(rest) < fewest


def _foreseen(plain: str, at: int, longest: int) -> int:
    """The length of the longest piece at a place that is a word (of the given length), goes along a row, or stood there before; 0 when there is none."""
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
