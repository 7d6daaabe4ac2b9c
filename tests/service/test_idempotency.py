"""Requests that are sent again under one Idempotency-Key."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import orjson
import pytest

from service.api.idempotency import fingerprint
from service.chat.brief import Brief
from service.llm.calls import Usage
from service.llm.engine import Piece, WritingEvent, Written

QUESTION = {"message": "Apa itu hukum pidana?"}


class SlowEngine:
    """An engine that takes its time and counts how often it was asked; it fails while `broken`."""

    name = "slow"
    models: Mapping[str, str] = {"slow": "fake"}

    def __init__(self) -> None:
        self.asked = 0
        self.broken = False
        self.seconds = 0.1
        self.begun = asyncio.Event()

    async def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        self.asked += 1
        self.begun.set()
        yield Piece("Menurut sumber [1]. ")
        await asyncio.sleep(self.seconds)
        if self.broken:
            raise RuntimeError("broken")
        yield Written("slow", "fake", Usage(3, 6))


def send(house: Any, key: str, body: dict[str, Any] | None = None, role: str = "judge") -> Any:
    return house.send("POST", "/v1/chat", role, json=body or QUESTION, headers={"Idempotency-Key": key})


def rows(house: Any, sql: str) -> list[Any]:
    connection = sqlite3.connect(house.database)
    found = connection.execute(sql).fetchall()
    connection.close()
    return found


def test_a_retry_gets_the_same_answer_once(house: Any) -> None:
    """The second response equals the first byte for byte, says that it is a replay, and nothing was stored or counted twice."""
    first, second = send(house, "k1"), send(house, "k1")
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert rows(house, "SELECT count(*) FROM messages") == [(2,)]
    assert house.sample("chatbot_messages_processed_total") == 1
    assert house.sample("chatbot_requests_total", role="judge", complexity="simple", outcome="ok") == 2


def test_members_in_another_order_are_the_same_request(house: Any) -> None:
    """Order and spacing of a body do not make it another one."""
    headers = {"Idempotency-Key": "k"}
    bodies = (
        b'{"message": "Apa itu hukum pidana?", "stream": false}',
        b'{"stream":false,"message":"Apa itu hukum pidana?"}',
    )
    answers = [house.send("POST", "/v1/chat", "judge", content=body, headers=headers).json() for body in bodies]
    assert answers[0] == answers[1]


def test_members_however_deep_take_part_in_no_error(house: Any) -> None:
    """A member that nobody reads may lie deeper than JSON is written again: the request is answered, replayed, and told from another one."""
    headers = {"Idempotency-Key": "k"}
    bodies = [
        b'{"message": "Apa itu hukum pidana?", "x": ' + b"[" * deep + b"]" * deep + b"}" for deep in (300, 300, 301)
    ]
    answers = [house.send("POST", "/v1/chat", "judge", content=body, headers=headers) for body in bodies]
    assert [answer.status_code for answer in answers] == [200, 200, 422]
    assert answers[0].content == answers[1].content
    assert answers[2].json()["code"] == "idempotency_mismatch"


def test_another_body_under_the_same_key_is_refused(house: Any) -> None:
    """A key belongs to one request: 422 idempotency_mismatch, and the first answer stays."""
    first = send(house, "k")
    other = send(house, "k", {"message": "Apa itu hukum perdata?"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert send(house, "k").json() == first.json()


def test_keys_of_two_accounts_do_not_meet(house: Any) -> None:
    """The same key and body of somebody else is another request, whose answer is theirs."""
    mine, theirs = send(house, "k").json(), send(house, "k", role="other").json()
    assert mine["id"] != theirs["id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "a\tb"])
def test_a_key_has_its_shape(house: Any, key: str) -> None:
    """One to 255 visible ASCII characters; anything else names the header."""
    response = send(house, key)
    assert response.status_code == 422
    assert [error["path"] for error in response.json()["errors"]] == ["Idempotency-Key"]


def test_two_keys_on_one_request_are_refused(house: Any) -> None:
    """Which of two keys counts is nobody's guess."""
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), ("Authorization", f"Bearer {house.token('judge')}")]
    response = house.run(house.client.post("/v1/chat", json=QUESTION, headers=headers))
    assert response.status_code == 422


def test_two_at_the_same_time_are_answered_once(build_house: Any) -> None:
    """The second request waits for the first one's answer and replays it; the engine is asked once."""
    engine = SlowEngine()
    house = build_house(engine)
    headers = {"Authorization": f"Bearer {house.token('judge')}", "Idempotency-Key": "k"}

    async def both() -> list[Any]:
        posts = [house.client.post("/v1/chat", json=QUESTION, headers=headers) for _ in range(5)]
        return list(await asyncio.gather(*posts))

    responses = house.run(both())
    assert {response.content for response in responses} == {responses[0].content}
    assert [response.status_code for response in responses] == [200] * 5
    assert sum("Idempotency-Replayed" in response.headers for response in responses) == 4
    assert engine.asked == 1


