"""The SQLite file: what is opened and refused, and that nothing is acknowledged that would not be found again."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.errors import ConfigurationError, StorageUnavailable
from service.store.migrating import LATEST, Moved
from service.store.sqlite.connection import checkpoint, connect, migrate
from service.store.sqlite.room import has_room
from service.store.sqlite.sqlite_store import SqliteStore
from service.store.switches import turn
from service.store.work import Work, one, run


def _nothing() -> Work[None]:
    yield from ()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = connect(tmp_path / "a.db", 0.1)
    migrate(opened, 1.0)
    yield opened
    opened.close()


def test_files_belong_to_their_owner_only(tmp_path: Path) -> None:
    """The database and what SQLite puts beside it have mode 0600, also when the file was readable before."""
    path = tmp_path / "a.db"
    path.touch(mode=0o644)
    opened = connect(path, 0.1)
    migrate(opened, 1.0)
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 3
    opened.close()


def test_commits_are_durable(connection: sqlite3.Connection) -> None:
    """WAL with synchronous FULL: a commit is on disk when it returns."""
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_migrations_run_once(connection: sqlite3.Connection) -> None:
    """A second start applies nothing, and a file of a newer service is refused."""
    assert migrate(connection, 2.0) == Moved(LATEST, LATEST)
    connection.execute("INSERT INTO migrations VALUES (?, ?)", (LATEST + 1, 2.0))
    with pytest.raises(ConfigurationError, match="upgrade"):
        migrate(connection, 3.0)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """The message names the file and the variable."""
    (tmp_path / "a.db").write_text("not a database at all" * 50)
    with pytest.raises(ConfigurationError, match=r"a\.db: .*COURTSIGHT_DATABASE"):
        connect(tmp_path / "a.db", 0.1)


def test_nothing_is_acknowledged_into_a_file_that_lost_its_name(tmp_path: Path) -> None:
    """A file that was moved away or replaced takes no writes and is not healthy, and neither is lost: with the file back it goes on."""
    path, aside = tmp_path / "a.db", tmp_path / "aside.db"
    store = SqliteStore(path, 1.0, 1.0)

    async def story() -> None:
        await store.write(_nothing)
        path.rename(aside)
        for another in (False, True):
            if another:
                path.write_bytes(aside.read_bytes())
            with pytest.raises(StorageUnavailable):
                await store.write(lambda: turn("extractive-only", on=True, now=1.0, by="ana"))
            with pytest.raises(StorageUnavailable):
                await store.check()
        aside.replace(path)
        await store.check()
        assert await store.read(lambda: one("SELECT count(*) FROM switches")) == (0,), "what was refused was not kept"
        await store.write(_nothing)
        await store.close()

    asyncio.run(asyncio.wait_for(story(), 120))


@pytest.mark.parametrize("name", ["a.db-wal", "a.db-shm"])
@pytest.mark.parametrize("linked", [False, True])
def test_nothing_is_acknowledged_into_a_log_that_lost_its_name(tmp_path: Path, name: str, linked: bool) -> None:
    """What is committed stands in the log first: without it, or its index, nothing is; back, it goes on; and a stop in order saves what was acknowledged."""
    path = tmp_path / "a.db"
    if linked:
        (tmp_path / "link.db").symlink_to(path)
    store = SqliteStore(tmp_path / "link.db" if linked else path, 1.0, 1.0)
    beside, aside = tmp_path / name, tmp_path / "aside"

    async def story() -> None:
        await store.write(lambda: turn("kept", on=True, now=1.0, by="ana"))
        beside.rename(aside)
        for another in (False, True):
            if another:
                beside.write_bytes(b"")
            with pytest.raises(StorageUnavailable):
                await store.write(lambda: turn("refused", on=True, now=1.0, by="ana"))
            with pytest.raises(StorageUnavailable):
                await store.check()
        aside.replace(beside)
        await store.check()
        await store.write(lambda: turn("kept too", on=True, now=1.0, by="ana"))
        beside.unlink()
        await store.close()

    asyncio.run(asyncio.wait_for(story(), 120))
    with closing(sqlite3.connect(path)) as looking:
        assert looking.execute("SELECT name FROM switches ORDER BY name").fetchall() == [("kept",), ("kept too",)]


def test_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    """The folder of the file must exist."""
    with pytest.raises(ConfigurationError, match="COURTSIGHT_DATABASE"):
        connect(tmp_path / "none" / "a.db", 0.1)


def test_a_full_disk_fails_the_write_and_not_the_service(tmp_path: Path) -> None:
    """When no page is left the job is told that nothing was saved; once there is room, the next one is written."""

    def fill() -> Work[None]:
        return run("INSERT INTO audit (at, action, subject) VALUES (1, 'x', $1)", "x" * 100_000)

    def allow(pages: int) -> None:
        store._writing.execute(f"PRAGMA max_page_count = {pages}")

    async def story() -> int:
        allow(1)
        outcomes = await asyncio.gather(*(store.write(fill) for _ in range(3)), return_exceptions=True)
        assert {type(one) for one in outcomes} == {StorageUnavailable}
        allow(10_000)
        await store.write(fill)
        counted = await store.read(lambda: one("SELECT count(*) FROM audit"))
        return int(counted[0]) if counted else 0

    store = SqliteStore(tmp_path / "a.db", 1.0, 1.0)
    assert asyncio.run(story()) == 1
    asyncio.run(store.close())


def test_a_full_disk_is_told_of_until_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a write was refused health fails by itself, with nobody asking, and recovers so; a disk that refused nothing is not tried."""
    tried: list[Path] = []
    room = [False, True]

    def has_room(folder: Path) -> bool:
        tried.append(folder)
        return room[len(tried) - 1]

    def fill() -> Work[None]:
        return run("INSERT INTO audit (at, action, subject) VALUES (1, 'x', $1)", "x" * 100_000)

    async def story() -> None:
        await store.check()
        store._writing.execute("PRAGMA max_page_count = 1")
        with pytest.raises(StorageUnavailable):
            await store.write(fill)
        store._writing.execute("PRAGMA max_page_count = 10000")
        # What fits into the log that is there succeeds on a full disk, and proves nothing.
        await store.write(lambda: turn("kept", on=True, now=1.0, by="test"))
        with pytest.raises(StorageUnavailable):
            await store.check()
        await store.check()
        await store.check()

    monkeypatch.setattr("service.store.sqlite.sqlite_store.has_room", has_room)
    store = SqliteStore(tmp_path / "a.db", 1.0, 1.0)
    asyncio.run(story())
    assert tried == [tmp_path, tmp_path]
    asyncio.run(store.close())


