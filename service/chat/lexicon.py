"""Lists of words and phrases, ready to be looked for in a text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from service.text import Said, words


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words, phrases and beginnings ("lapor*"); a text shows an entry when its words stand there in order.

    `single` are words, `phrases` phrases by their first word, `beginnings` the letters before a star, `lengths` how many letters
    those have.
    """

    single: frozenset[str]
    phrases: Mapping[str, tuple[tuple[str, ...], ...]]
    beginnings: frozenset[str]
    lengths: tuple[int, ...]

    def shows(self, said: Said) -> bool:
        """Whether a text shows any entry."""
        return (
            not self.single.isdisjoint(said.words)
            or not self.beginnings.isdisjoint(said.beginnings)
            or (not self.phrases.keys().isdisjoint(said.words) and self._shows_phrase(said.tokens))
        )

    def _shows_phrase(self, tokens: Sequence[str]) -> bool:
        return any(
            tuple(tokens[at : at + len(phrase)]) == phrase
            for at, token in enumerate(tokens)
            for phrase in self.phrases.get(token, ())
        )

    def shown(self, tokens: Sequence[str]) -> list[str]:
        """The entries that folded words show, in the order of the words."""
        found: list[str] = []
        for at, token in enumerate(tokens):
            if token in self.single:
                found.append(token)
            found += [
                " ".join(phrase)
                for phrase in self.phrases.get(token, ())
                if tuple(tokens[at : at + len(phrase)]) == phrase
            ]
            found += [token[:length] for length in self.lengths if token[:length] in self.beginnings]
        return found


def lexicon(entries: Iterable[str]) -> Lexicon:
    """A lexicon of entries as people write them."""
    single: set[str] = set()
    phrases: dict[str, tuple[tuple[str, ...], ...]] = {}
    beginnings: set[str] = set()
    for entry in entries:
        split = tuple(words(entry))
        if entry.endswith("*"):
            beginnings.add(split[0])
        elif len(split) == 1:
            single.add(split[0])
        elif split:
            phrases[split[0]] = (*phrases.get(split[0], ()), split)
    lengths = tuple(sorted({len(beginning) for beginning in beginnings}))
    return Lexicon(frozenset(single), phrases, frozenset(beginnings), lengths)
