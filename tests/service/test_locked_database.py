"""Another connection holds the database: nothing unsaved is shown as answered, and the service recovers by itself."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

QUESTION = {"message": "Apa itu hukum pidana?"}


def test_chat_fails_while_the_database_is_locked(house: Any) -> None:
    """A valid token still counts, and the answer is 503 storage_unavailable for as long as the lock is held."""
    token = house.token("judge")
    other = sqlite3.connect(house.database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for _ in range(2):
        response = house.send("POST", "/v1/chat", headers={"Authorization": f"Bearer {token}"}, json=QUESTION)
        assert (response.status_code, response.json()["code"]) == (503, "storage_unavailable")
        assert response.headers["Retry-After"] == "1"
    other.execute("ROLLBACK")
    other.close()
    assert house.ask("judge", QUESTION["message"])["outcome"] == "ok"
    assert house.sample("chatbot_requests_total", role="judge", complexity="simple", outcome="error") == 2
    assert house.sample("chatbot_requests_total", role="judge", complexity="simple", outcome="ok") == 1
    assert house.sample("chatbot_messages_received_total") == 3
    assert house.sample("chatbot_messages_processed_total") == 1


def test_a_stream_ends_with_an_error_while_locked(house: Any, lock: sqlite3.Connection) -> None:
    """A streamed answer that could not be saved has no `done`."""
    events = house.stream("judge", QUESTION["message"])
    assert events[-1][0] == "error"
    assert events[-1][1]["code"] == "storage_unavailable"
    assert "done" not in {event for event, _ in events}
    lock.execute("ROLLBACK")
    assert house.send("GET", "/v1/conversations", "judge").json()["conversations"] == []
    assert house.sample("chatbot_ttft_seconds_count", role="judge", complexity="simple") == 0


def test_reading_and_logging_in_work_while_locked(house: Any, lock: sqlite3.Connection) -> None:
    """In WAL mode a writer does not stop readers."""
    assert house.send("GET", "/v1/conversations", "judge").status_code == 200
    assert house.send("GET", "/health/live").status_code == 200


def test_readiness_fails_while_locked_and_returns(house: Any, lock: sqlite3.Connection) -> None:
    """The probe names the failing check, and is ready again as soon as the lock is gone."""
    response = house.send("GET", "/health/ready")
    assert response.status_code == 503
    assert response.json()["status"] == "not_ready"
    assert response.json()["checks"] == {"database": "failing", "index": "ok"}
    lock.execute("ROLLBACK")
    assert house.send("GET", "/health/ready").json()["status"] == "ready"


def test_many_waiting_requests_all_fail_and_leave_nothing(house: Any, lock: sqlite3.Connection) -> None:
    """Requests that wait together fail together; afterwards none is in flight and the next one is answered."""
    headers = {"Authorization": f"Bearer {house.token('judge')}"}

    async def ask_many() -> list[int]:
        asked = (house.client.post("/v1/chat", json=QUESTION, headers=headers) for _ in range(30))
        return [response.status_code for response in await asyncio.gather(*asked)]

    assert house.run(ask_many()) == [503] * 30
    assert house.sample("chatbot_requests_in_flight") == 0
    lock.execute("ROLLBACK")
    assert house.ask("judge", QUESTION["message"])["outcome"] == "ok"


def test_other_writes_fail_alike(house: Any, lock: sqlite3.Connection) -> None:
    """Making a conversation and logging out tell that nothing was saved."""
    assert house.send("POST", "/v1/conversations", "judge", json={}).status_code == 503
    assert house.send("POST", "/v1/auth/logout", "judge").status_code == 503
    lock.execute("ROLLBACK")
    assert house.send("GET", "/v1/tools", "judge").status_code == 200
