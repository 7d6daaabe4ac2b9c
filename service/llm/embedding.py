"""The embedding model of a provider, as retrieval asks for it: the first model of a providers' file."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

from service.llm.client import OpenAIProvider
from service.llm.endpoints import Providers
from service.llm.failures import ProviderError
from service.retrieval.dense import NoVectors, Vector

_TEXTS_PER_CALL = 64
_CALLS = 4
"""Calls at a time while a corpus is embedded; a question is one call."""


class ProviderEmbedder:
    """Asks an OpenAI-compatible provider. It receives the text of questions, and of passages when a corpus is embedded."""

    def __init__(self, providers: Providers, wall_clock: Callable[[], float]) -> None:
        self._model = providers.models[0]
        endpoint = next(one for one in providers.endpoints if one.name == self._model.provider)
        self._provider = OpenAIProvider(endpoint, wall_clock)
        self._limits = providers.limits.attempt
        self.name = f"{endpoint.name}/{self._model.wire_name}"

    async def vectors(self, texts: Sequence[str]) -> Sequence[Vector]:
        """One vector for each text, in their order.

        Raises:
            NoVectors: the provider failed, or gave vectors that mean nothing.
        """
        gate = asyncio.Semaphore(_CALLS)

        async def some(at: int) -> Sequence[Vector]:
            async with gate:
                return await self._asked(texts[at : at + _TEXTS_PER_CALL])

        parts = await asyncio.gather(*(some(at) for at in range(0, len(texts), _TEXTS_PER_CALL)))
        return [vector for part in parts for vector in part]

    async def close(self) -> None:
        """Give the connections back."""
        await self._provider.close()

    async def _asked(self, texts: Sequence[str]) -> Sequence[Vector]:
        try:
            found = (await self._provider.embed(texts, self._model.wire_name, self._limits)).vectors
        except ProviderError as error:
            raise NoVectors(f"{self.name}: {error}") from None
        if any(not math.isfinite(sum(vector)) or not any(vector) for vector in found):
            raise NoVectors(f"{self.name}: a vector has no direction, or numbers that are none")
        return found
