"""A provider on a real socket that plays the responses it is given, and the client that asks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from service.llm.calls import AttemptLimits, Call, Chunk, Message, Model
from service.llm.client import OpenAIProvider
from service.llm.endpoints import Endpoint
from service.llm.failures import (
    ProviderError,
)

SECRET_PROMPT = "pertanyaan-rahasia"
SECRET_KEY = "sk-kunci-rahasia"
MODEL = Model("m", "fake", "vendor/m", 8_192, 100, 0.0, 0.0, 0.0)
CALL = Call(MODEL, (Message("user", SECRET_PROMPT),), 50, 0.0, "request-1")
LIMITS = AttemptLimits(5.0, 5.0, 5.0, 10.0)
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"kata "},"finish_reason":null}]}\n\n'
FINISH = (
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1}}\n\ndata: [DONE]\n\n'
)
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"

Play = Callable[[asyncio.StreamWriter], Awaitable[None]]


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def whole(body: bytes, kind: str = "application/json", status: str = "200 OK", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


@dataclass
class Provider:
    """Reads requests and plays a response to each; notes what it was asked and when a client left."""

    play: Play
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                self.requests.append((first, headers, body))
                self.asked.set()
                await self.play(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.set()
        finally:
            writer.close()


async def send(writer: asyncio.StreamWriter, *pieces: bytes) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)


def playing(*pieces: bytes, close: bool = False) -> Play:
    async def play(writer: asyncio.StreamWriter) -> None:
        await send(writer, *pieces)
        if close:
            writer.close()

    return play


def run(
    play: Play,
    story: Callable[[Provider, OpenAIProvider], Awaitable[None]],
    *,
    wall: float = 0.0,
    **endpoint: Any,
) -> Provider:
    """Play a story of a provider and a client, and leave nothing open."""

    async def main() -> Provider:
        provider = Provider(play)
        server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
        provider.port = server.sockets[0].getsockname()[1]
        made = Endpoint("fake", f"http://127.0.0.1:{provider.port}/v1/", external=False, api_key=SECRET_KEY)
        client = OpenAIProvider(replace(made, **endpoint), lambda: wall)
        try:
            await asyncio.wait_for(story(provider, client), 300)
        finally:
            await client.close()
            server.close()
            # Sockets that were closed are gone once the loop has run.
            await asyncio.sleep(0.01)
        return provider

    return asyncio.run(main())


async def answer(client: OpenAIProvider, limits: AttemptLimits = LIMITS) -> list[Chunk]:
    return [chunk async for chunk in client.stream(CALL, limits)]


def answered(play: Play, **endpoint: Any) -> tuple[list[Chunk], Provider]:
    found: list[Chunk] = []

    async def story(_: Provider, client: OpenAIProvider) -> None:
        found.extend(await answer(client))

    return found, run(play, story, **endpoint)


def failed(play: Play, limits: AttemptLimits = LIMITS, *, wall: float = 0.0) -> ProviderError:
    found: list[ProviderError] = []

    async def story(_: Provider, client: OpenAIProvider) -> None:
        with pytest.raises(ProviderError) as caught:
            await answer(client, limits)
        found.append(caught.value)

    run(play, story, wall=wall)
    return found[0]
