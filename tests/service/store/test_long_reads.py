"""A read that takes long holds up nobody: SQLite's event loop lets go of it, and a thread does it from the beginning."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import StorageUnavailable
from service.store.accounts import insert_accounts
from service.store.sqlite.aside import AsideReader, Deadline, Patience, was_long
from service.store.sqlite.connection import connect
from service.store.sqlite.driving import drive_reading
from service.store.sqlite.sqlite_store import SqliteStore
from service.store.work import Work, one, rows
from tests.service.store.conftest import person

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT count(*) FROM n"
LONG = 100_000
ENDLESS = 10**15


def told(tmp_path: Path, story: Callable[[SqliteStore], Awaitable[None]]) -> None:
    """A store with one account, and what happens to it."""

    async def tell() -> None:
        store = SqliteStore(tmp_path / "long.db", 1.0, 1.0)
        try:
            await store.write(lambda: insert_accounts([person("ana")]))
            await story(store)
        finally:
            await store.close()

    asyncio.run(tell())


def counting(most: int, seen: list[str]) -> Work[int]:
    """Counts, and notes in which thread it was begun and in which it came to its end."""
    seen.append(threading.current_thread().name)
    row = yield from one(COUNTING, most)
    seen.append(threading.current_thread().name)
    return int(row[0]) if row else 0


def test_a_short_read_stays_in_the_loop_and_a_long_one_leaves_it(tmp_path: Path) -> None:
    """The long one is begun in the loop and again in the thread, where it ends; the answers are the same."""

    async def story(store: SqliteStore) -> None:
        short: list[str] = []
        assert await store.read(lambda: counting(10, short)) == 10
        assert set(short) == {threading.current_thread().name}
        long: list[str] = []
        assert await store.read(lambda: counting(LONG, long)) == LONG
        assert long[0] == threading.current_thread().name
        assert [name.startswith("store-reader") for name in long[-2:]] == [True, True]

    told(tmp_path, story)


def test_others_are_served_while_somebody_reads_for_long(tmp_path: Path) -> None:
    """A long read that cannot end before another read and a write have: both are done meanwhile."""
    others = threading.Event()

    def waiting() -> Work[bool]:
        yield from one(COUNTING, LONG)
        return others.wait(60)

    async def story(store: SqliteStore) -> None:
        reading = asyncio.ensure_future(store.read(waiting))
        await asyncio.sleep(0)
        await store.write(lambda: insert_accounts([person("budi")]))
        assert await store.read(lambda: rows("SELECT username FROM accounts ORDER BY id")) == [("ana",), ("budi",)]
        others.set()
        assert await reading

    told(tmp_path, story)


def test_long_work_of_several_commands_sees_one_state(tmp_path: Path) -> None:
    """Begun again in the thread, it is in a transaction as it would be in the loop, and the loop's own is not left open."""
    first_done, written = threading.Event(), threading.Event()

    def work() -> Work[tuple[object, object]]:
        before = yield from one("SELECT count(*) FROM accounts")
        yield from one(COUNTING, LONG)
        first_done.set()
        assert written.wait(60)
        return before, (yield from one("SELECT count(*) FROM accounts"))

    async def story(store: SqliteStore) -> None:
        reading = asyncio.ensure_future(store.read(work))
        await asyncio.to_thread(first_done.wait, 60)
        await store.write(lambda: insert_accounts([person("budi")]))
        written.set()
        assert await reading == ((1,), (1,))
        assert not store._reading.in_transaction
        assert await store.read(lambda: one("SELECT count(*) FROM accounts")) == (2,)

    told(tmp_path, story)


def test_a_long_read_is_not_kept_and_is_given_all_the_same(tmp_path: Path) -> None:
    """What a look would have to vouch for was read by another connection."""

    async def story(store: SqliteStore) -> None:
        assert await store.read(lambda: counting(LONG, []), ("n",)) == LONG
        assert store.kept(("n",)) is None
        assert await store.read(lambda: counting(10, []), ("m",)) == 10
        assert store.kept(("m",)) == 10

    told(tmp_path, story)


def test_what_is_wrong_with_long_work_reaches_who_asked(tmp_path: Path) -> None:
    """A refused command is unavailable storage; an exception of the work itself comes as it is."""

    def refused() -> Work[None]:
        yield from one(COUNTING, LONG)
        yield from one("SELECT nothing FROM nowhere")

    def broken() -> Work[None]:
        yield from one(COUNTING, LONG)
        raise LookupError("mine")

    async def story(store: SqliteStore) -> None:
        with pytest.raises(StorageUnavailable):
            await store.read(refused)
        with pytest.raises(LookupError, match="mine"):
            await store.read(broken)
        assert await store.read(lambda: counting(LONG, [])) == LONG

    told(tmp_path, story)


def test_the_end_of_the_service_does_not_wait_for_a_long_read(tmp_path: Path) -> None:
    """It is interrupted, and what waited behind it is let go."""

    async def story() -> None:
        store = SqliteStore(tmp_path / "long.db", 1.0, 1.0)
        reading = asyncio.ensure_future(store.read(lambda: counting(ENDLESS, [])))
        behind = asyncio.ensure_future(store.read(lambda: counting(ENDLESS, [])))
        await asyncio.sleep(0.05)
        await store.close()
        for one_of in (reading, behind):
            with pytest.raises((StorageUnavailable, asyncio.CancelledError)):
                await one_of

    asyncio.run(story())


