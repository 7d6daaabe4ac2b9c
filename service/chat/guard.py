"""Questions that are not answered, whatever the corpus holds: help with a crime, and attempts to turn the service against its rules.

A rule is met when a question shows an entry of each of its groups and none of its `unless`: questions about the law on an act
("apa hukuman menyuap hakim?") are not requests to commit it. What is hidden (zero-width letters, base64, hexadecimal, letters set apart,
digits for letters) is read in the open as well.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from service.chat.language import Language
from service.chat.lexicon import Lexicon
from service.text import Said, said

RefusalReason = Literal[
    "out_of_domain", "law_not_in_corpus", "article_not_in_law", "unsafe", "injection", "no_evidence"
]
REFUSAL_REASONS: tuple[RefusalReason, ...] = (
    "out_of_domain", "law_not_in_corpus", "article_not_in_law", "unsafe", "injection", "no_evidence",
)  # fmt: skip
"""Why a question was refused (unsafe, injection) or no answer was given (the others)."""

_ENCODED = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[ :]?){8,}")
_SPELT = re.compile(r"(?:\b\w\b[ .\-_]{1,2}){5,}\w\b")
_GAPS = re.compile(r"[ .\-_]")
_WIDE_GAP = re.compile(r"[ .\-_]{2,}")
_LETTERS = str.maketrans("01345@$", "oieas" + "as")
_SIGNS_FOR_LETTERS = frozenset("01345@$")
_MIXED = re.compile(r"(?=\w*[a-zA-Z])(?=\w*[01345@$])[\w@$]{4,}")
_MOST_DECODED = 4
_LEAST_PRINTABLE = 0.9
_MOST_CHARACTERS = 8_000


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


def refusal_of(question: str, refusals: Sequence[Refusal]) -> Refusal | None:
    """The first rule that the question meets, as written or once what it hides is read."""
    readings = [(reading.lower(), said(reading)) for reading in _readings(question[:_MOST_CHARACTERS])]
    for refusal in refusals:
        for text, shown in readings:
            if _meets(refusal, text, shown):
                return refusal
    return None


def _meets(refusal: Refusal, text: str, shown: Said) -> bool:
    for mark in refusal.marks:
        if mark in text:
            return True
    for group in refusal.groups:
        if not group.shows(shown):
            return False
    return bool(refusal.groups) and not refusal.unless.shows(shown)


def _readings(question: str) -> Iterator[str]:
    """The question as it is seen, and what it hides."""
    plain = question if question.isascii() else _without_unseen(question)
    yield plain
    if (spelt := _SPELT.sub(_joined, plain)) != plain:
        yield spelt
    if not _SIGNS_FOR_LETTERS.isdisjoint(plain) and _MIXED.search(plain):
        yield _MIXED.sub(lambda found: found[0].translate(_LETTERS), plain)
    for found in list(_ENCODED.finditer(plain))[:_MOST_DECODED]:
        yield from _legible(_from_base64(found[0]))
    for found in list(_HEX.finditer(plain))[:_MOST_DECODED]:
        yield from _legible(bytes.fromhex(_GAPS.sub("", found[0].replace(":", "")).strip()))


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
