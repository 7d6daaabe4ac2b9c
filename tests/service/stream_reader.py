"""A client of a stream for tests, and a stream sent to it without a server between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from service.api.streaming import EventStream

Frames = AsyncGenerator[bytes, None]


@dataclass
class Reader:
    """A client: what reached it, and when it leaves. `slow` holds up every write until it is set."""

    bodies: list[bytes] = field(default_factory=list)
    ended: bool = False
    leaves: asyncio.Event = field(default_factory=asyncio.Event)
    slow: asyncio.Event | None = None
    held_up: int = 0
    noted: list[str] = field(default_factory=list)

    async def receive(self) -> dict[str, Any]:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.noted.append(f"{message['status']} {dict(message['headers'])[b'content-type'].decode()}")
            return
        assert not self.ended, "nothing follows the end"
        if self.slow is not None:
            self.held_up += not self.slow.is_set()
            await self.slow.wait()
        self.bodies.append(message["body"])
        self.ended = not message.get("more_body", False)


def stream(reader: Reader, frames: Frames, seconds: float = 30.0) -> Awaitable[None]:
    response = EventStream(
        frames,
        seconds,
        on_closed=lambda: reader.noted.append("closed"),
        on_late=lambda: b"late",
        on_cut=lambda: b"cut",
    )
    return response({"type": "http"}, reader.receive, reader.send)


def told(story: Callable[[Reader], Awaitable[None]]) -> Reader:
    async def tell() -> Reader:
        reader = Reader()
        async with asyncio.timeout(60):
            await story(reader)
        return reader

    return asyncio.run(tell())


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - what is waited for is a list that the stream's own task fills
        await asyncio.sleep(0.001)
