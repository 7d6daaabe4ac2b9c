"""Whether a question is about law at all, by the words that it shows."""

from __future__ import annotations

from dataclasses import dataclass

from service.chat.lexicon import Lexicon
from service.text import Said


@dataclass(frozen=True, slots=True)
class Domain:
    """Words of other fields and words of law; `answer_from` is the confidence from which a question of another field is answered.

    "Dokter salah memberi obat" shows words of both: it is about law. A question that shows neither is judged by its sources.
    """

    foreign: Lexicon
    legal: Lexicon
    answer_from: float

    def is_foreign(self, asked: Said) -> bool:
        """Whether the question shows words of another field and none of law."""
        return self.foreign.shows(asked) and not self.legal.shows(asked)

    def is_legal(self, asked: Said) -> bool:
        """Whether the question shows a word of law."""
        return self.legal.shows(asked)
