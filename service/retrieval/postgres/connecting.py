"""Connections to the retrieval database: bounded, with time limits, and open again by themselves after the server was away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from service.errors import ConfigurationError, StorageUnavailable
from service.postgres import AWAY, IDLE_SECONDS, LOST, connect_once

SETTING = "COURTSIGHT_RETRIEVAL_DATABASE_URL"
_TRIES = 3
"""A connection that died while it lay idle is found out by its next user; a restart of the server kills several at once."""

_AWAY = (*AWAY, asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.DataError)
"""What only the operator or time can mend. A missing table belongs here: its generation was dropped, and the next look finds the new one."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the retrieval database is, and what it may cost: connections at a time, seconds of one query."""

    url: str = field(repr=False)
    connections: int = 8
    timeout_seconds: float = 2.0


class Connections:
    """A pool that opens with its first query and belongs to the event loop of that query."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    async def fetch(self, statement: str, *arguments: object) -> Sequence[asyncpg.Record]:
        """The rows of a query that only reads; asked again when its connection turns out to be dead.

        Raises:
            StorageUnavailable: the server cannot be reached, is too slow, or refuses.
        """
        for remaining in reversed(range(_TRIES)):
            try:
                async with asyncio.timeout(self._address.timeout_seconds):
                    return await self._fetched(statement, arguments)
            except _AWAY as error:
                if remaining and isinstance(error, LOST) and not isinstance(error, ConnectionRefusedError):
                    continue
                # Neither the statement's arguments nor the server's words leave this module: they may quote the question.
                raise StorageUnavailable("The sources cannot be searched right now. Try again in a moment.") from None
        raise AssertionError("the last try returns or raises")

    async def close(self) -> None:
        """Give the connections back."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()

    async def _fetched(self, statement: str, arguments: Sequence[object]) -> Sequence[asyncpg.Record]:
        pool = self._pool or await self._open()
        async with pool.acquire() as connection:
            return await connection.fetch(statement, *arguments)

    async def _open(self) -> asyncpg.Pool[asyncpg.Record]:
        async with self._opening:
            if self._pool is None:
                address = self._address
                self._pool = await asyncpg.create_pool(
                    address.url,
                    min_size=0,
                    max_size=address.connections,
                    max_inactive_connection_lifetime=IDLE_SECONDS,
                    timeout=address.timeout_seconds,
                    server_settings=reading_settings(address),
                )
            return self._pool


def reading_settings(address: Address) -> dict[str, str]:
    """What a reading session tells the server: it reads, it is bounded, and its queries are too short to be compiled."""
    return {
        "application_name": "courtsight-retrieval",
        "default_transaction_read_only": "on",
        "statement_timeout": str(int(address.timeout_seconds * 1000)),
        "jit": "off",
        "work_mem": "16MB",
    }


async def connect(address: Address, settings: dict[str, str]) -> asyncpg.Connection[asyncpg.Record]:
    """One connection, for what is done once.

    Raises:
        ConfigurationError: in one line without the password, why it cannot be had.
    """
    return await connect_once(address.url, settings, name="retrieval database", setting=SETTING)


async def fetch_once(
    connection: asyncpg.Connection[asyncpg.Record], statement: str, *arguments: object
) -> list[asyncpg.Record]:
    """The rows of a query on a connection of one's own.

    Raises:
        ConfigurationError: the server does not answer it; the message says what to do.
    """
    try:
        return await connection.fetch(statement, *arguments)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as error:
        raise ConfigurationError(
            "retrieval database: nothing is published yet; run `python -m service publish` first"
        ) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConfigurationError(
            "retrieval database: this user may not do that; see deploy/postgres/roles.sql for the rights of readers and writers"
        ) from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConfigurationError(
            f"retrieval database: a query failed ({type(error).__name__}); look into the server's log"
        ) from error
