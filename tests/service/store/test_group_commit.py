"""How writes share a commit, and what becomes of them when the lock, the disk or the loop is lost."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from service.errors import StorageUnavailable
from service.store.sqlite.connection import connect, migrate
from service.store.sqlite.writer import GroupCommitWriter
from service.store.work import Work
from tests.service.store.gathering import take_together


def _nothing() -> Work[None]:
    yield from ()


def test_a_full_queue_refuses_at_once(tmp_path: Path) -> None:
    """Writes do not pile up without bound while the database is locked."""

    async def story() -> list[str]:
        path = tmp_path / "a.db"
        writing = connect(path, 0.1)
        migrate(writing, 1.0)
        writer = GroupCommitWriter(writing, most_pending=0)
        outcome = await asyncio.gather(writer.write(_nothing, 1.0), return_exceptions=True)
        writer.close()
        writing.close()
        return [type(one).__name__ for one in outcome]

    assert asyncio.run(story()) == ["StorageUnavailable"]


class Watched(sqlite3.Connection):
    """A connection that notes its commits."""

    commits = 0

    def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
        self.commits += sql == "COMMIT"
        return super().execute(sql, *rest)


def test_what_comes_together_is_handed_over_together(tmp_path: Path) -> None:
    """Of sixteen writes of one turn of the event loop none goes to the writer's thread before all were asked for."""
    asked: list[int] = []
    asked_before: list[int] = []

    class Noting(queue.SimpleQueue[Any]):
        def put(self, item: Any, *how: Any) -> None:
            asked_before.append(len(asked))
            super().put(item, *how)

    opened = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(queue, "SimpleQueue", Noting)
        writer = GroupCommitWriter(opened)

    async def write(number: int) -> None:
        asked.append(number)
        await writer.write(_nothing, 60.0)

    async def story() -> None:
        await asyncio.gather(*map(write, range(16)))

    asyncio.run(story())
    assert asked_before == [16] * 16
    writer.close()
    opened.close()


def test_what_is_handed_over_together_shares_one_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen writes that the thread finds together are synced by one commit, and each gets its own result."""
    take_together(monkeypatch, 16)
    watched = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False, factory=Watched)
    writer = GroupCommitWriter(watched)

    def numbered(number: int) -> Work[int]:
        yield from ()
        return number

    async def story() -> list[int]:
        return await asyncio.gather(*(writer.write(lambda n=number: numbered(n), 60.0) for number in range(16)))

    assert asyncio.run(story()) == list(range(16))
    assert watched.commits == 1
    writer.close()
    watched.close()


class Locked(sqlite3.Connection):
    """A connection that finds the file locked for some tries."""

    tries = 6

    def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
        if sql == "BEGIN IMMEDIATE" and self.tries:
            self.tries -= 1
            raise sqlite3.OperationalError("database is locked")
        return super().execute(sql, *rest)


def test_a_locked_file_is_tried_again_soon_and_then_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker's commit takes a millisecond and is not slept through; whoever holds the lock for long is not asked in a rush."""
    locked = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False, factory=Locked)
    slept: list[float] = []
    monkeypatch.setattr("service.store.sqlite.writer.time.sleep", slept.append)
    writer = GroupCommitWriter(locked)
    asyncio.run(writer.write(_nothing, 60.0))
    writer.close()
    locked.close()
    assert slept == [0.0005, 0.001, 0.002, 0.004, 0.005, 0.005]


def test_what_a_loop_left_behind_holds_up_nobody(tmp_path: Path) -> None:
    """A loop that ends before it hands over what it gathered does not keep the next loop's writes, or the end, waiting."""
    watched = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False, factory=Watched)
    writer = GroupCommitWriter(watched)
    left = asyncio.new_event_loop()
    begun = left.create_task(writer.write(_nothing, 5.0))
    left.call_soon(left.stop)
    left.run_forever()
    assert not begun.done()
    assert watched.commits == 0
    left.close()

    async def story() -> None:
        await asyncio.wait_for(writer.write(_nothing, 60.0), 60)

    asyncio.run(story())
    writer.close()
    watched.close()


