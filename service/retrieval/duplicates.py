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
from service.values import value

SKETCH_SIZE = 8
_BITS = 509
"""Among so many bits, which lie beside each other in memory, one in some hundred sketches shares six with a dozen others by chance."""
_ALL = (1 << _BITS) - 1
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


@value
class Sketch:
    """A sketch to compare: its distinct numbers, a bit for each of them, and how many bits another one like it shares at least.

    No such bound is known of a sketch with fewer than eight numbers: a text of few words may be like one that holds them all.
    """

    numbers: frozenset[int]
    bits: int
    least: int | None

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Sketch:
        """A sketch as it was stored."""
        distinct = frozenset(numbers)
        bits = 0
        for number in distinct:
            bits |= 1 << number % _BITS
        # Of what is alike, so many numbers at most stand in only one of two, and each of them takes one bit away.
        least = bits.bit_count() - (SKETCH_SIZE - _SHARED) if len(distinct) == SKETCH_SIZE else None
        return cls(distinct, bits, least)


class Sketches:
    """Sketches of passages that differ: finds the first that another one is like.

    Of most passages the bits alone say that they are like none: two looks at one number instead of eight at a growing set.
    """

    __slots__ = ("_known", "bits")

    def __init__(self) -> None:
        self._known: list[Sketch] = []
        self.bits = 0
        """Those of all that are known: what has a bound and shares fewer of them than it says is like none."""

    def add(self, one: Sketch) -> None:
        """Know one more."""
        self._known.append(one)
        # What has no bound may be alike by a single number: from then on each one is compared.
        self.bits = _ALL if one.least is None else self.bits | one.bits

    def first_alike(self, one: Sketch) -> int | None:
        """The place of the first that is like it; None where it is like none."""
        least = one.least
        if least is not None and (one.bits & self.bits).bit_count() < least:
            return None
        if least is None or self.bits == _ALL:
            return self._first_compared(one.numbers)
        # All have eight numbers: two that are alike share at least so many bits, and that is seen at once.
        own, bits = one.numbers, one.bits
        for at, other in enumerate(self._known):
            if (bits & other.bits).bit_count() >= least and len(own & other.numbers) >= _SHARED:
                return at
        return None

    def _first_compared(self, own: frozenset[int]) -> int | None:
        known = [other.numbers for other in self._known]
        # What shares too few numbers with all of them together is like none of them.
        if not alike(own, frozenset().union(*known)):
            return None
        return next((at for at, other in enumerate(known) if alike(own, other)), None)


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
