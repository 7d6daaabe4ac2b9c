"""Backups: whole, of one moment, readable by either database, and never half restored."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from service.__main__ import main
from service.commands import storage
from service.commands.storage import back_up, restore
from service.errors import ConfigurationError
from service.store.accounts import insert_accounts
from service.store.backup import KEYS
from service.store.columns import columns_of
from service.store.conversations import Conversation, Message, append_messages, insert_conversation
from service.store.migrating import LATEST, bring_to
from service.store.opening import dialect_of, once
from service.store.spending import write_spending
from service.store.store import Store
from service.store.switches import turn as turn_switch
from service.store.work import Work, one, run
from tests.service.postgres_server import Server
from tests.service.store.conftest import Place, person, settings_at
from tests.service.store.stories import conversation

TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgres": "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'",
}


def fill() -> Work[None]:
    """Something in every table."""
    yield from insert_accounts([person("ana"), person("budi", at=0.1 + 0.2)])
    for n in range(3):
        yield from conversation("id-ana", f"c{n}", 10.0 + n, ("p-law",))
    yield from turn_switch("extractive-only", on=True, now=1.0, by="ana")
    yield from write_spending("p", {("2026-11-21", "judge"): 1 / 3})
    yield from run("INSERT INTO revoked_tokens (jti, expires_at) VALUES ('j', 5.5)")
    yield from run("INSERT INTO conversation_days VALUES (1, '', '', 2, NULL, 3, 4, 0, 0)")
    yield from run("INSERT INTO conversation_hours VALUES (24, 'judge', 'm', 2, 2, 3, 4, 1, 5)")
    yield from run("INSERT INTO summed_up VALUES ('hour', 25)")
    yield from run("INSERT INTO clocks VALUES ('retention', 0.1)")
    yield from run("INSERT INTO usage_hours VALUES (3600, 'judge', 'm', 1, $1, 2, 0.1, 0.2)", 2**60)
    yield from run(
        "INSERT INTO api_keys (id, account_id, name, digest, hint, scopes, created_at) VALUES ('k', 'id-ana', '“ä”\n', 'd', 'h', '[]', 1.0)"
    )
    yield from run(
        "INSERT INTO idempotency (account_id, key, fingerprint, holder, leased_until, created_at) VALUES ('id-ana', 'k', 'f', 'h', 1.0, 1.0)"
    )
    yield from run(
        "INSERT INTO documents (id, name, media_type, bytes, digest, state, detail, created_by, created_at) VALUES ('d', 'n', 't', 1, 'x', 's', '', 'ana', 1.0)"
    )


def everything(place: Place) -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    for table in KEYS:
        columns = asyncio.run(once(place.settings, columns_of(dialect_of(place.settings), table)))
        found[table] = sorted(place.look(f"SELECT {', '.join(sorted(columns))} FROM {table}"), key=str)
    return found


@pytest.fixture
def filled(place: Place) -> Place:
    place.write(fill)
    return place


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Another empty database, of either kind."""
    url = None
    if request.param == "postgres":
        new_database: Callable[[], str] = request.getfixturevalue("new_database")
        server: Server = request.getfixturevalue("server")
        url = server.url(new_database(), "courtsight_writer", "w")
    return Place(settings_at(tmp_path / "other.db", url), url)


def test_every_table_is_in_backups(place: Place) -> None:
    """A table that a migration adds and backups forget fails here; the list also holds back those that others refer to."""
    place.write(lambda: run("DELETE FROM audit"))
    assert {row[0] for row in place.look(TABLES[place.dialect])} == {*KEYS, "migrations"}


def test_a_backup_restores_into_either_database(filled: Place, other: Place, tmp_path: Path) -> None:
    """Every value of every table comes back, floats to the last bit; afterwards new rows get new numbers."""
    file = tmp_path / "backup"
    rows = back_up(filled.settings, file, 50.0)
    assert all(rows[table] for table in KEYS), rows
    assert restore(other.settings, file, 60.0) == rows
    assert everything(other) == everything(filled)
    before = other.look("SELECT max(seq) FROM messages")
    other.write(lambda: append_messages("id-ana", "c0", [Message("new", "user", "?", 1.0)]))
    ((new,),) = other.look("SELECT seq FROM messages WHERE id = 'new'")
    assert new > before[0][0]


