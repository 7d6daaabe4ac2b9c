"""One thread writes, and commits what has gathered in one transaction: a synced commit is shared by all who wait for it.

What one turn of the event loop brings is handed over together. Handed over one by one, the first would wake the thread and be synced alone while
its neighbours come in: twice as many commits, and a fifth more processor time for each message.

SQLite takes one writer at a time anyway. A thread of its own keeps the event loop free while the disk syncs, and while
another connection holds the lock: then jobs fail at their own deadline, one by one, and the first attempt that succeeds
after the lock is gone serves whoever still waits.

The log is brought into the file behind the commits and not within one: that takes ten times as long as a commit, and whoever was committed
has been told by then. It waits until nobody waits for a commit; only a log that nevertheless grows is brought in by SQLite itself, within one.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from service.errors import StorageUnavailable
from service.store.sqlite.commits import Commits
from service.store.sqlite.driving import drive
from service.store.sqlite.kept import Rewriting
from service.store.sqlite.room import is_of_the_disk
from service.store.work import Job
from service.values import value

Result = TypeVar("Result")

_LARGEST_BATCH = 256
_FIRST_RETRY_SECONDS = 0.0005
_LONGEST_RETRY_SECONDS = 0.005
"""Another worker holds the lock for one commit, about a millisecond; another program perhaps for long."""
_JOBS_BETWEEN_CHECKPOINTS = 100
"""An answer takes some ten pages of the log, so that it stays near SQLite's own thousand."""
_LONGEST_LOG_PAGES = 4_000
"""A log of so many pages (16 MB) is brought in whoever waits."""
_UNAVAILABLE = "The database takes no writes right now; nothing was saved. Try again in a moment."


@value
class _Pending:
    job: Job[Any]
    deadline: float
    future: asyncio.Future[Any]
    rewriting: Rewriting | None = None


@value
class _Failed:
    error: Exception


