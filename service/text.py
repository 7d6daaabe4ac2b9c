"""The smallest things about text that several rooms share."""

from __future__ import annotations

import re
import unicodedata

_LONGEST_WORD = 40
_WORD = re.compile(rf"([a-z0-9]{{1,{_LONGEST_WORD}}})[a-z0-9]*")
"""Longer runs of letters are no words; they are cut so that no text can make the stemmer slow."""
_SPACES = re.compile(r"\s{2,}")
_SIGNS = re.compile(r"(\W{40})\W+")
_LONG_RUN = re.compile(r"\S{200}(?=\S)")


def fold(text: str) -> str:
    """Lower case without accents or compatibility forms: "Décret" and "ＤＥＣＲＥＴ" both become "decret"."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).lower()


def words(text: str) -> list[str]:
    """The folded words of a text, in order, with hyphens taken as spaces."""
    return _WORD.findall(fold(text))


def calmed(text: str) -> str:
    """A text as people write: white space single, at most 40 signs and 200 letters in a row.

    Longer runs of signs are cut, longer words parted by a space; no word of any language is lost. What reads questions may be
    quadratic in the length of a run: five thousand spaces or letters must not keep a whole worker for seconds.
    """
    single = _SPACES.sub(_one_space, text)
    return _LONG_RUN.sub(r"\g<0> ", _SIGNS.sub(r"\1", single))


def _one_space(run: re.Match[str]) -> str:
    return "\n" if "\n" in run[0] else " "


def contains_phrase(text_words: list[str], phrase: str) -> bool:
    """Whether the words of a phrase stand in the text one after the other."""
    wanted = words(phrase)
    span = len(wanted)
    return any(text_words[at : at + span] == wanted for at in range(len(text_words) - span + 1))