def test_the_file_belongs_to_its_owner_and_replaces_nothing(filled: Place, tmp_path: Path) -> None:
    """It has mode 0600, no half-written file stays beside it, and an existing file is left alone."""
    file = tmp_path / "backup"
    back_up(filled.settings, file, 50.0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("*.partial"))
    content = file.read_bytes()
    with pytest.raises(ConfigurationError, match="exists"):
        back_up(filled.settings, file, 51.0)
    assert file.read_bytes() == content


def test_a_database_with_something_in_it_is_kept(filled: Place, other: Place, tmp_path: Path) -> None:
    """Without --force nothing is deleted; with it the database holds the backup and nothing else."""
    file = tmp_path / "backup"
    back_up(filled.settings, file, 50.0)
    other.write(lambda: insert_accounts([person("somebody")]))
    with pytest.raises(ConfigurationError, match="not empty"):
        restore(other.settings, file, 60.0)
    assert other.look("SELECT username FROM accounts") == [("somebody",)]
    restore(other.settings, file, 60.0, force=True)
    assert everything(other) == everything(filled)


def rewritten(file: Path, change: Callable[[list[dict[str, Any]]], None]) -> Path:
    """The backup with its lines changed and a digest that fits them again, as somebody could write it."""
    with gzip.open(file, "rb") as packed:
        lines = [json.loads(line) for line in packed]
    change(lines)
    texts = [json.dumps(line).encode() + b"\n" for line in lines[:-1]]
    lines[-1]["end"]["sha256"] = sha256(b"".join(texts)).hexdigest()
    wrong = file.with_name("rewritten")
    with gzip.open(wrong, "wb") as packed:
        packed.writelines([*texts, json.dumps(lines[-1]).encode() + b"\n"])
    return wrong


def test_a_file_that_does_not_fit_changes_nothing(filled: Place, other: Place, tmp_path: Path) -> None:
    """Newer versions, unknown tables and columns, wrong counts and values that are none: refused, and the database stays."""
    file = tmp_path / "backup"
    back_up(filled.settings, file, 50.0)
    other.write(lambda: insert_accounts([person("somebody")]))
    before = everything(other)

    def newer(lines: list[dict[str, Any]]) -> None:
        lines[0]["version"] = LATEST + 1

    def unknown(lines: list[dict[str, Any]]) -> None:
        lines[0]["tables"]["accounts; DROP TABLE accounts"] = ["id"]
        lines[-1]["end"]["rows"]["accounts; DROP TABLE accounts"] = 0

    def column(lines: list[dict[str, Any]]) -> None:
        lines[0]["tables"]["accounts"][0] = "id) VALUES (1); --"

    def count(lines: list[dict[str, Any]]) -> None:
        lines[-1]["end"]["rows"]["accounts"] += 1

    def value(lines: list[dict[str, Any]]) -> None:
        lines[1]["accounts"][0][0] = {"a": 1}

    def orphan(lines: list[dict[str, Any]]) -> None:
        lines[1]["accounts"][0][0] = "id-of-nobody"

    def twice(lines: list[dict[str, Any]]) -> None:
        lines[1]["accounts"][1] = lines[1]["accounts"][0]

    def foreign(lines: list[dict[str, Any]]) -> None:
        lines[0]["format"] = "somebody/else"

    for change in (newer, unknown, column, count, value, orphan, twice, foreign):
        with pytest.raises(ConfigurationError):
            restore(other.settings, rewritten(file, change), 60.0, force=True)
        assert everything(other) == before, change.__name__
    restore(other.settings, rewritten(file, lambda _: None), 60.0, force=True)