def test_the_end_does_not_wait_for_a_read_that_begins_behind_it(tmp_path: Path) -> None:
    """Whoever was taken up, but had yet to begin its statement when the reader was closed, is interrupted as well."""
    taken_up = threading.Event()
    reader = AsideReader(connect(tmp_path / "aside.db", 1.0), longest_seconds=60.0)

    def late() -> Work[object]:
        taken_up.set()
        while not reader._thread._shutdown:
            time.sleep(0.001)
        return (yield from one(COUNTING, ENDLESS))

    async def story() -> None:
        reading = asyncio.ensure_future(reader.read(late))
        await asyncio.to_thread(taken_up.wait, 60)
        await asyncio.to_thread(reader.close)
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            await reading

    asyncio.run(story())


def aside(tmp_path: Path, story: Callable[[AsideReader], Awaitable[None]], **bounds: Any) -> None:
    """A reader with bounds of its own, and what happens to it."""

    async def tell() -> None:
        reader = AsideReader(connect(tmp_path / "aside.db", 1.0), **bounds)
        try:
            await story(reader)
        finally:
            reader.close()

    asyncio.run(tell())


def test_a_read_that_takes_too_long_is_told_so_and_the_next_one_is_read(tmp_path: Path) -> None:
    """One that would never end is interrupted; so is the work of several commands, whose transaction is not left open."""

    def several() -> Work[object]:
        yield from one("SELECT 1")
        return (yield from one(COUNTING, ENDLESS))

    async def story(reader: AsideReader) -> None:
        for endless in (lambda: counting(ENDLESS, []), several):
            with pytest.raises(StorageUnavailable, match="took too long"):
                await reader.read(endless)
            assert not reader._connection.in_transaction
        reader._longest = 600.0
        assert await reader.read(lambda: counting(LONG, [])) == LONG

    aside(tmp_path, story, longest_seconds=0.1)


def test_only_the_own_commands_of_work_are_interrupted() -> None:
    """What ends a transaction must not be, however late it is."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        deadline = Deadline(connection, lambda: 1.0)
        deadline.until = 1.0
        counted = COUNTING.replace("$1", str(LONG))
        with deadline, pytest.raises(sqlite3.OperationalError) as interrupted:
            connection.execute(counted).fetchall()
        assert was_long(interrupted.value)
        assert connection.execute(counted).fetchall() == [(LONG,)]
        deadline.until = 1.1
        with deadline:
            assert connection.execute(counted).fetchall() == [(LONG,)]


def test_to_wait_for_a_turn_counts(tmp_path: Path) -> None:
    """Whose time was over before its turn came is not begun, and told so."""
    now, seen = [0.0], list[str]()
    begun, over = threading.Event(), threading.Event()

    def slow() -> Work[bool]:
        yield from one("SELECT 1")
        begun.set()
        return over.wait(60)

    async def story(reader: AsideReader) -> None:
        first = asyncio.ensure_future(reader.read(slow))
        second = asyncio.ensure_future(reader.read(lambda: counting(1, seen)))
        assert await asyncio.to_thread(begun.wait, 60)
        now[0] = 30.0
        over.set()
        # What has all its rows is not taken back.
        assert await first
        with pytest.raises(StorageUnavailable, match="took too long"):
            await second
        assert not seen
        assert await reader.read(lambda: counting(1, seen)) == 1

    aside(tmp_path, story, clock=lambda: now[0])


def test_more_long_reads_than_may_wait_are_refused_at_once(tmp_path: Path) -> None:
    """Nobody joins a queue that only grows; who gave up gives back the place."""
    over = threading.Event()

    def slow() -> Work[bool]:
        yield from one("SELECT 1")
        return over.wait(60)

    async def story(reader: AsideReader) -> None:
        waiting = [asyncio.ensure_future(reader.read(slow)) for _ in range(3)]
        await asyncio.sleep(0)
        one_more = asyncio.ensure_future(reader.read(slow))
        await asyncio.sleep(0)
        waiting.pop().cancel()
        await asyncio.sleep(0)
        waiting.append(asyncio.ensure_future(reader.read(slow)))
        await asyncio.sleep(0)
        over.set()
        with pytest.raises(StorageUnavailable, match="Too much"):
            await one_more
        assert await asyncio.gather(*waiting) == [True, True, True]
        assert await reader.read(lambda: counting(1, [])) == 1

    aside(tmp_path, story, most_waiting=3)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=60))
def test_many_short_reads_never_add_up_to_a_long_one(lengths: list[int]) -> None:
    """SQLite counts the steps of a prepared statement on from run to run: only what one read takes by itself ends its patience, and never a COMMIT."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        # Some twenty-five steps for each number: a read of twenty stays below this, and all of them together are far beyond.
        patience = Patience(connection, 100, 10)

        def work(most: int) -> Work[int]:
            row = yield from one(COUNTING, most)
            again = yield from one("SELECT 1")
            return int(row[0]) if row and again else 0

        several: set[object] = set()
        for most in lengths:
            assert drive_reading(connection, lambda most=most: work(most), several, patience) == most
        with pytest.raises(sqlite3.OperationalError) as interrupted:
            drive_reading(connection, lambda: work(1_000), several, patience)
        assert was_long(interrupted.value)
        assert not connection.in_transaction
        assert drive_reading(connection, lambda: work(1_000), several, nullcontext()) == 1_000
