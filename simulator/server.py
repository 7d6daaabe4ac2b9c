"""The process: listens, refuses on command, writes the truth in batches, and leaves in order."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
import uvloop

from simulator.admission import Gate
from simulator.clockwork import Clockwork
from simulator.connection import Connection, House
from simulator.errors import CannotStartError
from simulator.faults import FaultBoard
from simulator.profile import Profile
from simulator.provider import Desk, Provider
from simulator.truth import TruthLog

_BACKLOG = 4096
_FLUSH_SECONDS = 0.25
_REOPEN_SECONDS = 0.05
_COLLECT_AFTER = 50_000  # objects; the collector's pauses would make tokens late, and little here is cyclic


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. `announce_token` is whether the start line tells the admin token."""

    profile: Profile
    seed: int
    host: str
    port: int
    truth: Path | None
    admin_token: str
    announce_token: bool
    api_key: str | None
    grace_seconds: float


def serve(options: Options) -> int:
    """Serve until SIGTERM (status 0) or SIGINT (130); answers under way get `grace_seconds` to finish.

    Raises:
        CannotStartError: The port is taken, or the truth cannot be written; nothing listens then.
    """
    truth = TruthLog(options.truth, monotonic=time.monotonic(), wall=time.time())
    try:
        listening = listen(options.host, options.port)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(options, truth, listening))
    finally:
        truth.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        CannotStartError: The address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise CannotStartError(f"cannot listen on {host}:{port} ({error}); choose another with --port") from None
    listener.setblocking(False)  # noqa: FBT003 - the signature of the standard library
    return listener


class Door:
    """The listening socket, which can be closed for a time so that connecting is refused by the system itself."""

    def __init__(self, house: Callable[[], House], listener: socket.socket) -> None:
        self._house = house
        self._listener = listener
        self.host, self.port = listener.getsockname()[:2]
        self._server: asyncio.Server | None = None
        self._closed_until = 0.0
        self._reopening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Accept connections."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._house()), sock=self._listener, backlog=_BACKLOG
        )

    def shut(self) -> None:
        """Accept no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._reopening is not None:
            self._reopening.cancel()

    def refuse(self, until: float) -> None:
        """Close the listener until an instant in monotonic seconds, and every connection that is idle.

        Answers under way go on; their connections close after them.
        """
        house = self._house()
        self._closed_until = max(self._closed_until, until)
        if self._server is None:
            return
        self._server.close()
        self._server = None
        house.closing = True
        for connection in list(house.connections):
            if not connection.busy:
                connection.close()
        self._reopening = asyncio.get_running_loop().create_task(self._reopen(house))

    async def _reopen(self, house: House) -> None:
        told = False
        while True:
            wait = self._closed_until - house.now()
            if wait > 0:
                await asyncio.sleep(wait)
                continue
            try:
                self._listener = listen(self.host, self.port)
            except CannotStartError as error:
                if not told:
                    print(f"simulator: {error}; trying on", file=sys.stderr, flush=True)
                told = True
                await asyncio.sleep(_REOPEN_SECONDS)
                continue
            house.closing = False
            await self.open()
            return


async def _run(options: Options, truth: TruthLog, listener: socket.socket) -> int:
    loop = asyncio.get_running_loop()
    faults = FaultBoard(options.seed)
    door = Door(lambda: house, listener)
    house = House(
        Provider(options.profile, options.seed, faults, options.api_key),
        Desk(faults, options.admin_token, truth=truth.find, overview=truth.overview, refuse=door.refuse),
        Gate(options.profile.concurrency),
        Clockwork(loop, time.monotonic),
        truth,
        time.monotonic,
        time.time,
    )
    stopped: asyncio.Future[int] = loop.create_future()
    for number, status in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        loop.add_signal_handler(number, _stop, stopped, status)
    await door.open()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 50, 50)
    _announce(options, door)
    writing = loop.create_task(_write_batches(truth))
    status = await stopped
    writing.cancel()
    door.shut()
    await _leave(house, options.grace_seconds)
    return status


def _stop(stopped: asyncio.Future[int], status: int) -> None:
    if not stopped.done():
        stopped.set_result(status)


def _announce(options: Options, door: Door) -> None:
    """One line of JSON on standard output, once connections are accepted."""
    host = f"[{door.host}]" if ":" in door.host else door.host
    told = {
        "event": "listening",
        "url": f"http://{host}:{door.port}",
        "port": door.port,
        "profile": options.profile.name,
        "seed": options.seed,
        "truth": None if options.truth is None else str(options.truth),
    }
    if options.announce_token:
        told["admin_token"] = options.admin_token
    print(orjson.dumps(told).decode(), flush=True)


async def _write_batches(truth: TruthLog) -> None:
    while True:
        await asyncio.sleep(_FLUSH_SECONDS)
        truth.flush()


async def _leave(house: House, grace_seconds: float) -> None:
    """Idle connections close at once, answers under way get the grace, then everything is cut."""
    house.closing = house.leaving = True
    until = house.now() + grace_seconds
    for connection in list(house.connections):
        if not connection.busy:
            connection.close()
    while house.connections and house.now() < until:  # noqa: ASYNC110 - streams end by themselves; nobody would set an event
        await asyncio.sleep(0.01)
    for connection in list(house.connections):
        connection.abort()
    await asyncio.sleep(0)
