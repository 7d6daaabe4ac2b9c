"""Unhandled errors at Sentry: what is told, and what never is."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import orjson
import pytest

from service.chat.brief import Brief
from service.errors import ConfigurationError
from service.llm.engine import WritingEvent
from service.telemetry.drops import Drops
from service.telemetry.sentry import SentryReports

SEEDED = "NIK-3174-rahasia-zebracrossing"


class Failing:
    """An engine whose error quotes the question."""

    name = "failing"
    models: Mapping[str, str] = {"failing": "fake"}

    async def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        secret_local = SEEDED
        if brief:
            raise RuntimeError(f"cannot answer {secret_local}")
        yield


def events(receiver: Any) -> list[dict[str, Any]]:
    """The payloads of all envelopes."""
    found = []
    for body in receiver.bodies:
        _, *rest = body.split(b"\n")
        found += [orjson.loads(line) for line in rest if line.startswith(b'{"') and b'"exception"' in line]
    return found


@pytest.mark.parametrize("stream", [False, True])
def test_an_unhandled_error_is_told_by_type_and_place(build_house: Any, receive: Any, stream: bool) -> None:
    """Type, frames, release and ids arrive; no text of the exception, question, name, header or local variable does."""
    sentry = receive()
    reports = SentryReports(f"http://key@127.0.0.1:{sentry.port}/1", "0.1.0", "development", Drops())
    house = build_house(engine=Failing(), reports=reports)
    question = "Apa itu hukum pidana?"
    response = house.send("POST", "/v1/chat", "judge", json={"message": question, "stream": stream})
    reports.close()
    assert sentry.bodies, response.text
    (event,) = events(sentry)
    (exception,) = event["exception"]["values"]
    assert exception["type"] == "RuntimeError"
    assert exception["stacktrace"]["frames"][-1]["function"].endswith("write")
    assert event["tags"] == {
        "request_id": response.headers["x-request-id"], "trace_id": response.headers["x-trace-id"],
    }  # fmt: skip
    assert event["release"] == "0.1.0"
    assert set(event) <= {
        "event_id", "timestamp", "level", "platform", "release", "environment", "exception", "tags", "sdk",
    }  # fmt: skip
    sent = b"".join(sentry.bodies).decode()
    for secret in (SEEDED, "a-judge", house.token("judge"), "hukum pidana", "Authorization", socket.gethostname()):
        assert secret not in sent


def test_a_problem_is_no_unhandled_error(build_house: Any, receive: Any) -> None:
    """What a client did wrong, and what the service refuses on purpose, is nobody's alarm."""
    sentry = receive()
    reports = SentryReports(f"http://key@127.0.0.1:{sentry.port}/1", "0.1.0", "development", Drops())
    house = build_house(reports=reports)
    house.send("POST", "/v1/chat", json={"message": "x"})
    house.send("POST", "/v1/chat", "judge", json={"message": 1})
    reports.close()
    assert sentry.bodies == []


def test_nobody_there_costs_the_report_and_nothing_else(build_house: Any) -> None:
    """With a dead Sentry the client gets its problem as ever."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    reports = SentryReports(f"http://key@127.0.0.1:{port}/1", "0.1.0", "development", Drops())
    house = build_house(engine=Failing(), reports=reports)
    response = house.send("POST", "/v1/chat", "judge", json={"message": "Apa itu hukum pidana?"})
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    reports.close()


def test_what_is_no_dsn_is_refused() -> None:
    """The line names the setting and not its value."""
    with pytest.raises(ConfigurationError, match="COURTSIGHT_SENTRY_DSN") as caught:
        SentryReports("keep-this-secret", "0.1.0", "production", Drops())
    assert "keep-this-secret" not in str(caught.value)
