"""Cuts what a client shows of an answer where it asked for: after so many words, at the end of a sentence; before a stop sequence."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SENTENCE_END = re.compile(r"(?:(?<=[.!?:;])|(?<=[.!?:;][\"'”’)])|(?<=\]))\s+|\n+")
"""The space behind a sentence, behind the mark of its source, and between lines."""


class Cutting:
    """Takes an answer piece by piece and gives what may be shown of it; a word between spaces counts as a token.

    Pieces are whole sentences, and one that fits is given at once. `at_limit` tells that sentences were left out because of the limit.
    """

    def __init__(self, most_words: int | None = None, stops: Sequence[str] = ()) -> None:
        self._left = most_words
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self._over = False
        self.at_limit = False

    @property
    def cut(self) -> bool:
        """Whether less is shown than was written, because of the limit or of a stop sequence."""
        return self._over

    def take(self, piece: str) -> str:
        """What may be shown now of the answer so far; empty once it was cut."""
        if self._over:
            return ""
        # The limit goes first: it takes whole sentences, and what is held back for a stop is only a part of one.
        fitting = self._within(piece)
        return self._before_stop(fitting) if self._stops else fitting

    def rest(self) -> str:
        """What was held back because it looked like the beginning of a stop sequence, now that nothing follows."""
        held, self._held = self._held, ""
        return held

    def _before_stop(self, piece: str) -> str:
        text = self._held + piece
        ends = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if ends:
            # What the limit left out lies behind it.
            self._held, self._over, self.at_limit = "", True, False
            return text[: min(ends)]
        kept = max((_begun(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def _within(self, text: str) -> str:
        if self._left is None or not text:
            return text
        shown = text if len(text.split()) <= self._left else _whole_sentences(text, self._left)
        self._left -= len(shown.split())
        if shown != text:
            self._over = self.at_limit = True
        return shown


def _begun(text: str, stop: str) -> int:
    """How many characters at the end of a text begin a stop sequence."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)


def _whole_sentences(text: str, most_words: int) -> str:
    """As many sentences from the beginning as have at most so many words; none when the first is longer."""
    end = 0
    for found in _SENTENCE_END.finditer(text):
        if len(text[: found.start()].split()) > most_words:
            break
        end = found.start()
    return text[:end]
