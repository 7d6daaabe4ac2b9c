"""How an answer speaks to a role: the headings, the first and the last sentence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Register:
    """The frame of an answer, in the language of its readers. `numbered` puts every statement on a numbered line."""

    opening: str
    statutes: str
    guides: str
    decisions: str
    comparison: str
    closing: str
    numbered: bool
    notice: str
