"""The library's client with our time limits, and what its exceptions mean; imported by who has a Redis."""

from __future__ import annotations

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)
from redis.exceptions import (
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import (
    TimeoutError as RedisTimeoutError,
)

GONE = (OSError, TimeoutError, RedisConnectionError, RedisTimeoutError, ReadOnlyError, OutOfMemoryError)
"""Then the next use would fail as well: away, starting up, without room, or a replica that takes no writes."""
REFUSED = (RedisError,)
"""Whatever else Redis says no to: this use alone."""
_CONNECTIONS = 50
_SECONDS = 0.1


def made(url: str) -> Redis:
    """A client that has not connected yet.

    Raises:
        ValueError: it is no address of Redis.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=_SECONDS,
        socket_timeout=_SECONDS,
        socket_connect_timeout=_SECONDS,
        # Once more at once: a connection that lay idle over a restart of Redis is no outage. A time limit is not tried again.
        retry=Retry(NoBackoff(), 1, (RedisConnectionError,)),
        protocol=2,
    )
    return Redis(connection_pool=pool)
