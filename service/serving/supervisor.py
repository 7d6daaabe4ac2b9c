"""Keeps several workers behind one address: starts them, replaces those that end, and gathers what they say into one truth.

Workers are new interpreters and not forks: the index has threads of its own, and a fork would copy their locks without them. What is large,
the index of a library, is mapped from its file and shared anyway. Each worker holds one end of a socket pair; when the
supervisor is gone, however it ended, the worker reads an end of file and drains: no orphan.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from service.serving.channel import Channel, as_text
from service.telemetry.logging import EventLog
from service.telemetry.pages import PageWriter
from service.telemetry.snapshots import Base, Family, render

_GATHER_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 60.0
_GRACE_SECONDS = 10.0
_LOOK_SECONDS = 10.0
_HANGING_SECONDS = 60.0
"""A worker that says nothing for so long answers nobody either: far longer than the slowest machine keeps a loop from its turn."""
_COULD_NOT_START = 2
_TOLD = (0, -signal.SIGTERM)
"""How a worker ends that was told to: drained, or, while it still started and served nobody, by the signal itself."""
_NO_PROCESS = (OSError, RuntimeError)
"""What says that the system gives no process, descriptor or thread now, or that the interpreter is not there."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to keep: so many workers on a listener, sharing the table of quotas, each with so many seconds for its drain."""

    workers: int
    listener: socket.socket
    quotas: int
    drain_seconds: float


@dataclass(slots=True, eq=False)
class _Worker:
    """One worker process and what it last said of itself; `followed` while a reload has its successor on the way."""

    number: int
    process: asyncio.subprocess.Process
    channel: Channel
    began: float
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    leaving: bool = False
    followed: bool = False
    last: dict[str, Any] | None = None
    heard: float = 0.0
    speaks: bool = False
    said: asyncio.Event = field(default_factory=asyncio.Event)
    counted: bool = False


@dataclass(slots=True)
class _Truth:
    """What all workers said in one round, put together: the page in each form that it was asked for, and everybody's figures."""

    families: dict[str, Family]
    counts: Mapping[str, int]
    active: int
    figures: Sequence[dict[str, float]]
    pages: dict[tuple[str, bool], tuple[bytes, str]] = field(default_factory=dict)


