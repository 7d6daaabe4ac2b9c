"""Lines are gathered, and leave in time."""

from __future__ import annotations

import asyncio
import io
import logging

import orjson

from service.telemetry.drops import Drops
from service.telemetry.logging import LINES, EventLog, StandardLogs


class Counting(io.BytesIO):
    """A stream that counts how often it is written to."""

    writes = 0

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self.writes += 1
        return super().write(data)


def logger(stream: io.BytesIO, drops: Drops | None = None) -> EventLog:
    return EventLog(stream, "info", lambda: 1_795_000_000.25, gather=LINES, drops=drops)


def test_lines_of_one_moment_are_one_write() -> None:
    """What is written together leaves together, a few milliseconds later, in its order and whole."""
    stream = Counting()

    async def talk() -> int:
        log = logger(stream)
        for number in range(10):
            log.write("info", "request", number=number)
        before = stream.writes
        await asyncio.sleep(0.05)
        return before

    assert asyncio.run(talk()) == 0
    assert stream.writes == 1
    assert [orjson.loads(line)["number"] for line in stream.getvalue().splitlines()] == list(range(10))


def test_members_give_the_line_that_fields_give() -> None:
    """A line made of ready members is the one that the same fields give, and keeps to the level of the log."""
    ready, usual = io.BytesIO(), io.BytesIO()
    logger(ready).write_members("info", '"event":"request","route":"/v1/chat","code":200,"duration_seconds":0.000120')
    logger(ready).write_members("debug", '"event":"request"')
    logger(usual).write("info", "request", route="/v1/chat", code=200, duration_seconds=0.00012)
    assert orjson.loads(ready.getvalue()) == orjson.loads(usual.getvalue())
    assert ready.getvalue().endswith(b"}\n")


def test_many_lines_do_not_wait() -> None:
    """So many lines as are gathered leave without waiting for the clock."""
    stream = Counting()

    async def talk() -> None:
        log = logger(stream)
        for _ in range(LINES):
            log.write("info", "request")

    asyncio.run(talk())
    assert stream.writes == 1


def test_an_error_leaves_at_once_with_all_before_it() -> None:
    """A crash that follows an error takes neither the error nor what led to it."""
    stream = Counting()

    async def talk() -> list[str]:
        log = logger(stream)
        log.write("info", "request")
        log.write("error", "unhandled")
        return [orjson.loads(line)["event"] for line in stream.getvalue().splitlines()]

    assert asyncio.run(talk()) == ["request", "unhandled"]


def test_without_a_loop_nothing_waits() -> None:
    """Commands and threads, which have no loop to write later, write each line."""
    stream = Counting()
    logger(stream).write("info", "request")
    assert stream.writes == 1


def test_what_cannot_be_written_is_counted() -> None:
    """A closed stream raises nothing, and its lines are counted as lost."""
    stream, drops = io.BytesIO(), Drops()
    log = logger(stream, drops)
    stream.close()
    log.write("info", "request")
    (lost,) = [s for f in drops.counter.collect() for s in f.samples if s.value and s.name.endswith("_total")]
    assert (lost.labels, lost.value) == ({"signal": "logs", "reason": "unwritable"}, 1.0)


def test_the_moment_is_told_to_the_millisecond() -> None:
    """RFC 3339 in UTC."""
    stream = io.BytesIO()
    logger(stream).write("info", "request")
    assert orjson.loads(stream.getvalue())["timestamp"] == "2026-11-18T11:06:40.250Z"


def test_values_of_libraries_stay_out() -> None:
    """A library's record is told by its template's first line and its place, without what it quotes, and stays one line."""
    stream = io.BytesIO()
    record = logging.LogRecord(
        "asyncio", logging.ERROR, "/x/f.py", 7, "failed: %s\nfuture: ValueError('rahasia')\x1b[2J", ("rahasia",), None
    )
    StandardLogs(logger(stream)).emit(record)
    (line,) = stream.getvalue().splitlines()
    assert b"rahasia" not in line
    assert (orjson.loads(line)["message"], orjson.loads(line)["place"]) == ("failed: %s", "f.py:7")
