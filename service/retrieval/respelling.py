"""Other spellings of a word that the index does not hold: informal prefixes, clitics, two words written as one, a slip of the fingers.

Only words that no passage holds come here, and only spellings that some passage holds count: what is right stays as it is. Spoken
Indonesian leaves prefixes out or melts them ("nyebarin" for "menyebarkan", "ngontrak", "nagih"); the rules are those of the language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from string import ascii_lowercase

_VOWELS = frozenset("aeiou")
_MELTED = (("nge", ("",)), ("ny", ("s", "c")), ("ng", ("", "k")), ("n", ("t",)), ("m", ("p",)))
"""A spoken prefix, and the letters that it may have melted with."""
_SUFFIXES = ("in", "an", "nya", "ku", "mu", "lah", "kah", "pun", "x", "2")
_PREFIXES = ("ku", "ke", "di", "se")
_SHORTEST_PART = 4
_SHORTEST_SLIP = 6
"""Shorter words have too many neighbours: one letter makes another word of them."""
_LONGEST = 20
"""Nobody's word; longer ones only cost time."""

Counted = Callable[[str], int]
"""How many passages hold a term."""


def respelled(term: str, stem: Callable[[str], str], held: Counted) -> tuple[str, ...]:
    """The terms that were meant by one that no passage holds: of the first kind of spelling that some passage holds, the commonest.

    Empty when there is none. `stem` makes a term of a spelling; ties go to the first in the alphabet.
    """
    if not term.removesuffix("2").isalpha() or not term.isascii() or not _SHORTEST_PART <= len(term) <= _LONGEST:
        return ()
    spoken = _commonest({stem(word) for word in _spoken(term)}, held)
    if spoken:
        return (spoken,)
    parts = next((pair for pair in _halves(term) if all(held(part) for part in pair)), ())
    if parts:
        return parts
    slip = _commonest(set(_slips(term)), held) if len(term) >= _SHORTEST_SLIP else None
    return (slip,) if slip else ()


def _commonest(terms: set[str], held: Counted) -> str | None:
    counted = [(-count, term) for term in terms if (count := held(term))]
    return min(counted)[1] if counted else None


def _spoken(word: str) -> Iterator[str]:
    """What the word may be a spoken form of, at least three letters long."""
    bare = {word, *(word.removesuffix(suffix) for suffix in _SUFFIXES if word.endswith(suffix))}
    bare |= {one.removeprefix(prefix) for one in bare for prefix in _PREFIXES if one.startswith(prefix)}
    for one in bare:
        yield from (one,) if len(one) >= _SHORTEST_PART and one != word else ()
        for prefix, letters in _MELTED:
            rest = one.removeprefix(prefix)
            if rest != one and len(rest) > 2 and (rest[0] in _VOWELS or prefix == "nge"):
                yield from (letter + rest for letter in letters)


def _halves(word: str) -> Iterator[tuple[str, str]]:
    for at in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1):
        yield word[:at], word[at:]


def _slips(word: str) -> Iterator[str]:
    """Every word at a distance of one: a letter too many, too few, another one, or two that changed places."""
    for at in range(len(word) + 1):
        before, behind = word[:at], word[at:]
        if behind:
            yield before + behind[1:]
            yield from (before + letter + behind[1:] for letter in ascii_lowercase)
        if len(behind) > 1:
            yield before + behind[1] + behind[0] + behind[2:]
        yield from (before + letter + behind for letter in ascii_lowercase)
