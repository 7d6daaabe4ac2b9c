"""The Protocol between the chat core and whatever writes an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from service.chat.brief import Brief


class AnswerEngine(Protocol):
    """Writes an answer piece by piece. It may fail: then the request fails, and nothing is saved."""

    @property
    def model(self) -> str:
        """The model's name as answers and metrics show it."""

    @property
    def provider(self) -> str:
        """Who runs the model."""

    def generate(self, brief: Brief) -> AsyncIterator[str]:
        """The pieces of the answer, in order; joined they are the answer."""

    def count_tokens(self, text: str) -> int:
        """How many tokens the model counts in a text."""
