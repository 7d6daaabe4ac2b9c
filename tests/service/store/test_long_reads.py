"""A read that takes long holds up nobody: SQLite's event loop lets go of it, and a thread does it from the beginning."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import StorageUnavailable
from service.store.accounts import insert_accounts
from service.store.sqlite.aside import Patience, was_long
from service.store.sqlite.driving import drive_reading
from service.store.sqlite.sqlite_store import SqliteStore
from service.store.work import Work, one, rows
from tests.service.store.conftest import person

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT count(*) FROM n"
LONG = 100_000


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
    endless = 10**15

    async def story() -> None:
        store = SqliteStore(tmp_path / "long.db", 1.0, 1.0)
        reading = asyncio.ensure_future(store.read(lambda: counting(endless, [])))
        behind = asyncio.ensure_future(store.read(lambda: counting(endless, [])))
        await asyncio.sleep(0.05)
        await store.close()
        for one_of in (reading, behind):
            with pytest.raises((StorageUnavailable, asyncio.CancelledError)):
                await one_of

    asyncio.run(story())


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
