"""What goes when its days are over, and what stays."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from service.errors import StorageUnavailable
from service.retention import RetentionRound, apply_retention, retention_due, sweep_passages
from service.store.accounts import insert_accounts
from service.store.audit import note
from service.store.conversations import delete_conversation
from service.store.postgres_store.driving import drive
from service.store.retention import (
    DAY_SECONDS,
    ROUND_SECONDS,
    STEP_SECONDS,
    Retention,
    let_conversations_go,
    reckon,
    reckoned,
)
from service.store.revocations import revoke
from service.store.spending import write_spending
from service.store.store import Store
from service.store.usage import all_usage
from service.store.work import Work, run
from service.telemetry.logging import EventLog
from tests.service.postgres_server import Server
from tests.service.store.conftest import Place, person, settings_at
from tests.service.store.stories import conversation, turn

NOW = 1_795_000_000.0
RULES = Retention(conversations_days=10, audit_days=20, usage_days=30, idempotency_days=1)
FOR_EVER = Retention(conversations_days=None, audit_days=None, usage_days=None, idempotency_days=1)


def ago(days: float) -> float:
    return NOW - days * DAY_SECONDS


def fill() -> Work[None]:
    """Of everything one that is past its days and one that is not."""
    yield from conversation("id-ana", "old", ago(11), ("p-old", "p-both"))
    yield from conversation("id-ana", "young", ago(9), ("p-young", "p-both"))
    yield from conversation("id-budi", "revived", ago(12), ("p-revived",))
    yield from turn("id-budi", "revived", "again", ago(1))
    yield from run("DELETE FROM audit")
    for name, days in (("old", 21), ("young", 19)):
        yield from note(ago(days), name, "somebody")
    for key, days in (("old", 1.1), ("young", 0.9)):
        insert = "INSERT INTO idempotency (account_id, key, fingerprint, holder, leased_until, created_at) VALUES ('id-ana', $1, 'f', 'h', 1.0, $2)"
        yield from run(insert, key, ago(days))
    yield from revoke("young", NOW + 60, ago(2))
    yield from run("INSERT INTO revoked_tokens (jti, expires_at) VALUES ('old', $1)", NOW - 1)
    yield from write_spending("p", {("2026-10-10", "judge"): 1.0, ("2026-11-17", "judge"): 1.0})
    key = "INSERT INTO api_keys (id, account_id, name, digest, hint, scopes, created_at, expires_at, revoked_at) VALUES ($1, 'id-ana', 'n', $1, 'h', '[]', 1.0, $2, $3)"
    yield from run(key, "ended", ago(21), None)
    yield from run(key, "revoked", None, ago(21))
    yield from run(key, "lasting", None, None)
    usage = "INSERT INTO usage_hours VALUES ($1, 'judge', 'm', 1, 1, 1, 0.0, 0.0)"
    yield from run(usage, int(ago(31) // 3600))
    for step, seconds in (("hour", 3600), ("day", DAY_SECONDS)):
        for days in (31, 29):
            talk = f"INSERT INTO conversation_{step}s VALUES ($1, 'judge', 'm', 1, 1, 1, 2, 0, 0)"
            yield from run(talk, int(ago(days) // seconds))


def ids(place: Place, column: str, table: str) -> set[str]:
    return {row[0] for row in place.look(f"SELECT {column} FROM {table}")}


@pytest.fixture
def filled(peopled: Place) -> Place:
    peopled.write(fill)
    return peopled


def test_what_is_past_its_days_goes_and_the_rest_stays(filled: Place) -> None:
    """Each rule takes exactly what is older than it says; a conversation lives from its last message on."""
    due = filled.tell(lambda store: retention_due(store, RULES, NOW))
    gone = filled.tell(lambda store: apply_retention(store, RULES, NOW))
    assert gone == {
        "conversations": 1, "idempotency": 1, "revoked_tokens": 1, "api_keys": 2, "audit": 1, "usage_hours": 1,
        "conversation_hours": 1, "conversation_days": 1, "spending": 1,
    }  # fmt: skip
    assert {table: count for table, (_, count) in due.items()} == gone
    assert ids(filled, "id", "conversations") == {"young", "revived"}
    assert ids(filled, "action", "audit") == {"young"}
    assert ids(filled, "key", "idempotency") == ids(filled, "jti", "revoked_tokens") == {"young"}
    assert ids(filled, "id", "api_keys") == {"lasting"}
    assert ids(filled, "day", "spending") == {"2026-11-17"}
    assert not filled.tell(lambda store: apply_retention(store, RULES, NOW))


def test_usage_outlives_the_answers(filled: Place) -> None:
    """Requests, tokens and costs of answers that go are summed up by then, and everybody's usage stays the same."""
    filled.write(lambda: run("DELETE FROM usage_hours"))
    hours = int(ago(40) // 3600), int(NOW // 3600)
    before = filled.read(lambda: all_usage(*hours))
    assert len(before) == 4
    filled.tell(lambda store: apply_retention(store, RULES, NOW))
    filled.write(lambda: delete_conversation("id-ana", "young"), lambda: delete_conversation("id-budi", "revived"))
    assert filled.look("SELECT count(*) FROM answers") == [(0,)]
    assert filled.read(lambda: all_usage(*hours)) == before
    assert sum(one.cost_usd for one in before) == 1.0


def test_rounds_at_the_same_time_count_every_answer_once(peopled: Place) -> None:
    """Two processes that let the same conversations go do not add their usage twice."""

    def many() -> Work[None]:
        for n in range(25):
            yield from conversation("id-ana", f"c{n}", ago(11))

    peopled.write(many)

    async def story(store: Store) -> None:
        await asyncio.gather(*(apply_retention(store, RULES, NOW) for _ in range(3)))

    peopled.tell(story)
    assert [int(row[0]) for row in peopled.look("SELECT sum(requests) FROM usage_hours")] == [25]


@pytest.mark.integration
def test_a_conversation_that_is_taken_up_again_meanwhile_stays(
    new_database: Callable[[], str], server: Server, tmp_path: Path
) -> None:
    """An answer that is acknowledged while the round waits for its conversation is not deleted with it."""
    url = server.url(new_database(), "courtsight_writer", "w")
    place = Place(settings_at(tmp_path / "unused.db", url), url)
    place.write(lambda: insert_accounts([person("ana")]))
    place.write(lambda: conversation("id-ana", "old", ago(11)))

    async def story(store: Store) -> int:
        other = await asyncpg.connect(url)
        try:
            async with other.transaction():
                await drive(other, turn("id-ana", "old", "late", NOW))
                round_ = asyncio.create_task(store.write(lambda: let_conversations_go(ago(10), 10)))
                await somebody_waiting(other)
            return await round_
        finally:
            await other.close()

    assert place.tell(story) == 0
    assert len(place.look("SELECT id FROM messages WHERE conversation_id = 'old'")) == 4


async def somebody_waiting(connection: asyncpg.Connection) -> None:
    """Returns once somebody in this database waits for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    for _ in range(1_000):
        # Within a transaction the view stands still unless it is told to be read anew.
        await connection.execute("SELECT pg_stat_clear_snapshot()")
        if await connection.fetchval(waiting):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")


def test_what_is_kept_for_ever_stays(filled: Place) -> None:
    """Without days nothing goes but idempotency keys and revocations of tokens that have expired."""
    gone = filled.tell(lambda store: apply_retention(store, FOR_EVER, NOW))
    assert set(gone) == {"idempotency", "revoked_tokens"}


def test_passages_go_when_no_answer_refers_to_them(filled: Place) -> None:
    """A passage goes with its last answer, but not within a day of being written, because an answer may be about to refer to it."""
    filled.tell(lambda store: apply_retention(store, RULES, NOW))
    filled.write(lambda: run("INSERT INTO passages VALUES ('p-fresh', '{}', $1)", ago(0.5)))
    assert filled.tell(lambda store: sweep_passages(store, NOW)) == 1
    assert ids(filled, "digest", "passages") == {"p-both", "p-young", "p-revived", "p-fresh"}
    assert filled.tell(lambda store: sweep_passages(store, NOW)) == 0


def test_a_passage_that_comes_back_meanwhile_stays(filled: Place) -> None:
    """A passage that an answer writes again between the look and the deletion is not deleted."""
    filled.tell(lambda store: apply_retention(store, RULES, NOW))

    class Meanwhile:
        """A store in which an answer is kept just before anything is deleted."""

        def __init__(self, store: Store) -> None:
            self.read = store.read
            self._store = store

        async def write(self, job: object) -> object:
            await self._store.write(lambda: turn("id-ana", "young", "late", NOW, ("p-old",)))
            return await self._store.write(job)  # type: ignore[arg-type]  # a fake hands on what it is given

    assert filled.tell(lambda store: sweep_passages(Meanwhile(store), NOW)) == 0  # type: ignore[arg-type]  # as above
    assert "p-old" in ids(filled, "digest", "passages")


def test_a_round_of_the_service_tells_what_went(filled: Place) -> None:
    """The log names tables and counts, nothing of what was in them; a round without anything to do is silent."""
    output = io.BytesIO()
    log = EventLog(output, "info", lambda: NOW)

    async def story(store: Store) -> None:
        keeping = RetentionRound(store, RULES, lambda: NOW, log, lambda _: None)
        await keeping.look()
        await keeping.look()

    filled.tell(story)
    lines = output.getvalue().decode().splitlines()
    assert len(lines) == 1
    assert '"conversations":1' in lines[0].replace(" ", "")
    assert "title" not in lines[0]


def test_a_clock_that_is_months_ahead_deletes_a_step_at_a_time(filled: Place) -> None:
    """A round lets go six hours more than the one before, tells that, and takes the clock as it is again once it is right."""
    output = io.BytesIO()
    clock = [NOW]
    held_back: list[float] = []
    log = EventLog(output, "info", lambda: NOW)

    async def story(store: Store) -> None:
        keeping = RetentionRound(store, RULES, lambda: clock[0], log, held_back.append)
        await store.write(lambda: reckon(NOW, trusted=True))
        await keeping.look()
        assert b"retention_behind" not in output.getvalue()
        clock[0] = ago(-90)
        # What is asked by the wrong clock does not make it right.
        await store.write(lambda: conversation("id-ana", "asked", clock[0]))
        for _ in range(3):
            await keeping.look()
            clock[0] += ROUND_SECONDS

    filled.tell(story)
    told = [line for line in output.getvalue().decode().splitlines() if "retention_behind" in line]
    assert len(told) == 3
    step = STEP_SECONDS - ROUND_SECONDS
    assert held_back == [
        0.0,
        90 * DAY_SECONDS - STEP_SECONDS,
        *(90 * DAY_SECONDS - STEP_SECONDS - n * step for n in (1, 2)),
    ]
    assert '"clock":"2027-02-16T' in told[0]
    assert '"reckoned":"2026-11-18T' in told[0]
    assert ids(filled, "id", "conversations") == {"young", "revived", "asked"}
    # A clock that was put back has no hour since the last step yet, and waits for it.
    assert filled.read(lambda: reckoned(NOW + DAY_SECONDS)) == NOW + 3 * STEP_SECONDS
    assert filled.write(lambda: reckon(NOW + 60))[0] == NOW + 60
    assert filled.read(lambda: reckoned(NOW + 120)) == NOW + 120


def test_workers_together_go_a_step_an_hour(filled: Place) -> None:
    """Of four that have their rounds within the hour each goes the part since the one before; one that was started anew goes nothing."""
    filled.write(lambda: reckon(NOW, trusted=True))
    ahead = ago(-90)
    assert filled.write(lambda: reckon(ahead))[0] == NOW + STEP_SECONDS
    for minutes, part in ((0, 0.0), (15, 0.25), (30, 0.5), (60, 1.0)):
        moment = ahead + minutes * 60
        assert filled.read(lambda at=moment: reckoned(at)) == NOW + STEP_SECONDS * (1 + part)  # type: ignore[misc]
        assert filled.write(lambda at=moment: reckon(at))[0] == NOW + STEP_SECONDS * (1 + part)  # type: ignore[misc]
    assert filled.write(lambda: reckon(ahead + DAY_SECONDS))[0] == NOW + 3 * STEP_SECONDS


def test_two_clocks_that_disagree_go_no_faster_than_one(filled: Place) -> None:
    """While one of two machines has the right time, the other's rounds go no more than a step ahead of it."""
    filled.write(lambda: reckon(NOW, trusted=True))
    for hour in range(3):
        right = NOW + hour * ROUND_SECONDS
        assert filled.write(lambda at=right: reckon(at))[0] == right  # type: ignore[misc]
        assert filled.write(lambda at=right + 90 * DAY_SECONDS: reckon(at))[0] == right + STEP_SECONDS  # type: ignore[misc]


def test_the_first_round_believes_the_clock_of_what_was_kept_last(peopled: Place) -> None:
    """Without messages it is the clock itself; else a step behind the newest one, so that a wrong clock at an upgrade deletes nothing."""
    assert peopled.read(lambda: reckoned(NOW)) == NOW
    peopled.write(lambda: conversation("id-ana", "c", ago(90)))
    newest = peopled.look("SELECT max(created_at) FROM messages")[0][0]
    assert peopled.read(lambda: reckoned(NOW)) == newest + STEP_SECONDS
    assert peopled.write(lambda: reckon(NOW))[0] == newest + STEP_SECONDS
    assert peopled.write(lambda: reckon(NOW, trusted=True))[0] == NOW
    assert peopled.read(lambda: reckoned(NOW)) == NOW


def test_a_database_that_takes_nothing_ends_the_round(filled: Place) -> None:
    """A failing round tells the caller; the next one goes on where it stopped."""

    async def story(store: Store) -> None:
        await store.close()
        with pytest.raises(StorageUnavailable):
            await apply_retention(store, RULES, NOW)

    filled.tell(story)
    assert filled.tell(lambda store: apply_retention(store, RULES, NOW))["conversations"] == 1
