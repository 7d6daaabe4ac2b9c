"""A person who asks to be forgotten is nowhere afterwards."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from service.__main__ import main
from service.erasing import erase_person
from service.errors import NotFound
from service.settings import Settings
from service.store.accounts import insert_accounts
from service.store.audit import note
from service.store.backup import KEYS, LineWriter, write_backup
from service.store.opening import dialect_of, once
from service.store.sqlite.connection import connect
from service.store.sqlite.sqlite_store import SqliteStore
from service.store.store import Store
from service.store.switches import turn
from service.store.usage import all_talk, all_usage
from service.store.work import Work, run
from service.telemetry.logging import pseudonym
from tests.service.store.conftest import Place, person, settings_at
from tests.service.store.stories import conversation

NAME, ID = "rahmawati", "id-rahmawati"
SECRET = "Zb3kq9XwTt7uPq2LmN8vYrCs5dHgJf1KaEoQiW0"
SECRETS = ("a first secret of the tests", "the one before it")
HASHES = tuple(pseudonym(secret, NAME) for secret in SECRETS)
ADDRESS = "0123456789abcdef"
TRACES = (NAME, "c-one", "c-two", "hash-of-the-key", "private words", "request-c-one", *HASHES, ADDRESS)


def live() -> Work[None]:
    """Of the person something in every table that can hold it; somebody with a longer name, and ana, stay."""
    yield from insert_accounts([person(NAME), person(f"{NAME}.b"), person("ana")])
    for name in ("c-one", "c-two"):
        yield from conversation(ID, name, 10.0, ("p-law",))
        yield from run("UPDATE messages SET content = 'private words ' || content WHERE conversation_id = $1", name)
        yield from note(
            11.0, "conversation_exported", name, actor=ID, request_id=f"request-{name}", conversation_id=name
        )
    yield from conversation("id-ana", "c-ana", 10.0, ("p-law",))
    key = "INSERT INTO api_keys (id, account_id, name, digest, hint, scopes, created_at) VALUES ('k1', $1, $2, 'hash-of-the-key', 'h', '[]', 1.0)"
    yield from run(key, ID, f"key of {NAME}")
    retry = "INSERT INTO idempotency (account_id, key, fingerprint, holder, leased_until, body, created_at) VALUES ($1, 'k', 'f', 'h', 1.0, 'private words', 1.0)"
    yield from run(retry, ID)
    document = "INSERT INTO documents (id, name, media_type, bytes, digest, state, detail, created_by, created_at) VALUES ($1, 'law.pdf', 'application/pdf', 1, 'd', 'done', '', $2, 1.0)"
    yield from run(document, "d1", ID)
    yield from run(document, "d2", NAME)
    yield from turn("extractive-only", on=True, now=1.0, by=NAME)
    yield from note(12.0, "account_role", f"{NAME} judge", actor=NAME)
    for seen in HASHES:
        yield from note(12.0, "login", f"name {seen} address {ADDRESS}", actor=ID)
        yield from note(12.0, "login_failed", f"name {seen} address {ADDRESS}")
    yield from note(12.0, "login_failed", f"name {HASHES[0][::-1]} address {ADDRESS[::-1]}")
    yield from note(12.0, "account_role", f"{NAME}.b judge", actor="id-ana")


def everything(place: Place) -> str:
    """Every value of every table."""
    lines: list[bytes] = []
    work = write_backup(dialect_of(place.settings), 1.0, LineWriter(lines.append))
    asyncio.run(once(place.settings, work, snapshot=True))
    assert len(json.loads(lines[0])["tables"]) == len(KEYS)
    return b"".join(lines).decode().replace(f"{NAME}.b", "SOMEBODY-ELSE")


def files(settings: Settings) -> bytes:
    """The bytes of the SQLite file and of all that stands beside it."""
    folder = settings.database.parent
    return b"".join(file.read_bytes() for file in sorted(folder.glob(f"{settings.database.name}*")))


def erase(place: Place, *, keep_account: bool = False) -> int:
    async def story(store: Store) -> int:
        return await erase_person(store, NAME, "erased-1", 90_000.0, keep_account=keep_account, seen_as=HASHES)

    return place.tell(story)


def test_nothing_of_a_person_is_left_in_any_table(place: Place) -> None:
    """Names, ids, words, keys, comments and requests are gone; the trail keeps a pseudonym, and others keep what is theirs."""
    place.write(live)
    before = everything(place)
    assert all(trace in before for trace in TRACES)
    assert erase(place) == 2
    after = everything(place)
    assert not [trace for trace in TRACES if trace in after]
    assert "words of c-ana" in after
    assert place.look("SELECT actor, subject FROM audit WHERE action = 'account_role' ORDER BY seq") == [
        ("erased-1", "erased-1 judge"),
        ("id-ana", f"{NAME}.b judge"),
    ]
    logins = place.look("SELECT action, subject, actor FROM audit WHERE action LIKE 'login%' AND subject LIKE 'name%'")
    own = [("login", "name erased-1", "erased-1"), ("login_failed", "name erased-1", "")] * 2
    assert sorted(logins) == sorted([*own, ("login_failed", f"name {HASHES[0][::-1]} address {ADDRESS[::-1]}", "")])
    assert ("erase", "erased-1") in place.look("SELECT action, subject FROM audit")
    assert sorted(place.look("SELECT username FROM accounts")) == [("ana",), (f"{NAME}.b",)]
    assert place.look("SELECT created_by FROM documents") == [("erased-1",), ("erased-1",)]
    assert [int(row[0]) for row in place.look("SELECT sum(requests) FROM usage_hours")] == [3]


@pytest.mark.parametrize("name", ["admin", "name", "account_made", "login", "command", "extractive-only"])
def test_a_name_that_is_a_word_takes_nothing_of_others(place: Place, name: str) -> None:
    """Somebody may be called like a role, an action or any word of the trail: lines of others stay as they are."""

    def others() -> Work[None]:
        yield from insert_accounts([person("budi")], by="command line, uid 0")
        yield from note(1.0, "account_role", "budi admin", actor="command line, uid 0", request_id="r1")
        yield from note(2.0, "permission_denied", "Permission 'admin' required", actor="id-budi", request_id="r2")
        yield from note(3.0, "login", f"name {HASHES[0]} address {ADDRESS}", actor="id-budi", request_id="r3")
        yield from turn("extractive-only", on=True, now=4.0, by="id-budi")

    async def story(store: Store) -> int:
        return await erase_person(store, name, "erased-1", 90_000.0, seen_as=[pseudonym(SECRET, name)])

    everybody = "SELECT action, subject, actor, request_id FROM audit ORDER BY seq"
    place.write(others)
    before = place.look(everybody)
    place.write(lambda: insert_accounts([person(name)], by="command line, uid 0"))
    place.tell(story)
    after = place.look(everybody)
    assert after[: len(before)] == before
    assert after[len(before)][:2] == ("account_made", "erased-1 judge")


def test_sums_of_usage_name_nobody(place: Place) -> None:
    """What a person asked stays in sums by role and model, also of the hour and the day that run; among a day's users the person is not."""
    now = 2 * 3_600.0 + 600.0

    def asked() -> Work[None]:
        yield from insert_accounts([person(NAME), person("ana")])
        yield from conversation(ID, "c-one", 3_600.0, ())
        yield from conversation(ID, "c-two", now - 60.0, ())
        yield from conversation("id-ana", "c-ana", now - 60.0, ())

    async def story(store: Store) -> tuple[list[tuple[int, int]], list[tuple[int, ...]]]:
        await erase_person(store, NAME, "erased-1", now)
        hours = await store.read(lambda: all_usage(0, 3))
        days = await store.read(lambda: all_talk(0, 1))
        return [(one.hour, one.requests) for one in hours], [
            (one.conversations, one.messages, one.scores, one.users) for one in days
        ]

    place.write(asked)
    assert place.tell(story) == ([(1, 1), (2, 2)], [(3, 6, 3, 1)])
    counts = "conversations, begun, users, messages, scores, points"
    columns = {
        "usage_hours": "hour, role, model, requests, input_tokens, output_tokens, cost_usd, seconds",
        "conversation_hours": f"hour, role, model, {counts}",
        "conversation_days": f"day, role, model, {counts}",
    }
    for table, names in columns.items():
        assert place.look(f"SELECT {names} FROM {table}") == place.look(f"SELECT * FROM {table}") != []
        assert len(place.look(f"SELECT * FROM {table}")[0]) == len(names.split(", ")), (
            "no column that could name somebody"
        )


