"""The engine that ships: it composes an answer from sentences of the passages, without a model, a key or a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from service.chat.brief import Brief
from service.chat.composing import compose


class ExtractiveEngine:
    """Honest about itself: its model is called `extractive`, and a token is a word between spaces."""

    model = "extractive"
    provider = "embedded"

    async def generate(self, brief: Brief) -> AsyncIterator[str]:
        """The answer, a heading or a statement at a time."""
        for piece in compose(brief):
            yield piece
            # Other requests get their turn, and a reader who went away is noticed.
            await asyncio.sleep(0)

    def count_tokens(self, text: str) -> int:
        """Words between spaces."""
        return len(text.split())
