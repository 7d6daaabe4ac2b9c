"""The response that sends a stream's frames: what leaves when, and how it ends."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.api import streaming
from service.api.streaming import GATHER_SECONDS, EventStream
from tests.service.stream_reader import Frames, Reader, stream, told, until


@pytest.mark.parametrize("made", [b"a", b"ab"], ids=["the first frame", "one that is held behind it"])
def test_what_is_made_reaches_the_reader_although_nothing_follows(made: bytes) -> None:
    """The generator waits for the reader to have all that it made: neither the first frame nor one that was close to it waits for another."""

    async def story(reader: Reader) -> None:
        async def frames() -> Frames:
            for number in range(len(made)):
                yield made[number : number + 1]
            await until(lambda: b"".join(reader.bodies) == made)
            yield b"!"

        await stream(reader, frames())

    reader = told(story)
    assert b"".join(reader.bodies) == made + b"!"
    assert reader.noted == ["200 text/event-stream; charset=utf-8"]


def test_each_frame_that_comes_alone_leaves_alone() -> None:
    """Frames that are further apart than the time of gathering are never held back for one another."""

    async def story(reader: Reader) -> None:
        async def frames() -> Frames:
            for number in range(4):
                yield b"%d" % number
                await until(lambda number=number: len(reader.bodies) == number + 1)
                await asyncio.sleep(2 * GATHER_SECONDS)

        await stream(reader, frames())

    assert told(story).bodies == [b"0", b"1", b"2", b"3", b""]


def test_frames_that_come_close_leave_together_behind_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A burst is two writes: its first frame at once, the rest with the end."""
    monkeypatch.setattr(streaming, "GATHER_SECONDS", 3600.0)

    async def story(reader: Reader) -> None:
        async def frames() -> Frames:
            for number in range(10):
                yield b"%d" % number

        await stream(reader, frames())

    assert told(story).bodies == [b"0", b"123456789"]


def test_a_slow_reader_holds_up_the_making() -> None:
    """While a write waits, only so many frames are made and held; afterwards nothing is missing."""

    async def story(reader: Reader) -> None:
        made = 0
        reader.slow = asyncio.Event()
        reader.slow.set()

        async def frames() -> Frames:
            nonlocal made
            for number in range(1000):
                made = number
                yield b"%d," % number
                await asyncio.sleep(0)
                assert reader.slow is not None
                if not number:
                    reader.slow.clear()

        running = asyncio.ensure_future(stream(reader, frames()))
        for _ in range(5000):  # turns of the loop, each of which would make a frame
            await asyncio.sleep(0)
        # What left by the timer before any number of frames was held, and as many as may be held behind it.
        assert 0 < made <= 2 * 64
        reader.slow.set()
        await running

    assert b"".join(told(story).bodies) == b"".join(b"%d," % number for number in range(1000))


@pytest.mark.parametrize("leaves_after", [0.0, 0.07])
def test_a_reader_who_leaves_ends_the_work(leaves_after: float) -> None:
    """Whether at once or later: the generator is cancelled where it waits, `on_closed` is told first and once, and nothing is sent any more."""

    async def story(reader: Reader) -> None:
        async def frames() -> Frames:
            try:
                yield b"a"
                await asyncio.sleep(3600)
                yield b"never"
            finally:
                reader.noted.append("stopped")

        asyncio.get_running_loop().call_later(leaves_after, reader.leaves.set)
        await stream(reader, frames())

    reader = told(story)
    assert reader.noted[1:] == ["closed", "stopped"]
    assert (reader.bodies, reader.ended) == ([b"a"], False)


def test_each_of_several_is_watched_whoever_came_or_ended_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """They share one timer: each reader that leaves is noticed, each that stays too long is told, though others began before it and have ended."""
    monkeypatch.setattr(streaming, "_PATIENCE_SECONDS", 0.02)

    async def lasting(reader: Reader, ends: asyncio.Event, seconds: float) -> None:
        async def frames() -> Frames:
            yield b"a"
            await ends.wait()

        await stream(reader, frames(), seconds)

    async def story() -> list[Reader]:
        ends, never = asyncio.Event(), asyncio.Event()
        first, leaving, late = readers = [Reader() for _ in range(3)]
        running = [asyncio.ensure_future(lasting(first, ends, 60.0))]
        await asyncio.sleep(0.01)
        # These join while the timer runs for the first one.
        running.append(asyncio.ensure_future(lasting(leaving, never, 60.0)))
        running.append(asyncio.ensure_future(lasting(late, never, 0.1)))
        await asyncio.sleep(0)
        ends.set()
        leaving.leaves.set()
        async with asyncio.timeout(60):
            await asyncio.gather(*running)
        return readers

    first, leaving, late = asyncio.run(story())
    assert (first.ended, first.noted[1:]) == (True, [])
    assert (leaving.ended, leaving.noted[1:]) == (False, ["closed"])
    assert (late.ended, late.bodies[-1], late.noted[1:]) == (True, b"late", [])


