"""Passages that say the same in almost the same words: an article that an amending law repeats, a definition copied into the next law.

A sketch of eight numbers per passage, made at build, finds candidates in microseconds; only these are compared word by word.
A number, an amount or a "tidak" more makes another rule, however alike the rest is.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

from service.text import words

SKETCH_SIZE = 8
_SHARED = 6
"""So many of the eight agree when about nine tenths of the terms do."""
_DIFFERENT = 0.05
"""The share of words that may differ: a reference, a comma, a letter lost by a scan."""
_WEIGHTY = frozenset(
    [
        "tidak",
        "bukan",
        "tanpa",
        "kecuali",
        "belum",
        "wajib",
        "dapat",
        "dilarang",
        "harus",
        "boleh",
        "dan",
        "atau",
        "paling",
        "kurang",
        "lebih",
        "sedikit",
        "banyak",
        "lama",
        "singkat",
        "satu",
        "dua",
        "tiga",
        "empat",
        "lima",
        "enam",
        "tujuh",
        "delapan",
        "sembilan",
        "sepuluh",
        "sebelas",
        "belas",
        "puluh",
        "seratus",
        "ratus",
        "seribu",
        "ribu",
        "juta",
        "miliar",
        "milyar",
        "triliun",
        "setengah",
        "hari",
        "bulan",
        "tahun",
        "rupiah",
        "persen",
    ]
)


class Codes(dict[str, int]):
    """A number for each term, made when it is first asked for."""

    def __missing__(self, term: str) -> int:
        code = self[term] = zlib.crc32(term.encode())
        return code


def sketch(terms: Iterable[str], codes: Codes) -> Sequence[int]:
    """The eight smallest codes of the distinct terms, zeros behind them where there are fewer."""
    found = sorted(map(codes.__getitem__, set(terms)))[:SKETCH_SIZE]
    return (*found, *(0,) * (SKETCH_SIZE - len(found)))


def alike(one: AbstractSet[int], other: AbstractSet[int]) -> bool:
    """Whether two sketches are close enough to look at the words; the other may be several in one."""
    shared = len(one & other)
    return shared >= _SHARED or shared == len(one) or shared == len(other)


def says_the_same(one: str, other: str) -> bool:
    """Whether two texts differ in at most a few words, none of them a number or one that turns a rule."""
    if one == other:
        return True
    first, second = words(one), words(other)
    if first == second:
        return True
    counts, others = Counter(first), Counter(second)
    changed = [*(counts - others).elements(), *(others - counts).elements()]
    if not changed or len(changed) > 2 * _DIFFERENT * max(len(first), len(second)):
        return False
    if any(word in _WEIGHTY or not word.isalpha() for word in changed):
        return False
    # Each word that was replaced changes two pairs on either side; more means that words changed places.
    pairs, other_pairs = Counter(pairwise(first)), Counter(pairwise(second))
    moved = (pairs - other_pairs).total() + (other_pairs - pairs).total()
    return moved <= 3 * len(changed)
