"""Lists of words and phrases, ready to be looked for in a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from service.remembering import Remembered
from service.text import Said, words

_REMEMBERED_WORDS = 8_000


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words, phrases and beginnings ("lapor*"); a text shows an entry when its words stand there in order.

    `single` are words, `phrases` phrases by their first word (`openings`), `beginnings` the letters before a star, `lengths` how many letters
    those have.
    """

    single: frozenset[str]
    phrases: Mapping[str, tuple[tuple[str, ...], ...]]
    beginnings: frozenset[str]
    lengths: tuple[int, ...]
    openings: frozenset[str] = field(init=False, repr=False, compare=False)
    _begun: Callable[[str], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "openings", frozenset(self.phrases))
        # Made of the letters and not of `self`, which would make a cycle.
        lengths, beginnings = self.lengths, self.beginnings
        begun = Remembered[str, bool](
            lambda word: any(word[:length] in beginnings for length in lengths), _REMEMBERED_WORDS
        )
        object.__setattr__(self, "_begun", begun.__getitem__)

    @property
    def firsts(self) -> frozenset[str]:
        """The words of which a text shows at least one, where it shows an entry and none of the entries is a beginning."""
        return self.single | self.openings

    @property
    def words(self) -> frozenset[str]:
        """Every word of the entries, those of phrases one by one; beginnings are none."""
        return self.single.union(*(phrase for phrases in self.phrases.values() for phrase in phrases))

    def shows(self, said: Said) -> bool:
        """Whether a text shows any entry."""
        words = said.words
        if not self.single.isdisjoint(words) or (self.beginnings and any(map(self._begun, words))):
            return True
        return not self.openings.isdisjoint(words) and self._shows_phrase(said.tokens)

    def may_show(self, word: str) -> bool:
        """Whether a folded word shows an entry, or begins one."""
        return word in self.single or word in self.openings or self._begun(word)

    def _shows_phrase(self, tokens: Sequence[str]) -> bool:
        phrases = self.phrases
        for at, token in enumerate(tokens):
            if token in phrases:
                for phrase in phrases[token]:
                    if tuple(tokens[at : at + len(phrase)]) == phrase:
                        return True
        return False

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
