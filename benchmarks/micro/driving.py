"""Drives a server with as little as a client can do, and reads the server's own processor time.

Connections are kept and each asks again once its answer is whole. The server under test is a child process that tells its
`time.process_time()` at `/cpu`; the client's share of a processor is reported beside every figure, because on two cores a dear
client would measure itself.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: answers, their seconds, the server's processor seconds for each, and the client's share of a processor."""

    answers: int
    seconds: float
    cpu_seconds_each: float
    client_share: float


class _Caller(asyncio.Protocol):
    """One connection: asks, waits until the answer has ended, asks again."""

    def __init__(
        self, request: bytes, take: Callable[[], bool], done: asyncio.Future[None], ends: bytes | None
    ) -> None:
        self._request = request
        self._take = take
        self._done = done
        self._ends = ends
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask at once."""
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._buffer = b""
        if self._take():
            self._transport.write(self._request)  # type: ignore[attr-defined] # a TCP transport
        else:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Look for the end: of the chunks of a stream, or of a body of announced length."""
        self._buffer += data
        if self._ends is not None:
            if self._buffer.endswith(self._ends):
                self._ask()
            return
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if found and len(body) >= int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0):
            assert head.startswith(b"HTTP/1.1 200"), head
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        """The end of this caller."""
        if not self._done.done():
            if error:
                self._done.set_exception(error)
            else:
                self._done.set_result(None)


async def _drive(port: int, request: bytes, answers: int, connections: int, ends: bytes | None) -> None:
    loop = asyncio.get_running_loop()
    left = answers

    def take() -> bool:
        nonlocal left
        left -= 1
        return left >= 0

    done = [loop.create_future() for _ in range(connections)]
    for one in done:
        await loop.create_connection(lambda one=one: _Caller(request, take, one, ends), "127.0.0.1", port)
    await asyncio.gather(*done)


def get(path: str, headers: dict[str, str] | None = None) -> bytes:
    """A request of these headers, as bytes."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode()


def measure(port: int, request: bytes, answers: int, *, connections: int = 32, ends: bytes | None = None) -> Measured:
    """Ask so often; `ends` are the last bytes of an answer that announces no length."""
    before, own, begun = cpu_of(port), time.process_time(), time.perf_counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_drive(port, request, answers, connections, ends))
    took = time.perf_counter() - begun
    share = (time.process_time() - own) / took
    return Measured(answers, took, (cpu_of(port) - before) / answers, share)


def cpu_of(port: int) -> float:
    """The processor seconds that the server says it has used."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/cpu", timeout=30) as answer:
        return float(answer.read())


def started(script: str, *arguments: str) -> tuple[subprocess.Popen[str], int]:
    """A server of one of these scripts, once it has printed its port."""
    process = subprocess.Popen(
        [sys.executable, script, "--serve", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.strip().isdigit(), f"{script} {arguments} did not start"
    return process, int(line)


def interleaved(
    ports: dict[str, int], requests: dict[str, bytes], answers: int, rounds: int, ends: bytes | None = None
) -> dict[str, list[Measured]]:
    """Every server in turn, round after round: what disturbs the machine disturbs them alike. A first round warms up."""
    found: dict[str, list[Measured]] = {name: [] for name in ports}
    for number in range(rounds + 1):
        names = list(ports) if number % 2 else list(reversed(ports))
        for name in names:
            one = measure(ports[name], requests[name], answers if number else answers // 4, ends=ends)
            if number:
                found[name].append(one)
    return found


def summary(found: dict[str, list[Measured]], floor: str) -> dict[str, Any]:
    """Medians, and of every pair the floor's processor time over the other's: throughput per processor against it."""
    result: dict[str, Any] = {}
    for name, runs in found.items():
        pairs = [base.cpu_seconds_each / one.cpu_seconds_each for base, one in zip(found[floor], runs, strict=True)]
        result[name] = {
            "cpu_us": round(statistics.median(one.cpu_seconds_each for one in runs) * 1e6, 1),
            "answers_per_second": round(statistics.median(one.answers / one.seconds for one in runs)),
            "ratio": round(statistics.median(pairs), 3),
            "ratio_low": round(min(pairs), 3),
            "ratio_high": round(max(pairs), 3),
            "client_share": round(statistics.median(one.client_share for one in runs), 2),
            "runs": [asdict(one) for one in runs],
        }
    return result


def show(result: dict[str, Any], floor: str, goals: dict[str, float], file: Path | None) -> None:
    """Print the table, and write everything when a file is named."""
    print(f"{'':28}{'CPU us':>9}{'per s':>9}{'ratio to ' + floor:>24}{'goal':>7}{'client CPU':>12}")
    for name, one in result.items():
        spread = f"{one['ratio']:.2f} ({one['ratio_low']:.2f}-{one['ratio_high']:.2f})"
        goal = f"{goals[name]:.2f}" if name in goals else ""
        print(
            f"{name:28}{one['cpu_us']:9.1f}{one['answers_per_second']:9}{spread:>24}{goal:>7}{one['client_share']:12.2f}"
        )
    if file:
        file.write_text(json.dumps({"floor": floor, "goals": goals, "results": result}, indent=1), encoding="utf-8")


def serve(app: ASGIApp, http: str | type[asyncio.Protocol] = "httptools") -> None:
    """Serve an ASGI app on a free port, print the port, and answer `/cpu` outside of the app. `http` reads connections: uvicorn's name of a class, or one of ours."""
    import socket  # noqa: PLC0415 - only servers need them

    import uvicorn  # noqa: PLC0415 - as above

    async def with_cpu(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/cpu":
            body = repr(time.process_time()).encode()
            headers = [(b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        await app(scope, receive, send)

    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(with_cpu, loop="uvloop", http=http, access_log=False, log_config=None, lifespan="on")
    uvicorn.Server(config).run(sockets=[listener])
