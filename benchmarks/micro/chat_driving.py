"""Drives chat servers: pinned processes whose processor time the system tells, and conversations that many connections carry on at once.

Requests are made before anything is measured; a connection sends one, waits for the whole answer and takes the next conversation that
nobody is in. The client notes the seconds of each answer and keeps every hundredth.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import uvloop
from chat_library import OPENING, ROOT, Talk

KEPT_EVERY = 100
CONNECTIONS = 32
_TICKS = os.sysconf("SC_CLK_TCK")
_HEAD = "POST /v1/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Round:
    """One run: answers, their seconds in all and each, processor seconds of the server, and the client's share of a processor."""

    answers: int
    seconds: float
    latencies: Sequence[float]
    server_seconds: float
    client_share: float

    def quantile(self, share: float) -> float:
        """Seconds within which this share of the answers came."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Source(Protocol):
    """Where connections get their requests."""

    def take(self) -> tuple[Any, bytes] | None:
        """The next request and what to call it; None: there is no more for this connection."""

    def done(self, what: Any, body: bytes) -> None:  # noqa: ANN401 - a source's own name for it
        """Its answer has come."""


class Repeated:
    """The same request so many times."""

    def __init__(self, request: bytes, count: int) -> None:
        self._request = request
        self._left = count

    def take(self) -> tuple[Any, bytes] | None:
        """See `Source`."""
        self._left -= 1
        return (None, self._request) if self._left >= 0 else None

    def done(self, what: Any, body: bytes) -> None:  # noqa: ANN401 - see `Source`
        """Nothing to note."""


@dataclass(slots=True)
class _Line:
    """A conversation on its way: the number of its next turn, and its remaining requests once its id is known."""

    number: int
    talk: Talk
    turn: int = 0
    id: str | None = None
    requests: list[bytes] = field(default_factory=list)


class Conversations:
    """Carries talks on, each by one connection at a time; keeps every hundredth answer under its talk and turn."""

    def __init__(self, talks: Mapping[int, Talk], tokens: Mapping[str, str], until: int = OPENING) -> None:
        """Begin with the turns before `until`."""
        self._tokens = tokens
        self._lines = [_Line(number, talk) for number, talk in talks.items()]
        self._free: deque[_Line] = deque(self._lines)
        self._until = until
        self._answers = 0
        self.kept: dict[tuple[int, int], dict[str, Any]] = {}

    def open_all(self) -> None:
        """From now on the measured turns are asked: their requests are made here."""
        self._until = sys.maxsize
        for line in self._lines:
            line.requests = [self._request(line, text) for text in line.talk.questions]
        self._free = deque(self._lines)
        self._answers = 0

    def take(self) -> tuple[_Line, bytes] | None:
        """See `Source`."""
        if not self._free:
            return None
        line = self._free.popleft()
        return line, line.requests[line.turn] if line.requests else self._request(line, line.talk.questions[line.turn])

    def done(self, what: _Line, body: bytes) -> None:
        """See `Source`."""
        if what.id is None:
            what.id = json.loads(body)["conversation_id"]
        elif self._until > OPENING and self._answers % KEPT_EVERY == 0:
            self.kept[what.number, what.turn] = json.loads(body)
        self._answers += 1
        what.turn += 1
        if what.turn < min(self._until, len(what.talk.questions)):
            self._free.append(what)

    def _request(self, line: _Line, text: str) -> bytes:
        asked = {"message": text} if line.id is None else {"message": text, "conversation_id": line.id}
        body = json.dumps(asked).encode()
        return _HEAD.format(token=self._tokens[line.talk.role], length=len(body)).encode() + body


class _Caller(asyncio.Protocol):
    def __init__(self, source: Source, latencies: list[float], done: asyncio.Future[None]) -> None:
        self._source = source
        self._latencies = latencies
        self._done = done
        self._parts: list[bytes] = []
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._ask()

    def _ask(self) -> None:
        taken = self._source.take()
        if taken is None:
            self._transport.close()
            return
        self._what, request = taken
        self._asked = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if not self._parts:
            end = data.find(b"\r\n\r\n")
            if not data.startswith(b"HTTP/1.1 200") or end < 0:
                self._done.set_exception(RuntimeError(f"not an answer: {data[:600]!r}"))
                self._transport.abort()
                return
            place = data.find(b"content-length: ") + 16
            self._missing = end + 4 + int(data[place : data.find(b"\r", place)])
            self._body_at = end + 4
        self._parts.append(data)
        self._missing -= len(data)
        if self._missing <= 0:
            self._latencies.append(time.perf_counter() - self._asked)
            whole = b"".join(self._parts)
            self._parts.clear()
            self._source.done(self._what, whole[self._body_at :])
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            if exc or self._parts:
                self._done.set_exception(exc or RuntimeError("the server closed in the middle of an answer"))
            else:
                self._done.set_result(None)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and the cores that it may use."""

    process: subprocess.Popen[bytes]
    port: int
    cores: frozenset[int]

    def cpu_seconds(self) -> float:
        """Processor time of the process and its children up to now."""
        return sum(_ticks(one) for one in family(self.process.pid)) / _TICKS


def family(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (task / "children").read_text(encoding="ascii").split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # a thread that has just ended; another one of the process has its children now
        for child in children:
            yield from family(int(child))


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """This process and what it starts meanwhile on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def start(
    command: Sequence[str],
    environment: Mapping[str, str],
    cores: frozenset[int],
    log: Path,
    port_of: Callable[[Path], int | None],
) -> Server:
    """Start a server on some cores and wait until its log tells its port."""
    with pinned(cores), log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env={**os.environ, **environment}, stdout=file, stderr=file
        )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        port = port_of(log)
        if port is not None:
            return Server(process, port, cores)
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise SystemExit(f"{' '.join(command)} did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")


def spare(server: Server) -> frozenset[int]:
    """The cores that a server leaves to its client, all of them when it leaves none."""
    return frozenset(os.sched_getaffinity(0)) - server.cores or frozenset(os.sched_getaffinity(0))


def drive(server: Server, source: Source, connections: int = CONNECTIONS) -> Round:
    """Ask until the source has no more."""
    latencies: list[float] = []
    with pinned(spare(server)), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        busy, own, begun = server.cpu_seconds(), time.process_time(), time.perf_counter()
        runner.run(_all(server.port, source, latencies, connections))
        took = time.perf_counter() - begun
        spent, mine = server.cpu_seconds() - busy, time.process_time() - own
    return Round(len(latencies), took, latencies, spent, mine / took)


async def _all(port: int, source: Source, latencies: list[float], connections: int) -> None:
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in range(connections)]
    for end in ends:
        await loop.create_connection(lambda end=end: _Caller(source, latencies, end), "127.0.0.1", port)
    await asyncio.gather(*ends)
