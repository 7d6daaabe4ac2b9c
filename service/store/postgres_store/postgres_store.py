"""The store over PostgreSQL: a pool, a time limit on everything, and connections that come back after the server was away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import CodeType
from typing import Generic, TypeVar

import asyncpg

from service.errors import StorageUnavailable
from service.postgres import AWAY, LOST
from service.store.postgres_store.driving import Connection, SeveralCommandsError, drive, drive_one
from service.store.store import Change, Key
from service.store.work import Job, TakenError, one, shape_of
from service.telemetry.pools import PoolUse

Result = TypeVar("Result")

_CHECK_SECONDS = 1.0
"""Longer than what the alert DatabaseSlow calls slow: a look that gives up before could never show it."""
_CLOSING_SECONDS = 1.0
_TRIES = 3
_MOST_PENDING = 1_000
_UNREADABLE = "The database cannot be read right now. Try again in a moment."
_UNAVAILABLE = "The database takes no writes right now; nothing was saved. Try again in a moment."
_UNSURE = (
    "The connection to the database broke while saving; it may or may not have been saved. Look before you try again."
)
_BY_CHANCE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.ForeignKeyViolationError)
"""Neighbours came between: what the work had read, the row that it refers to perhaps, has changed. Begun again, it sees so itself."""
_REFUSED = (*AWAY, asyncpg.PostgresError)


class PostgresStore:
    """An open pool. Sessions are read-only unless a transaction says otherwise, so that no read can change anything."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], timeout_seconds: float) -> None:
        self._pool = pool
        self._timeout = timeout_seconds
        self._pending = 0
        self._closing = False
        self._idle = asyncio.Event()
        # Work that was seen to need several commands. Generator functions are written in this program, so the set has an end.
        self._several: set[CodeType] = set()

    async def read(self, job: Job[Result], keep: Key | None = None) -> Result:  # noqa: ARG002 - see `kept`
        """Run work: one command as one round trip, several in a transaction that sees one state of the database.

        Raises:
            StorageUnavailable: the server is away, too slow, or refuses.
        """
        try:
            return await self._tried(lambda connection: self._read(connection, job), self._timeout)
        except _REFUSED as error:
            # Neither the statement's values nor the server's words leave this module: they may quote a message.
            raise StorageUnavailable(_UNREADABLE) from _without_words(error)

    def kept(self, key: Key) -> object | None:
        """Nothing: to ask the server whether somebody has committed costs as much as to read."""

    async def write(self, job: Job[Result], change: Change | None = None) -> Result:  # noqa: ARG002 - see `kept`
        """Run work in a transaction and return when the server has made it durable.

        Raises:
            StorageUnavailable: the server is away, too slow, full, or too many wait. Unless the detail says so, nothing was kept.
            TakenError: a row that must be unique exists.
        """
        writing = _Writing(job)
        try:
            return await self._tried(writing.run, self._timeout)
        except asyncpg.UniqueViolationError as error:
            raise TakenError("a row with this name or id exists") from _without_words(error)
        except asyncpg.IntegrityConstraintViolationError as error:
            raise RuntimeError(f"a rule of the tables was broken: {type(error).__name__}") from None
        except _REFUSED as error:
            raise StorageUnavailable(_UNSURE if writing.commit_sent else _UNAVAILABLE) from _without_words(error)

    async def check(self) -> None:
        """Ask the server whether it reads and takes writes.

        Raises:
            StorageUnavailable: it does not.
        """
        try:
            standing_by = await self._tried(_look, min(_CHECK_SECONDS, self._timeout))
        except _REFUSED as error:
            raise StorageUnavailable(_UNREADABLE) from _without_words(error)
        if standing_by:
            raise StorageUnavailable(_UNAVAILABLE)

    async def scrub(self) -> None:
        """Let the server take back the space of deleted rows; its log and its backups keep them until those are gone.

        Raises:
            StorageUnavailable: it could not.
        """
        try:
            async with self._pool.acquire() as connection:
                await connection.execute("SET default_transaction_read_only = off")
                await connection.execute("SET statement_timeout = 0")
                await connection.execute("VACUUM")
                await connection.execute("RESET ALL")
        except _REFUSED as error:
            raise StorageUnavailable(_UNAVAILABLE) from _without_words(error)

    def pool(self) -> PoolUse:
        """How many connections are in use right now."""
        size, idle = self._pool.get_size(), self._pool.get_idle_size()
        return PoolUse(max(0, size - idle), idle, self._pool.get_max_size())

    async def close(self) -> None:
        """Wait for what runs, no longer than a piece of work may take, then give the connections back."""
        self._closing = True
        try:
            async with asyncio.timeout(self._timeout + _CLOSING_SECONDS):
                if self._pending:  # whoever waits for a connection gets one
                    await self._idle.wait()
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def _tried(self, run: Callable[[Connection], Awaitable[Result]], seconds: float) -> Result:
        """Run on a connection of the pool; again, while that does no harm, when the connection was dead or a neighbour came between."""
        if self._closing or self._pending >= _MOST_PENDING:
            raise StorageUnavailable(_UNAVAILABLE)
        self._pending += 1
        try:
            async with asyncio.timeout(seconds):
                for remaining in reversed(range(_TRIES)):
                    try:
                        return await self._once(run)
                    except ConnectionRefusedError:
                        raise
                    except LOST:
                        if not remaining:
                            raise
                        # After a restart of the server every idle connection is dead: none of them is tried.
                        await self._pool.expire_connections()
                    except _BY_CHANCE:  # it was taken back; the work is begun again
                        if not remaining:
                            raise
        finally:
            self._leave()
        raise AssertionError("the last try returns or raises")

    def _leave(self) -> None:
        self._pending -= 1
        if self._closing and not self._pending:
            self._idle.set()

    async def _once(self, run: Callable[[Connection], Awaitable[Result]]) -> Result:
        connection = await self._pool.acquire()
        try:
            return await run(connection)
        except Exception as error:
            if isinstance(error, LOST) or connection.is_in_transaction():
                connection.terminate()
            raise
        except BaseException:
            # Cut off in the middle: what was begun ends with the connection. Asking politely could wait for a server that hangs.
            connection.terminate()
            raise
        finally:
            await self._pool.release(connection)

    async def _read(self, connection: Connection, job: Job[Result]) -> Result:
        work = job()
        if (shape := shape_of(work)) not in self._several:
            try:
                return await drive_one(connection, work)
            except SeveralCommandsError:
                self._several.add(shape)
                work = job()
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        result = await _or_back(connection, drive(connection, work))
        await connection.execute("COMMIT")
        return result


class _Writing(Generic[Result]):
    """One write: its work, and whether its commit was sent, after which nobody but the server knows what became of it."""

    __slots__ = ("commit_sent", "job")

    def __init__(self, job: Job[Result]) -> None:
        self.job = job
        self.commit_sent = False

    async def run(self, connection: Connection) -> Result:
        await connection.execute("BEGIN READ WRITE")
        result = await _or_back(connection, drive(connection, self.job()))
        self.commit_sent = True
        try:
            await connection.execute("COMMIT")
        except LOST as error:
            raise StorageUnavailable(_UNSURE) from _without_words(error)
        return result


async def _or_back(connection: Connection, driven: Awaitable[Result]) -> Result:
    """What the work returns; when it fails its transaction is taken back."""
    try:
        return await driven
    except Exception:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
        raise


async def _look(connection: Connection) -> bool:
    """Whether the server stands by for another, and so takes no writes."""
    await drive(connection, one("SELECT 1 FROM accounts LIMIT 1"))
    return bool(await connection.fetchval("SELECT pg_is_in_recovery()"))


def _without_words(error: BaseException) -> Exception:
    """The kind of an error, for the chain of causes, without a text that might quote what people wrote."""
    return RuntimeError(type(error).__name__)
