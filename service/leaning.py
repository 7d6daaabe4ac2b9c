"""What the answers of an app lean on, each with a check that costs nothing."""

from __future__ import annotations

from service.dependencies import Dependency
from service.errors import NotReady
from service.llm.extractive import ExtractiveEngine
from service.parts import Parts
from service.store.store import Store


def dependencies_of(parts: Parts, store: Store) -> list[Dependency]:
    """What answers lean on. A language model is judged by its circuit, which the last real calls drew: never by a call of its own."""
    shelf, models = parts.shelf, parts.models

    async def index() -> None:
        await shelf.current.check()
        if not shelf.current.holdings.documents:
            raise NotReady("The index is empty.")

    called = [name for name in parts.engine.models if name not in ExtractiveEngine.models]
    found = [Dependency("database", store.check, essential=True), Dependency("index", index, essential=True)]
    if models:

        async def provider() -> None:
            if not any(models.chain.circuit(name).state(parts.around.clock()) == "closed" for name in called):
                raise NotReady("No language model answers.")

        found.append(Dependency("language_models", provider, essential=False))
    link = parts.sharing.link
    if link:

        async def redis() -> None:
            if not link.up:
                raise NotReady("Redis does not answer.")

        found.append(Dependency("redis", redis, essential=False))
    return found
