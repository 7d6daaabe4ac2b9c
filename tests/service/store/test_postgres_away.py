"""What becomes of the store while its PostgreSQL hangs, dies, refuses or is slow, and that it comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from service.errors import ConfigurationError, StorageUnavailable
from service.store.accounts import all_accounts, insert_accounts
from service.store.opening import open_store
from service.store.postgres_store import postgres_store
from service.store.store import Store
from service.store.work import Work, one, run
from tests.service.postgres_server import Server
from tests.service.store.conftest import Place, person, settings_at

pytestmark = pytest.mark.integration


@pytest.fixture
def place(new_database: Callable[[], str], server: Server, tmp_path: Path) -> Place:
    url = server.url(new_database(), "courtsight_writer", "w")
    return Place(settings_at(tmp_path / "unused.db", url), url)


@pytest.fixture
def paused(server: Server) -> Iterator[Server]:
    """Whatever a test does, the server runs again after it."""
    yield server
    server.resume()


def add(store: Store, name: str) -> Any:
    return store.write(lambda: insert_accounts([person(name)]))


def test_a_killed_server_fails_clearly_and_comes_back(place: Place, server: Server) -> None:
    """While the server is gone every piece of work fails with a problem; once it is back the dead connections are not tried."""

    async def story(store: Store) -> None:
        await asyncio.gather(*(add(store, f"a{n}") for n in range(6)))
        await asyncio.to_thread(server.kill)
        try:
            for attempt in (add(store, "b"), store.read(all_accounts), store.check()):
                with pytest.raises(StorageUnavailable):
                    await attempt
        finally:
            await asyncio.to_thread(server.start)
        await asyncio.gather(*(add(store, f"c{n}") for n in range(6)))
        await store.check()

    place.tell(story)
    assert [account.username[0] for account in place.read(all_accounts)] == ["a"] * 6 + ["c"] * 6


def test_a_server_that_hangs_is_given_up_and_comes_back(place: Place, paused: Server) -> None:
    """Nothing waits longer than its limit for a server that is stopped in the middle; work goes on when it does."""

    async def story(store: Store) -> None:
        await add(store, "before")
        await asyncio.to_thread(paused.pause)
        outcomes = await asyncio.wait_for(
            asyncio.gather(
                *(add(store, f"during{n}") for n in range(9)),
                store.read(all_accounts),
                store.check(),
                return_exceptions=True,
            ),
            180,
        )
        assert {type(outcome) for outcome in outcomes} == {StorageUnavailable}
        await asyncio.to_thread(paused.resume)
        await add(store, "after")

    place.tell(story, timeout=5.0)
    names = [account.username for account in place.read(all_accounts)]
    assert {"before", "after"} <= set(names)


def test_connections_that_the_server_ends_are_replaced(place: Place, server: Server) -> None:
    """An administrator ends every connection: the next work succeeds without a word."""

    async def story(store: Store) -> None:
        await asyncio.gather(*(add(store, f"a{n}") for n in range(6)))
        await asyncio.to_thread(
            server.execute, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'courtsight_writer'"
        )
        await asyncio.gather(*(add(store, f"b{n}") for n in range(6)))

    place.tell(story)
    assert len(place.read(all_accounts)) == 12


def test_a_row_that_somebody_holds_fails_the_write_in_time(place: Place) -> None:
    """A lock held elsewhere ends the write at its limit, and nothing of it is kept afterwards."""
    place.write(lambda: insert_accounts([person("ana")]))

    async def story(store: Store) -> None:
        other = await asyncpg.connect(place.url)
        held = other.transaction()
        await held.start()
        await other.execute("SELECT 1 FROM accounts FOR UPDATE")
        with pytest.raises(StorageUnavailable, match="nothing was saved"):
            await store.write(lambda: run("UPDATE accounts SET role = 'admin'"))
        await held.rollback()
        await other.close()
        await store.check()

    place.tell(story, timeout=5.0)
    assert place.look("SELECT role FROM accounts") == [("judge",)]


def test_a_commit_that_is_not_answered_is_not_called_unsaved(place: Place) -> None:
    """When the connection breaks after the commit was sent, the problem says that the work may have been saved."""

    async def story(store: Store) -> None:
        pool = store._pool  # type: ignore[attr-defined]  # the test breaks a connection from inside
        real = asyncpg.Connection.execute

        async def broken(self: Any, query: str, *arguments: Any, **options: Any) -> str:
            done: str = await real(self, query, *arguments, **options)
            if query == "COMMIT":
                raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
            return done

        connection = await pool.acquire()
        await pool.release(connection)
        patch = pytest.MonkeyPatch()
        patch.setattr(asyncpg.Connection, "execute", broken)
        try:
            with pytest.raises(StorageUnavailable, match="may or may not"):
                await add(store, "ana")
        finally:
            patch.undo()

    place.tell(story)
    assert place.look("SELECT username FROM accounts") == [("ana",)]


def test_too_many_waiting_are_refused_at_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work does not pile up without bound."""
    monkeypatch.setattr(postgres_store, "_MOST_PENDING", 3)

    async def story(store: Store) -> None:
        outcomes = await asyncio.gather(*(add(store, f"a{n}") for n in range(9)), return_exceptions=True)
        assert sum(outcome is None for outcome in outcomes) == 3
        assert sum(isinstance(outcome, StorageUnavailable) for outcome in outcomes) == 6
        await add(store, "later")

    place.tell(story)


