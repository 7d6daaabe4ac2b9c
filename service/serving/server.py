"""uvicorn's server with an end of our own, by which no request fails.

uvicorn closes idle connections at once, and a client that was just about to ask meets a reset. Here every answer says
`Connection: close` from the first moment of draining, so that clients leave by themselves; who stays silent for a second is
closed then. Requests that wait in the listener's queue are taken before it closes, and while it serves all at once.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import uvicorn

from service.serving.entrance import Entrance
from service.serving.life import Life

_LOOK_SECONDS = 0.05
_QUIET_SECONDS = 1.0
_FIRST_WORDS_SECONDS = 30.0
"""How long a connection may take to its first whole request head: uvicorn waits for it without end, and every open one costs a descriptor."""
_LATER_WORDS_SECONDS = 75.0
"""The same between two requests: longer than proxies keep theirs by default, so that it is they who end a connection, and no request meets its end."""
_UNREAD_SECONDS = 60.0
_LEAST_READ_BYTES = 16_384
"""Whoever takes less of an answer in that time than the slowest line carries holds its task, its text and a descriptor without end."""
_TICKS = 10
"""Ticks of uvicorn in a second."""
_LAST_WORDS_SECONDS = 2.0
_CLOSE = (b"connection", b"close")


@dataclass(frozen=True, slots=True)
class DrainRules:
    """Seconds: `delay` new connections are still taken after the word to stop; running answers get `seconds` then."""

    delay: float
    seconds: float


class DrainingServer(uvicorn.Server):
    """Serves until SIGTERM or SIGINT, then drains; a second signal, or the supervisor's word, cuts what still runs."""

    def __init__(self, config: uvicorn.Config, life: Life, rules: DrainRules, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._life = life
        self._rules = rules
        self._cut = False
        self._told: int | None = None
        self._on_started = on_started
        self._silence = Silence(self.server_state)
        self._entrance = Entrance(self._protocol)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app, then listen."""
        await super().startup(sockets)
        if self.started:
            # Of several workers each takes one at a time: who is busy leaves the next to the others.
            if self._life.siblings is None:
                self._entrance.open(sockets or [])
            self._on_started()

    async def on_tick(self, counter: int) -> bool:
        """Once a second close who has been silent for too long; then what uvicorn does."""
        if counter % _TICKS == 0:
            self._silence.close_after(_FIRST_WORDS_SECONDS, _LATER_WORDS_SECONDS, asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    @property
    def exit_status(self) -> int:
        """Told to stop is success; interrupted at the keyboard is 130, as shells have it."""
        return 128 + self._told if self._told == signal.SIGINT else 0

    def heed_signals(self) -> None:
        """Listen to SIGTERM and SIGINT from now on, also before there is a loop and after it; one that is ignored stays so."""
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self.handle_exit)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing more: uvicorn would hear signals only while its loop runs, and raise them once more behind it."""
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature is uvicorn's
        """The first signal begins to drain, the second one cuts; of several workers, only the supervisor's word does."""
        if self.should_exit:
            if self._life.siblings is None:
                self.cut()
            return
        self._told = sig
        self.drain()

    def cut(self) -> None:
        """End the drain, and with it what still runs."""
        self._cut = True

    def drain(self) -> None:
        """Begin to drain, once: not ready from now on, and each answer ends its connection."""
        if self._life.draining:
            return
        self.should_exit = True
        self._life.draining = True
        self.config.encoded_headers.append(_CLOSE)
        self.server_state.default_headers = [*self.server_state.default_headers, _CLOSE]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, cut what takes too long, then stop the app."""
        # uvicorn's once-a-second renewal may have raced with the signal.
        self.server_state.default_headers = [*self.config.encoded_headers]
        self._say_close()
        await self._wait(self._rules.delay, lambda: False)
        await self._stop_listening(sockets or [])
        await self._wait(self._rules.seconds, self._gone)
        await self._cut_off()
        await self.lifespan.shutdown()

    def _say_close(self) -> None:
        """Answers that have not begun end their connection as well."""
        connections: set[Any] = set(self.server_state.connections)
        for connection in connections:
            cycle = connection.cycle
            if cycle is not None and not cycle.response_started:
                cycle.keep_alive = False

    async def _wait(self, seconds: float, done: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        ends = loop.time() + seconds
        while not self._cut and loop.time() < ends and not done():  # noqa: ASYNC110 - uvicorn tells of connections by no event
            await asyncio.sleep(_LOOK_SECONDS)

    async def _stop_listening(self, sockets: list[socket.socket]) -> None:
        """Close the listeners, and take who already waits in their queues: the system has accepted them in our name."""
        await self._entrance.close()
        spares = [one.dup() for one in sockets]
        for server in self.servers:
            server.close()
        for one in sockets:
            one.close()
        for spare in spares:
            spare.settimeout(0)
            await self._take_waiting(spare)
            spare.close()

    async def _take_waiting(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                waiting, _ = listener.accept()
            except OSError:
                return
            await loop.connect_accepted_socket(self._protocol, waiting)

    def _protocol(self) -> Any:  # noqa: ANN401 - uvicorn names no type for it
        return self.config.http_protocol_class(  # type: ignore[call-arg]  # uvicorn builds it in the same way
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    def _gone(self) -> bool:
        """Whether nobody is connected any more and nothing runs; who has been silent for a second is closed."""
        self._silence.close_after(_QUIET_SECONDS, _QUIET_SECONDS, asyncio.get_running_loop().time())
        return not self.server_state.connections and not self.server_state.tasks

    async def _cut_off(self) -> None:
        """End what still runs; routes and streams say so to their reader (a problem, an event `error`)."""
        running = list(self.server_state.tasks)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=_LAST_WORDS_SECONDS)
        for connection in list(self.server_state.connections):
            connection.transport.close()
        for task in self.server_state.tasks:
            task.cancel()


class Silence:
    """Since when each connection has been without a request under way, or without taking its answer."""

    def __init__(self, state: Any) -> None:  # noqa: ANN401 - uvicorn's ServerState is not public
        self._state = state
        self._since: dict[Any, tuple[Any, float]] = {}
        self._untaken: dict[Any, tuple[int, float]] = {}

    def close_after(self, first: float, later: float, now: float) -> None:
        """Close who has been silent for so many seconds: `first` before any request, `later` behind one. `now` is monotonic."""
        silent: dict[Any, tuple[Any, float]] = {}
        untaken: dict[Any, tuple[int, float]] = {}
        for connection in list(self._state.connections):
            cycle = connection.cycle
            if cycle is not None and not cycle.response_complete:
                if connection.flow.write_paused:
                    untaken[connection] = self._looked(connection, now)
                continue
            known, since = self._since.get(connection, (cycle, now))
            since = since if known is cycle else now
            if now - since >= (first if cycle is None else later):
                connection.transport.close()
            else:
                silent[connection] = (cycle, since)
        self._since, self._untaken = silent, untaken
        for connection, (_, since) in untaken.items():
            if now - since >= _UNREAD_SECONDS:
                connection.transport.abort()

    def _looked(self, connection: Any, now: float) -> tuple[int, float]:  # noqa: ANN401 - uvicorn names no type for it
        """How much of an answer waited for its reader, and since when hardly anything of that was taken."""
        waits = connection.transport.get_write_buffer_size()
        before, since = self._untaken.get(connection, (waits, now))
        return (before, since) if before - waits < _LEAST_READ_BYTES else (waits, now)
