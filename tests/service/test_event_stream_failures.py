"""The response that sends a stream's frames: what becomes of it when the making or a write goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from service.api.streaming import GATHER_SECONDS, EventStream
from tests.service.stream_reader import Frames, Reader, stream, told, until


def test_a_stream_that_failed_sends_nothing_any_more() -> None:
    """What was held when the making failed stays where it is, also when the others' leaves."""
    failed = Reader()

    async def story(reader: Reader) -> None:
        async def failing() -> Frames:
            yield b"a"
            yield b"b"
            raise ValueError("broken")

        async def frames() -> Frames:
            yield b"a"
            yield b"b"
            await until(lambda: len(reader.bodies) == 2)

        with pytest.raises(ValueError, match="broken"):
            await stream(failed, failing())
        await stream(reader, frames())

    assert told(story).bodies[:2] == [b"a", b"b"]
    assert failed.bodies == [b"a"]


def test_a_write_that_fails_is_raised() -> None:
    """What goes wrong beside the making of frames is not lost, although all that follows would go well: the stream fails with it."""

    async def story(reader: Reader) -> None:
        failed = False

        async def send(message: Any) -> None:
            nonlocal failed
            if message.get("body") == b"b":
                failed = True
                raise OSError("gone")
            await reader.send(message)

        async def frames() -> Frames:
            yield b"a"
            yield b"b"
            await until(lambda: failed)
            yield b"c"

        response = EventStream(frames(), 30.0, on_closed=lambda: None, on_late=lambda: b"")
        with pytest.raises(OSError, match="gone"):
            await response({"type": "http"}, reader.receive, send)

    told(story)


def _raising(stream_of: Callable[[Reader], Awaitable[None]]) -> list[str]:
    """What became of a write that was under way when the stream ended with an error."""
    became: list[str] = []
    before_the_end: list[str] = []

    async def story(reader: Reader) -> None:
        send, reader.slow = reader.send, asyncio.Event()
        reader.slow.set()

        async def slowly(message: Any) -> None:
            try:
                await send(message)
            except (asyncio.CancelledError, GeneratorExit):
                # The second where nothing has waited for the write yet.
                became.append("cancelled")
                raise

        reader.send = slowly  # type: ignore[method-assign]  # the same client, watched
        await stream_of(reader)
        await asyncio.sleep(0.01)
        # The end of the loop cancels everything.
        before_the_end.extend(became)

    told(story)
    return before_the_end


def test_an_error_of_the_frames_ends_what_is_being_written() -> None:
    """A write that waits for a slow reader does not outlive the request whose frames failed."""

    async def failing(reader: Reader) -> None:
        async def frames() -> Frames:
            yield b"a"
            assert reader.slow is not None
            reader.slow.clear()
            yield b"b"
            await until(lambda: reader.held_up == 1)
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            await stream(reader, frames())

    assert _raising(failing) == ["cancelled"]


def test_a_second_cancellation_ends_what_is_being_written() -> None:
    """The service stops, the reader is too slow for the last words, and the request is cut: nothing of it goes on."""

    async def cut(reader: Reader) -> None:
        async def frames() -> Frames:
            yield b"a"
            assert reader.slow is not None
            reader.slow.clear()
            yield b"b"
            await asyncio.sleep(3600)

        running = asyncio.ensure_future(stream(reader, frames()))
        await until(lambda: reader.held_up == 1)
        for _ in range(2):
            running.cancel()
            await asyncio.sleep(GATHER_SECONDS)
        with pytest.raises(asyncio.CancelledError):
            await running

    assert _raising(cut) == ["cancelled"]
