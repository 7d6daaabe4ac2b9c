"""What concerns security leaves a line, and a flood of it leaves a sum."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from service.errors import StorageUnavailable, TooBusy
from service.security.audit import EACH_MINUTE, AuditTrail
from service.store.audit import AuditEvent, audit_since
from service.store.sqlite.sqlite_store import SqliteStore


def trail_of(house: Any) -> list[tuple[str, str, str]]:
    house.run(house.app.state.services.audit.keep(house.wall_clock.now))
    connection = sqlite3.connect(house.database)
    found = connection.execute("SELECT action, subject, actor FROM audit WHERE action <> 'account_made' ORDER BY seq")
    lines = found.fetchall()
    connection.close()
    return lines


def test_access_leaves_its_lines(house: Any) -> None:
    """Login and logout, a wrong password, a refused credential of each kind and a missing permission, each with its actor."""
    house.send("GET", "/v1/switches/extractive-only", "judge")
    house.send("POST", "/v1/auth/token", json={"username": "a-judge", "password": "wrong"})
    house.send("GET", "/v1/auth/me", headers={"Authorization": "Bearer a.b.c"})
    house.send("GET", "/v1/auth/me", headers={"X-API-Key": "cs_x"})
    house.send("GET", "/v1/auth/me", headers={"X-API-Key": "cs_x", "Cookie": "courtsight_session=x"})
    house.send("POST", "/v1/auth/logout", "judge")
    house.send("GET", "/v1/auth/me", "judge")
    lines = trail_of(house)
    assert sorted((action, actor) for action, _, actor in lines) == sorted(
        [
            ("login", "id-judge"),
            ("permission_denied", "id-judge"),
            ("login_failed", ""),
            *[("credential_refused", "")] * 4,
            ("logout", "id-judge"),
        ]
    )
    kinds = {subject.partition(":")[0] for action, subject, _ in lines if action == "credential_refused"}
    assert kinds == {"unauthenticated", "ambiguous_credentials", "token_revoked"}


def test_a_login_that_is_not_even_tried_leaves_a_line(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of another site that would log a browser in, and a password for whose check too many wait already, are taken down."""

    async def full(_: object, __: str) -> bool:
        raise TooBusy("Too many logins wait")

    login = {"username": "a-judge", "password": house.password}
    foreign = {"Origin": "https://evil.example"}
    assert house.send("POST", "/v1/auth/token", json={**login, "cookie": True}, headers=foreign).status_code == 403
    monkeypatch.setattr(house.app.state.services.passwords, "matches", full)
    assert house.send("POST", "/v1/auth/token", json=login).status_code == 429
    (refused, delayed) = trail_of(house)
    assert (refused[0], refused[1].partition(":")[0]) == ("credential_refused", "origin_refused")
    assert delayed[0] == "login_delayed"
    assert "a-judge" not in delayed[1]


def test_no_line_names_who_tried(house: Any) -> None:
    """A login is taken down by keyed hashes of name and address: the same for the same, and neither itself."""
    for _ in range(2):
        house.send("POST", "/v1/auth/token", json={"username": "my-password-by-mistake", "password": "wrong"})
    subjects = [subject for action, subject, _ in trail_of(house) if action == "login_failed"]
    assert len(subjects) == 2
    assert len(set(subjects)) == 1
    assert "my-password" not in subjects[0]
    assert "127.0.0.1" not in subjects[0]


def test_a_good_chat_writes_nothing_into_the_trail(house: Any) -> None:
    """The hot path leaves no line."""
    house.token("judge")
    before = len(trail_of(house))
    house.ask("judge", "Apa itu hukum pidana?")
    assert len(trail_of(house)) == before


def test_lines_survive_the_end_of_the_process(build_house: Any) -> None:
    """What waits is written before the database closes."""
    house = build_house()
    house.send("POST", "/v1/auth/token", json={"username": "x", "password": "wrong"})
    house.stop()
    connection = sqlite3.connect(house.database)
    assert connection.execute("SELECT count(*) FROM audit WHERE action = 'login_failed'").fetchone() == (1,)
    connection.close()
    house.__init__(house.app, house.database, house.output, house.wall_clock)
    house.start()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


def kept(database: Path, story: Any) -> list[AuditEvent]:
    async def told() -> list[AuditEvent]:
        store = SqliteStore(database, 1.0, 0.0)
        try:
            await story(AuditTrail(store))
            return list(await store.read(lambda: audit_since(0.0, 10_000)))
        finally:
            await store.close()

    return asyncio.run(told())


def test_a_flood_becomes_a_sum_a_minute(database: Path) -> None:
    """A hundred thousand refusals in three minutes are some sixty lines and three sums, and every event is counted."""

    async def story(trail: AuditTrail) -> None:
        for number in range(100_000):
            moment = 6_000 + number * 180 / 100_000
            trail.note(AuditEvent(moment, "credential_refused", f"{number}"))
            if number % 9_000 == 0:
                await trail.keep(moment)
        await trail.close()

    found = kept(database, story)
    assert len(found) == 3 * EACH_MINUTE + 3
    assert sum(event.times for event in found) == 100_000


def test_one_action_in_flood_hides_no_other(database: Path) -> None:
    """Each action has lines of its own."""

    async def story(trail: AuditTrail) -> None:
        for number in range(5_000):
            trail.note(AuditEvent(60.0, "credential_refused", str(number)))
        trail.note(AuditEvent(61.0, "permission_denied", "admin", "ana"))
        await trail.keep(62.0)

    assert next(event for event in kept(database, story) if event.action == "permission_denied").actor == "ana"


def test_what_cannot_be_written_waits(database: Path) -> None:
    """While the database is locked events are kept, a bounded number of them, and written once it is not."""

    async def story(trail: AuditTrail) -> None:
        lock = sqlite3.connect(database, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        for number in range(300):
            trail.note(AuditEvent(60.0 * number, f"action{number % 15}", "x"))
        with pytest.raises(StorageUnavailable):
            await trail.keep(61.0)
        lock.close()
        trail.note(AuditEvent(120.0, "late", "x"))
        await trail.close()

    found = kept(database, story)
    assert sum(event.times for event in found) == 301
