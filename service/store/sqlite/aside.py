"""Reads that take long, in a thread of their own: in the event loop everybody would wait with them.

Nearly all reads cost tens of microseconds, and a thread costs four times that; which will be long cannot be seen before (a year of one person's
statistics may be ten answers or a million). So each is begun in the loop, with so many of SQLite's own steps to end in, and one that does not is
begun again here.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from typing import TypeVar

from service.store.sqlite.driving import drive_reading
from service.store.work import Job

Result = TypeVar("Result")

STEPS = 1_000
"""Instructions of SQLite's machine between two looks: a tenth of a millisecond or so."""
LOOKS = 15
"""As many of them a read may take in the loop. The largest page, of 500 messages, takes 7, a day of 20,000 answers three thousand."""


class Patience:
    """Interrupts what runs on a connection while this is entered, once it was looked at so often; the error is SQLITE_INTERRUPT.

    SQLite counts the steps of a prepared statement on from run to run, so that the first look at each may come at once and say nothing: many looks
    at short distances are nearly a measure, one at a long distance is none.
    """

    def __init__(self, connection: sqlite3.Connection, steps: int = STEPS, looks: int = LOOKS) -> None:
        self._looks = looks
        self._left: float = math.inf
        connection.set_progress_handler(self._look, steps)

    def __enter__(self) -> None:
        self._left = self._looks

    def __exit__(self, *_: object) -> None:
        self._left = math.inf

    def _look(self) -> bool:
        self._left -= 1
        return self._left <= 0


def was_long(error: sqlite3.Error) -> bool:
    """Whether a read was interrupted by an end of patience."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT


class AsideReader:
    """One thread with one connection, which reads one thing after the other."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Keep a connection for this alone; it must take being used from another thread."""
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-reader")

    async def read(self, job: Job[Result]) -> Result:
        """Run work that changes nothing, however long it takes.

        Raises:
            sqlite3.Error: the database refused a command, or the reader was closed.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, job)

    def _run(self, job: Job[Result]) -> Result:
        return drive_reading(self._connection, job, set(), nullcontext())

    def close(self) -> None:
        """Interrupt what runs, let go of what waits, and close the connection; a second time nothing is left to do."""
        with suppress(sqlite3.ProgrammingError):
            self._connection.interrupt()
        self._thread.shutdown(cancel_futures=True)
        self._connection.close()
