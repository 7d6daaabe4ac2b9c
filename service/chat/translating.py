"""Turns an English question into Indonesian search words by a glossary: the sources are Indonesian."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from service.chat.language import is_english_small_word
from service.text import fold, unclipped

_TOKEN = re.compile(r"[a-z0-9/]+")
_LONGEST_PHRASE = 5
_INSTRUMENTS = {
    "law": "uu",
    "act": "uu",
    "government regulation": "pp",
    "presidential regulation": "perpres",
    "supreme court regulation": "perma",
}
_NUMBERED = (
    r"(?P<kind>law|act|government regulation|presidential regulation|supreme court regulation)\s+(?:no\.?\s*|number\s+|nr\.?\s*)?"
    r"(?P<number>\d{1,4})\s*(?:of(?: the year)?|/|year)\s*(?P<year>\d{4})"
)
_CODE = (
    r"(?P<code>(?:new |old )?(?:civil|criminal|penal|criminal procedure) code|code of criminal procedure|kuhp\w*|kuhap)"
)
_ARTICLES = (
    r"articles?\s+(?P<articles>\d{1,4}[a-z]?(?:(?:\s*,\s*|\s+)(?:(?:and|or)\s+)?(?:articles?\s+)?\d{1,4}[a-z]?\b){0,5})"
)
_CITED = re.compile(rf"\b(?:{_ARTICLES}\s*,?\s*(?:of|in|under)?\s+(?:the\s+)?)?(?:{_NUMBERED}|{_CODE})\b")
"""A law by its number or a code by its name, with or without articles before it: "Articles 1320 and 1338 of the Civil Code"."""


@dataclass(frozen=True, slots=True)
class Glossary:
    """English phrases, as tuples of singular words, with the Indonesian words for them (empty: says nothing of the topic)."""

    entries: Mapping[tuple[str, ...], str]


@dataclass(frozen=True, slots=True)
class Translation:
    """What to search for, and the terms that were translated, in the order of the question."""

    search: str
    terms: tuple[tuple[str, str], ...]


def glossary(lines: Iterable[str]) -> Glossary:
    """A glossary of lines `english, other english = indonesian`; lines that begin with # are remarks.

    Raises:
        ValueError: a line has another form; the message quotes it.
    """
    entries: dict[tuple[str, ...], str] = {}
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        english, equals, indonesian = line.partition("=")
        if not equals or not english.strip():
            raise ValueError(f"expected 'english, other english = indonesian', got {line.strip()!r}")
        for phrase in english.split(","):
            entries.setdefault(_singular(_TOKEN.findall(fold(unclipped(phrase)))), indonesian.strip())
    return Glossary(entries)


def translate(question: str, words: Glossary) -> Translation:
    """The Indonesian words of an English question: the longest phrases first; what the glossary does not know stays as it is."""
    search: dict[str, None] = {}
    terms: dict[tuple[str, str], None] = {}
    asked = fold(unclipped(question))
    for found in _CITED.finditer(asked):
        if found["articles"] or found["kind"]:
            citation = _citation(found, words)
            search[citation] = None
            terms[found[0], citation] = None
            asked = asked.replace(found[0], " ", 1)
    plain = _TOKEN.findall(asked)
    tokens = _singular(plain)
    at = 0
    while at < len(tokens):
        span = _longest(tokens[at : at + _LONGEST_PHRASE], words)
        if span:
            indonesian = words.entries[tokens[at : at + span]]
            if indonesian:
                search[indonesian] = None
                terms[" ".join(plain[at : at + span]), indonesian] = None
        elif not is_english_small_word(plain[at]):
            search[plain[at]] = None
        at += span or 1
    return Translation(" ".join(search), tuple(terms))


def _citation(found: re.Match[str], words: Glossary) -> str:
    """A citation as the sources write it: "pasal 1320 kuhperdata pasal 1338 kuhperdata", "uu 99/2090"."""
    if found["kind"]:
        law = f"{_INSTRUMENTS[found['kind']]} {found['number']}/{found['year']}"
    else:
        law = words.entries.get(_singular(found["code"].split()), found["code"])
    articles = re.findall(r"\d+[a-z]?", found["articles"] or "")
    return " ".join(f"pasal {article} {law}" for article in articles) or law


def _longest(ahead: tuple[str, ...], words: Glossary) -> int:
    return next((span for span in range(len(ahead), 0, -1) if ahead[:span] in words.entries), 0)


def _singular(tokens: Sequence[str]) -> tuple[str, ...]:
    return tuple(_without_s(token) for token in tokens)


def _without_s(token: str) -> str:
    if len(token) <= 3 or not token.endswith("s") or token.endswith(("ss", "us", "is")):
        return token
    return f"{token[:-3]}y" if token.endswith("ies") and len(token) > 4 else token[:-1]
