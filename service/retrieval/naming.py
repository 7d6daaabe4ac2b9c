"""Laws that are named by their topic alone: "UU Angkutan Udara", "Peraturan Pemerintah tentang Aset Digital Tahun 2023".

A law without a number is known by the words of its title. Only words that are written as a name count, in capitals or behind
"tentang": "uu yang baru" names no law.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from service.remembering import remembered
from service.retrieval.citing import find_laws, plain
from service.retrieval.vocabulary import ASKING_WORDS, STOP_WORDS, listed
from service.text import words

_KIND = (
    r"(?P<kind>UU|Undang-Undang|Undang-undang|undang-undang|uu|PP|Peraturan Pemerintah|Perpres|Peraturan Presiden|Perda|Peraturan Daerah|"
    r"Permen[A-Za-z]{0,12}|Peraturan Menteri|Perppu|POJK|Peraturan OJK|PMK)"
)
_CAPITAL = r"(?!(?:Nomor|No|RI|Republik|Pasal|Tahun|Nasional Nomor)\b)[A-Z][\w/-]*"
_NAMED = re.compile(
    r"(?<!Kitab )(?<!kitab )\b"
    + _KIND
    + r"\s+(?:tentang\s+|ttg\s+)?(?P<name>"
    + _CAPITAL
    + r"(?:\s+(?:dan\s+|atas\s+|di\s+)?"
    + _CAPITAL
    + r"){0,7})"
)
_SAID_OF_ANY = listed(
    "negara republik indonesia nasional baru lama terbaru daerah pemerintah presiden menteri dasar pokok uu undang pasal ayat "
    "perubahan kedua ketiga pertama dan atas"
)
"""Words that stand in the titles of many laws, or beside their names, and tell none apart."""


@dataclass(frozen=True, slots=True)
class NamedLaw:
    """A law named by topic: its kind in short form ("uu"), how it was written, and the folded words that tell it apart."""

    kind: str
    label: str
    words: tuple[str, ...]


def _may_name(text: str) -> bool:
    """Whether a piece of any kind's name is there: a look for the names themselves begins at every letter."""
    return (
        "UU" in text
        or "uu" in text
        or "ndang-" in text
        or "Per" in text
        or "PP" in text
        or "POJK" in text
        or "PMK" in text
    )


@remembered(most=500)
def find_named(text: str) -> tuple[NamedLaw, ...]:
    """The laws that a text names by topic and not by number or by one of their well-known names."""
    found: dict[NamedLaw, None] = {}
    for match in _NAMED.finditer(text) if _may_name(text) else ():
        told = name_words(match["name"])
        if told and not find_laws(match[0]):
            found[NamedLaw(plain(match["kind"]), " ".join(match[0].split()), told)] = None
    return tuple(found)


def name_words(name: str) -> tuple[str, ...]:
    """The words of a law's title or name that tell it apart from others, each once."""
    kept = (
        word
        for word in words(name)
        if len(word) > 1 and not word.isdigit() and word not in STOP_WORDS | ASKING_WORDS | _SAID_OF_ANY
    )
    return tuple(dict.fromkeys(kept))
