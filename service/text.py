"""The smallest things about text that several rooms share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import filterfalse

from service.remembering import remembered
from service.values import value

LONGEST_WORD = 40
_WORD = re.compile(rf"([a-z0-9]{{1,{LONGEST_WORD}}})[a-z0-9]*")
"""Longer runs of letters are no words; they are cut so that no text can make the stemmer slow."""
_BLANKED = bytes(code if chr(code).isascii() and chr(code).isalnum() else 0x20 for code in range(256))
"""Each byte of ASCII text that belongs to no word as a space."""
_BUT_DIGITS = bytes(code for code in range(256) if not chr(code).isascii() or not chr(code).isdecimal())
_SPACES = re.compile(r"\s{2,}")
_DOTTED = re.compile(r"\b(?:[a-z]\.){2,}|\b(?:[a-z]\.)+[a-z]\b", re.IGNORECASE)
_DOT_BEHIND_A_LETTER = re.compile(r"\.(?<=\b\w\.)")
"""Stands in all that `_DOTTED` finds; a look for it leaps from point to point."""
_CLIPPED = re.compile(r"(?<=[a-z])['’](?:m|s|d|t|re|ve|ll)\b", re.IGNORECASE)
_LONGEST_SIGNS = 40
_SIGNS = re.compile(rf"(\W{{{_LONGEST_SIGNS}}})\W+")
_LONGEST_RUN = 200
_LONG_RUN = re.compile(rf"\S{{{_LONGEST_RUN}}}(?=\S)")


def fold(text: str) -> str:
    """Lower case without accents or compatibility forms: "Décret" and "ＤＥＣＲＥＴ" both become "decret"."""
    if text.isascii():
        return text.lower()
    return _unaccented(text)


@remembered(most=16, longest=10_000)
def _unaccented(text: str) -> str:
    # A question is folded some fifty times, in six wordings, and one letter may stand for eighteen: that was most of a long one's cost.
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(filterfalse(unicodedata.combining, decomposed)).lower()


def unclipped(text: str) -> str:
    """A text without the points of letters that abbreviate, nor what English clips: "U.U.", "s.d." and "I'm" become "UU", "sd" and "I"."""
    if "'" in text or "’" in text:
        text = _CLIPPED.sub("", text)
    if _DOT_BEHIND_A_LETTER.search(text):
        return _DOTTED.sub(lambda letters: letters[0].replace(".", ""), text)
    return text


def words(text: str) -> list[str]:
    """The folded words of a text, in order, with hyphens taken as spaces."""
    return list(_words(text))


@remembered(most=1_000, longest=1_000)
def _words(text: str) -> tuple[str, ...]:
    folded = fold(text)
    if folded.isascii():
        # Most texts: bytes are looked up in a table, where the pattern takes ten times as long.
        read = folded.encode().translate(_BLANKED).decode().split()
        if not read or max(map(len, read)) <= LONGEST_WORD:
            return tuple(read)
    return tuple(_WORD.findall(folded))


def beginnings(texts: Iterable[str]) -> re.Pattern[str]:
    """Finds each place at which one of some texts may begin, by its first three letters; see `found_from`."""
    rests: dict[str, set[str]] = {}
    for one in texts:
        rests.setdefault(one[0], set()).add(one[1:3])
    # A pattern of letters leaps from one of them to the next; what is behind the first one is only looked at, so that no place is passed over.
    branches = [
        f"{re.escape(first)}(?={'|'.join(map(re.escape, sorted(rest)))})" for first, rest in sorted(rests.items())
    ]
    return re.compile("|".join(branches))


def found_from(begins: re.Pattern[str], pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """What `pattern.finditer` finds in a text, looked for only where it may begin: a long pattern tries all its branches at each place."""
    end = 0
    for begun in begins.finditer(text):
        at = begun.start()
        if at >= end and (match := pattern.match(text, at)):
            end = match.end()
            yield match


def shows_digits(text: str) -> bool:
    """Whether a digit of any script may stand in a text, which says of most texts at a quarter of a search's cost that none does."""
    return not text.isascii() or bool(text.encode().translate(None, _BUT_DIGITS))


@value
class Said:
    """The folded words of a text, read once for all who look for words in it: in order, and as a set."""

    tokens: tuple[str, ...]
    words: frozenset[str]


NOTHING_SAID = Said((), frozenset())


@remembered(most=1_000, longest=1_000)
def said(text: str) -> Said:
    """The words of a text, to look for words in."""
    tokens = _words(text)
    return Said(tokens, frozenset(tokens))


def said_behind(one: str, other: str) -> Said:
    """The words of a text and those of another behind it: what `said` gives for both with a space between."""
    first, second = said(one), said(other)
    words = first.words if first.words == second.words else first.words | second.words
    return Said(first.tokens + second.tokens, words)


@remembered(most=4_000, longest=10_000)
def word_count(text: str) -> int:
    """How many words a text has between its spaces."""
    return len(text.split())


def calmed(text: str) -> str:
    """A text as people write: white space single, at most 40 signs and 200 letters in a row.

    Longer runs of signs are cut, longer words parted by a space; no word of any language is lost. What reads questions may be
    quadratic in the length of a run: five thousand spaces or letters must not keep a whole worker for seconds.
    """
    # A look at a few letters says of most texts that no run is too long, where patterns would look from each of them on: a longer run of
    # signs covers one of the letters that stand so far apart.
    pieces = text.split()
    if (
        " ".join(pieces) == text
        and (len(text) <= _LONGEST_RUN or max(map(len, pieces)) <= _LONGEST_RUN)
        and (len(text) <= _LONGEST_SIGNS or text[_LONGEST_SIGNS :: _LONGEST_SIGNS + 1].isalnum())
    ):
        return text
    single = _SPACES.sub(_one_space, text)
    short = _SIGNS.sub(r"\1", single)
    return _LONG_RUN.sub(r"\g<0> ", short) if len(short) > _LONGEST_RUN else short


def _one_space(run: re.Match[str]) -> str:
    return "\n" if "\n" in run[0] else " "