class GroupCommitWriter:
    """Runs jobs on one connection, in order, many per transaction."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        in_place: Callable[[], bool] = lambda: True,
        most_pending: int = 1_000,
        commits: Commits | None = None,
    ) -> None:
        """Begin to write.

        Args:
            connection: for this thread alone.
            in_place: whether what was committed is where the next start will look for it.
            most_pending: as many jobs may wait; more are refused at once.
            commits: is told of each.
        """
        self._connection = connection
        self._in_place = in_place
        self._commits = commits or Commits()
        # The writer waits by itself, so that each job can fail at its own deadline.
        self._connection.execute("PRAGMA busy_timeout = 0")
        self._connection.execute(f"PRAGMA wal_autocheckpoint = {_LONGEST_LOG_PAGES}")
        self._in_log = 0
        self._queue: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._most_pending = most_pending
        self._gathering: list[_Pending] = []
        self._gathering_loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        self.disk_refused = False
        """Whether the disk refused something; whoever sees that it has room again says so here."""
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def write(self, job: Job[Result], within: float, rewriting: Rewriting | None = None) -> Result:
        """Run a job and return its result once it is on disk.

        Args:
            job: begins the work; it may be begun twice.
            within: seconds that the job may wait for the database's lock.
            rewriting: all that it changes of what is kept; None: perhaps everything.

        Raises:
            StorageUnavailable: the lock, the disk or the queue did not allow it; nothing was saved.
        """
        if self._stopping or self._queue.qsize() + len(self._gathering) >= self._most_pending:
            raise StorageUnavailable(_UNAVAILABLE)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        if loop is not self._gathering_loop or not self._gathering:
            # A loop that was closed never came to hand over what it had gathered: the next one takes that along.
            self._gathering_loop = loop
            loop.call_soon(self._hand_over)
        self._gathering.append(_Pending(job, time.monotonic() + within, future, rewriting))
        return await future

    def _hand_over(self) -> None:
        gathered, self._gathering = self._gathering, []
        for pending in gathered:
            self._queue.put(pending)

    def close(self) -> None:
        """Write what is queued, then end the thread."""
        self._stopping = True
        self._hand_over()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                break
            batch = [first]
            try:
                batch += self._gathered()
                self._finish(self._begin(batch, self._gathered))
                if self._in_log >= _JOBS_BETWEEN_CHECKPOINTS and self._queue.empty():
                    self._checkpoint()
            except Exception as error:  # noqa: BLE001 - nobody foresaw it: whoever still waits is told, and the thread lives on
                self._rollback()
                for pending in batch:
                    _fail(pending, error)
        for pending in self._gathered():
            _fail(pending, StorageUnavailable(_UNAVAILABLE))

    def _gathered(self) -> list[_Pending]:
        """What waits in the queue now; the end mark goes back, so that the thread meets it after this batch."""
        gathered: list[_Pending] = []
        while len(gathered) < _LARGEST_BATCH:
            try:
                pending = self._queue.get_nowait()
            except queue.Empty:
                break
            if pending is None:
                self._queue.put(None)
                break
            gathered.append(pending)
        return gathered

    def _begin(self, batch: list[_Pending], arrived: Callable[[], list[_Pending]]) -> list[_Pending]:
        """Take the database's lock; jobs whose deadline passes while somebody else holds it fail meanwhile and leave the batch, and what arrived joins it."""
        pause = _FIRST_RETRY_SECONDS
        while batch:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            # Locked, full, damaged: whoever waits fails at its deadline, and this thread lives on.
            except sqlite3.Error as error:
                self._note(error)
                self._rollback()
                now = time.monotonic()
                for pending in batch:
                    if pending.deadline <= now:
                        _fail(pending, error)
                batch[:] = [pending for pending in batch if pending.deadline > now]
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_RETRY_SECONDS)
                batch += arrived()
            else:
                self._commits.began()
                break
        return batch

    def _finish(self, batch: list[_Pending]) -> None:
        if not batch:
            return
        committed = False
        changed = self._connection.total_changes
        try:
            results = [drive(self._connection, pending.job()) for pending in batch]
            self._check_place()
            self._connection.execute("COMMIT")
            committed = True
            self._commits.ended(wrote=self._connection.total_changes > changed, spares=_spare(batch))
            # Once more: what was committed while the file went is in nobody's reach either.
            self._check_place()
        except Exception as error:  # noqa: BLE001 - whatever a job raises belongs to its caller, and the thread lives on
            self._note(error)
            self._rollback()
            if not committed:
                # A disk that refused may have written all the same.
                self._commits.ended(wrote=True, spares=False)
            if committed or len(batch) == 1:
                for pending in batch:
                    _fail(pending, error)
            else:
                # One bad job must not take its neighbours with it: each gets a transaction of its own, in which nobody joins it.
                for pending in batch:
                    self._finish(self._begin([pending], list))
            return
        self._in_log += len(batch)
        _tell(batch, results)

    def _checkpoint(self) -> None:
        """Bring the log into the file, so that the next commit begins it anew; nobody's lock is waited for."""
        # A disk that refuses leaves the log as it is, which holds all that was acknowledged: it is tried again behind the next commit.
        with suppress(sqlite3.Error):
            _, logged, brought = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            # What somebody still reads, or another worker wrote meanwhile, stays in the log: as above.
            if brought >= logged:
                self._in_log = 0

    def _check_place(self) -> None:
        """SQLite goes on in a file that has no name any more, and all of it would be gone with this process."""
        if not self._in_place():
            raise StorageUnavailable(_UNAVAILABLE)

    def _note(self, error: Exception) -> None:
        self.disk_refused = self.disk_refused or is_of_the_disk(error)

    def _rollback(self) -> None:
        # A disk that fails may refuse this too; the next BEGIN then fails, and it is tried again.
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _spare(batch: Sequence[_Pending]) -> bool:
    """Whether all of these have nothing go but what they say; to be asked behind the commit, for somebody may have ceased to wait meanwhile."""
    return all(pending.rewriting is not None and pending.rewriting.spares for pending in batch)


def _tell(batch: Sequence[_Pending], results: Sequence[Any]) -> None:
    """Wake all who waited for one commit together: a loop is woken by a system call, which costs as much as a small insert."""
    waiting: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for pending, result in zip(batch, results, strict=True):
        waiting.setdefault(pending.future.get_loop(), []).append((pending.future, result))
    for loop, told in waiting.items():
        # Closed: nobody waits any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, told)


def _resolve(told: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in told:
        if future.done():
            continue
        if isinstance(result, _Failed):
            future.set_exception(result.error)
        else:
            future.set_result(result)


def _fail(pending: _Pending, error: Exception) -> None:
    if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
        unavailable = StorageUnavailable(_UNAVAILABLE)
        unavailable.__cause__ = error
        error = unavailable
    _tell([pending], [_Failed(error)])
