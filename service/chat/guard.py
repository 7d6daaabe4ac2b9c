"""Questions that are not answered, whatever the corpus holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.text import contains_phrase, words


@dataclass(frozen=True, slots=True)
class Refusal:
    """Questions that are not answered: one verb of help, and one phrase of the forbidden, with what to say instead."""

    reason: str
    asks: tuple[str, ...]
    about: tuple[str, ...]
    answer: str


def refusal_of(question: str, refusals: Sequence[Refusal]) -> Refusal | None:
    """The first refusal that the question meets: it shows a word of `asks` and a phrase of `about`."""
    asked = words(question)
    for refusal in refusals:
        helps = any(contains_phrase(asked, phrase) for phrase in refusal.asks)
        if helps and any(contains_phrase(asked, phrase) for phrase in refusal.about):
            return refusal
    return None