class TakenBetween(sqlite3.Connection):
    """A connection whose lock somebody else takes right after something was rolled back, until told that there is a late comer."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.taken = False
        self.seen = threading.Event()
        self.late = threading.Event()

    def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
        if sql == "BEGIN IMMEDIATE" and self.taken:
            self.taken = False
            self.seen.set()
            assert self.late.wait(60)
            raise sqlite3.OperationalError("database is locked")
        self.taken = self.taken or (sql == "ROLLBACK" and not self.seen.is_set())
        return super().execute(sql, *rest)


def test_who_comes_while_neighbours_are_written_one_by_one_is_written_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad job has its batch written one by one; when the lock is lost in between, what arrived meanwhile waits its turn and is not forgotten."""
    take_together(monkeypatch, 2)
    taken = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False, factory=TakenBetween)
    writer = GroupCommitWriter(taken)

    def bad() -> Work[str]:
        yield from ()
        raise ValueError("of this job alone")

    def good() -> Work[str]:
        yield from ()
        return "kept"

    async def story() -> list[str]:
        first = [asyncio.create_task(writer.write(job, 60.0)) for job in (bad, good)]
        assert await asyncio.to_thread(taken.seen.wait, 60)
        late = asyncio.create_task(writer.write(good, 60.0))
        for _ in range(3):
            await asyncio.sleep(0)
        taken.late.set()
        outcomes = await asyncio.wait_for(asyncio.gather(*first, late, return_exceptions=True), 60)
        return [str(one) for one in outcomes]

    assert asyncio.run(story()) == ["of this job alone", "kept", "kept"]
    writer.close()
    taken.close()


def test_a_job_that_was_told_it_failed_is_not_written_after_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is past its deadline when the lock comes back heard that nothing was saved, and nothing is, whoever came meanwhile."""
    take_together(monkeypatch, 2)
    taken = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False, factory=TakenBetween)
    writer = GroupCommitWriter(taken)
    begun: list[str] = []

    def named(name: str) -> Work[None]:
        begun.append(name)
        yield from ()
        if name == "bad":
            raise ValueError(name)

    async def story() -> None:
        first = [asyncio.create_task(writer.write(lambda name=name: named(name), 0.0)) for name in ("bad", "good")]  # type: ignore[misc]  # mypy infers no type for a default
        assert await asyncio.to_thread(taken.seen.wait, 60)
        late = asyncio.create_task(writer.write(lambda: named("late"), 60.0))
        for _ in range(3):
            await asyncio.sleep(0)
        taken.late.set()
        await asyncio.wait_for(asyncio.gather(*first, late, return_exceptions=True), 60)

    asyncio.run(story())
    assert begun == ["bad", "good", "late"]
    writer.close()
    taken.close()


class FailingDisk(sqlite3.Connection):
    """A connection that begins nothing and takes nothing back while its disk fails."""

    failing = False

    def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
        if self.failing and sql.startswith(("BEGIN", "ROLLBACK", "COMMIT")):
            raise sqlite3.DatabaseError("database disk image is malformed")
        return super().execute(sql, *rest)


@pytest.mark.parametrize("fails_at", ["the beginning", "the end"])
def test_a_failing_disk_fails_the_job_and_not_the_writer(tmp_path: Path, fails_at: str) -> None:
    """Whatever SQLite raises, the job ends with a problem, and the writer takes the next one when the disk is back."""
    disk = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False, factory=FailingDisk)
    writer = GroupCommitWriter(disk)

    def job() -> Work[str]:
        disk.failing = fails_at == "the end"
        yield from ()
        return "done"

    def back() -> Work[str]:
        yield from ()
        return "back"

    async def story() -> str:
        disk.failing = fails_at == "the beginning"
        with pytest.raises(StorageUnavailable):
            await asyncio.wait_for(writer.write(job, 0.05), 60)
        disk.failing = False
        return await asyncio.wait_for(writer.write(back, 60.0), 60)

    assert asyncio.run(story()) == "back"
    writer.close()
    disk.close()
