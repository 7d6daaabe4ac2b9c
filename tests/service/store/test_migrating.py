"""Tables forward and back, on either database."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from service.errors import ConfigurationError
from service.settings import Settings
from service.store.accounts import insert_accounts
from service.store.conversations import Conversation, insert_conversation
from service.store.migrating import LATEST, Moved, bring_to, find_version, move_by
from service.store.opening import dialect_of, once, open_store
from service.store.sqlite import connection as sqlite
from service.store.work import one
from tests.service.store.conftest import Place, person

SCHEMA = {
    "sqlite": "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name",
    "postgres": "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text, column_default::text,"
    " NULL::text FROM information_schema.columns WHERE table_schema = 'public' UNION ALL SELECT indexname::text, indexdef,"
    " '', '', '', '' FROM pg_indexes WHERE schemaname = 'public' UNION ALL SELECT conname::text,"
    " pg_get_constraintdef(oid), '', '', '', '' FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
}


def move(place: Place, version: int, *, back: bool = False) -> Moved:
    return asyncio.run(once(place.settings, bring_to(dialect_of(place.settings), 5.0, version, back=back)))


def schema(place: Place) -> list[tuple[Any, ...]]:
    return place.look(SCHEMA[place.dialect])


def test_every_version_can_be_taken_back_and_made_again(place: Place) -> None:
    """Down and up again from each version leaves the very same tables."""
    assert move(place, LATEST) == Moved(0, LATEST)
    whole = schema(place)
    for version in range(LATEST - 1, -1, -1):
        assert move(place, version, back=True) == Moved(LATEST, version)
        lower = schema(place)
        assert lower != whole
        assert move(place, LATEST) == Moved(version, LATEST)
        assert sorted(map(str, schema(place))) == sorted(map(str, whole))


def test_what_older_versions_keep_survives_the_way_back_and_forth(peopled: Place) -> None:
    """Going back loses only what newer versions keep."""
    peopled.write(lambda: insert_conversation("id-ana", Conversation("c1", "Judul", 1.0, 0)))
    trail = peopled.look("SELECT at, action, subject FROM audit ORDER BY seq")
    move(peopled, 1, back=True)
    assert peopled.look("SELECT id FROM conversations") == [("c1",)]
    move(peopled, LATEST)
    assert peopled.look("SELECT username FROM accounts ORDER BY 1") == [("ana",), ("budi",)]
    assert peopled.look("SELECT at, action, subject FROM audit ORDER BY seq") == trail


def test_going_back_is_asked_for(peopled: Place) -> None:
    """Without the word for it nothing is taken back, and a version that does not exist is refused."""
    with pytest.raises(ConfigurationError, match="loses data"):
        move(peopled, 1)
    for wrong in (-1, LATEST + 1):
        with pytest.raises(ConfigurationError, match="no version"):
            move(peopled, wrong, back=True)
    assert asyncio.run(once(peopled.settings, find_version(dialect_of(peopled.settings)))) == LATEST


def test_a_database_of_a_newer_service_is_refused(peopled: Place) -> None:
    """An older service does not touch tables that it does not know."""
    peopled.look(f"INSERT INTO migrations (version, applied_at) VALUES ({LATEST + 1}, 1.0) RETURNING version")
    with pytest.raises(ConfigurationError, match="upgrade"):
        asyncio.run(open_store(peopled.settings, 1.0))


def test_a_migration_that_fails_changes_nothing(place: Place) -> None:
    """A table that is in the way leaves the database as it was, not half of a version."""
    move(place, 2)
    before = schema(place)
    place.look("CREATE TABLE usage_hours AS SELECT 1 AS x")
    with pytest.raises(ConfigurationError):
        move(place, LATEST)
    assert {row[0:2] for row in before} < {row[0:2] for row in schema(place)}
    assert asyncio.run(once(place.settings, find_version(dialect_of(place.settings)))) == 2


def test_starts_at_the_same_time_migrate_once(place: Place) -> None:
    """Several processes that start together end with one set of tables and one line for each version."""

    async def start() -> None:
        store = await open_store(place.settings, 1.0)
        await store.write(lambda: insert_accounts([]))
        await store.close()

    async def together() -> None:
        await asyncio.gather(*(asyncio.to_thread(asyncio.run, start()) for _ in range(4)))

    asyncio.run(together())
    assert place.look("SELECT version FROM migrations ORDER BY 1") == [(n,) for n in range(1, LATEST + 1)]
    place.write(lambda: insert_accounts([person("ana")]))


def test_who_moves_the_tables_stands_in_the_trail(peopled: Place) -> None:
    """A move by command leaves its line, also in tables that name no actor yet; one that changes nothing, and one to no tables at all, leave none."""

    def moved(version: int) -> None:
        work = move_by(dialect_of(peopled.settings), 7.0, version, by="command line, uid 5", back=True)
        asyncio.run(once(peopled.settings, work))

    trail = "SELECT at, subject FROM audit WHERE action = 'migrate' ORDER BY seq"
    moved(LATEST)
    assert peopled.look(trail) == []
    moved(1)
    back = (7.0, f"version {LATEST} -> 1, command line, uid 5")
    assert peopled.look(trail) == [back]
    moved(LATEST)
    assert peopled.look(trail) == [back, (7.0, f"version 1 -> {LATEST}")]
    assert peopled.look("SELECT actor FROM audit WHERE action = 'migrate' ORDER BY seq") == [
        ("",),
        ("command line, uid 5",),
    ]
    moved(0)
    moved(LATEST)
    assert peopled.look(trail) == [(7.0, f"version 0 -> {LATEST}")]


def test_work_of_a_command_is_not_cut_by_the_clock_of_a_start(place: Place) -> None:
    """Emptying or copying years of conversations may take longer than a start may wait; only locks of others have a limit."""

    def limits() -> Any:
        statement = yield from one("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
        return statement

    if place.url is None:
        assert asyncio.run(once(place.settings, find_version("sqlite"), patient=True)) == 0
    else:
        assert asyncio.run(once(place.settings, limits(), patient=True)) == ("0", "1min")
        assert asyncio.run(once(place.settings, limits())) == ("1min", "0")


def test_a_command_waits_longer_for_a_lock_than_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two `migrate` at once, of tables that take their time: the second waits a minute for the first, where a start gives up after seconds."""
    waited: list[float] = []
    opened = sqlite.connect

    def connect(path: Path, timeout: float) -> sqlite3.Connection:
        waited.append(timeout)
        return opened(path, timeout)

    monkeypatch.setattr(sqlite, "connect", connect)
    settings = Settings(environment="development", database=tmp_path / "a.db")
    for patient in (False, True):
        asyncio.run(once(settings, bring_to("sqlite", 1.0), patient=patient))
    assert waited == [5.0, 60.0]