class Supervisor:
    """Runs workers until it is told to stop."""

    def __init__(self, plan: Plan, log: EventLog) -> None:
        self._plan = plan
        self._log = log
        self._workers: list[_Worker] = []
        self._base = Base()
        self._writer = PageWriter()
        self._number = 0
        self._pause = _FIRST_PAUSE_SECONDS
        self._stopping: int | None = None
        self._stop = asyncio.Event()
        self._failed = False
        self._lost = False
        self._was_ready = False
        self._gathering = asyncio.Lock()
        self._next: asyncio.Task[_Truth] | None = None
        self._reloading = asyncio.Lock()
        self._reload_waits = False
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, begun: Callable[[], None]) -> int:
        """Keep the workers; returns the exit status: 0 after SIGTERM, 1 when a worker had to be killed at the end, 130 after SIGINT, 2 when the first worker cannot start.

        Args:
            begun: called once signals are heard.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._told_to_reload)
        begun()
        self._begin(self._watch())
        try:
            # The first one goes alone: what keeps it from starting is said once, and not by all of them.
            first = await self._try_to_start()
            if first is None:
                self._failed = True
            else:
                await self._until_ready(first)
                if self._was_ready:
                    for _ in range(self._plan.workers - 1):
                        if await self._try_to_start() is None:
                            self._begin(self._start_in_time())
                await self._stop.wait()
        finally:
            await self._end()
        if self._failed:
            return _COULD_NOT_START
        return 128 + signal.SIGINT if self._stopping == signal.SIGINT else int(self._lost)

    def _begin(self, work: Any) -> None:  # noqa: ANN401 - a coroutine of any result
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _told_to_stop(self, number: int) -> None:
        """The first signal drains all workers, each further one cuts.

        A worker hears SIGTERM twice when it was leaving already, or when whoever stops the service tells its whole group: only this word cuts.
        """
        for worker in self._workers:
            if self._stopping is None:
                self._tell(worker)
            else:
                worker.channel.send(say="cut")
        if self._stopping is None:
            self._stopping = number
            self._plan.listener.close()
        self._stop.set()

    def _told_to_reload(self) -> None:
        """Reload. However often it is told during a reload, one more follows: that one reads all that was changed before it begins."""
        if not self._reload_waits:
            self._reload_waits = True
            self._begin(self._reload())

    def _tell(self, worker: _Worker) -> None:
        worker.leaving = True
        with suppress(ProcessLookupError):
            worker.process.send_signal(signal.SIGTERM)

    async def _start(self) -> _Worker:
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        descriptors = (self._plan.listener.fileno(), theirs.fileno(), self._plan.quotas)
        self._number += 1
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "service.serving",
                *map(str, descriptors),
                pass_fds=descriptors,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        worker = _Worker(self._number, process, Channel(reader, writer), time.monotonic())
        self._workers.append(worker)
        # Answered as soon as it has loaded its parts: from then on it is expected to answer.
        worker.channel.send(say="there?")
        self._begin(self._attend(worker))
        if self._stopping is not None:
            self._tell(worker)
        return worker

    async def _try_to_start(self) -> _Worker | None:
        """A worker; None, and a line in the log, where the system gives no process now."""
        try:
            return await self._start()
        except _NO_PROCESS as error:
            number = error.errno if isinstance(error, OSError) else None
            self._log.write("error", "worker_not_started", reason=os.strerror(number) if number else str(error))
            return None

    async def _start_in_time(self) -> None:
        """Start a worker behind the pause; where that fails, try again, ever more slowly: nothing else would."""
        while self._stopping is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), self._pause)
            self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
            if self._stop.is_set() or await self._try_to_start() is not None:
                return

    async def _until_ready(self, worker: _Worker) -> None:
        """Wait until a worker is ready, has ended, or everybody shall stop."""
        waits = [asyncio.ensure_future(event.wait()) for event in (worker.ready, worker.ended, self._stop)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _attend(self, worker: _Worker) -> None:
        """Listen to a worker until it ends, and keep what it counted."""
        while (message := await worker.channel.receive()) is not None:
            self._heard(worker, message)
        status = await worker.process.wait()
        worker.channel.close()
        self._bury(worker)
        worker.ended.set()
        self._log.write(
            "info" if worker.leaving and status in _TOLD else "error",
            "worker_ended",
            worker=worker.number,
            status=status,
        )
        if self._stopping is None and not worker.leaving and not worker.followed:
            await self._replace(worker, status)

    async def _watch(self) -> None:
        """Ask each worker now and then whether it is there; one that hangs is killed, and replaced like any that ended by itself."""
        looked = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = time.monotonic()
            # Whoever was kept from the processor itself, or asleep with the machine, has no say about others.
            late, looked = now - looked > 2 * _LOOK_SECONDS, now
            for worker in self._workers:
                if late or not worker.speaks:
                    # Before its first word it loads its parts, which takes as long as it takes, and listens to nobody.
                    worker.heard = now
                elif now - worker.heard > _HANGING_SECONDS and not (worker.leaving and worker.ready.is_set()):
                    self._kill(worker)
                worker.channel.send(say="there?")

    def _kill(self, worker: _Worker) -> None:
        self._log.write("error", "worker_hangs", worker=worker.number, pid=worker.process.pid)
        with suppress(ProcessLookupError):
            worker.process.kill()

    def _heard(self, worker: _Worker, message: dict[str, Any]) -> None:
        worker.heard = time.monotonic()
        worker.speaks = True
        match message.get("say"):
            case "ready":
                self._was_ready = True
                worker.ready.set()
                self._log.write("info", "worker_ready", worker=worker.number, pid=worker.process.pid)
            case "state":
                worker.last = message
                worker.said.set()
            case "page":
                self._begin(self._answer_page(worker, message))
            case "figures":
                self._begin(self._answer_figures(worker, message))

    def _bury(self, worker: _Worker) -> None:
        """Fold what a worker has counted into the base, in one step with its leaving: no page sees it twice or not at all."""
        if worker.last is not None:
            self._base.fold(worker.last["families"])
        self._workers.remove(worker)

    async def _replace(self, worker: _Worker, status: int) -> None:
        """Start another one for a worker that ended by itself; those that end soon are replaced ever more slowly."""
        if not self._was_ready:
            self._failed = True
            self._stop.set()
            return
        if time.monotonic() - worker.began > _STEADY_SECONDS:
            self._pause = _FIRST_PAUSE_SECONDS
        self._log.write("warning", "worker_replaced", worker=worker.number, status=status, pause_seconds=self._pause)
        await self._start_in_time()

    async def _reload(self) -> None:
        """Put a new worker in the place of each, ready before the old one is told to leave."""
        async with self._reloading:
            self._reload_waits = False
            for old in list(self._workers):
                if old.leaving or old.ended.is_set():
                    continue
                # If it ends meanwhile by itself, it has its successor already: a second one would stay beside it.
                old.followed = True
                new = await self._try_to_start()
                if new is not None:
                    # Until it has been ready once, its failure is not replaced: the old one stays instead.
                    new.leaving = True
                    await self._until_ready(new)
                if self._stopping is not None:
                    return
                if new is None or not new.ready.is_set():
                    self._log.write("error", "reload_failed", worker=new.number if new else None)
                    old.followed = False
                    if old.ended.is_set():
                        self._begin(self._replace(old, old.process.returncode or 0))
                    return
                new.leaving = False
                self._tell(old)
                await self._see_off(old)
            if self._stopping is None:
                self._log.write("info", "reloaded", workers=len(self._workers))

    async def _gather(self) -> tuple[list[dict[str, Any]], int]:
        """The last words of all living workers, and how many of them are fresh."""
        asked = [worker for worker in self._workers if worker.ready.is_set()]
        for worker in asked:
            worker.said.clear()
            worker.channel.send(say="state")
        waits = [asyncio.ensure_future(worker.said.wait()) for worker in asked]
        if waits:
            await asyncio.wait(waits, timeout=_GATHER_SECONDS)
        for wait in waits:
            wait.cancel()
        # Who has ended meanwhile stands in the base already; who became ready meanwhile says something next time.
        living = [worker for worker in self._workers if worker.last is not None]
        return [worker.last for worker in living if worker.last], sum(worker.said.is_set() for worker in living)

    def _truth(self) -> asyncio.Task[_Truth]:
        """What all workers say from now on. Whoever asks during a round shares the next one: a crowd of scrapers costs two, and builds no queue."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._round())
        return self._next

    async def _round(self) -> _Truth:
        async with self._gathering:
            self._next = None
            states, fresh = await self._gather()
            # In the same turn of the loop: a worker that ends now stands in the base, too, and would be counted twice.
            families = self._base.merged(state["families"] for state in states)
            active = len(set().union(*(state["active"] for state in states)))
            counts = {"fresh": fresh, "silent": len(states) - fresh}
            return _Truth(families, counts, active, [state["figures"] for state in states])

    async def _answer_page(self, worker: _Worker, message: dict[str, Any]) -> None:
        truth, form = await self._truth(), (message["accept"], message["packed"])
        if form not in truth.pages:
            accept, packed = form
            truth.pages[form] = render(truth.families, truth.counts, truth.active, accept, self._writer, packed=packed)
        page, content_type = truth.pages[form]
        worker.channel.send(say="answer", n=message["n"], page=as_text(page), content_type=content_type)

    async def _answer_figures(self, worker: _Worker, message: dict[str, Any]) -> None:
        truth = await self._truth()
        worker.channel.send(say="answer", n=message["n"], figures=truth.figures)

    async def _see_off(self, worker: _Worker) -> None:
        """Wait for the drain of a worker that was told to leave; one that takes longer than it may hangs, and is killed."""
        try:
            await asyncio.wait_for(worker.ended.wait(), self._plan.drain_seconds + _GRACE_SECONDS)
        except TimeoutError:
            self._kill(worker)
            # Of a reload the service goes on; at the end nothing else would tell whoever stopped it that answers were lost.
            self._lost = self._stopping is not None
            await worker.ended.wait()

    async def _end(self) -> None:
        """Wait for the workers' drains."""
        for worker in self._workers:
            if not worker.leaving:
                self._tell(worker)
        await asyncio.gather(*map(self._see_off, list(self._workers)))
        for task in self._tasks:
            task.cancel()
        os.close(self._plan.quotas)


def supervise(plan: Plan, log: EventLog, begun: Callable[[], None]) -> int:
    """Run workers until SIGTERM or SIGINT; returns the exit status. `begun` is called once signals are heard."""

    async def run() -> int:
        return await Supervisor(plan, log).run(begun)

    return asyncio.run(run())


def descriptors(arguments: Sequence[str]) -> tuple[int, int, int]:
    """Listener, channel and table of quotas, as a worker was given them."""
    listener, channel, quotas = map(int, arguments)
    return listener, channel, quotas
