"""Server-sent events as a response of our own: it costs less than StreamingResponse, and notices a reader who leaves."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from contextvars import Context, copy_context
from functools import lru_cache
from typing import Any, Literal

import orjson
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from service.waiting import going_on

MEDIA_TYPE = "text/event-stream"
GATHER_SECONDS = 0.002
"""A frame that comes so soon behind one that left waits for the rest of that time, and whatever comes meanwhile leaves with it: a write costs as
much as ten frames, and nobody reads five hundred words a second."""

_HEADERS = ((b"x-accel-buffering", b"no"), (b"content-type", b"text/event-stream; charset=utf-8"))
_MOST_HELD = 64
"""Frames that wait; then the making of more waits too."""
_PATIENCE_SECONDS = 0.25
"""So long nobody looks whether a client has left: to watch for that costs an answer as much as its sign-in. Of 32 that ask at once all are answered before."""
_TICK_SECONDS = 0.001
"""A timer may come so much too early, for its clock counts milliseconds."""
Why = Literal["left", "late"]


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
        super().__init__()
        self._frames = frames
        self._seconds = seconds
        self._on_closed = on_closed
        self._on_late = on_late
        self._on_cut = on_cut or on_late

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:  # noqa: ARG002 - the signature is Starlette's
        """Those of every stream; its length is not known."""
        self.raw_headers = [*_HEADERS]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the signature is ASGI's
        """Send until the end, until the reader leaves, or until the time is over."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        outbox = _Outbox(send)
        limits = Limits(receive, self._seconds, self._on_closed)
        last = b""
        try:
            async with aclosing(self._frames) as frames:
                async for data in frames:
                    waiting = outbox.put(data)
                    if waiting is not None:
                        await waiting
            why = limits.lifted()
        except asyncio.CancelledError:
            why = limits.lifted()
            if why is None:
                # Only the end of the service cancels a request: its reader learns of it by a last event.
                last = self._on_cut()
        except BaseException:
            # What is being written would outlive its request.
            outbox.drop()
            raise
        finally:
            limits.lifted()
            outbox.stop()
        if why == "left":
            outbox.drop()
            return
        await outbox.end(self._on_late() if why == "late" else last)


class Limits:
    """Cancels the task that it is made in when its client has left or its time is over, and knows which of the two it was.

    Most work ends before anything is begun for it alone, be it a timer.
    """

    __slots__ = (
        "_ends_at",
        "_lifted",
        "_loop",
        "_on_closed",
        "_patience",
        "_receive",
        "_task",
        "_timer",
        "_watching",
        "_why",
    )

    def __init__(self, receive: Receive, seconds: float, on_closed: Callable[[], None] = lambda: None) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a request is always served in a task
        self._task = task
        self._receive = receive
        self._on_closed = on_closed
        self._why: Why | None = None
        self._watching: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._patience = _patience_of(self._loop)
        self._timer: asyncio.TimerHandle | None = None
        self._lifted = False
        now = self._loop.time()
        self._ends_at = now + seconds
        if seconds > _PATIENCE_SECONDS:
            self._patience.join(self, now + _PATIENCE_SECONDS)
        else:
            self._timer = self._loop.call_at(self._ends_at, self._late)

    def lifted(self) -> Why | None:
        """Nothing is cancelled from here on; why it was until now, None when it was not by these limits."""
        if not self._lifted:
            self._lifted = True
            self._patience.forget(self)
            if self._timer is not None:
                self._timer.cancel()
            if self._watching is not None:
                self._watching.remove_done_callback(self._left)
                # Not awaited: it holds nothing, and waiting for its end would cost the stream a turn of the loop.
                self._watching.cancel()
            # Somebody else's cancellation, the end of the service, goes before ours.
            if self._why and self._task.uncancel():
                self._why = None
        return self._why

    def watch(self) -> None:
        """Look from now on whether the client has left; to be called by `_Patience`."""
        self._watching = asyncio.create_task(gone(self._receive))
        self._watching.add_done_callback(self._left)
        self._timer = self._loop.call_at(self._ends_at, self._late)

    def _late(self) -> None:
        self._end("late")

    def _left(self, watching: asyncio.Task[None]) -> None:
        if not watching.cancelled() and self._why is None:
            self._on_closed()
            self._end("left")

    def _end(self, why: Why) -> None:
        if self._why is None:
            self._why = why
            self._task.cancel()


