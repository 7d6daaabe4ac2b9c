"""Reads that take long, in a thread of their own: in the event loop everybody would wait with them.

Nearly all reads cost tens of microseconds, and a thread costs four times that; which will be long cannot be seen before (a year of one person's
statistics may be ten answers or a million). So each is begun in the loop, with so many of SQLite's own steps to end in, and one that does not is
begun again here.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from service.errors import StorageUnavailable
from service.store.sqlite.driving import drive_reading
from service.store.work import Job

Result = TypeVar("Result")

STEPS = 1_000
"""Instructions of SQLite's machine between two looks: a tenth of a millisecond or so."""
LOOKS = 15
"""As many of them a read may take in the loop. The largest page, of 500 messages, takes 7, a day of 20,000 answers three thousand."""
LONGEST_SECONDS = 30.0
"""For one of them, from when it was asked for: statistics of millions of answers. Who waits longer has gone, as a rule."""
MOST_WAITING = 32
"""At a time, the one that runs included: what would wait longer than the rest of them takes is told so at once."""
_STEPS_BETWEEN_LOOKS = 100 * STEPS
"""At the time: some ten milliseconds."""
_TOO_MANY = "Too much is being read right now. Try again in a moment."
_TOO_LONG = "Reading this took too long. Try again in a moment, or ask for less at a time."


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


class Deadline:
    """Interrupts what runs on a connection while this is entered, once its time is over or nothing is waited for; the error is SQLITE_INTERRUPT."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entered = False
        self._ended = False
        self.until = math.inf
        connection.set_progress_handler(self._look, _STEPS_BETWEEN_LOOKS)

    def __enter__(self) -> None:
        self._entered = True

    def __exit__(self, *_: object) -> None:
        self._entered = False

    def over(self) -> bool:
        """Whether the time is over."""
        return self._clock() >= self.until

    def end(self) -> None:
        """Nothing that runs, or will be begun, is waited for any more. An interrupt of SQLite's own is lost on what begins behind it."""
        self._ended = True

    def _look(self) -> bool:
        return self._entered and (self._ended or self.over())


class AsideReader:
    """One thread with one connection, which reads one thing after the other."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        longest_seconds: float = LONGEST_SECONDS,
        most_waiting: int = MOST_WAITING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to read.

        Args:
            connection: for this alone; it must take being used from another thread.
            longest_seconds: what a read may take, its turn waited for.
            most_waiting: as many may be asked for at a time; more are refused at once.
            clock: seconds that only grow.
        """
        self._connection = connection
        self._longest = longest_seconds
        self._most = most_waiting
        self._clock = clock
        self._deadline = Deadline(connection, clock)
        self._waiting = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-reader")

    async def read(self, job: Job[Result]) -> Result:
        """Run work that changes nothing.

        Raises:
            StorageUnavailable: it took too long, or too much waits.
            sqlite3.Error: the database refused a command, or the reader was closed.
        """
        if self._waiting >= self._most:
            raise StorageUnavailable(_TOO_MANY)
        self._waiting += 1
        try:
            until = self._clock() + self._longest
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, job, until)
        finally:
            self._waiting -= 1

    def _run(self, job: Job[Result], until: float) -> Result:
        deadline = self._deadline
        deadline.until = until
        # Whoever waited all of the time has its turn as the one before is interrupted, if not earlier.
        if deadline.over():
            raise StorageUnavailable(_TOO_LONG)
        try:
            return drive_reading(self._connection, job, set(), deadline)
        except sqlite3.Error as error:
            if was_long(error) and deadline.over():
                raise StorageUnavailable(_TOO_LONG) from error
            raise

    def close(self) -> None:
        """Interrupt what runs, let go of what waits, and close the connection; a second time nothing is left to do."""
        self._deadline.end()
        self._thread.shutdown(cancel_futures=True)
        self._connection.close()
