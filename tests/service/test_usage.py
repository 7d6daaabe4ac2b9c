"""What was asked and what it cost, by hour, day, model and role."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.store import sums
from service.store.accounts import Account, insert_accounts
from service.store.answers import SavedAnswer, insert_answer
from service.store.conversations import Conversation, Message, delete_conversation, insert_conversation, insert_messages
from service.store.feedback import Feedback, put_feedback
from service.store.sqlite.connection import connect, migrate
from service.store.sqlite.driving import drive
from service.store.sums import settle, sum_up_before_removal, unsettled
from service.store.usage import Split, all_talk, all_usage, own_talk, own_usage
from service.store.work import Command, Work

HOUR = 3_600.0
DAY = 24 * HOUR


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = connect(tmp_path / "a.db", 0.1)
    migrate(opened, 1.0)
    people = [
        Account(name, name, "judge", "hash", disabled=False, created_at=1.0, tokens_valid_after=0.0)
        for name in ("ana", "budi")
    ]
    drive(opened, insert_accounts(people))
    yield opened
    opened.close()


def say(name: str, owner: str, at: float, model: str = "extractive", score: int | None = None) -> Work[None]:
    """One answer of two seconds in a conversation of its own."""
    yield from insert_conversation(owner, Conversation(name, "t", at, 0))
    yield from insert_messages(name, [Message(name, "assistant", "a", at)])
    saved = SavedAnswer(
        name, name[:1], name, "r", "t", at - 2, at, int(at // HOUR), "judge", "simple", "ok", None, 0.5, model, 0, 10, 20,
        "provider", 0.5, "{}", "{}",
    )  # fmt: skip
    yield from insert_answer(SavedAnswer(**{**fields_of(saved), "account_id": owner}), {})
    if score:
        yield from put_feedback(Feedback(name, score, "", at))


def fields_of(saved: SavedAnswer) -> dict[str, Any]:
    return {name: getattr(saved, name) for name in SavedAnswer.__slots__}


def test_usage_is_the_same_before_and_after_it_is_summed_up(connection: sqlite3.Connection) -> None:
    """Settling moves hours out of the answers into sums, and no figure changes; a second time adds nothing."""
    for number in range(40):
        drive(
            connection,
            say(f"c{number}", ("ana", "budi")[number % 2], 10 * DAY + number * 0.7 * HOUR, "m" if number % 3 else "n"),
        )
    before = sorted(drive(connection, all_usage(240, 300)), key=repr), drive(connection, all_talk(10, 13))
    now = 10 * DAY + 20 * HOUR
    while drive(connection, unsettled(now)):
        drive(connection, settle(now))
    drive(connection, settle(now))
    assert connection.execute("SELECT count(*) FROM usage_hours").fetchone()[0] > 10
    assert (sorted(drive(connection, all_usage(240, 300)), key=repr), drive(connection, all_talk(10, 13))) == before
    assert sum(one.requests for one in before[0]) == 40


def test_what_was_summed_up_outlives_the_answers(connection: sqlite3.Connection) -> None:
    """Deleting a user's data leaves the sums, in which nobody is named."""
    drive(connection, say("c1", "ana", 10 * DAY))
    drive(connection, settle(20 * DAY))
    drive(connection, delete_conversation("ana", "c1"))
    (used,) = drive(connection, all_usage(0, 500))
    assert (used.requests, used.input_tokens, used.output_tokens, used.cost_usd, used.seconds) == (1, 10, 20, 0.5, 2.0)
    assert drive(connection, own_usage("ana", 0, 500)) == []


def test_an_idle_month_does_not_stop_the_summing_up(connection: sqlite3.Connection) -> None:
    """A gap longer than what one round sums up is stepped over."""
    for number, day in enumerate((1, 40, 90)):
        drive(connection, say(f"c{number}", "ana", day * DAY))
    rounds = 0
    while drive(connection, unsettled(100 * DAY)):
        drive(connection, settle(100 * DAY))
        rounds += 1
    assert rounds == 3
    assert [one.place for one in drive(connection, all_talk(0, 100))] == [1, 40, 90]


def test_an_hour_is_not_summed_up_while_it_may_grow(connection: sqlite3.Connection) -> None:
    """Writes that are late by seconds still count: an hour is settled five minutes after its end."""
    drive(connection, say("c1", "ana", 10 * DAY + 10))
    assert not drive(connection, unsettled(10 * DAY + HOUR + 299))
    assert drive(connection, unsettled(10 * DAY + HOUR + 301))


