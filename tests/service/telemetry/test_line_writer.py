"""Lines are written beside the event loop, whatever the stream does."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import orjson
from hypothesis import given
from hypothesis import strategies as st

from service.telemetry.drops import Drops
from service.telemetry.line_writer import LineWriter
from service.telemetry.logging import LINES, EventLog

PATIENCE = 60.0


class Standing(io.RawIOBase):
    """A disk that stands still until it is let go on."""

    def __init__(self) -> None:
        self.reached, self.let, self.written = threading.Event(), threading.Event(), b""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self.reached.set()
        assert self.let.wait(PATIENCE)
        self.written += bytes(data)
        return len(data)


class Morsels(io.RawIOBase):
    """Takes a few bytes at a time, and refuses where it is told to."""

    def __init__(self, takes: list[int | OSError]) -> None:
        self.takes, self.written = takes, b""

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        take = self.takes.pop(0) if self.takes else len(data)
        if isinstance(take, OSError):
            raise take
        self.written += bytes(data[:take])
        return min(take, len(data))


def told(number: int) -> bytes:
    return b"lost %d\n" % number


def lost_of(drops: Drops) -> dict[str, float]:
    samples = [s for f in drops.counter.collect() for s in f.samples if s.value and s.name.endswith("_total")]
    return {s.labels["reason"]: s.value for s in samples if s.labels["signal"] == "logs"}


@contextmanager
def full_pipe() -> Iterator[tuple[BinaryIO, int]]:
    """The writing end of a pipe that holds no more, and its reading end."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(writing, "wb") as stream:
        try:
            while True:
                os.write(writing, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(writing, True)
        try:
            yield stream, reading
        finally:
            os.close(reading)


def all_of(reading: int, upto: bytes) -> bytes:
    read = b""
    while not read.endswith(upto):
        read += os.read(reading, 65_536)
    return read.lstrip(b"x")


def test_a_pipe_that_nobody_reads_holds_up_no_loop() -> None:
    """The loop goes on with hundreds of events, errors among them; once somebody reads, all are there in their order."""

    async def talk(log: EventLog) -> None:
        for number in range(10 * LINES):
            log.write("error" if number % 50 == 0 else "info", "request", number=number)
            await asyncio.sleep(0)
        log.flush()

    with full_pipe() as (stream, reading):
        log = EventLog(stream, "info", lambda: 0.0, gather=LINES, drops=Drops())
        with log.aside():
            asyncio.run(asyncio.wait_for(talk(log), PATIENCE))
            lines = all_of(reading, b'"number":639}\n').splitlines()
    assert [orjson.loads(line)["number"] for line in lines] == list(range(10 * LINES))


def test_what_finds_no_room_is_counted_and_told_in_the_log() -> None:
    """Beyond what may wait lines are lost: the counter says how many, and so does a line as soon as the stream goes on."""
    disk, drops = Standing(), Drops()
    writer = LineWriter(disk, drops, told, most_bytes=30)  # type: ignore[arg-type]  # a stream for writing
    writer.put(b"first\n")
    assert disk.reached.wait(PATIENCE)
    for _ in range(3):
        writer.put(b"twelve bytes\n" * 2)
    assert lost_of(drops) == {"queue_full": 6.0}
    disk.let.set()
    assert writer.close(PATIENCE)
    assert disk.written == b"first\nlost 6\n"


def test_one_piece_that_is_larger_than_all_that_may_wait_is_written() -> None:
    """A limit on what waits is none on a single line."""
    disk = Standing()
    disk.let.set()
    writer = LineWriter(disk, None, told, most_bytes=3)  # type: ignore[arg-type]  # a stream for writing
    writer.put(b"a long line\n")
    assert writer.close(PATIENCE)
    assert disk.written == b"a long line\n"


def test_a_log_that_stands_still_does_not_keep_the_process() -> None:
    """The end waits so long and no longer; lines that come behind it are lost and counted, and nothing blocks."""
    disk, drops = Standing(), Drops()
    log = EventLog(disk, "info", lambda: 0.0, drops=drops)  # type: ignore[arg-type]  # a stream for writing
    with log.aside(seconds=0.05):
        log.write("info", "stopped")
    log.write("info", "late")
    assert lost_of(drops) == {"closed": 1.0}
    disk.let.set()


def test_after_the_thread_lines_are_written_at_once_again() -> None:
    """What is said behind the end of the serving, by the last steps of a process, is not lost."""
    stream = io.BytesIO()
    log = EventLog(stream, "info", lambda: 0.0)
    with log.aside():
        log.write("info", "stopped")
    log.write("info", "late")
    assert [orjson.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["stopped", "late"]


def test_a_line_that_a_full_disk_cut_swallows_no_other() -> None:
    """The rest of it is lost and counted; the next line begins a line of its own, and how many were lost follows."""
    disk, drops = Morsels([4, OSError(28, "No space left on device")]), Drops()
    writer = LineWriter(disk, drops, told)  # type: ignore[arg-type]  # a stream for writing
    writer.put(b"one line\nand one\n")
    writer.put(b"another\n")
    assert writer.close(PATIENCE)
    assert disk.written == b"one \nanother\nlost 2\n"
    assert lost_of(drops) == {"unwritable": 2.0}


def test_a_descriptor_that_does_not_wait_loses_nothing() -> None:
    """Somebody else with the same terminal or pipe may have made it non-blocking: the thread waits by itself."""
    with full_pipe() as (stream, reading):
        os.set_blocking(stream.fileno(), False)
        writer = LineWriter(stream, None, told)
        for number in range(100):
            writer.put(b"line %d\n" % number)
        assert all_of(reading, b"line 99\n").count(b"\n") == 100
        assert writer.close(PATIENCE)


@given(st.lists(st.binary(max_size=9).map(lambda one: one.replace(b"\n", b"") + b"\n")), st.data())
def test_however_little_a_stream_takes_every_byte_arrives_in_order(lines: list[bytes], data: st.DataObject) -> None:
    """Writes that are done in part go on where they ended."""
    whole = b"".join(lines)
    disk = Morsels(data.draw(st.lists(st.integers(1, 5), max_size=len(whole))))  # type: ignore[arg-type]  # no refusal among them
    writer = LineWriter(disk, None, told)  # type: ignore[arg-type]  # a stream for writing
    for line in lines:
        writer.put(line)
    assert writer.close(PATIENCE)
    assert disk.written == whole


def test_the_thread_writes_past_the_lock_of_the_stream() -> None:
    """Python aborts a process that ends while a thread holds the lock of its standard error."""
    disk = Standing()
    stream = io.BufferedWriter(disk)
    writer = LineWriter(stream, None, told)
    writer.put(b"a line\n")
    assert disk.reached.wait(PATIENCE)
    flushing = threading.Thread(target=stream.flush)
    flushing.start()
    flushing.join(PATIENCE / 2)
    free = not flushing.is_alive()
    disk.let.set()
    assert free, "the lock is held"
    assert writer.close(PATIENCE)