@trying(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place_of=st.floats(0, 1, exclude_max=True), flipped=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_or_cut_file_is_refused(tmp_path: Path, place_of: float, flipped: int, *, cut: bool) -> None:
    """Wherever a byte changes or the file ends, either it is refused and nothing is lost, or it still says exactly the same."""
    place = Place(settings_at(tmp_path / "a.db"), None)
    file = tmp_path / "backup"
    if not file.exists():
        place.write(fill)
        back_up(place.settings, file, 50.0)
    content = bytearray(file.read_bytes())
    at = int(place_of * len(content))
    if cut:
        del content[at:]
    else:
        content[at] ^= flipped
    damaged = tmp_path / "damaged"
    damaged.write_bytes(content)
    before = everything(place)
    said = ""
    try:
        restore(place.settings, damaged, 60.0, force=True)
    except ConfigurationError as error:
        said = str(error)
    assert not said or "nothing was restored" in said
    assert not cut or said
    assert everything(place) == before


def test_a_backup_under_writers_is_of_one_moment(place: Place, other: Place, tmp_path: Path) -> None:
    """With eight writers it holds, of each, everything acknowledged before it began, and no gap: what is missing is only the end."""
    if other.dialect == "postgres" and place.dialect == "sqlite":
        place, other = other, place
    writers, turns = 8, 12
    acknowledged: list[int] = [0] * writers
    enough, written = threading.Event(), tmp_path / "backup"

    async def write(store: Store, number: int) -> None:
        for n in range(turns):
            pair = (Message(f"{number}-{n}-q", "user", "?", 1.0), Message(f"{number}-{n}-a", "assistant", "!", 1.0))
            await store.write(lambda pair=pair: append_messages("id-ana", f"w{number}", pair))
            acknowledged[number] = n + 1
            if sum(acknowledged) >= writers * 3:
                enough.set()
            await asyncio.sleep(0.01)

    async def story(store: Store) -> list[int]:
        await store.write(lambda: insert_accounts([person("ana")]))
        for number in range(writers):
            begun = Conversation(f"w{number}", "t", 1.0, 0)
            await store.write(lambda begun=begun: insert_conversation("id-ana", begun))
        writing = [asyncio.ensure_future(write(store, number)) for number in range(writers)]
        await asyncio.to_thread(enough.wait, 30)
        before = list(acknowledged)
        await asyncio.to_thread(back_up, place.settings, written, 50.0)
        await asyncio.gather(*writing)
        return before

    before = place.tell(story)
    restore(other.settings, written, 60.0)
    for number in range(writers):
        sql = f"SELECT id FROM messages WHERE conversation_id = 'w{number}' ORDER BY seq"
        kept = [row[0] for row in other.look(sql)]
        expected = [f"{number}-{n}-{side}" for n in range(turns) for side in "qa"]
        assert kept == expected[: len(kept)]
        assert before[number] * 2 <= len(kept) <= len(expected)


def test_a_backup_of_an_older_version_is_brought_up_to_date(
    filled: Place, other: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an older service wrote fits: it is put in place as it was, and then moved forward."""
    asyncio.run(once(filled.settings, bring_to(dialect_of(filled.settings), 5.0, 2, back=True)))
    with monkeypatch.context() as older:
        older.setattr("service.store.backup.LATEST", 2)
        kept = {
            table: key for table, key in KEYS.items() if table in {"accounts", "conversations", "messages", "audit"}
        }
        older.setattr("service.store.backup.KEYS", kept)
        back_up(filled.settings, tmp_path / "backup", 50.0)
    restore(other.settings, tmp_path / "backup", 60.0)
    assert other.look("SELECT max(version) FROM migrations") == [(LATEST,)]
    assert len(other.look("SELECT id FROM messages")) == 6
    other.write(lambda: conversation("id-budi", "c-new", 70.0))


def test_a_database_of_another_version_is_not_backed_up(filled: Place, tmp_path: Path) -> None:
    """A backup is made by the service that knows the tables; no file is left when it is refused."""
    asyncio.run(once(filled.settings, bring_to(dialect_of(filled.settings), 5.0, 2, back=True)))
    with pytest.raises(ConfigurationError, match="version 2"):
        back_up(filled.settings, tmp_path / "backup", 50.0)
    assert not list(tmp_path.glob("backup*"))


def test_nothing_is_restored_under_a_running_service(filled: Place, tmp_path: Path) -> None:
    """A database that another connection has open is refused by the command, with what to do, and changed by --while-open only; one that it leaves meanwhile is not."""
    file = tmp_path / "backup"
    back_up(filled.settings, file, 50.0)
    before = everything(filled)

    async def story(store: Store) -> None:
        await store.read(lambda: one("SELECT 1"))
        refused = await asyncio.to_thread(command, filled, "restore", str(file), "--force")
        assert refused.returncode == 2, refused.stderr
        assert "stop it first" in refused.stderr
        taken = await asyncio.to_thread(command, filled, "restore", str(file), "--force", "--while-open")
        assert taken.returncode == 0, taken.stderr

    filled.tell(story)
    assert command(filled, "restore", str(file), "--force").returncode == 0
    after = everything(filled)
    for rows in (before, after):
        del rows["audit"]
    assert after == before


def command(place: Place, *words: str) -> subprocess.CompletedProcess[str]:
    """A command on a place's database, in a process of its own."""
    named = (
        {"COURTSIGHT_DATABASE_URL": place.url} if place.url else {"COURTSIGHT_DATABASE": str(place.settings.database)}
    )
    environment = {**os.environ, "COURTSIGHT_ENVIRONMENT": "development", **named}
    return subprocess.run(
        [sys.executable, "-m", "service", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_full_disk_leaves_no_file(filled: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the backup cannot be written to its end, it has no name and nothing stays."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(ConfigurationError, match="No space left"):
        back_up(filled.settings, tmp_path / "backup", 50.0)
    assert not list(tmp_path.glob("backup*"))


def test_a_folder_that_cannot_be_synced_is_told_of_a_file_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The backup has its name and is whole: the message says that, and what may still go wrong; the status is no success, and the audit trail has the copy."""

    def failing(_: Path) -> None:
        raise OSError(5, "Input/output error")

    place, file = Place(settings_at(tmp_path / "a.db"), None), tmp_path / "b"
    place.write(fill)
    monkeypatch.setenv("COURTSIGHT_DATABASE", str(tmp_path / "a.db"))
    monkeypatch.setenv("COURTSIGHT_ENVIRONMENT", "development")
    monkeypatch.setattr(storage, "flush_folder", failing)
    assert main(["backup", str(file)]) == 2
    told = capsys.readouterr().err
    assert "it is written and whole, but its folder cannot be synced (Input/output error)" in told
    assert "nothing was written" not in told
    assert place.look("SELECT count(*) FROM audit WHERE action = 'backup'") == [(1,)]
    assert restore(settings_at(tmp_path / "other.db"), file, 60.0)["accounts"] == 2


def test_a_damaged_database_is_not_backed_up(tmp_path: Path) -> None:
    """SQLite's own check runs first: a backup of a damaged file would only look whole."""
    place = Place(settings_at(tmp_path / "a.db"), None)
    place.write(fill)
    content = bytearray((tmp_path / "a.db").read_bytes())
    (page,) = place.look("SELECT rootpage FROM sqlite_master WHERE name = 'messages_of_a_conversation'")
    content[(page[0] - 1) * 4096 + 8 : page[0] * 4096] = bytes(4096 - 8)
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(ConfigurationError):
        back_up(place.settings, tmp_path / "backup", 50.0)
    assert not list(tmp_path.glob("backup*"))


def test_a_damaged_database_is_called_so_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever needs a backup most meets a damaged file: each command says that waiting mends nothing, and where to restore to; that works."""
    database, saved = tmp_path / "a.db", tmp_path / "saved"
    place = Place(settings_at(database), None)
    place.write(fill)
    back_up(place.settings, saved, 50.0)
    pages = place.look("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'accounts'")
    content = bytearray(database.read_bytes())
    for (page,) in pages:
        content[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    database.write_bytes(content)
    monkeypatch.setenv("COURTSIGHT_DATABASE", str(database))
    monkeypatch.setenv("COURTSIGHT_ENVIRONMENT", "development")
    for command in (["accounts", "list"], ["backup", str(tmp_path / "b")], ["restore", str(saved), "--force"]):
        assert main(command) == 2
        told = capsys.readouterr().err
        assert "damaged" in told
        assert "restore a backup into a new one" in told
        assert "Try again" not in told
    for file in tmp_path.glob("a.db*"):
        file.rename(file.with_name(f"damaged-{file.name}"))
    assert main(["restore", str(saved)]) == 0
    assert "2 accounts" in capsys.readouterr().out


def test_a_database_that_takes_no_writes_is_backed_up_all_the_same(
    filled: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever saves what is left gets their backup, and is told that the audit trail does not name it."""

    def full(*_: object, **__: object) -> None:
        raise ConfigurationError("the disk is full")

    setting = (
        ("COURTSIGHT_DATABASE_URL", filled.url)
        if filled.url
        else ("COURTSIGHT_DATABASE", str(filled.settings.database))
    )
    monkeypatch.setenv(*setting)
    monkeypatch.setenv("COURTSIGHT_ENVIRONMENT", "development")
    # Not `with_store`: a command that is imported meanwhile would keep it.
    monkeypatch.setattr(storage, "open_store", full)
    assert main(["backup", str(tmp_path / "b")]) == 0
    assert "the backup is whole, and does not stand in the audit trail: the disk is full" in capsys.readouterr().err
    assert (tmp_path / "b").exists()


def test_the_commands_migrate_back_up_restore_and_tidy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command says in a line what it did, and what it refuses and why."""
    monkeypatch.setenv("COURTSIGHT_DATABASE", str(tmp_path / "a.db"))
    monkeypatch.setenv("COURTSIGHT_ENVIRONMENT", "development")
    assert main(["backup", str(tmp_path / "b")]) == 2
    assert main(["migrate"]) == 0
    Place(settings_at(tmp_path / "a.db"), None).write(fill)
    assert main(["backup", str(tmp_path / "b")]) == 0
    assert main(["restore", str(tmp_path / "b")]) == 2
    trail = "SELECT action, actor FROM audit WHERE action IN ('backup', 'restore')"
    place, actor = Place(settings_at(tmp_path / "a.db"), None), f"command line, uid {os.getuid()}"
    assert place.look(trail) == [("backup", actor)]
    moved = "SELECT subject, actor FROM audit WHERE action = 'migrate'"
    assert place.look(moved) == [(f"version 0 -> {LATEST}", actor)]
    assert main(["restore", str(tmp_path / "b"), "--force"]) == 0
    assert place.look(trail) == [("restore", actor)]
    assert main(["restore", str(tmp_path / "none")]) == 2
    assert main(["migrate", "--to", "1"]) == 2
    assert main(["migrate", "--to", "1", "--yes"]) == 0
    assert main(["migrate", "--show"]) == 0
    assert main(["retention", "show"]) == 0
    assert main(["retention", "run"]) == 0
    assert main(["retention", "run", "--trust-clock"]) == 0
    said = capsys.readouterr()
    assert f"version 0 -> {LATEST}" in said.out
    assert "version 1, newest" in said.out
    assert "conversations\t365 days\t3 past" in said.out
    held_back, _, let_go = said.out.rpartition("reckoned by 1970-01-01T06:00:1")
    assert "conversations\t3 gone" not in held_back
    assert "conversations\t3 gone" in let_go
    for told in ("there is none", "not empty", "No such file", "say --yes"):
        assert told in said.err