def test_a_kept_account_may_begin_anew(place: Place) -> None:
    """With the account kept it is still open, and owns nothing; only the account's own row and its pseudonym remain."""
    place.write(live)
    erase(place, keep_account=True)
    assert place.look(f"SELECT disabled FROM accounts WHERE username = '{NAME}'") == [(0,)]
    assert place.look(f"SELECT count(*) FROM conversations WHERE account_id = '{ID}'") == [(0,)]
    rest = everything(place)
    assert rest.count(NAME) == 2
    place.write(lambda: conversation(ID, "c-new", 30.0))


def test_somebody_who_does_not_exist_is_told(peopled: Place) -> None:
    """Nothing is changed for a name that nobody has."""
    before = everything(peopled)
    with pytest.raises(NotFound):
        erase(peopled)
    assert everything(peopled) == before


@contextmanager
def running(settings: Settings) -> Iterator[SqliteStore]:
    """A store that stays open beside, as a running service has it."""
    store = SqliteStore(settings.database, 1.0, 1.0)
    try:
        yield store
    finally:
        store._writer.close()
        store._reading.close()
        store._writing.close()


def test_the_file_of_sqlite_holds_no_trace(tmp_path: Path) -> None:
    """Freed pages are overwritten and the log is emptied, also while a service has the file open."""
    place = Place(settings_at(tmp_path / "a.db"), None)
    place.write(live)
    with running(place.settings):
        assert b"private words" in files(place.settings)
        erase(place)
        left = files(place.settings).replace(f"{NAME}.b".encode(), b"")
    assert not [trace for trace in TRACES if trace.encode() in left]