@pytest.mark.parametrize("seconds", [0.01, 0.08])
def test_time_that_is_over_ends_with_the_word_for_it(seconds: float) -> None:
    """Frames that were held go out before it; the generator is closed by then."""

    async def story(reader: Reader) -> None:
        async def frames() -> Frames:
            try:
                yield b"a"
                yield b"b"
                await asyncio.sleep(3600)
            finally:
                reader.noted.append("stopped")

        await stream(reader, frames(), seconds)

    reader = told(story)
    assert b"".join(reader.bodies) == b"ablate"
    assert reader.noted[1:] == ["stopped"]
    assert reader.ended


def test_the_end_of_the_service_is_told_to_the_reader() -> None:
    """A task that somebody else cancels ends its stream with the word for that, behind what was held."""

    async def story(reader: Reader) -> None:
        async def frames() -> Frames:
            yield b"a"
            await asyncio.sleep(3600)

        running = asyncio.ensure_future(stream(reader, frames()))
        await until(lambda: reader.bodies == [b"a"])
        running.cancel()
        await running

    reader = told(story)
    assert reader.bodies == [b"a", b"cut"]
    assert reader.ended


def test_what_comes_during_a_write_leaves_behind_it() -> None:
    """A reader takes nothing for a while: what was made meanwhile follows by itself once it does, although nothing else is made."""

    async def story(reader: Reader) -> None:
        reader.slow = asyncio.Event()
        reader.slow.set()
        waits, send = False, reader.send

        async def noting(message: Any) -> None:
            nonlocal waits
            assert reader.slow is not None
            waits = not reader.slow.is_set()
            await send(message)

        reader.send = noting  # type: ignore[method-assign]  # the same client, watched

        async def frames() -> Frames:
            assert reader.slow is not None
            yield b"a"
            reader.slow.clear()
            yield b"b"
            await until(lambda: waits)
            yield b"c"
            yield b"d"
            reader.slow.set()
            await until(lambda: b"".join(reader.bodies) == b"abcd")
            yield b"!"

        await stream(reader, frames())

    reader = told(story)
    assert b"".join(reader.bodies) == b"abcd!"
    assert reader.bodies[1:3] == [b"b", b"cd"]


class Counting(asyncio.SelectorEventLoop):
    """A loop that counts its timers."""

    timers = 0

    def call_at(self, *arguments: Any, **more: Any) -> asyncio.TimerHandle:
        self.timers += 1
        return super().call_at(*arguments, **more)


def test_streams_share_the_timer_of_what_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five streams with a held frame each: one timer for the limits of all, and one for all that is held."""
    monkeypatch.setattr(streaming, "GATHER_SECONDS", 3600.0)
    readers = [Reader() for _ in range(5)]

    async def story() -> None:
        going = asyncio.Event()

        async def frames() -> Frames:
            yield b"a"
            yield b"b"
            await going.wait()

        running = [asyncio.ensure_future(stream(reader, frames())) for reader in readers]
        # The second turn: each task has run until it waits.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        going.set()
        await asyncio.gather(*running)

    with asyncio.Runner(loop_factory=Counting) as runner:
        runner.run(story())
        loop = runner.get_loop()

    assert [reader.bodies for reader in readers] == [[b"a", b"b"]] * 5
    assert isinstance(loop, Counting)
    assert loop.timers == 2


def test_what_is_sent_beside_the_making_belongs_to_its_request() -> None:
    """Frames of several streams leave by the timer of one, each in the context of its own."""
    whose: ContextVar[int] = ContextVar("whose", default=-1)

    async def one(number: int) -> list[int]:
        whose.set(number)
        reader, found = Reader(), list[int]()

        async def send(message: Any) -> None:
            found.append(whose.get())
            await reader.send(message)

        async def frames() -> Frames:
            yield b"a"
            yield b"b"
            await until(lambda: reader.bodies == [b"a", b"b"])

        response = EventStream(frames(), 30.0, on_closed=lambda: None, on_late=lambda: b"")
        await response({"type": "http"}, reader.receive, send)
        return found

    async def story() -> list[list[int]]:
        async with asyncio.timeout(120):
            return await asyncio.gather(*map(one, range(5)))

    assert asyncio.run(story()) == [[number] * 4 for number in range(5)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([None, 0.0, 0.001, 0.003]), max_size=12))
def test_whatever_the_pace_every_byte_arrives_once_and_in_order(pauses: list[float | None]) -> None:
    """Frames made at once, in turns of the loop or with real gaps join to the same bytes, and the stream ends once."""

    async def story(reader: Reader) -> None:
        async def frames() -> Frames:
            for number, pause in enumerate(pauses):
                if pause is not None:
                    await asyncio.sleep(pause)
                yield b"<%d>" % number

        await stream(reader, frames())

    reader = told(story)
    assert b"".join(reader.bodies) == b"".join(b"<%d>" % number for number in range(len(pauses)))
    assert reader.ended
    if pauses:
        assert reader.bodies[0].startswith(b"<0>")
