"""One client of Redis for a process, with short time limits and a circuit: while Redis is away nobody waits for it.

Whatever Redis says is material to judge: an error, a wrong type or garbage ends as `Away` for that use, never as a failed request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from service.telemetry.pools import PoolUse

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")

PREFIX = "courtsight:"
LOOK_SECONDS = 2.0
_ALIVE = f"{PREFIX}alive"
_EPOCH = f"{PREFIX}epoch"


class Away(Exception):  # noqa: N818 - it is a state and not a mistake of ours
    """Redis cannot do this now: fall back."""


class RedisLink:
    """The client; `up` says whether the last thing that was tried worked."""

    def __init__(self, url: str, noted: Callable[[bool], None]) -> None:
        """Prepare a client; nothing is connected yet, and Redis counts as away until the first look.

        Args:
            url: redis:// or rediss://, with its password.
            noted: told each change between there and away.

        Raises:
            ValueError: it is no address of Redis.
        """
        # Importing the library takes a tenth of a second, and only who has a Redis pays it.
        from service.sharing import redis_client  # noqa: PLC0415 - see above

        self.client: Redis = redis_client.made(url)
        self._gone, self._refused = redis_client.GONE, redis_client.REFUSED
        self.up = False
        self.epoch = ""
        self._noted = noted
        self._missed = False

    async def ask(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        """Do one thing in Redis.

        Raises:
            Away: it could not be done; while Redis is away, at once.
        """
        if not self.up:
            raise Away
        try:
            return await work(self.client)
        except self._gone as error:
            self._change(up=False)
            raise Away from error
        except (*self._refused, ValueError, TypeError, LookupError) as error:
            raise Away from error

    def missed(self) -> None:
        """Note that something kept in Redis could not be brought up to date: once Redis is back, all of that kind is left behind."""
        self._missed = True

    async def look(self) -> None:
        """See whether Redis is there and takes writes; called every LOOK_SECONDS, the only try while it is away."""
        try:
            await self.client.set(_ALIVE, b"1", ex=60)
            if self._missed:
                await self.client.incr(_EPOCH)
                self._missed = False
            self.epoch = _text(await self.client.get(_EPOCH))
        except (*self._gone, *self._refused, ValueError, TypeError):
            self._change(up=False)
        else:
            self._change(up=True)

    def pool(self) -> PoolUse:
        """How many connections are in use right now."""
        pool = self.client.connection_pool
        # The library tells the numbers by no public name; a version that renames them shows none at work.
        used = len(getattr(pool, "_in_use_connections", ()))
        return PoolUse(used, len(getattr(pool, "_available_connections", ())), pool.max_connections)

    async def close(self) -> None:
        """Give the connections back."""
        await self.client.aclose()
        await self.client.connection_pool.disconnect()

    def _change(self, *, up: bool) -> None:
        if up is not self.up:
            self.up = up
            self._noted(up)


def _text(value: object) -> str:
    return value.decode("ascii", "replace")[:32] if isinstance(value, bytes) else ""
