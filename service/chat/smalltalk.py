"""What people say to a chatbot that is no question of law: greetings, thanks, who it is, and "once more, more simply".

A message counts only when all of it is such talk: "Halo, apa hukuman pencurian?" is a question of law.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.chat.language import Language
from service.text import said
from service.values import value

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
class _Phrase:
    """What people say, the remark that it belongs to, and the languages in which they say it."""

    words: tuple[str, ...]
    remark: Remark
    languages: list[Language]


@dataclass(frozen=True, slots=True)
class SmallTalk:
    """The kinds of talk, the most telling first, and words that may stand beside them ("ya", "kak", "please").

    `wordless` answers a message without any letter or digit ("?", an emoji).
    """

    remarks: tuple[Remark, ...]
    fillers: frozenset[str]
    wordless: Remark
    known: frozenset[str] = field(init=False, repr=False, compare=False)
    """Every word of talk: a message that shows another one is none."""
    _by_first_word: Mapping[str, Sequence[_Phrase]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_first_word = _compiled(self.remarks)
        phrases = [phrase.words for phrases in by_first_word.values() for phrase in phrases]
        object.__setattr__(self, "known", self.fillers.union(*phrases))
        object.__setattr__(self, "_by_first_word", by_first_word)

    def longest(self, ahead: Sequence[str]) -> _Phrase | None:
        """The longest phrase of a remark that words begin with; of several remarks that say it, the most telling."""
        for phrase in self._by_first_word.get(ahead[0], ()):
            if tuple(ahead[: len(phrase.words)]) == phrase.words:
                return phrase
        return None


@value
class Heard:
    """What a message says, and its language where that is clear."""

    remark: Remark
    language: Language | None


def heard(message: str, talk: SmallTalk) -> Heard | None:
    """What a message says that is no question of law, or None when any part of it may be one."""
    if not any(map(str.isalnum, message)):
        return Heard(talk.wordless, None)
    shown = said(message)
    tokens = shown.tokens
    if not 0 < len(tokens) <= _MOST_WORDS or not shown.words <= talk.known:
        return None
    if not message.isascii() and any(letter.isalpha() and not letter.isascii() for letter in message):
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
        phrase = talk.longest(tokens[at:])
        if phrase:
            found[phrase.remark.name["en"]] = phrase.languages
        elif tokens[at] not in talk.fillers:
            return {}
        at += len(phrase.words) if phrase else 1
    return found


def _compiled(remarks: Sequence[Remark]) -> dict[str, list[_Phrase]]:
    """Phrases by their first word, the longest first, and those of the most telling remark before others."""
    found: dict[str, list[_Phrase]] = {}
    for remark in remarks:
        for phrase in dict.fromkeys(phrase for listed in remark.said.values() for phrase in listed):
            languages = [language for language, listed in remark.said.items() if phrase in listed]
            found.setdefault(phrase[0], []).append(_Phrase(phrase, remark, languages))
    for phrases in found.values():
        phrases.sort(key=lambda one: -len(one.words))
    return found
