"""Tells all workers of revoked tokens within a second. The database holds the revocations: what is not known here is asked there."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Protocol

from service.sharing.naming import KeyNamer
from service.sharing.redis_link import PREFIX, Away, RedisLink

LOOK_SECONDS = 1.0
_STREAM = f"{PREFIX}revoked"
_MOST = 10_000


class News(Protocol):
    """What is known of revoked tokens without asking the database."""

    def known(self, token_id: str) -> bool:
        """Whether the token is known to be revoked; False says nothing."""

    async def tell(self, token_id: str) -> None:
        """Tell of a revocation that the database has taken."""

    async def look(self) -> None:
        """Hear what others told."""


class NoNews:
    """Knows nothing: the database is asked."""

    def known(self, token_id: str) -> bool:  # noqa: ARG002 - the Protocol's
        """Nothing is known."""
        return False

    async def tell(self, token_id: str) -> None:
        """Nobody to tell."""

    async def look(self) -> None:
        """Nobody to hear."""


class RevocationNews:
    """Revoked tokens that this process has heard of, by the hash of their id; the oldest are forgotten first."""

    def __init__(self, link: RedisLink, named: KeyNamer) -> None:
        self._link = link
        self._named = named
        self._known: OrderedDict[str, None] = OrderedDict()
        self._seen = b"0"

    def known(self, token_id: str) -> bool:
        """Whether the token is known to be revoked; False says nothing."""
        return bool(self._known) and self._named("revoked", token_id) in self._known

    async def tell(self, token_id: str) -> None:
        """Tell the others, after the database has taken the revocation."""
        name = self._named("revoked", token_id)
        self._note(name)
        try:
            await self._link.ask(lambda client: client.xadd(_STREAM, {"t": name}, maxlen=_MOST, approximate=True))
        except Away:
            return

    async def look(self) -> None:
        """Hear what the others told."""
        try:
            news: Any = await self._link.ask(lambda client: client.xread({_STREAM: self._seen}, count=_MOST))
            for _, entries in news or ():
                for number, fields in entries:
                    self._note(fields[b"t"].decode("ascii"))
                    self._seen = number
        except (Away, LookupError, ValueError, TypeError, AttributeError):
            return

    def _note(self, name: str) -> None:
        self._known[name] = None
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