class _Patience:
    """Those of one event loop whose clients nobody watches yet: one timer for all, because nearly everybody is answered before a timer of their own would come."""

    __slots__ = ("_loop", "_timer", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[Limits, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def join(self, limits: Limits, until: float) -> None:
        """Have the client of these watched from that moment of the loop's clock on; nobody who joined before has a later one."""
        self._waiting[limits] = until
        if self._timer is None:
            self._wait(until)

    def forget(self, limits: Limits) -> None:
        """Nobody need watch any more."""
        self._waiting.pop(limits, None)

    def _wait(self, until: float) -> None:
        # In nobody's context: who is watched next is not the request that is served now.
        self._timer = self._loop.call_at(until, self._over, context=Context())

    def _over(self) -> None:
        self._timer = None
        late = self._loop.time() + _TICK_SECONDS
        for limits, until in [*self._waiting.items()]:
            if until > late:
                self._wait(until)
                break
            del self._waiting[limits]
            limits.watch()


@lru_cache(maxsize=1)
def _patience_of(loop: asyncio.AbstractEventLoop) -> _Patience:
    """As `_round_of`."""
    return _Patience(loop)


class _Round:
    """The streams of one event loop that hold frames: one timer sends them all on their way. A timer for each costs as much as four chunks."""

    __slots__ = ("_loop", "_timer", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: set[_Outbox] = set()
        self._timer: asyncio.TimerHandle | None = None

    def join(self, outbox: _Outbox, at: float) -> None:
        """Have what this one holds leave at that moment of the loop's clock, or as soon as somebody else's does."""
        self._waiting.add(outbox)
        if self._timer is None:
            self._timer = self._loop.call_at(at, self._leave)

    def forget(self, outbox: _Outbox) -> None:
        """Nothing of this one leaves any more; a request that has ended is not kept until the timer comes."""
        self._waiting.discard(outbox)

    def _leave(self) -> None:
        self._timer = None
        waiting, self._waiting = self._waiting, set()
        for outbox in waiting:
            outbox.leave()


@lru_cache(maxsize=1)
def _round_of(loop: asyncio.AbstractEventLoop) -> _Round:
    """Where the streams of a loop meet. A process serves on one; whoever has several shares timers less, and nothing else changes."""
    return _Round(loop)


class _Outbox:
    """Frames on their way out: the first one, and each that comes alone, leaves at once; those that come close together leave together."""

    __slots__ = ("_context", "_held", "_loop", "_round", "_send", "_sending", "_sent_at")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._round = _round_of(self._loop)
        # Whoever's timer sends, what is sent belongs to this request.
        self._context = copy_context()
        self._held: list[bytes] = []
        self._sent_at = -math.inf
        self._sending: asyncio.Future[None] | None = None

    def put(self, data: bytes) -> Awaitable[None] | None:
        """Take a frame; what is given must be awaited before the next: a reader who is too slow holds up their making."""
        held = self._held
        if held:
            held.append(data)
            return self._emptied() if len(held) >= _MOST_HELD else None
        if self._sending is None:
            now = self._loop.time()
            if now - self._sent_at >= GATHER_SECONDS:
                self._sent_at = now
                return self._send({"type": "http.response.body", "body": data, "more_body": True})
            self._round.join(self, self._sent_at + GATHER_SECONDS)
        held.append(data)
        return None

    def stop(self) -> None:
        """Send no more by itself."""
        self._round.forget(self)

    def drop(self) -> None:
        """Let go of what is being written: nobody reads it."""
        if self._sending is not None:
            self._sending.cancel()

    async def end(self, last: bytes) -> None:
        """Send what is held, and this behind it, as the end."""
        try:
            await self._sent()
        except asyncio.CancelledError:
            self.drop()
            raise
        body = b"".join((*self._held, last)) if self._held else last
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    def leave(self) -> None:
        """Send what is held, beside the making of more; a task does so only where the reader has to be waited for."""
        if not self._held:
            return
        try:
            self._sending = self._context.run(self._sent_beside)
        except Exception as error:  # noqa: BLE001 - raised to whoever makes frames, by `_sent`
            self._sending = self._loop.create_future()
            self._sending.set_exception(error)

    def _sent_beside(self) -> asyncio.Future[None] | None:
        """Begin to send what is held; None where that was done at once."""
        sending = self._send(self._taken()).__await__()
        try:
            awaited = next(sending)
        except StopIteration:
            return None
        task = self._loop.create_task(going_on(sending, awaited), context=self._context)
        # A task that is cancelled before its first step leaves what it was to go on with as it stands.
        task.add_done_callback(lambda _: sending.close())
        task.add_done_callback(self._turn)
        return task

    def _turn(self, sending: asyncio.Future[None]) -> None:
        """What came while something was being written leaves next."""
        if not sending.cancelled() and sending.exception() is None:
            self._sending = None
            self.leave()

    def _taken(self) -> Message:
        taken, self._held = self._held, []
        self._sent_at = self._loop.time()
        return {"type": "http.response.body", "body": b"".join(taken), "more_body": True}

    async def _emptied(self) -> None:
        await self._sent()
        if self._held:
            await self._send(self._taken())

    async def _sent(self) -> None:
        """Until what is being written is written; what went wrong with it is raised here."""
        while (sending := self._sending) is not None:
            await asyncio.wait([sending])
            if self._sending is sending:
                sending.result()


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
