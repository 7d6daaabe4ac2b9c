"""Short memory: the last questions of a conversation, so that a follow-up need not read them from the database. The database stays the truth."""

from __future__ import annotations

from typing import Protocol

import orjson

from service.sharing.naming import KeyNamer
from service.sharing.redis_link import Away, RedisLink
from service.values import value

_SECONDS = 86_400


@value
class Remembered:
    """A conversation's title and its last questions, the newest first."""

    title: str
    earlier: tuple[str, ...]


class Memory(Protocol):
    """What remembers conversations between two questions."""

    async def recall(self, owner: str, conversation_id: str) -> Remembered | None:
        """What is remembered of an account's conversation; None: ask the database."""

    async def keep(self, owner: str, conversation_id: str, remembered: Remembered) -> None:
        """Remember a conversation as it now stands in the database."""

    async def forget(self, owner: str, conversation_id: str) -> None:
        """Remember nothing of a conversation any more."""


class NoMemory:
    """Remembers nothing: one process with its database beside it reads faster than over a network."""

    async def recall(self, owner: str, conversation_id: str) -> Remembered | None:  # noqa: ARG002 - the Protocol's
        """Nothing."""
        return None

    async def keep(self, owner: str, conversation_id: str, remembered: Remembered) -> None:
        """Nothing to do."""

    async def forget(self, owner: str, conversation_id: str) -> None:
        """Nothing to do."""


class SharedMemory:
    """Remembers in Redis for 24 hours. A write that fails makes all that is remembered count for nothing once Redis is back."""

    def __init__(self, link: RedisLink, named: KeyNamer) -> None:
        self._link = link
        self._named = named

    async def recall(self, owner: str, conversation_id: str) -> Remembered | None:
        """See `Memory`; garbage is nothing."""
        key = self._key(owner, conversation_id)
        try:
            return _parsed(await self._link.ask(lambda client: client.get(key)))
        except Away:
            return None

    async def keep(self, owner: str, conversation_id: str, remembered: Remembered) -> None:
        """See `Memory`."""
        key, value = self._key(owner, conversation_id), orjson.dumps([remembered.title, remembered.earlier])
        try:
            await self._link.ask(lambda client: client.set(key, value, ex=_SECONDS))
        except Away:
            self._link.missed()

    async def forget(self, owner: str, conversation_id: str) -> None:
        """See `Memory`."""
        key = self._key(owner, conversation_id)
        try:
            await self._link.ask(lambda client: client.delete(key))
        except Away:
            self._link.missed()

    def _key(self, owner: str, conversation_id: str) -> str:
        return self._named("memory", self._link.epoch, owner, conversation_id)


def _parsed(raw: object) -> Remembered | None:
    try:
        title, earlier = orjson.loads(raw) if isinstance(raw, bytes) else (None, None)
    except (ValueError, TypeError):
        return None
    if isinstance(title, str) and isinstance(earlier, list) and all(isinstance(one, str) for one in earlier):
        return Remembered(title, tuple(earlier))
    return None
