"""Server-sent events as a response of our own: it costs less than StreamingResponse, and notices a reader who leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "text/event-stream"


_MOST_HELD = 64
"""Frames that wait for a slow reader; then the answer waits too."""


def frame(event: str, data: Any) -> bytes:  # noqa: ANN401 - anything JSON can hold
    """One event; orjson escapes line breaks, so the data is always one line."""
    return b"event: " + event.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


class EventStream(Response):
    """Sends frames as they come; a reader who leaves ends the work at its next wait."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        seconds: float,
        *,
        on_closed: Callable[[], None],
        on_late: Callable[[], bytes],
        on_cut: Callable[[], bytes] | None = None,
    ) -> None:
        """Keep the frames.

        Args:
            frames: the events; the iterator handles its own errors.
            seconds: how long the whole stream may take.
            on_closed: called when the reader left before the last frame.
            on_late: called when the time is over; gives the last frame.
            on_cut: called when the service stops before the last frame; gives the last one. As `on_late` when left out.
        """
        super().__init__(media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._frames = frames
        self._seconds = seconds
        self._on_closed = on_closed
        self._on_late = on_late
        self._on_cut = on_cut or on_late

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the signature is ASGI's
        """Send until the end, until the reader leaves, or until the time is over."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        outbox = _Outbox(send)
        pump = asyncio.create_task(outbox.fill(self._frames))
        left = asyncio.create_task(gone(receive))
        pump.add_done_callback(outbox.nudge)
        left.add_done_callback(outbox.nudge)
        try:
            async with asyncio.timeout(self._seconds):
                await outbox.empty(pump, left)
            if pump.done():
                pump.result()
            else:
                self._on_closed()
        except TimeoutError:
            await cancel(pump)
            await send({"type": "http.response.body", "body": self._on_late()})
        except asyncio.CancelledError:
            # Only the end of the service cancels a request: its reader learns of it by a last event.
            await cancel(pump)
            await send({"type": "http.response.body", "body": self._on_cut()})
        finally:
            await cancel(pump)
            # Not awaited: it holds nothing, and waiting for its end would cost every stream a turn of the loop.
            left.cancel()


class _Outbox:
    """Frames on their way out.

    One that comes alone leaves at once, the first one always; those that come in one and the same turn of the event loop leave
    together with the next: a write costs as much as ten frames.
    """

    __slots__ = ("_held", "_room", "_send", "_sending", "_sent_in_this_turn", "_wake")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._held: list[bytes] = []
        self._sending = False
        self._sent_in_this_turn = False
        self._wake = asyncio.get_running_loop().create_future()
        self._room: asyncio.Future[None] | None = None

    async def fill(self, frames: AsyncGenerator[bytes, None]) -> None:
        """Take the frames as they are made; a reader who is too slow holds up their making."""
        loop = asyncio.get_running_loop()
        async with aclosing(frames):
            async for data in frames:
                if self._held or self._sending or self._sent_in_this_turn:
                    self._held.append(data)
                    if len(self._held) >= _MOST_HELD:
                        self._room = loop.create_future()
                        await self._room
                else:
                    self._sent_in_this_turn = True
                    loop.call_soon(self._turned)
                    await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def empty(self, pump: asyncio.Task[None], left: asyncio.Task[None]) -> None:
        """Send what is held whenever the loop turns, until there is no more or nobody reads."""
        while True:
            await self._wake
            self._wake = asyncio.get_running_loop().create_future()
            ended = pump.done()
            if ended and (pump.cancelled() or pump.exception()):
                return
            if not ended and left.done():
                return
            taken, self._held = self._held, []
            if taken or ended:
                self._sending = True
                await self._send({"type": "http.response.body", "body": b"".join(taken), "more_body": not ended})
                self._sending = False
            if ended:
                return
            if self._held:
                self.nudge()
            if self._room is not None:
                self._room.set_result(None)
                self._room = None

    def nudge(self, _: object = None) -> None:
        """Wake who sends."""
        if not self._wake.done():
            self._wake.set_result(None)

    def _turned(self) -> None:
        self._sent_in_this_turn = False
        if self._held:
            self.nudge()


async def gone(receive: Receive) -> None:
    """Returns when the client has left; the body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def cancel(task: asyncio.Task[Any]) -> None:
    """End a task and wait until it has; one that has ended by itself keeps its outcome for whoever awaits it."""
    if not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