def test_room_is_tried_without_a_trace(tmp_path: Path) -> None:
    """Where there is room nothing is left, and a folder that takes no file has none."""
    assert has_room(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not has_room(tmp_path / "none")


@pytest.mark.parametrize(
    ("room", "advice"), [(False, "no room on its disk: free some"), (True, "set COURTSIGHT_DATABASE")]
)
def test_a_start_on_a_full_disk_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: bool, advice: str
) -> None:
    """SQLite says "disk I/O error" where it cannot make the index of its log: the advice is not to move the file."""

    def failing(*_: Any) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
        raise error

    monkeypatch.setattr("service.store.sqlite.connection._opened", failing)
    monkeypatch.setattr("service.store.sqlite.connection.has_room", lambda _: room)
    with pytest.raises(ConfigurationError, match=f"disk I/O error; .*{advice}"):
        connect(tmp_path / "a.db", 0.1)


def test_a_database_that_cannot_be_read_is_not_ready(tmp_path: Path) -> None:
    """Readiness reads: a file whose tables are gone fails it, although its lock can be had."""
    store = SqliteStore(tmp_path / "a.db", 1.0, 1.0)
    asyncio.run(store.check())
    with sqlite3.connect(tmp_path / "a.db") as other:
        other.execute("DROP TABLE accounts")
    other.close()
    with pytest.raises(StorageUnavailable):
        asyncio.run(store.check())
    asyncio.run(store.close())


def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite needs to write beside its file; the message says which setting to change."""

    def refused(*_: Any, **__: Any) -> None:  # root, as which tests may run, may write anywhere
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refused)
    with pytest.raises(ConfigurationError, match=r"Permission denied; set COURTSIGHT_DATABASE"):
        connect(tmp_path / "a.db", 0.1)


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """A file that has tables of these names but not ours is refused, and nothing in it is changed."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as foreign:
        foreign.execute("CREATE TABLE accounts (whatever TEXT)")
        foreign.execute("INSERT INTO accounts VALUES ('theirs')")
        foreign.commit()
    with pytest.raises(ConfigurationError, match="stays as it was"):
        SqliteStore(path, 1.0, 1.0)
    with closing(sqlite3.connect(path)) as foreign:
        assert foreign.execute("SELECT * FROM accounts").fetchall() == [("theirs",)]
        assert foreign.execute("SELECT name FROM sqlite_master").fetchall() == [("accounts",)]


class AlwaysEmpty(queue.SimpleQueue[Any]):
    """Behind each commit nobody waits."""

    def empty(self) -> bool:
        return True


class NeverEmpty(queue.SimpleQueue[Any]):
    """Behind each commit somebody waits for the next one already."""

    def empty(self) -> bool:
        return False


