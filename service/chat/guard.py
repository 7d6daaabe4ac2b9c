"""Questions that are not answered, whatever the corpus holds: help with a crime, and attempts to turn the service against its rules.

A rule is met when a question shows an entry of each of its groups and none of its `unless`: questions about the law on an act
("apa hukuman menyuap hakim?") are not requests to commit it. What is hidden (zero-width letters, base64, hexadecimal, letters set apart,
digits for letters) is read in the open as well.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Literal

from service.chat.language import Language
from service.chat.lexicon import Lexicon
from service.remembering import Remembered, remembered
from service.text import LONGEST_WORD, Said, said

RefusalReason = Literal[
    "out_of_domain", "law_not_in_corpus", "article_not_in_law", "unsafe", "injection", "no_evidence"
]
REFUSAL_REASONS: tuple[RefusalReason, ...] = (
    "out_of_domain", "law_not_in_corpus", "article_not_in_law", "unsafe", "injection", "no_evidence",
)  # fmt: skip
"""Why a question was refused (unsafe, injection) or no answer was given (the others)."""

_SHORTEST_ENCODED = 16
_ENCODED = re.compile(rf"[A-Za-z0-9+/]{{{_SHORTEST_ENCODED},}}={{0,2}}")
_LEAST_BYTES = 8
_HEX = re.compile(rf"(?:[0-9a-fA-F]{{2}}[ :]?){{{_LEAST_BYTES},}}")
_SPELT = re.compile(r"(?:\b\w\b[ .\-_]{1,2}){5,}\w\b")
_GAPS = re.compile(r"[ .\-_]")
_WIDE_GAP = re.compile(r"[ .\-_]{2,}")
_LETTERS = str.maketrans("01345@$", "oieas" + "as")
_SIGNS_FOR_LETTERS = frozenset("01345@$")
_ASCII_LETTERS = frozenset(string.ascii_letters)
_BASE64_ALONE, _HEX_ALONE = (
    bytes(code if chr(code) in letters else 0x20 for code in range(256))
    for letters in (f"{string.ascii_letters}{string.digits}+/", string.hexdigits)
)
"""Each byte that belongs to no encoded text as a space."""
_MIXED = re.compile(r"(?=\w*[a-zA-Z])(?=\w*[01345@$])[\w@$]{4,}")
_MOST_DECODED = 4
_LEAST_PRINTABLE = 0.9
_MOST_CHARACTERS = 8_000
_REMEMBERED_WORDS = 8_000


@dataclass(frozen=True, slots=True)
class Aid:
    """What a refusal says besides to those whose message shows one of these words."""

    words: Lexicon
    answers: Mapping[Language, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rule: the reason that answers carry, the groups of words that meet it, what clears it, and what is said instead.

    `marks` are pieces of text, such as "[inst]", each of which meets the rule by itself.
    """

    reason: RefusalReason
    groups: tuple[Lexicon, ...]
    unless: Lexicon
    marks: tuple[str, ...]
    answers: Mapping[Language, str]
    aids: tuple[Aid, ...] = ()

    def said_to(self, question: str, language: Language) -> str:
        """What is said instead of an answer: the refusal, and the first help that fits what the question speaks of."""
        asked = said(question)
        aid = next((one for one in self.aids if one.words.shows(asked)), None)
        return f"{self.answers[language]}\n\n{aid.answers[language]}" if aid else self.answers[language]


@dataclass(frozen=True, slots=True)
class Refusals:
    """The rules in the order in which they are tried, with what single words say of them.

    A rule needs a word that its groups know, one for each: most questions have none for any rule, and need no closer look. `tried` are
    the rules with the groups they need as bits, `groups_of` gives the bits of a folded word, `tried_with` those of the rules whose groups are
    among such bits; one of `signs` stands in each mark.
    """

    rules: tuple[Refusal, ...]
    tried: tuple[tuple[Refusal, int], ...] = field(init=False, repr=False, compare=False)
    groups_of: Callable[[str], int] = field(init=False, repr=False, compare=False)
    tried_with: Callable[[int], Sequence[tuple[Refusal, int]]] = field(init=False, repr=False, compare=False)
    signs: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        groups = list({id(group): group for rule in self.rules for group in rule.groups}.values())
        bits = {id(group): 1 << place for place, group in enumerate(groups)}
        # A rule of marks alone needs a word that there is none of.
        never = 1 << len(groups)
        tried = tuple((rule, sum({bits[id(group)] for group in rule.groups}) or never) for rule in self.rules)
        groups_of = Remembered[str, int](
            lambda word: sum(bits[id(group)] for group in groups if group.may_show(word)), _REMEMBERED_WORDS
        )
        tried_with = Remembered[int, Sequence[tuple[Refusal, int]]](
            lambda groups: [one for one in tried if groups & one[1] == one[1]], _REMEMBERED_WORDS
        )
        signs = {next(filter(_is_sign, mark), "") for rule in self.rules for mark in rule.marks}
        object.__setattr__(self, "signs", tuple(sorted(signs)))
        object.__setattr__(self, "tried", tried)
        object.__setattr__(self, "groups_of", groups_of.__getitem__)
        object.__setattr__(self, "tried_with", tried_with.__getitem__)

    def __iter__(self) -> Iterator[Refusal]:
        """The rules in order."""
        return iter(self.rules)