def test_a_deadlock_is_resolved_by_beginning_again(place: Place) -> None:
    """Two pieces of work that lock the same rows in opposite order both succeed."""
    place.write(lambda: insert_accounts([person("ana"), person("budi")]))
    meeting = asyncio.Event()

    def crossing(first: str, second: str) -> Work[None]:
        yield from run("UPDATE accounts SET role = role || 'x' WHERE username = $1", first)
        yield from run("SELECT pg_sleep(0.1)")
        yield from run("UPDATE accounts SET role = role || 'x' WHERE username = $1", second)

    async def story(store: Store) -> None:
        await asyncio.gather(store.write(lambda: crossing("ana", "budi")), store.write(lambda: crossing("budi", "ana")))
        meeting.set()

    place.tell(story)
    assert meeting.is_set()
    assert set(place.look("SELECT role FROM accounts")) == {("judgexx",)}


def test_commits_are_durable_whatever_the_server_says(place: Place, server: Server) -> None:
    """A default of asynchronous commits in the database does not reach the store's sessions."""
    name = (place.url or "").rsplit("/", 1)[1]
    server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    row = place.read(lambda: one("SELECT current_setting('synchronous_commit')"))
    assert row is not None
    assert row[0] == "on"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://courtsight_writer:wrong-password@127.0.0.1:{port}/postgres", "refuses the user or the password"),
        ("postgresql://courtsight_writer:w@127.0.0.1:{port}/no_such", "no database of that name"),
        ("postgresql://courtsight_writer:w@127.0.0.1:1/postgres", "cannot be reached"),
        ("postgresql://courtsight_writer:w-secret@[bad/postgres", "the address is not like"),
        ("mysql://courtsight_writer:w-secret@127.0.0.1/x", "the address is not like"),
    ],
)
def test_a_wrong_address_is_one_line_without_the_password(server: Server, url: str, why: str) -> None:
    """The start ends with what to mend; the password does not stand in it."""
    settings = settings_at(Path("unused.db"), url.format(port=server.port))
    with pytest.raises(ConfigurationError, match=why) as caught:
        asyncio.run(open_store(settings, 1.0))
    assert "COURTSIGHT_DATABASE_URL" in str(caught.value)
    assert not {"wrong-password", "w-secret"} & set(str(caught.value).replace("@", ":").split(":"))


def test_production_refuses_a_server_that_does_not_sync(server: Server, new_database: Callable[..., str]) -> None:
    """The tests' server runs with fsync off: production does not start on it, development does; what a session asks for is not called off."""
    name = new_database()
    server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    settings = settings_at(Path("unused.db"), server.url(name, "courtsight_writer", "w"))
    with pytest.raises(ConfigurationError, match="it has fsync off, so that a power cut loses"):
        asyncio.run(open_store(settings.model_copy(update={"environment": "production"}), 1.0))

    async def story() -> list[str]:
        store = await open_store(settings, 1.0)
        found = await store.read(lambda: one("SHOW synchronous_commit"))
        await store.close()
        return list(found or ())

    assert asyncio.run(story()) == ["on"]


def test_the_address_is_shown_nowhere(place: Place) -> None:
    """Settings and addresses hide it when they are printed."""
    assert "courtsight_writer" not in repr(place.settings)
