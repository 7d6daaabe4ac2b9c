"""Whether a question is about law at all, by the words that it shows."""

from __future__ import annotations

from dataclasses import dataclass, field

from service.chat.lexicon import Lexicon
from service.text import Said


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A kind of question that no source of law answers, whatever words they share: who holds an office, what time it is.

    A question is of this kind when it shows an entry of each of `groups`, holds `numbers` numbers at least and consists of the groups' words,
    of `beside` and of numbers alone: one word more ("menurut UUD 1945") makes it one that the sources are asked.
    """

    groups: tuple[Lexicon, ...]
    beside: frozenset[str]
    numbers: int = 0
    words: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", self.beside.union(*(group.words for group in self.groups)))

    def is_all_of(self, asked: Said) -> bool:
        """Whether a question is of this kind."""
        others = asked.words - self.words
        if not all(map(str.isdigit, others)) or not all(group.shows(asked) for group in self.groups):
            return False
        return sum(map(str.isdigit, asked.tokens)) >= self.numbers


@dataclass(frozen=True, slots=True)
class Domain:
    """Words of other fields and words of law; `answer_from` is the confidence from which a question of another field is answered.

    "Dokter salah memberi obat" shows words of both: it is about law. A question that shows neither is judged by its sources.
    """

    foreign: Lexicon
    legal: Lexicon
    answer_from: float
    elsewhere: tuple[Elsewhere, ...] = ()
    _of_elsewhere: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = self.foreign.single.union(*(kind.words for kind in self.elsewhere))
        object.__setattr__(self, "_of_elsewhere", known)

    def is_foreign(self, asked: Said) -> bool:
        """Whether the question shows words of another field and none of law."""
        return self.foreign.shows(asked) and not self.legal.shows(asked)

    def is_legal(self, asked: Said) -> bool:
        """Whether the question shows a word of law."""
        return self.legal.shows(asked)

    def is_elsewhere(self, asked: Said) -> bool:
        """Whether no source of law could answer: a kind of `elsewhere`, or a word of another field and not one beside it ("hp")."""
        words = asked.words
        # Nearly every question shows a word that no such kind knows: one look says so.
        if not all(map(str.isdigit, words - self._of_elsewhere)):
            return False
        return (bool(words) and words <= self.foreign.single) or any(kind.is_all_of(asked) for kind in self.elsewhere)
