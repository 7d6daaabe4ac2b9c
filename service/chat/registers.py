"""How an answer speaks to a role: the headings, the first and the last sentence."""

from __future__ import annotations

from dataclasses import dataclass

from service.chat.facets import Facet
from service.chat.language import Language


@dataclass(frozen=True, slots=True)
class Register:
    """The frame of an answer, in the language of its readers. `numbered` puts every statement on a numbered line.

    `facets` are headings for sides of a rule (its proof, its deadlines) that this reader looks for, in this order. `dated` names beside a
    law the day of its state and what it replaced. `english` is the same frame for those who ask in English.
    """

    opening: str
    statutes: str
    guides: str
    decisions: str
    comparison: str
    closing: str
    numbered: bool
    notice: str
    english: Register | None = None
    facets: tuple[tuple[Facet, str], ...] = ()
    dated: bool = False

    def spoken(self, language: Language) -> Register:
        """The frame in a language."""
        return self.english if language == "en" and self.english else self
