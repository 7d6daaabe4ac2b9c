"""What one call costs the client: ours beside httpx, in one run, in processor time.

    nice -n -5 python benchmarks/micro/llm_client.py --pairs 5

A raw server in a process of its own answers from memory: `json`, an answer of about 2 kB; `stream`, 30 chunks as fast as they can be
written, so that a read brings many; `paced`, 30 chunks two milliseconds apart, so that each is a read of its own and the system's share
of the cost is at its greatest. Each client calls it over 32 connections that are kept alive; both build the request, read the answer and take the words out of it
(httpx as its documentation says: `client.stream`, `aiter_lines`, `orjson`). The figure is user and system time of the client's process
per call, so what the server and the neighbours cost is not in it. Clients take turns; the ratio is the median of the pairs' ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import orjson
import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from service.llm.calls import AttemptLimits, Call, Message, Model, Text
from service.llm.client import OpenAIProvider
from service.llm.endpoints import Endpoint
from service.llm.wire import request_body

CHUNKS = 30
_WORD = '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" keterangan"},"finish_reason":null}]}'
_FINISH = '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
_USAGE = '{"id":"c","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":400,"completion_tokens":30,"total_tokens":430}}'
_MODEL = Model("m", "peer", "m", 32_768, 1_024, 0.0, 0.0, 0.0)
_CALL = Call(
    _MODEL, (Message("system", "Jawab dari sumber. " * 20), Message("user", "Apa itu hukum? " * 40)), 600, 0.0, "r"
)
_LIMITS = AttemptLimits(10.0, 30.0, 30.0, 60.0)
Ask = Callable[[], Awaitable[int]]


class Answers(asyncio.Protocol):
    """Answers each request at once; paced streams leave chunk by chunk."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._seen = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment] # a TCP transport

    def data_received(self, data: bytes) -> None:
        """Answer whole requests."""
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0) if found else 0
        if not found or len(body) < length:
            return
        self._seen = body[length:]
        if self._kind == "json":
            self._write(_json_answer())
        else:
            pieces = [_chunk(f"data: {_WORD}\n\n".encode())] * CHUNKS
            end = _chunk(f"data: {_FINISH}\n\ndata: {_USAGE}\n\ndata: [DONE]\n\n".encode()) + b"0\r\n\r\n"
            self._write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            if self._kind == "paced":
                self._step([*pieces, end])
            else:
                for piece in (*pieces, end):
                    self._write(piece)

    def _step(self, pieces: list[bytes]) -> None:
        self._write(pieces[0])
        if len(pieces) > 1:
            asyncio.get_running_loop().call_later(0.002, self._step, pieces[1:])

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _json_answer() -> bytes:
    text = "Setiap orang yang melawan hukum dipidana. " * 40
    body = json.dumps(
        {
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 400, "completion_tokens": 240, "total_tokens": 640},
        }
    ).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def serve(kind: str, told: Connection) -> None:
    """Serve until the process is ended."""

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Answers(kind), "127.0.0.1", 0, backlog=1024)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


async def ours(port: int, connections: int, calls: int) -> float:
    """Seconds of processor time a call, with the client that ships."""
    endpoint = Endpoint("peer", f"http://127.0.0.1:{port}/v1", external=False, api_key="k", connections=connections)
    provider = OpenAIProvider(endpoint, time.time)

    async def ask() -> int:
        length = 0
        async for one in provider.stream(_CALL, _LIMITS):
            if isinstance(one, Text):
                length += len(one.text)
        return length

    try:
        return await measured(ask, connections, calls)
    finally:
        await provider.close()


async def theirs(port: int, connections: int, calls: int) -> float:
    """Seconds of processor time a call, with httpx."""
    url, headers = f"http://127.0.0.1:{port}/v1/chat/completions", {"Authorization": "Bearer k"}
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx.AsyncClient(limits=limits, timeout=60, headers=headers, trust_env=False) as client:

        async def ask() -> int:
            length = 0
            sent = {"Content-Type": "application/json", "X-Request-Id": "r"}
            async with client.stream("POST", url, content=request_body(_CALL), headers=sent) as response:
                if response.headers["content-type"] == "application/json":
                    return len(orjson.loads(await response.aread())["choices"][0]["message"]["content"])
                async for line in response.aiter_lines():
                    if line.startswith("data: {"):
                        choices = orjson.loads(line[6:])["choices"]
                        length += len(choices[0]["delta"].get("content", "")) if choices else 0
            return length

        return await measured(ask, connections, calls)


async def measured(ask: Ask, connections: int, calls: int) -> float:
    """Warm up, then `calls` calls by `connections` askers; processor seconds of this process for each."""

    async def asker(count: int) -> int:
        return sum([await ask() for _ in range(count)])

    expected = await ask()
    await asyncio.gather(*(asker(2) for _ in range(connections)))
    before = time.process_time()
    found = sum(await asyncio.gather(*(asker(calls // connections) for _ in range(connections))))
    used = time.process_time() - before
    if found != expected * (calls // connections) * connections or not expected:
        raise SystemExit("an answer was not whole: the run is void")
    return used / (calls // connections * connections)


def compare(kind: str, options: argparse.Namespace) -> None:
    """Measure one kind of answer and print its line."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(kind, there), daemon=True)
    server.start()
    try:
        port = here.recv()
        pairs = [
            tuple(uvloop.run(client(port, options.connections, options.calls)) for client in (ours, theirs))
            for _ in range(options.pairs)
        ]
    finally:
        server.terminate()
        server.join(10)
    ratios = [one / other for one, other in pairs]
    mine, httpx_ = (statistics.median(side) * 1e6 for side in zip(*pairs, strict=True))
    shown = " ".join(f"{ratio:.3f}" for ratio in ratios)
    print(
        f"{kind:7} ours {mine:7.0f} us  httpx {httpx_:7.0f} us  ratio {statistics.median(ratios):.3f}  (pairs {shown})"
    )


def main() -> int:
    """Every kind, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--calls", type=int, default=640, help="of each client in each pair (default: 640)")
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    for kind in ("json", "stream", "paced"):
        compare(kind, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
