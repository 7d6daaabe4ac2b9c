"""What the SQLite store keeps of its reads stands exactly until somebody commits, in this process or another."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import StorageUnavailable
from service.sharing.recent import Remembered
from service.store.access import Standing, standing
from service.store.accounts import disable_account, insert_accounts, set_role
from service.store.conversations import (
    Conversation,
    Message,
    append_messages,
    insert_conversation,
    recall,
    rename_conversation,
)
from service.store.revocations import revoke
from service.store.sqlite import kept
from service.store.sqlite.commits import Commits
from service.store.sqlite.kept import Kept
from service.store.sqlite.sqlite_store import SqliteStore
from service.store.store import Change
from service.store.work import Work
from tests.service.store.conftest import person

ROOT = Path(__file__).parents[3]
KEY = ("standing", "id-ana", "j1")


def told(tmp_path: Path, story: Callable[[SqliteStore, Path], Awaitable[None]]) -> None:
    """A store with one account, and what happens to it."""

    async def tell() -> None:
        path = tmp_path / "kept.db"
        store = SqliteStore(path, 1.0, 1.0)
        try:
            await store.write(lambda: insert_accounts([person("ana")]))
            await story(store, path)
        finally:
            await store.close()

    asyncio.run(tell())


async def ask(store: SqliteStore) -> Standing:
    """As the gate asks for a caller; whatever was kept must be what a query would give."""
    known = store.kept(KEY)
    fresh = await store.read(lambda: standing("id-ana", "j1"))
    if known is None:
        known = await store.read(lambda: standing("id-ana", "j1"), KEY)
    assert isinstance(known, Standing)
    assert known == fresh
    return known


def test_a_result_is_kept_while_nobody_commits(tmp_path: Path) -> None:
    """Asked again, the same value is given without a query; another name has nothing."""

    async def story(store: SqliteStore, _: Path) -> None:
        first = await ask(store)
        assert store.kept(KEY) is first
        assert store.kept(("standing", "id-ana", "j2")) is None

    told(tmp_path, story)


def test_own_commits_end_what_is_kept(tmp_path: Path) -> None:
    """Role, revocation and suspension show in the very next question."""

    async def story(store: SqliteStore, _: Path) -> None:
        assert (await ask(store)).role == "judge"
        await store.write(lambda: set_role("ana", "public", 2.0, by="x"))
        assert (await ask(store)).role == "public"
        await store.write(lambda: revoke("j1", 99.0, 4.0))
        assert (await ask(store)).revoked
        await store.write(lambda: disable_account("ana", 3.0, by="x"))
        assert (await ask(store)).disabled

    told(tmp_path, story)


def test_a_commit_without_a_turn_of_the_loop_between_is_seen(tmp_path: Path) -> None:
    """Another connection commits between two questions of one and the same turn: the second one is answered by what is true then."""

    async def story(store: SqliteStore, path: Path) -> None:
        await ask(store)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            for role in ("lawyer", "public", "judge"):
                other.execute("UPDATE accounts SET role = ? WHERE id = 'id-ana'", (role,))
                assert (await ask(store)).role == role

    told(tmp_path, story)


_OTHER_PROCESS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.stdin:
    connection.execute("UPDATE accounts SET disabled = ?, role = ? WHERE id = 'id-ana'", line.split())
    print("committed", flush=True)
"""


