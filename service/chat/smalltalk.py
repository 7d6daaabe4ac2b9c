"""What people say to a chatbot that is no question of law: greetings, thanks, who it is, and "once more, more simply".

A message counts only when all of it is such talk: "Halo, apa hukuman pencurian?" is a question of law.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.chat.language import Language
from service.text import words

_MOST_WORDS = 14
"""A longer message is read as a question."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A kind of talk: its name by language, what people say by language (as folded words), and what they are told.

    `again` asks for the question before once more; its answer is given only where there is none.
    """

    name: Mapping[Language, str]
    said: Mapping[Language, frozenset[tuple[str, ...]]]
    answers: Mapping[Language, str]
    again: bool = False


@dataclass(frozen=True, slots=True)
class SmallTalk:
    """The kinds of talk, the most telling first, and words that may stand beside them ("ya", "kak", "please").

    `wordless` answers a message without any letter or digit ("?", an emoji).
    """

    remarks: tuple[Remark, ...]
    fillers: frozenset[str]
    wordless: Remark


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message says, and its language where that is clear."""

    remark: Remark
    language: Language | None


def heard(message: str, talk: SmallTalk) -> Heard | None:
    """What a message says that is no question of law, or None when any part of it may be one."""
    if not any(letter.isalnum() for letter in message):
        return Heard(talk.wordless, None)
    tokens = words(message)
    if not 0 < len(tokens) <= _MOST_WORDS or any(letter.isalpha() and not letter.isascii() for letter in message):
        return None
    found = _covering(tokens, talk)
    remark = next((one for one in talk.remarks if one.name["en"] in found), None)
    if remark is None:
        return None
    languages = found[remark.name["en"]]
    return Heard(remark, languages[0] if len(languages) == 1 else None)


def _covering(tokens: Sequence[str], talk: SmallTalk) -> dict[str, list[Language]]:
    """The names of the remarks that together with fillers make up all of a message; nothing when a word is left over."""
    found: dict[str, list[Language]] = {}
    at = 0
    while at < len(tokens):
        span, remark, languages = _longest(tokens[at:], talk.remarks)
        if remark:
            found[remark.name["en"]] = languages
        elif tokens[at] not in talk.fillers:
            return {}
        at += max(span, 1)
    return found


def _longest(ahead: Sequence[str], remarks: Sequence[Remark]) -> tuple[int, Remark | None, list[Language]]:
    for span in range(len(ahead), 0, -1):
        phrase = tuple(ahead[:span])
        for remark in remarks:
            if languages := [language for language, said in remark.said.items() if phrase in said]:
                return span, remark, languages
    return 0, None, []