def test_a_clock_that_was_ahead_leaves_no_hour_uncounted(connection: sqlite3.Connection) -> None:
    """Answers of the wrong time were summed up, also those of the hour that had to wait: set right, each answer counts once, now and when that time comes."""
    ahead = 30 * DAY
    drive(connection, say("before", "ana", 10 * DAY + 60))
    drive(connection, say("wrong", "ana", ahead))
    while drive(connection, unsettled(ahead + 2 * DAY)):
        drive(connection, settle(ahead + 2 * DAY))
    now = 10 * DAY + 600
    drive(connection, say("after", "budi", now))
    while drive(connection, unsettled(now)):
        drive(connection, settle(now))
    for moment in (now, 12 * DAY, ahead + 2 * DAY):
        while drive(connection, unsettled(moment)):
            drive(connection, settle(moment))
        used = {one.hour: one.requests for one in drive(connection, all_usage(0, 1_000))}
        assert used == {240: 2, 720: 1}
        talked = {one.place: (one.conversations, one.messages) for one in drive(connection, all_talk(0, 100))}
        assert talked == {10: (2, 4), 30: (1, 2)}
    # A clock that is put right by seconds, as all are, opens nothing anew.
    assert not drive(connection, unsettled(ahead + 2 * DAY - 1))


def test_days_count_conversations_users_messages_and_scores(connection: sqlite3.Connection) -> None:
    """Each user and conversation once a day; one's own statistics hold nobody else's."""
    for number, owner in enumerate(("ana", "ana", "budi")):
        drive(connection, say(f"c{number}", owner, 10 * DAY + number, score=number + 1))
    (everybody,) = drive(connection, all_talk(0, 100))
    assert (everybody.conversations, everybody.users, everybody.messages) == (3, 2, 6)
    assert (everybody.scores, everybody.points) == (3, 6)
    (own,) = drive(connection, own_talk("budi", 0, 100))
    assert (own.conversations, own.users, own.messages, own.scores, own.points) == (1, 1, 2, 1, 3)


BY_MESSAGE = {"sqlite_autoindex_answers_1"}


def plans_of(connection: sqlite3.Connection, work: Work[Any]) -> list[str]:
    """How SQLite would run each command of a piece of work."""
    plans: list[str] = []
    command: Command | None = next(work)
    while command:
        sql = command.sql
        for place in range(9, 0, -1):
            sql = sql.replace(f"${place}", f"?{place}")
        plans += [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", command.values)]
        try:
            command = work.send([(241 * HOUR,)] if "min(answered_at)" in sql else [])
        except StopIteration:
            command = None
    return plans


@pytest.mark.parametrize(
    ("work", "indexes"),
    [
        (lambda: own_usage("ana", 240, 300), {"answers_of_an_account"}),
        (lambda: all_usage(240, 300), {"answers_by_moment"}),
        (lambda: own_talk("ana", 10, 12), {"answers_of_an_account"}),
        (lambda: own_talk("ana", 240, 300, sums.HOUR, Split(role=True)), {"answers_of_an_account"}),
        (lambda: all_talk(10, 12), {"answers_by_moment", *BY_MESSAGE}),
        (lambda: all_talk(240, 300, sums.HOUR, Split(model=True)), {"answers_by_moment", *BY_MESSAGE}),
        (lambda: settle(20 * DAY), {"answers_by_moment"}),
        (lambda: sum_up_before_removal("c1"), BY_MESSAGE),
    ],
)
def test_no_statistics_read_the_whole_table(connection: sqlite3.Connection, work: Any, indexes: set[str]) -> None:
    """Every query of answers is a search by an index: its cost is that of the range, not of a million rows."""
    plans = plans_of(connection, work())
    on_answers = [plan for plan in plans if "answers" in plan or " a " in plan or " n " in plan]
    assert on_answers
    assert all(any(index in plan for index in indexes) for plan in on_answers), plans
    assert {plan for plan in plans if plan.startswith("SCAN")} <= {"SCAN CONSTANT ROW", "SCAN r", "SCAN m", "SCAN t"}


def test_own_usage_over_http(house: Any) -> None:
    """Requests, tokens, mean seconds and cost of the caller alone, by model and role."""
    house.ask("judge", "Apa itu hukum pidana?")
    answer = house.ask("judge", "Apa itu tindak pidana korupsi?")
    house.ask("public", "Apa itu hukum pidana?")
    body = house.send("GET", "/v1/usage", "judge").json()
    (row,) = body["usage"]
    assert (row["role"], row["model"], row["requests"], row["start"]) == (
        "judge",
        "extractive",
        2,
        "2026-11-18T00:00:00.000Z",
    )
    assert row["output_tokens"] >= answer["usage"]["output_tokens"]
    assert row["mean_seconds"] > 0
    assert (body["scope"], body["by"], body["free_model_ratio"]) == ("own", "day", None)
    everybody = house.send("GET", "/v1/usage", "admin", params={"scope": "all", "by": "hour"}).json()
    assert {row["role"]: row["requests"] for row in everybody["usage"]} == {"judge": 2, "public": 1}


def test_conversation_statistics_over_http(house: Any) -> None:
    """Conversations, users and feedback by day."""
    answer = house.ask("judge", "Apa itu hukum pidana?")
    house.send("PUT", f"/v1/messages/{answer['id']}/feedback", "judge", json={"score": 4})
    (day,) = house.send("GET", "/v1/usage/conversations", "admin", params={"scope": "all"}).json()["days"]
    assert day == {
        "day": "2026-11-18",
        "start": "2026-11-18T00:00:00.000Z",
        "role": None,
        "model": None,
        "conversations": 1,
        "begun": 1,
        "users": 1,
        "messages": 2,
        "mean_turns": 1.0,
        "feedback": 1,
        "feedback_mean": 4.0,
    }


def test_conversations_by_hour_role_and_model_over_http(house: Any) -> None:
    """Each step says which role and model it is of; null is all of them, and the lists bear the name of the step."""
    answer = house.ask("judge", "Apa itu hukum pidana?")
    house.ask("judge", "Apa itu tindak pidana korupsi?", conversation_id=answer["conversation_id"])
    house.ask("public", "Apa itu hukum pidana?")
    asked = {"scope": "all", "by": "hour", "split": "role"}
    body = house.send("GET", "/v1/usage/conversations", "admin", params=asked).json()
    assert (body["by"], body["split"], body["scope"]) == ("hour", "role", "all")
    assert "days" not in body
    shown = {
        (one["start"], one["role"], one["model"]): (one["conversations"], one["begun"], one["mean_turns"])
        for one in body["hours"]
    }
    assert shown == {
        ("2026-11-18T11:00:00.000Z", "judge", None): (1, 1, 2.0),
        ("2026-11-18T11:00:00.000Z", "public", None): (1, 1, 1.0),
    }
    own = house.send("GET", "/v1/usage/conversations", "judge", params={"split": "both", "from": "2026-11-18"}).json()
    (day,) = own["days"]
    assert (day["day"], day["role"], day["model"], day["messages"]) == ("2026-11-18", "judge", "extractive", 4)


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"by": "week"}, "by"),
        ({"split": "user"}, "split"),
        ({"by": "hour", "from": "2026-01-01", "to": "2026-03-01"}, "from"),
    ],
)
def test_statistics_that_nobody_keeps_are_invalid(house: Any, params: dict[str, str], path: str) -> None:
    """The answer names the parameter, as for usage."""
    response = house.send("GET", "/v1/usage/conversations", "judge", params=params)
    assert response.status_code == 422
    assert response.json()["errors"][0]["path"] == path


