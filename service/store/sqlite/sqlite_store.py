"""The store over SQLite: reads in the event loop, writes through the one writer."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from types import CodeType
from typing import TypeVar

from service.errors import StorageUnavailable
from service.store.sqlite.connection import checkpoint, connect, migrate
from service.store.sqlite.driving import drive_reading
from service.store.sqlite.writer import GroupCommitWriter
from service.store.work import Job, Work, one

Result = TypeVar("Result")

_READ_WAIT_SECONDS = 0.05
"""Reads run in the event loop and hardly ever wait in WAL mode; when they do, everybody waits with them."""
_CHECK_SECONDS = 0.25


class SqliteStore:
    """An open SQLite file. A read costs tens of microseconds in the loop and four times as much from a thread."""

    def __init__(self, path: Path, timeout: float, now: float) -> None:
        """Open the file and bring it up to date.

        Args:
            path: the SQLite file.
            timeout: seconds that a write waits for a lock before it fails.
            now: seconds since the epoch, noted beside migrations.

        Raises:
            ConfigurationError: the file cannot be used.
        """
        self._path = path
        self._timeout = timeout
        with ExitStack() as unless_it_works:
            self._writing = connect(path, max(timeout, 5.0))
            unless_it_works.callback(self._writing.close)
            migrate(self._writing, now)
            self._reading = connect(path, _READ_WAIT_SECONDS)
            unless_it_works.callback(self._reading.close)
            self._reading.execute("PRAGMA query_only = ON")
            # Work that was seen to need several commands. Generator functions are written in this program, so the set has an end.
            self._several: set[CodeType] = set()
            self._writer = GroupCommitWriter(self._writing)
            unless_it_works.pop_all()

    async def read(self, job: Job[Result]) -> Result:
        """Run work on the reading connection.

        Raises:
            StorageUnavailable: the database did not answer.
        """
        try:
            return drive_reading(self._reading, job, self._several)
        except sqlite3.Error as error:
            raise StorageUnavailable("The database cannot be read right now. Try again in a moment.") from error

    async def write(self, job: Job[Result]) -> Result:
        """Run work in a transaction and return when it is durable; see `GroupCommitWriter.write`."""
        return await self._writer.write(job, self._timeout)

    async def check(self) -> None:
        """Read, then take and give back the write lock, without writing.

        Raises:
            StorageUnavailable: the file cannot be read, or somebody else holds the lock. A full disk shows only when something
                is written.
        """
        await self.read(lambda: one("SELECT 1 FROM accounts LIMIT 1"))
        await self._writer.write(_nothing, min(_CHECK_SECONDS, self._timeout))

    async def scrub(self) -> None:
        """Empty the write-ahead log into the file, whose freed pages are overwritten with zeros (`secure_delete`).

        Raises:
            StorageUnavailable: another connection is in the middle of something.
        """
        await asyncio.to_thread(checkpoint, self._path, self._timeout)

    def pool(self) -> None:
        """One connection reads and one writes, always: there is no pool."""

    async def close(self) -> None:
        """Write what waits, then close both connections."""
        self._writer.close()
        self._reading.close()
        self._writing.close()


def _nothing() -> Work[None]:
    """Takes the write lock and gives it back."""
    yield from ()
