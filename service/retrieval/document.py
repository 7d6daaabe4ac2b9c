"""What the corpus is made of, once it has been checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Kind = Literal["statute", "guide", "decision"]
KINDS: tuple[Kind, ...] = ("statute", "guide", "decision")
"""An index knows a kind by its place here."""
OPENING_MARK = " …"
"""Ends a title that is only the beginning of the text: it names the entry, and says nothing that the text does not."""


@dataclass(frozen=True, slots=True)
class Document:
    """One entry of the corpus: an article of a law, a guide, or a court decision.

    `as_of` is the day for which the text is stated; `earlier` names the article that this one replaced. A decision adds
    its court, number, day, the articles it applies and its holding. `type` is the kind of instrument ("UU", "PP", "POJK") or of
    guide ("glosarium"), where it is known. `in_force_from` is the first day on which it holds, `in_force_until` the first on which
    it does not; None where nobody has said.
    """

    id: str
    kind: Kind
    title: str
    text: str
    law: str | None
    law_title: str | None
    article: str | None
    year: int | None
    status: str
    earlier: str | None
    source: str
    as_of: date
    verified_against: str
    demo: bool
    topics: tuple[str, ...] = ()
    court: str | None = None
    decision_number: str | None = None
    decided_on: date | None = None
    applies: tuple[str, ...] = ()
    holding: str | None = None
    type: str | None = None
    in_force_from: date | None = None
    in_force_until: date | None = None

    @property
    def verified(self) -> bool:
        """Whether somebody compared the entry with the text of the law."""
        return self.verified_against != "unverified"

    @property
    def instrument(self) -> str | None:
        """The type in capitals; where it is not said, the first word of the law ("UU 1/2023"), or of the only name that it has."""
        if self.type:
            return self.type.upper()
        return self.law.split()[0].upper() if self.law and self.kind == "statute" else None

    @property
    def holds_from(self) -> date | None:
        """The first day on which it may hold: where nobody has said, no law holds before the year in which it was made."""
        if self.in_force_from or self.kind == "decision" or not self.year:
            return self.in_force_from
        return date(self.year, 1, 1)

    @property
    def holds_until(self) -> date | None:
        """The first day on which it does not hold: what was repealed on a day unknown is taken to end with `as_of`."""
        return self.in_force_until or (self.as_of if self.status == "dicabut" else None)

    def in_force_on(self, day: date) -> bool:
        """Whether it holds on a day, as far as that is known."""
        begins, ends = self.holds_from, self.holds_until
        return (begins is None or begins <= day) and (ends is None or day < ends)

    @property
    def label(self) -> str:
        """The short name under which people cite this entry."""
        if self.kind == "decision":
            return self.decision_number or self.title
        if self.kind == "guide":
            return self.title
        if self.article and self.law:
            return f"Pasal {self.article} {self.law}"
        return self.law or self.title


@dataclass(frozen=True, slots=True)
class Passage:
    """A span of an entry that a question can find by itself.

    `document` is the entry's id, `place` counts from 0, `start` is the first character's offset in the entry's text. `ayat` is
    the paragraph ("2"), `item` the number inside it, where the text marks them. `context` is what the passage is about
    and does not say: found by, never quoted as its text. `defines` are the terms whose definition this is.
    """

    document: str
    place: int
    ayat: str | None
    item: str | None
    text: str
    start: int = 0
    context: str = ""
    defines: tuple[str, ...] = ()

    @classmethod
    def whole(cls, document: Document) -> Passage:
        """The passage that is all of an entry."""
        return cls(document.id, 0, None, None, document.text)