def test_a_range_in_local_time_is_widened_to_whole_hours_of_utc(house: Any) -> None:
    """A moment with an offset is that moment; half an hour at either end brings the whole hour."""
    house.ask("judge", "Apa itu hukum pidana?")
    asked = {"by": "hour", "from": "2026-11-18T18:10:00+07:00", "to": "2026-11-18T18:50:00+07:00"}
    body = house.send("GET", "/v1/usage/conversations", "judge", params=asked).json()
    assert (body["from"], body["to"]) == ("2026-11-18T11:00:00.000Z", "2026-11-18T12:00:00.000Z")
    assert [one["messages"] for one in body["hours"]] == [2]


def test_everybodys_usage_is_for_administrators(house: Any) -> None:
    """Another role is told which permission it lacks."""
    for path in ("/v1/usage", "/v1/usage/conversations"):
        response = house.send("GET", path, "judge", params={"scope": "all"})
        assert (response.status_code, response.json()["code"]) == (403, "permission_required")


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"by": "year"}, "by"),
        ({"scope": "theirs"}, "scope"),
        ({"from": "yesterday"}, "from"),
        ({"to": ""}, "to"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "from"),
        ({"from": "2020-01-01", "to": "2026-01-01"}, "from"),
        ({"by": "hour", "from": "2026-01-01", "to": "2026-03-01"}, "from"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "from"),
        ({"to": "9999-12-31"}, "to"),
    ],
)
def test_a_range_out_of_form_is_invalid(house: Any, params: dict[str, str], path: str) -> None:
    """Ranges are limited and must hold something; the answer names the parameter."""
    response = house.send("GET", "/v1/usage", "judge", params=params)
    assert response.status_code == 422
    assert response.json()["errors"][0]["path"] == path


def test_the_examples_of_the_description_are_ranges(house: Any) -> None:
    """What the OpenAPI document shows for a range can be asked as it stands."""
    described = house.send("GET", "/openapi.json").json()["paths"]
    for path in ("/v1/usage", "/v1/usage/conversations"):
        examples = {one["name"]: one["example"] for one in described[path]["get"]["parameters"] if "example" in one}
        assert set(examples) == {"from", "to"}
        assert house.send("GET", path, "judge", params=examples).status_code == 200