def test_a_failed_answer_leaves_its_key_free(build_house: Any) -> None:
    """An error is not kept: the next request with the key is answered at once."""
    engine = SlowEngine()
    engine.broken = True
    house = build_house(engine)
    assert send(house, "k").status_code == 500
    engine.broken = False
    answered = send(house, "k")
    assert answered.status_code == 200
    assert "Idempotency-Replayed" not in answered.headers
    assert rows(house, "SELECT count(*) FROM messages") == [(2,)]


def test_a_cut_connection_leaves_its_key_free(build_house: Any) -> None:
    """When the first reader leaves before the answer is kept, the work ends, and a retry is answered at once."""
    engine = SlowEngine()
    engine.seconds = 30.0
    house = build_house(engine)
    body = orjson.dumps(QUESTION)
    scope = {
        "type": "http", "method": "POST", "path": "/v1/chat", "raw_path": b"/v1/chat", "query_string": b"",
        "headers": [(b"host", b"service"), (b"authorization", f"Bearer {house.token('judge')}".encode()), (b"idempotency-key", b"k"), (b"content-length", b"%d" % len(body))],
        "http_version": "1.1", "scheme": "http", "server": ("service", 80), "client": ("client", 1), "root_path": "",
        "asgi": {"version": "3.0"},
    }  # fmt: skip
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    answered = []

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        await engine.begun.wait()
        return {"type": "http.disconnect"}

    async def take(message: dict[str, Any]) -> None:
        answered.append(message)

    house.run(house.app(scope, receive, take))
    assert answered == []
    engine.seconds = 0.0
    assert send(house, "k").status_code == 200
    assert rows(house, "SELECT count(*) FROM messages") == [(2,)]
    assert engine.asked == 2


def test_a_claim_of_a_killed_process_runs_out(house: Any) -> None:
    """A claim that nobody renews is taken over once its lease has ended; until then a retry waits."""
    connection = sqlite3.connect(house.database, isolation_level=None)
    now = house.wall_clock.now
    connection.execute(
        "INSERT INTO idempotency (account_id, key, fingerprint, holder, leased_until, created_at)"
        " VALUES ('id-judge', 'k', ?, 'dead', ?, ?)",
        (fingerprint("/v1/chat", orjson.dumps(QUESTION)), now + 0.006, now),
    )
    connection.close()
    answered = send(house, "k")
    assert answered.status_code == 200
    assert "Idempotency-Replayed" not in answered.headers
    assert house.wall_clock.now > now + 0.006


def test_who_lost_a_lease_keeps_nothing(build_house: Any) -> None:
    """An answer whose claim was taken over meanwhile is not stored: 409, and the messages of the other one stand alone."""
    engine = SlowEngine()
    house = build_house(engine)
    headers = {"Authorization": f"Bearer {house.token('judge')}", "Idempotency-Key": "k"}

    async def robbed() -> Any:
        task = asyncio.create_task(house.client.post("/v1/chat", json=QUESTION, headers=headers))
        await engine.begun.wait()
        connection = sqlite3.connect(house.database, isolation_level=None)
        connection.execute("UPDATE idempotency SET holder = 'another'")
        connection.close()
        return await task

    response = house.run(robbed())
    assert (response.status_code, response.json()["code"]) == (409, "idempotency_busy")
    assert response.headers["Retry-After"] == "1"
    assert rows(house, "SELECT count(*) FROM messages") == [(0,)]


def test_a_stream_is_replayed_as_a_stream(house: Any) -> None:
    """The replay has the same `done`, steps and text, and is no second answer."""
    body = {**QUESTION, "stream": True}
    first, second = send(house, "k", body), send(house, "k", body)
    assert second.headers["content-type"].startswith("text/event-stream")
    assert second.headers["Idempotency-Replayed"] == "true"
    assert _events(first)[0] == _events(second)[0]
    assert _events(first)[-1] == _events(second)[-1]
    assert (
        "".join(data["text"] for event, data in _events(second) if event == "delta") == _events(first)[-1][1]["answer"]
    )
    assert rows(house, "SELECT count(*) FROM messages") == [(2,)]


def _events(response: Any) -> list[tuple[str, Any]]:
    frames = [frame.split("\n") for frame in response.text.strip().split("\n\n")]
    return [(event.removeprefix("event: "), orjson.loads(data.removeprefix("data: "))) for event, data in frames]


def test_a_key_is_forgotten_after_a_day(house: Any) -> None:
    """Twenty-four hours after its first request a key may be used anew, and the row of the old one is gone."""
    first = send(house, "k").json()
    house.wall_clock.now += 86_400
    house._tokens.clear()
    second = send(house, "k", {"message": "Apa itu hukum perdata?"})
    assert second.status_code == 200
    assert second.json()["id"] != first["id"]
    assert rows(house, "SELECT count(*) FROM idempotency") == [(1,)]


def test_what_is_deleted_is_not_replayed(house: Any) -> None:
    """With its conversation goes the answer that a key held."""
    first = send(house, "k").json()
    house.send("DELETE", f"/v1/conversations/{first['conversation_id']}", "judge")
    assert rows(house, "SELECT count(*) FROM idempotency") == [(0,)]


def test_a_locked_database_claims_nothing(house: Any, lock: Any) -> None:
    """While the database takes no writes, a request with a key is 503, as one without is."""
    response = send(house, "k")
    assert (response.status_code, response.json()["code"]) == (503, "storage_unavailable")
