"""What the answers of an app lean on, each with a check that costs nothing."""

from __future__ import annotations

from collections.abc import Callable

from service.dependencies import Check, Dependency
from service.errors import NotReady
from service.llm.extractive import ExtractiveEngine
from service.parts import Parts
from service.store.store import Store


def dependencies_of(parts: Parts, store: Store) -> list[Dependency]:
    """What answers lean on. A language model is judged by its circuit, which the last real calls drew: never by a call of its own."""
    shelf, models, link, ring = parts.shelf, parts.models, parts.sharing.link, parts.ring

    async def index() -> None:
        await shelf.current.check()
        if not shelf.current.holdings.documents:
            raise NotReady("The index is empty.")

    found = [Dependency("database", store.check, essential=True), Dependency("index", index, essential=True)]
    if models:
        called = [name for name in parts.engine.models if name not in ExtractiveEngine.models]

        def one_answers() -> bool:
            now = parts.around.clock()
            return any(models.chain.circuit(name).state(now) == "closed" for name in called)

        found.append(_beside("language_models", one_answers, "No language model answers."))
    if ring.turns:
        told = "A changed file of signing secrets was not taken; the log says why."
        found.append(_beside("signing_keys", lambda: ring.trouble is None, told))
    if link:
        found.append(_beside("redis", lambda: link.up, "Redis does not answer."))
    return found


def _beside(name: str, well: Callable[[], bool], words: str) -> Dependency:
    """Something without which the service goes on, worse."""
    return Dependency(name, _check(well, words), essential=False)


def _check(well: Callable[[], bool], words: str) -> Check:
    async def check() -> None:
        if not well():
            raise NotReady(words)

    return check


def watch_pools(parts: Parts, store: Store) -> None:
    """Show the pools of what is leaned on."""
    use, link = store.pool(), parts.sharing.link
    if use is not None:
        parts.metrics.pools.watch("database", lambda: store.pool() or use)
    if link:
        parts.metrics.pools.watch("redis", link.pool)
