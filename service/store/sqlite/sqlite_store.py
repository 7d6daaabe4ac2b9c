"""The store over SQLite: reads in the event loop, those that take long beside it, writes through the one writer."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from types import CodeType
from typing import TypeVar

from service.errors import StorageUnavailable
from service.store.sqlite.aside import AsideReader, Patience, was_long
from service.store.sqlite.commits import Commits
from service.store.sqlite.connection import checkpoint, connect, files_of, identity, migrate
from service.store.sqlite.driving import drive_reading
from service.store.sqlite.kept import Kept
from service.store.sqlite.room import has_room
from service.store.sqlite.writer import GroupCommitWriter
from service.store.store import Change, Key
from service.store.work import Job, Work, one

Result = TypeVar("Result")

_READ_WAIT_SECONDS = 0.05
"""Reads run in the event loop and hardly ever wait in WAL mode; when they do, everybody waits with them."""
_CHECK_SECONDS = 1.0
"""Longer than what the alert DatabaseSlow calls slow: a look that gives up before could never show it."""
_NO_ROOM = "The database's disk takes nothing more. Try again in a moment."
_UNREADABLE = "The database cannot be read right now. Try again in a moment."


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
            commits = self._commits = Commits()
            # Behind the connections, whose locks would go with it.
            unless_it_works.callback(commits.close)
            self._writing = connect(path, max(timeout, 5.0))
            unless_it_works.callback(self._writing.close)
            migrate(self._writing, now)
            self._reading = connect(path, _READ_WAIT_SECONDS)
            unless_it_works.callback(self._reading.close)
            self._reading.execute("PRAGMA query_only = ON")
            self._patience = Patience(self._reading)
            # Opened now, though seldom used: to open a file that was removed meanwhile would make a new one.
            aside = connect(path, timeout)
            unless_it_works.callback(aside.close)
            aside.execute("PRAGMA query_only = ON")
            # Work that was seen to need several commands. Generator functions are written in this program, so the set has an end.
            self._several: set[CodeType] = set()
            files = files_of(path)
            commits.open(Path(files[-1]))
            self._kept = Kept(commits)
            opened = identity(files)
            self._writer = GroupCommitWriter(self._writing, in_place=lambda: identity(files) == opened, commits=commits)
            self._aside = AsideReader(aside)
            unless_it_works.pop_all()

    async def read(self, job: Job[Result], keep: Key | None = None) -> Result:
        """Run work on the reading connection, and what is not soon done beside the event loop.

        Raises:
            StorageUnavailable: the database did not answer, or took too long, or too much waits beside the loop.
        """
        try:
            if keep is None:
                return self._read_here(job)
            return self._kept.read(keep, lambda: self._read_here(job))
        except sqlite3.Error as error:
            if not was_long(error):
                raise StorageUnavailable(_UNREADABLE) from error
        try:
            return await self._aside.read(job)
        except sqlite3.Error as error:
            raise StorageUnavailable(_UNREADABLE) from error

    def _read_here(self, job: Job[Result]) -> Result:
        return drive_reading(self._reading, job, self._several, self._patience)

    def kept(self, key: Key) -> object | None:
        """See `Store`."""
        return self._kept.get(key)

    async def write(self, job: Job[Result], change: Change | None = None) -> Result:
        """Run work in a transaction and return when it is durable; see `GroupCommitWriter.write`."""
        if change is None:
            return await self._writer.write(job, self._timeout)
        rewriting, durable = self._kept.begin(change), False
        try:
            result = await self._writer.write(job, self._timeout, rewriting)
            durable = True
        finally:
            # Who stops waiting does not stop the write: then it spares nothing.
            self._kept.end(rewriting, durable=durable)
        return result

    async def check(self) -> None:
        """Read, then take and give back the write lock, without writing; of a disk that refused something, ask whether it has room again.

        Raises:
            StorageUnavailable: the file cannot be read, is not where it was, somebody else holds the lock, or its disk takes nothing
                since it refused what was asked of this process.
        """
        await self.read(lambda: one("SELECT 1 FROM accounts LIMIT 1"))
        await self._writer.write(_nothing, min(_CHECK_SECONDS, self._timeout))
        if self._writer.disk_refused:
            if not await asyncio.to_thread(has_room, self._path.resolve().parent):
                raise StorageUnavailable(_NO_ROOM)
            self._writer.disk_refused = False

    async def scrub(self) -> None:
        """Empty the write-ahead log into the file, whose freed pages are overwritten with zeros (`secure_delete`).

        Raises:
            StorageUnavailable: another connection is in the middle of something.
        """
        await asyncio.to_thread(checkpoint, self._path, self._timeout)

    def pool(self) -> None:
        """Two connections read and one writes, always: there is no pool."""

    async def close(self) -> None:
        """Write what waits, then close all connections."""
        self._aside.close()
        self._writer.close()
        self._reading.close()
        self._writing.close()
        self._commits.close()


def _nothing() -> Work[None]:
    """Takes the write lock and gives it back."""
    yield from ()