def test_without_secure_delete_the_words_would_stay(tmp_path: Path) -> None:
    """The search of the file finds what SQLite leaves in free pages when it is not told to overwrite them."""
    place = Place(settings_at(tmp_path / "a.db"), None)
    place.write(live)
    with closing(connect(place.settings.database, 1.0)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("DELETE FROM conversations")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"private words" in files(place.settings)


@pytest.mark.parametrize("secret", [None, SECRET])
def test_the_command_erases_and_names_a_typo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], secret: str | None
) -> None:
    """The command says how much went, what it could not find without the signing secret, and that backups still hold it; a wrong name is answered with the nearest one."""
    monkeypatch.delenv("COURTSIGHT_JWT_SECRET", raising=False)
    if secret:
        monkeypatch.setenv("COURTSIGHT_JWT_SECRET", secret)
    monkeypatch.setenv("COURTSIGHT_DATABASE", str(tmp_path / "a.db"))
    monkeypatch.setenv("COURTSIGHT_ENVIRONMENT", "development")
    place = Place(settings_at(tmp_path / "a.db"), None)
    place.write(live)
    place.write(lambda: note(13.0, "login_failed", f"name {pseudonym(SECRET, NAME)} address {ADDRESS}"))
    assert main(["accounts", "erase", "--username", "rahmawat"]) == 2
    assert "did you mean 'rahmawati'" in capsys.readouterr().err
    assert main(["accounts", "erase", "--username", NAME]) == 0
    told = capsys.readouterr().out
    assert "2 conversations; backups" in told
    assert ("Without COURTSIGHT_JWT_SECRET" in told) == (secret is None)
    left = everything(place)
    assert NAME not in left
    assert (pseudonym(SECRET, NAME) in left) == (secret is None)
    told_of = place.look(
        "SELECT action, actor FROM audit WHERE action IN ('account_disabled', 'erase') ORDER BY action"
    )
    actor = f"command line, uid {os.getuid()}"
    assert told_of == [("account_disabled", actor), ("erase", actor)]
