"""SQLite's log is brought into the file behind the commits: nobody who was committed waits for it, and it does not grow without end."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from service.store.sqlite.connection import connect, migrate
from service.store.sqlite.writer import GroupCommitWriter
from service.store.work import Work, run

ENOUGH = 100
"""Jobs behind which the log is brought in."""


class Noted(sqlite3.Connection):
    """A connection that notes what it is told outside of jobs, and lets a test hold a checkpoint up, or have it fail.

    Attributes:
        told: commits, those in a row once, and checkpoints.
        jobs_before: how many jobs had been done at each checkpoint.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.told: list[str] = []
        self.jobs = 0
        self.jobs_before: list[int] = []
        self.begun = threading.Event()
        self.free = threading.Event()
        self.free.set()
        self.failing = False

    def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
        if "checkpoint(" in sql:
            self._note("checkpoint")
            self.jobs_before.append(self.jobs)
            self.begun.set()
            assert self.free.wait(60)
            if self.failing:
                raise sqlite3.OperationalError("disk I/O error")
        elif sql == "COMMIT":
            self._note("commit")
        self.jobs += sql.startswith("INSERT INTO audit")
        return super().execute(sql, *rest)

    def _note(self, told: str) -> None:
        """Jobs that come together may be committed one behind the other: what counts is what comes behind a commit."""
        if told == "checkpoint" or self.told[-1:] != ["commit"]:
            self.told.append(told)


def audited() -> Work[None]:
    return run("INSERT INTO audit (at, action, subject) VALUES (1, 'x', 'y')")


def told(tmp_path: Path, story: Callable[[GroupCommitWriter, Noted], Awaitable[None]]) -> None:
    """A writer on a file with tables, and what happens to it."""
    with closing(connect(tmp_path / "a.db", 1.0)) as first:
        migrate(first, 1.0)
    noted = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False, factory=Noted)
    writer = GroupCommitWriter(noted)
    asyncio.run(asyncio.wait_for(story(writer, noted), 300))
    writer.close()
    noted.close()


async def write(writer: GroupCommitWriter, jobs: int) -> None:
    """So many jobs at once."""
    await asyncio.gather(*(writer.write(audited, 60.0) for _ in range(jobs)))


async def until_begun(noted: Noted) -> None:
    """Until the writer begins its next checkpoint."""
    assert await asyncio.to_thread(noted.begun.wait, 60), "no checkpoint"
    noted.begun.clear()


def test_who_was_committed_does_not_wait_for_the_log(tmp_path: Path) -> None:
    """All of a batch are told while the checkpoint behind it still runs; who comes meanwhile is written once it has ended."""

    async def story(writer: GroupCommitWriter, noted: Noted) -> None:
        noted.free.clear()
        await write(writer, ENOUGH)
        await until_begun(noted)
        late = asyncio.create_task(write(writer, 1))
        await asyncio.sleep(0)
        assert noted.told == ["commit", "checkpoint"]
        noted.free.set()
        await late
        assert noted.told == ["commit", "checkpoint", "commit"]

    told(tmp_path, story)


def test_few_jobs_leave_the_log_alone(tmp_path: Path) -> None:
    """One job less than a hundred brings nothing in, the next one does, and then it is counted anew."""

    async def story(writer: GroupCommitWriter, noted: Noted) -> None:
        await write(writer, ENOUGH - 1)
        await write(writer, 1)
        await until_begun(noted)
        await write(writer, ENOUGH - 2)
        # Behind this commit a checkpoint behind those before it would have been told.
        await write(writer, 1)
        assert noted.jobs_before == [ENOUGH]

    told(tmp_path, story)


def test_no_commit_brings_a_log_in_that_is_not_long(tmp_path: Path) -> None:
    """Two thousand pages are committed without a page of the file being written; SQLite by itself would have done that twice."""
    path = tmp_path / "a.db"

    def much() -> Work[None]:
        return run("INSERT INTO audit (at, action, subject) VALUES (1, 'x', $1)", "x" * 100_000)

    async def story(writer: GroupCommitWriter, noted: Noted) -> None:
        before = path.read_bytes()
        for _ in range(80):
            await writer.write(much, 60.0)
        assert (tmp_path / "a.db-wal").stat().st_size > 2_000 * 4096
        assert path.read_bytes() == before
        assert "checkpoint" not in noted.told

    told(tmp_path, story)


def test_what_somebody_reads_is_brought_in_behind_a_later_commit(tmp_path: Path) -> None:
    """A reader keeps the log from being brought in whole: it is tried again behind each commit, until that succeeds."""

    async def story(writer: GroupCommitWriter, noted: Noted) -> None:
        with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM audit").fetchall()
            await tried_twice(writer, noted)
        await until_succeeded(writer, noted)

    told(tmp_path, story)


def test_a_log_that_cannot_be_brought_in_fails_nobody(tmp_path: Path) -> None:
    """A disk that refuses the file but takes the log: writes go on, and each commit is followed by another try, until that succeeds."""

    async def story(writer: GroupCommitWriter, noted: Noted) -> None:
        noted.failing = True
        await tried_twice(writer, noted)
        noted.failing = False
        await until_succeeded(writer, noted)

    told(tmp_path, story)


async def tried_twice(writer: GroupCommitWriter, noted: Noted) -> None:
    """A hundred jobs and one more; the second of these commits is behind the first checkpoint."""
    await write(writer, ENOUGH)
    await until_begun(noted)
    await write(writer, 1)
    await until_begun(noted)
    assert noted.told == ["commit", "checkpoint", "commit", "checkpoint"]


async def until_succeeded(writer: GroupCommitWriter, noted: Noted) -> None:
    """Commits bring the log in, and those behind that have nothing to do."""
    while writer._in_log >= ENOUGH:
        await write(writer, 1)
        await asyncio.sleep(0.01)
    tried = noted.told.count("checkpoint")
    for _ in range(3):
        await write(writer, 1)
    assert noted.told[-1] == "commit"
    assert noted.told.count("checkpoint") == tried