def refusal_of(question: str, refusals: Refusals) -> Refusal | None:
    """The first rule that the question meets, as written or once what it hides is read."""
    readings = _readings(question[:_MOST_CHARACTERS])
    shown = list(map(said, readings))
    known = [reduce(or_, map(refusals.groups_of, one.words), 0) for one in shown]
    marked = [any(map(reading.__contains__, refusals.signs)) for reading in readings]
    # Without a mark only those rules are tried whose words are there.
    tried = refusals.tried if any(marked) else refusals.tried_with(reduce(or_, known))
    for refusal, needed in tried:
        for at, groups in enumerate(known):
            if (groups & needed == needed or (marked[at] and refusal.marks)) and _meets(
                refusal, readings[at].lower(), shown[at]
            ):
                return refusal
    return None


def _is_sign(letter: str) -> bool:
    return not letter.isalnum() and not letter.isspace()


def _meets(refusal: Refusal, text: str, shown: Said) -> bool:
    for mark in refusal.marks:
        if mark in text:
            return True
    for group in refusal.groups:
        if not group.shows(shown):
            return False
    return bool(refusal.groups) and not refusal.unless.shows(shown)


def _readings(question: str) -> list[str]:
    """The question as it is seen, and what it hides."""
    plain = question if question.isascii() else _without_unseen(question)
    found = [plain]
    ways = _ways_to_hide(plain)
    if ways & _SPELLING and (spelt := _SPELT.sub(_joined, plain)) != plain:
        found.append(spelt)
    if ways & _MIXING and any(map(_mixes, plain.split())) and _MIXED.search(plain):
        found.append(_MIXED.sub(lambda mixed: mixed[0].translate(_LETTERS), plain))
    if _may_show_base64(plain):
        for encoded in list(_ENCODED.finditer(plain))[:_MOST_DECODED]:
            found += _legible(_from_base64(encoded[0]))
    if _may_show_bytes(plain):
        for digits in list(_HEX.finditer(plain))[:_MOST_DECODED]:
            found += _legible(bytes.fromhex(_GAPS.sub("", digits[0].replace(":", "")).strip()))
    return found


def _may_show_base64(plain: str) -> bool:
    """Whether letters of base64 stand in a long enough row: to search a text for it from each place on costs fifty times as much."""
    return _longest_word(plain.encode(errors="replace").translate(_BASE64_ALONE)) >= _SHORTEST_ENCODED


def _may_show_bytes(plain: str) -> bool:
    """Whether enough hexadecimal digits follow each other, whatever spaces and colons part them."""
    return _longest_word(plain.encode(errors="replace").translate(_HEX_ALONE, b" :")) >= 2 * _LEAST_BYTES


def _longest_word(text: bytes) -> int:
    return max(map(len, text.split()), default=0)


def _ways_to_hide(plain: str) -> int:
    """The ways in which a text may hide something behind other letters, as bits: to look at its words costs far less than to search it for each."""
    if not plain.isascii():
        # Letters of other scripts stand in what is searched for, and in no folded word.
        return _EVERY_WAY
    words = said(plain).tokens
    ways = reduce(or_, map(_may_hide, words), 0)
    if ways & _SPELLING and list(map(len, words)).count(1) < _LEAST_SPELT:
        ways &= ~_SPELLING
    for sign, hiding in _WAYS_OF_SIGNS:
        if sign in plain:
            ways |= hiding
    return ways


def _mixes(piece: str) -> bool:
    """Whether a piece between white space has both letters and signs that stand for letters: to look for such words from each place on costs far more."""
    return not _SIGNS_FOR_LETTERS.isdisjoint(piece) and not _ASCII_LETTERS.isdisjoint(piece)


_SPELLING, _MIXING = 1, 2
_WAYS_OF_SIGNS = (("_", _SPELLING | _MIXING), ("@", _MIXING), ("$", _MIXING))
"""Signs that stand in what is searched for, and in no folded word, with the ways of hiding that they are a part of."""
_EVERY_WAY = 3
_LEAST_SPELT = 6


@remembered(most=_REMEMBERED_WORDS)
def _may_hide(word: str) -> int:
    """The ways to hide something that a folded word of letters and digits may be a part of."""
    if len(word) >= LONGEST_WORD:
        # It may have been cut.
        return _EVERY_WAY
    return _SPELLING * (len(word) == 1) + _MIXING * _mixes(word)


def _without_unseen(text: str) -> str:
    return "".join(letter for letter in text if unicodedata.category(letter) != "Cf")


def _joined(found: re.Match[str]) -> str:
    """Letters set apart, joined again; a wider gap parts words."""
    return " ".join(_GAPS.sub("", word) for word in _WIDE_GAP.split(found[0]))


def _from_base64(text: str) -> bytes:
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _legible(decoded: bytes) -> Iterator[str]:
    text = decoded.decode("utf-8", errors="ignore")
    if text and sum(letter.isprintable() for letter in text) >= _LEAST_PRINTABLE * len(decoded):
        yield text