@pytest.mark.parametrize(("waiting", "most_pages"), [(AlwaysEmpty, 100 * 20), (NeverEmpty, 4_000 + 20)])
def test_the_log_does_not_grow_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waiting: type[queue.SimpleQueue[Any]], most_pages: int
) -> None:
    """Some 5,600 pages are written: the log holds no more than those of a hundred jobs where nobody waits behind them, else 4,000 and one commit's."""

    def write_much(number: int) -> Work[None]:  # 14 pages, fewer than 20
        return run("INSERT INTO audit (at, action, subject) VALUES ($1, 'x', $2)", float(number), "x" * 50_000)

    monkeypatch.setattr(queue, "SimpleQueue", waiting)

    async def story() -> None:
        store = SqliteStore(tmp_path / "a.db", 5.0, 1.0)
        for number in range(400):
            await store.write(lambda number=number: write_much(number))
        assert (tmp_path / "a.db-wal").stat().st_size <= most_pages * (4096 + 24) + 32, "pages and headers"
        await store.scrub()
        assert (tmp_path / "a.db-wal").stat().st_size == 0
        await store.close()

    asyncio.run(story())


def test_what_nobody_foresaw_is_told_and_ends_no_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the writer's own thread reaches who waits; without that they would wait for ever, and all who come behind them."""
    store = SqliteStore(tmp_path / "a.db", 5.0, 1.0)
    commits = store._commits

    def broken() -> None:
        monkeypatch.undo()
        raise RuntimeError("nobody foresaw this")

    async def story() -> None:
        monkeypatch.setattr(commits, "began", broken)
        with pytest.raises(RuntimeError, match="nobody foresaw this"):
            await store.write(_nothing)
        # The transaction that had begun is over.
        await store.write(lambda: turn("kept", on=True, now=1.0, by="test"))
        await store.close()

    asyncio.run(asyncio.wait_for(story(), 120))


def test_a_log_that_somebody_reads_is_not_emptied(tmp_path: Path) -> None:
    """Scrubbing says that it could not be done, and can be once the reader is gone."""

    async def story() -> None:
        store = SqliteStore(tmp_path / "a.db", 0.1, 1.0)
        with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM accounts").fetchall()
            await store.write(lambda: run("DELETE FROM audit"))
            with pytest.raises(StorageUnavailable, match="log is in use"):
                await store.scrub()
        await store.scrub()
        await store.close()

    asyncio.run(story())


def test_a_log_that_somebody_brings_in_is_emptied_behind_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another connection brings the log in, SQLite refuses a second one at once: that is no reason to give up."""
    path = tmp_path / "a.db"
    sleep = time.sleep

    def bring_in() -> None:
        with closing(sqlite3.connect(path, timeout=60)) as other:
            while other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                sleep(0.001)  # refused at once by those who look whether it has begun

    with closing(connect(path, 60.0)) as opened, closing(connect(path, 60.0)) as reader, ThreadPoolExecutor(1) as aside:
        migrate(opened, 1.0)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM audit").fetchall()
        opened.execute("INSERT INTO audit (at, action, subject) VALUES (1, 'x', 'y')")
        other = aside.submit(bring_in)  # which waits for the reader
        while not opened.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[0]:
            sleep(0.01)

        def pause(seconds: float) -> None:
            if reader.in_transaction:
                reader.execute("ROLLBACK")
            sleep(seconds)

        monkeypatch.setattr(time, "sleep", pause)
        try:
            checkpoint(path, 60.0)
        finally:
            reader.close()
        other.result(60)
        assert (tmp_path / "a.db-wal").stat().st_size == 0


class BusyAtFirst(sqlite3.Connection):
    """A connection to a file that others are opening as well: for two tries it is told "busy" without having waited."""

    told = 0
    code = sqlite3.SQLITE_BUSY

    def execute(self, *asked: Any) -> sqlite3.Cursor:
        if "journal_mode" in asked[0] and BusyAtFirst.told < 2:
            BusyAtFirst.told += 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = BusyAtFirst.code
            raise error
        return super().execute(*asked)


@pytest.mark.parametrize(("code", "tries"), [(sqlite3.SQLITE_BUSY, 2), (sqlite3.SQLITE_READONLY, 1)])
def test_a_new_file_that_others_open_too_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, tries: int
) -> None:
    """Several workers that start on no database at all end with one each; any other refusal is told at once."""
    BusyAtFirst.told, BusyAtFirst.code = 0, code
    opened = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *where, **how: opened(*where, **how, factory=BusyAtFirst))
    if code == sqlite3.SQLITE_BUSY:
        connect(tmp_path / "new.db", 5.0).close()
    else:
        with pytest.raises(ConfigurationError, match="COURTSIGHT_DATABASE"):
            connect(tmp_path / "new.db", 5.0)
    assert BusyAtFirst.told == tries


def test_what_is_no_file_keeps_its_mode(tmp_path: Path) -> None:
    """A folder that is named instead of a file is refused and left as it is: closed to 0600, nobody but root could enter it any more."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    before = folder.stat().st_mode
    with pytest.raises(ConfigurationError, match="it is no regular file; set COURTSIGHT_DATABASE"):
        SqliteStore(folder, 1.0, 0.0)
    assert folder.stat().st_mode == before
