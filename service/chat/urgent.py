"""What is said before anything else to who may be in danger now, or near somebody who is.

The law of it is looked up and answered behind that as ever: nobody is refused for being in need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.chat.language import Language
from service.chat.lexicon import Lexicon
from service.text import Said


@dataclass(frozen=True, slots=True)
class Emergency:
    """A kind of danger: a message that shows an entry of each of `groups` and none of `unless` speaks of it, and hears `answers` first.

    The first group holds no beginnings of words ("lapor*").
    """

    groups: tuple[Lexicon, ...]
    unless: Lexicon
    answers: Mapping[Language, str]

    def is_told(self, asked: Said) -> bool:
        """Whether a message speaks of this danger."""
        return all(group.shows(asked) for group in self.groups) and not self.unless.shows(asked)


@dataclass(frozen=True, slots=True)
class Emergencies:
    """The kinds of danger in the order in which they are tried.

    `openings` are the words one of which stands in every message that any of them is told by: most have none and need no closer look.
    """

    kinds: tuple[Emergency, ...]
    openings: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "openings", frozenset[str]().union(*(one.groups[0].firsts for one in self.kinds)))


def urgent_help(asked: Said, emergencies: Emergencies, language: Language) -> str:
    """What the first emergency that a message speaks of says before the answer, with the line between them; nothing where there is none."""
    if emergencies.openings.isdisjoint(asked.words):
        return ""
    told = next((one for one in emergencies.kinds if one.is_told(asked)), None)
    return f"{told.answers[language]}\n\n" if told else ""