@contextmanager
def other_process(path: Path) -> Iterator[Callable[[str], None]]:
    """A process of its own that commits what it is told."""
    command = [sys.executable, "-c", _OTHER_PROCESS, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def commit(line: str) -> None:
            print(line, file=process.stdin, flush=True)
            assert process.stdout is not None
            assert process.stdout.readline() == "committed\n"

        yield commit
        process.stdin.close()


@pytest.mark.integration
def test_a_commit_of_another_process_is_seen_by_the_next_question(tmp_path: Path) -> None:
    """A hundred times in a row another process suspends or admits an account: each next question knows."""

    async def story(store: SqliteStore, path: Path) -> None:
        with other_process(path) as commit:
            for number in range(100):
                commit(f"{number % 2} role{number}")
                found = await ask(store)
                assert (found.disabled, found.role) == (bool(number % 2), f"role{number}")
                assert store.kept(KEY) is found

    told(tmp_path, story)


def test_a_file_that_cannot_be_looked_at_gives_nothing_that_was_kept(tmp_path: Path) -> None:
    """When the look fails, the database is asked, and when that fails the question does: an account is never let in by what was true once."""

    async def story(store: SqliteStore, _: Path) -> None:
        await ask(store)
        index, store._commits._index = store._commits._index, None
        assert store.kept(KEY) is None
        await store.read(lambda: standing("id-ana", "j1"), KEY)
        assert store.kept(KEY) is None
        store._reading.close()
        with pytest.raises(StorageUnavailable):
            await store.read(lambda: standing("id-ana", "j1"), KEY)
        store._commits._index = index

    told(tmp_path, story)


class Numbered(Commits):
    """A file whose state is what a test says."""

    state: int | None = 1

    def look(self) -> int | None:
        return self.state


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many callers ask, only so many results are held, the newest; what is not there (an unknown account) is not held at all."""
    monkeypatch.setattr(kept, "MOST_KEPT", 3)
    results = Kept(Numbered())
    for number in range(20):
        assert results.read(("x", str(number)), lambda number=number: number) == number
        assert len(results._known) <= 3
    assert results.get(("x", "19")) == 19
    assert results.read(("nobody",), lambda: None) is None
    assert ("nobody",) not in results._known


def test_nothing_is_kept_while_the_state_cannot_be_told() -> None:
    """While the writer commits, what was kept is not given and nothing is kept; afterwards what stands is given again."""
    commits = Numbered()
    results = Kept(commits)
    results.read(("a",), lambda: 1)
    commits.state = None
    assert results.get(("a",)) is None
    assert results.read(("b",), lambda: 2) == 2
    commits.state = 1
    assert results.get(("a",)) == 1
    assert results.get(("b",)) is None


def test_a_write_that_says_what_it_changes_leaves_what_it_says() -> None:
    """Such a write has the one result changed and no other go; a failed one, or one that did not know the result, leaves none."""
    results = Kept(Numbered())
    for name in ("a", "b"):
        results.read((name,), lambda name=name: name)
    known = results.get(("a",))
    running = results.begin(Change(("a",), known, "changed"))
    assert results.get(("a",)) is None
    assert results.read(("a",), lambda: "as it was") == "as it was"
    assert results.get(("a",)) is None, "what is being changed was kept"
    results.end(running, durable=True)
    assert (results.get(("a",)), results.get(("b",))) == ("changed", "b")

    stale = results.begin(Change(("a",), known, "from what was true once"))
    results.end(stale, durable=True)
    assert (results.get(("a",)), stale.spares) == (None, True)

    failed = results.begin(Change(("b",), results.get(("b",)), "never written"))
    results.end(failed, durable=False)
    assert (results.get(("b",)), failed.spares) == (None, False)


@pytest.mark.parametrize("first", [0, 1])
def test_two_writes_of_one_result_leave_none(first: int) -> None:
    """Of two writes that run at once neither knows what the other leaves, whichever ends first."""
    results = Kept(Numbered())
    before = results.read(("a",), lambda: "before")
    running = [results.begin(Change(("a",), before, after)) for after in ("one", "other")]
    results.end(running[first], durable=True)
    assert results.get(("a",)) is None
    results.end(running[1 - first], durable=True)
    assert results.get(("a",)) is None


def test_a_write_that_others_came_between_leaves_nothing() -> None:
    """What a write would leave counts only for the state in which it began."""
    commits = Numbered()
    results = Kept(commits)
    running = results.begin(Change(("a",), None, "new"))
    commits.state = 2
    assert results.get(("b",)) is None, "looked at in the state of the others"
    results.end(running, durable=True)
    assert results.get(("a",)) is None


_STEPS = ("ask", "commit", "rolled back", "open", "close")


@settings(max_examples=25)
@given(steps=st.lists(st.sampled_from(_STEPS), max_size=12))
def test_whatever_happens_kept_is_what_a_query_gives(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Over any order of questions, commits, transactions that are open and that are rolled back, what is kept equals what the file holds."""
    path = tmp_path_factory.getbasetemp() / "any-order.db"
    commits = Commits()
    with (
        closing(commits),
        closing(sqlite3.connect(path, isolation_level=None)) as reading,
        closing(sqlite3.connect(path, isolation_level=None)) as writing,
    ):
        reading.executescript("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (n INTEGER)")
        commits.open(path.with_name("any-order.db-shm"))
        held = Kept(commits)

        def query() -> int:
            return int(reading.execute("SELECT count(*) FROM t").fetchone()[0]) + 1

        for step in steps:
            if step == "open" and not writing.in_transaction:
                writing.execute("BEGIN IMMEDIATE")
            if step in ("commit", "open", "rolled back"):
                writing.execute("INSERT INTO t VALUES (1)")
            if step == "rolled back" and writing.in_transaction:
                writing.execute("ROLLBACK")
            if step == "close" and writing.in_transaction:
                writing.execute("COMMIT")
            assert (held.get(("n",)) or held.read(("n",), query)) == query()


TURNS = (
    "turn 0",
    "turn 1",
    "both",
    "rename",
    "strange rename",
    "strange turn",
    "refused",
    "left",
    "nothing",
    "empty the log",
)


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.sampled_from(TURNS), min_size=1, max_size=14))
def test_what_is_recalled_is_what_the_database_holds(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Over any order of turns (alone, at once, refused, left) and of renames by us and by others, what is recalled is what a query gives."""
    folder = tmp_path_factory.mktemp("recalled")

    async def story(store: SqliteStore, path: Path) -> None:
        for number in range(2):
            begun = Conversation(f"c{number}", "title", 1.0, 0)
            await store.write(lambda begun=begun: insert_conversation("id-ana", begun))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            for number, step in enumerate(steps):
                await _take(store, other, number, step)
                for conversation in ("c0", "c1"):
                    fresh = await store.read(lambda c=conversation: recall("id-ana", c, 3))
                    assert (await _recalled(store, conversation)) == Remembered(*fresh)
                await ask(store)

    told(folder, story)


async def _recalled(store: SqliteStore, conversation: str) -> Remembered:
    kept = store.kept(("recalled", "id-ana", conversation))
    if isinstance(kept, Remembered):
        return kept

    def look() -> Work[Remembered]:
        return Remembered(*(yield from recall("id-ana", conversation, 3)))

    return await store.read(look, ("recalled", "id-ana", conversation))


async def _turn(store: SqliteStore, conversation: str, text: str, *, fails: bool = False) -> None:
    """As `Turns` keeps an answer."""
    before = await _recalled(store, conversation)
    after = Remembered(before.title, (text, *before.earlier)[:3])

    def job() -> Work[None]:
        yield from append_messages("id-ana", conversation, [Message(f"m-{text}", "user", text, 1.0)])
        if fails:
            raise LookupError(text)

    await store.write(job, Change(("recalled", "id-ana", conversation), before, after))


async def _take(store: SqliteStore, other: sqlite3.Connection, number: int, step: str) -> None:
    text = f"q{number}"
    match step:
        case "turn 0" | "turn 1":
            await _turn(store, f"c{step[-1]}", text)
        case "both":
            await asyncio.gather(
                _turn(store, "c0", text), _turn(store, "c0", f"{text}b"), _turn(store, "c1", f"{text}c")
            )
        case "rename":
            await store.write(lambda: rename_conversation("id-ana", "c0", text))
        case "strange rename":
            other.execute("UPDATE conversations SET title = ? WHERE id = 'c1'", (text,))
            other.execute("UPDATE accounts SET role = ? WHERE id = 'id-ana'", (text,))
        case "strange turn":
            # Begun before somebody else's change, and ended behind it.
            running = asyncio.create_task(_turn(store, "c1", text))
            await asyncio.sleep(0)
            with suppress(sqlite3.OperationalError):
                other.execute("UPDATE conversations SET title = ? WHERE id = 'c1'", (text,))
            await running
        case "refused":
            with suppress(LookupError):
                await _turn(store, "c0", text, fails=True)
        case "left":
            running = asyncio.create_task(_turn(store, "c0", text))
            await asyncio.sleep(0)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            # Read before it is written, which it is all the same.
            await _recalled(store, "c0")
            await store.check()
        case "nothing":
            await store.check()
        case _:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
