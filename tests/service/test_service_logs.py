"""Log lines say what happened, and nothing of what people ask or are called."""

from __future__ import annotations

import io
import logging
import sys
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from service.telemetry.logging import EventLog, StandardLogs, pseudonym

MARK = "zebracrossing"


def test_lines_hold_no_question_answer_or_name(house: Any) -> None:
    """Neither a question, nor an answer, nor a user's name, password or token is written, whatever the outcome."""
    token = house.token("judge")
    house.ask("judge", f"Apa itu hukum pidana {MARK}?")
    house.send("POST", "/v1/chat", "judge", json={"message": MARK * 1_000})
    house.send("POST", "/v1/chat", "judge", json={"message": MARK, "conversation_id": MARK})
    house.send("POST", "/v1/auth/token", json={"username": MARK, "password": MARK})
    house.send("POST", "/v1/tools/LegalRetriever", "judge", json={"query": MARK})
    house.send("GET", f"/v1/conversations/{MARK}", "judge")
    house.send("GET", f"/{MARK}")
    written = house.output.getvalue().decode()
    for secret in (MARK, "a-judge", "id-judge", house.password, house.secret, token, "Hukum pidana menentukan"):
        assert secret not in written


def test_a_request_leaves_one_line(house: Any) -> None:
    """The line has route, status, duration, ids, and for chat role, class and outcome; the user is a keyed hash."""
    answer = house.ask("judge", "Apa itu hukum pidana?")
    (line,) = [one for one in house.log_lines() if one.get("request_id") == answer["request_id"]]
    assert line["event"] == "request"
    assert (line["route"], line["method"], line["code"]) == ("/v1/chat", "POST", 200)
    assert (line["role"], line["complexity"], line["outcome"]) == ("judge", "simple", "ok")
    assert line["user"] == pseudonym(house.secret, "id-judge")
    assert len(line["trace_id"]) == 32
    assert line["duration_seconds"] > 0


def test_probes_are_quiet(house: Any) -> None:
    """What a probe asks every second is written at `debug` only."""
    house.send("GET", "/health/live")
    assert house.log_lines()[-1]["level"] == "debug"


def test_a_pseudonym_needs_the_key() -> None:
    """The same user has one pseudonym per key, and different users have different ones."""
    assert pseudonym("k1", "ana") == pseudonym("k1", "ana")
    assert len({pseudonym("k1", "ana"), pseudonym("k2", "ana"), pseudonym("k1", "budi")}) == 3


@given(st.text(max_size=100))
def test_an_event_is_always_one_line(text: str) -> None:
    """Line breaks and control characters in a value cannot forge a second line."""
    output = io.BytesIO()
    EventLog(output, "info", lambda: 0.0).write("info", "request", route=text.encode("utf-8", "replace").decode())
    (line,) = output.getvalue().splitlines()
    assert orjson.loads(line)["event"] == "request"


def test_libraries_log_into_the_same_lines() -> None:
    """A record of the standard library becomes an event; of an exception only the type is told."""
    output = io.BytesIO()
    handler = StandardLogs(EventLog(output, "info", lambda: 0.0))
    try:
        raise ValueError("what somebody asked")
    except ValueError:
        record = logging.LogRecord("uvicorn.error", logging.ERROR, "f", 1, "failed", None, sys.exc_info())
    handler.emit(record)
    line = orjson.loads(output.getvalue())
    assert (line["level"], line["logger"], line["message"], line["exception"]) == (
        "error", "uvicorn.error", "failed", "ValueError",
    )  # fmt: skip
    assert b"what somebody asked" not in output.getvalue()


class FullDisk(io.BytesIO):
    """A stream whose disk has no room, and how often that was tried."""

    tried = 0

    def flush(self) -> None:
        self.tried += 1
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_harms_no_request() -> None:
    """Without room for the line the caller goes on; the line is lost."""
    disk = FullDisk()
    log = EventLog(disk, "info", lambda: 0.0)
    log.write("info", "request")
    log.write("info", "request")
    assert disk.tried == 2
