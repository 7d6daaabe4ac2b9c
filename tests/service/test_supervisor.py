"""How the supervisor gathers what workers say when several ask for it at once."""

from __future__ import annotations

import asyncio
import errno
import gzip
import io
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import orjson
import pytest

from service.serving.channel import Channel, as_bytes
from service.serving.supervisor import Plan, Supervisor, _Worker
from service.telemetry.logging import EventLog

STATE = {
    "families": [["chatbot_x", "counter", "x", "", [["chatbot_x_total", {}, 1.0, None]]]],
    "active": [],
    "figures": {"a": 1.0},
}


QUESTIONS = 21


class Ended:
    """A process that has ended with a status."""

    pid = 1

    def __init__(self, status: int = 0) -> None:
        self.returncode = status

    async def wait(self) -> int:
        return self.returncode


class Hanging(Ended):
    """A process that hears no word to stop, and ends when it is killed."""

    def __init__(self, channel: socket.socket | None = None) -> None:
        super().__init__(-signal.SIGKILL)
        self.channel = channel
        self.heard: list[signal.Signals] = []
        self.was_killed = asyncio.Event()

    def send_signal(self, number: int) -> None:
        self.heard.append(signal.Signals(number))

    def kill(self) -> None:
        self.heard.append(signal.SIGKILL)
        self.was_killed.set()
        if self.channel:
            self.channel.close()


class Pair:
    """A supervisor with one worker that answers whenever it is let, and counts how often it is asked for its figures."""

    def __init__(self, *, here: bool = True) -> None:
        """Answer whether it is there, or not."""
        self.here = here
        self.log = io.BytesIO()
        self.process = Hanging()

    async def begin(self) -> None:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.settimeout(0)
        self.worker_end = Channel(*await asyncio.open_connection(sock=theirs))
        self.worker = _Worker(1, self.process, Channel(*await asyncio.open_connection(sock=ours)), 0.0)  # type: ignore[arg-type]  # its process is never looked at
        self.worker.ready.set()
        self.supervisor = Supervisor(Plan(1, ours, -1, 1.0), EventLog(self.log, "info", lambda: 0.0))
        self.supervisor._workers.append(self.worker)
        self.asked = 0
        self.was_asked, self.let, self.all_told = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.answers: list[dict[str, Any]] = []
        self.tasks = [asyncio.create_task(self.work()), asyncio.create_task(self.listen())]

    async def work(self) -> None:
        """The worker's side."""
        while (message := await self.worker_end.receive()) is not None:
            if message["say"] == "state":
                self.asked += 1
                self.was_asked.set()
                await self.let.wait()
                self.worker_end.send(say="state", **STATE)
            elif message["say"] == "there?":
                if self.here:
                    self.worker_end.send(say="here")
            else:
                self.answers.append(message)
                if len(self.answers) == QUESTIONS:
                    self.all_told.set()

    async def listen(self) -> None:
        """The supervisor's side."""
        while (message := await self.worker.channel.receive()) is not None:
            self.supervisor._heard(self.worker, message)

    async def end(self) -> None:
        self.worker_end.close()
        self.worker.channel.close()
        await asyncio.gather(*self.tasks)


def test_a_crowd_of_scrapers_costs_two_rounds() -> None:
    """Who asks while the workers are being asked shares the next round: its figures are newer than its question, and no queue builds up."""

    async def story() -> tuple[int, list[dict[str, Any]]]:
        pair = Pair()
        await pair.begin()
        pair.worker_end.send(say="page", n=0, accept="", packed=False)
        await pair.was_asked.wait()
        for number in range(1, QUESTIONS - 1):
            accept = "application/openmetrics-text" if number % 2 else ""
            pair.worker_end.send(say="page", n=number, accept=accept, packed=number % 3 == 1)
        pair.worker_end.send(say="figures", n=QUESTIONS - 1)
        await asyncio.sleep(0.05)
        assert pair.answers == [], "nothing is told before the workers have said something"
        pair.let.set()
        await pair.all_told.wait()
        await pair.end()
        return pair.asked, pair.answers

    asked, answers = asyncio.run(asyncio.wait_for(story(), 120))
    assert asked == 2
    assert sorted(one["n"] for one in answers) == list(range(QUESTIONS))
    for one in answers:
        if one["n"] == QUESTIONS - 1:
            assert one["figures"] == [{"a": 1.0}]
        else:
            sent = as_bytes(one["page"])
            page = (gzip.decompress(sent) if one["n"] % 3 == 1 else sent).decode()
            assert "chatbot_x_total 1.0\n" in page
            assert page.endswith("# EOF\n") == ("openmetrics" in one["content_type"]) == bool(one["n"] % 2)


@pytest.mark.parametrize(
    ("status", "level"), [(0, "info"), (-signal.SIGTERM, "info"), (-signal.SIGKILL, "error"), (1, "error")]
)
def test_a_worker_that_ends_as_it_was_told_to_is_no_error(status: int, level: str) -> None:
    """One that was still starting ends by the signal itself: whoever watches the log for errors is not called for a stop."""

    async def story() -> bytes:
        ours, theirs = socket.socketpair()
        theirs.close()
        ours.settimeout(0)
        log = EventLog(written := io.BytesIO(), "info", lambda: 0.0)
        supervisor = Supervisor(Plan(1, ours, -1, 1.0), log)
        worker = _Worker(7, Ended(status), Channel(*await asyncio.open_connection(sock=ours)), 0.0, leaving=True)  # type: ignore[arg-type]  # its process only ends
        supervisor._workers.append(worker)
        await supervisor._attend(worker)
        log.flush()
        return written.getvalue()

    told = orjson.loads(asyncio.run(asyncio.wait_for(story(), 120)))
    assert (told["event"], told["status"], told["level"]) == ("worker_ended", status, level)


def test_a_worker_that_hangs_at_its_end_is_killed_and_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop of a service does not wait for it for ever, and whoever reads the log learns that answers of it may be lost."""
    monkeypatch.setattr("service.serving.supervisor._GRACE_SECONDS", 0.01)

    async def story() -> tuple[int, list[signal.Signals], bytes]:
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        log = EventLog(written := io.BytesIO(), "info", lambda: 0.0)
        supervisor = Supervisor(Plan(1, socket.socket(), os.open(os.devnull, os.O_RDONLY), 0.01), log)
        process = Hanging(theirs)
        worker = _Worker(7, process, Channel(*await asyncio.open_connection(sock=ours)), 0.0)  # type: ignore[arg-type]  # only told, killed and awaited
        supervisor._workers.append(worker)
        supervisor._begin(supervisor._attend(worker))

        async def started() -> _Worker:
            return worker

        monkeypatch.setattr(supervisor, "_start", started)
        ended = await supervisor.run(lambda: supervisor._told_to_stop(signal.SIGTERM))
        log.flush()
        return ended, process.heard, written.getvalue()

    ended, heard, written = asyncio.run(asyncio.wait_for(story(), 120))
    assert ended == 1, "whoever stopped the service must learn of it"
    assert heard[:1] + heard[-1:] == [signal.SIGTERM, signal.SIGKILL]
    told = [orjson.loads(line) for line in written.splitlines()]
    assert [(one["event"], one["level"]) for one in told] == [("worker_hangs", "error"), ("worker_ended", "error")]
    assert told[1]["status"] == -signal.SIGKILL


@pytest.mark.parametrize("warms_up", [False, True])
@pytest.mark.parametrize("answers", [True, False])
def test_a_worker_that_says_nothing_any_more_is_killed(
    monkeypatch: pytest.MonkeyPatch, answers: bool, warms_up: bool
) -> None:
    """One whose loop stands still would hold its connections, and one that still warms up the reload that waits for it, for ever; one that answers is let be."""
    monkeypatch.setattr("service.serving.supervisor._LOOK_SECONDS", 0.05)
    monkeypatch.setattr("service.serving.supervisor._HANGING_SECONDS", 0.5)

    async def story() -> tuple[list[signal.Signals], bytes]:
        pair = Pair(here=answers)
        await pair.begin()
        if warms_up:
            pair.worker.ready.clear()
            # As a reload has it until it is ready.
            pair.worker.leaving = True
        pair.supervisor._heard(pair.worker, {"say": "here" if warms_up else "ready"})
        watching = asyncio.create_task(pair.supervisor._watch())
        with suppress(TimeoutError):
            async with asyncio.timeout(1.5 if answers else 120):
                await pair.process.was_killed.wait()
        watching.cancel()
        await pair.end()
        return pair.process.heard, pair.log.getvalue()

    heard, written = asyncio.run(asyncio.wait_for(story(), 180))
    assert (signal.SIGKILL in heard) == (not answers)
    assert (b"worker_hangs" in written) == (not answers)


def test_a_worker_that_loads_its_parts_is_given_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its first word it cannot answer, however large its corpus is."""
    monkeypatch.setattr("service.serving.supervisor._LOOK_SECONDS", 0.05)
    monkeypatch.setattr("service.serving.supervisor._HANGING_SECONDS", 0.2)

    async def story() -> list[signal.Signals]:
        pair = Pair(here=False)
        await pair.begin()
        pair.worker.ready.clear()
        watching = asyncio.create_task(pair.supervisor._watch())
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await pair.process.was_killed.wait()
        watching.cancel()
        await pair.end()
        return pair.process.heard

    assert asyncio.run(asyncio.wait_for(story(), 120)) == []


def reloads(*, stopped: bool) -> int:
    """How many reloads follow one that runs while forty more are asked for."""

    async def story() -> bytes:
        log = EventLog(written := io.BytesIO(), "info", lambda: 0.0)
        listener = socket.socket()
        supervisor = Supervisor(Plan(1, listener, -1, 1.0), log)
        async with supervisor._reloading:
            for _ in range(40):
                supervisor._told_to_reload()
                await asyncio.sleep(0)
            if stopped:
                supervisor._told_to_stop(signal.SIGTERM)
        await asyncio.gather(*supervisor._tasks)
        listener.close()
        log.flush()
        return written.getvalue()

    return asyncio.run(asyncio.wait_for(story(), 30)).count(b'"reloaded"')


def test_however_many_ask_for_a_reload_meanwhile_one_follows() -> None:
    """A storm of SIGHUP does not keep a service at replacing its workers for the next hour."""
    assert reloads(stopped=False) == 1


def test_nobody_calls_a_service_reloaded_that_stops() -> None:
    """What was still waiting when the word to stop came did not happen."""
    assert reloads(stopped=True) == 0


class Starting:
    """A supervisor whose workers are made by hand; the system refuses the first `refused` of them."""

    def __init__(self, refused: int = 0) -> None:
        self.log = io.BytesIO()
        self.listener = socket.socket()
        plan = Plan(1, self.listener, os.open(os.devnull, os.O_RDONLY), 1.0)
        self.supervisor = Supervisor(plan, EventLog(self.log, "info", lambda: 0.0))
        self.supervisor._was_ready = True
        self.supervisor._pause = 0.001
        self.supervisor._start = self.start  # type: ignore[method-assign]  # no process is made here
        self.left = refused
        self.made: list[_Worker] = []
        self.ends: list[socket.socket] = []
        self.was_made = asyncio.Event()

    async def start(self) -> _Worker:
        """As the supervisor's own, without a process."""
        if self.left:
            self.left -= 1
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        channel = Channel(*await asyncio.open_connection(sock=ours))
        process = Hanging()
        worker = _Worker(len(self.made) + 1, process, channel, 0.0)  # type: ignore[arg-type]  # only awaited and told
        self.supervisor._workers.append(worker)
        self.made.append(worker)
        self.ends.append(theirs)
        self.supervisor._begin(self.supervisor._attend(worker))
        self.was_made.set()
        return worker

    async def next(self) -> _Worker:
        """The next one that is made."""
        await self.was_made.wait()
        self.was_made.clear()
        return self.made[-1]

    async def end(self, worker: _Worker) -> None:
        """It ends by itself."""
        self.ends[self.made.index(worker)].close()
        await worker.ended.wait()

    async def close(self) -> None:
        """End what is left."""
        for end in self.ends:
            end.close()
        for worker in self.made:
            worker.leaving = True
            await worker.ended.wait()
        self.listener.close()

    def told(self, event: str) -> list[dict[str, Any]]:
        self.supervisor._log.flush()
        lines = [orjson.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]


def played(story: Callable[[Starting], Coroutine[Any, Any, Any]], refused: int = 0) -> Any:
    """What a story of such a supervisor comes to."""

    async def whole() -> Any:
        stand = Starting(refused)
        try:
            return await story(stand)
        finally:
            await stand.close()

    return asyncio.run(asyncio.wait_for(whole(), 120))


@pytest.mark.parametrize("starts", [True, False])
def test_a_worker_that_ends_during_a_reload_has_one_successor(starts: bool) -> None:
    """The one that the reload makes; where that does not start, one as if nothing had been reloaded. There were two, and the service had a worker more for ever."""

    async def story(stand: Starting) -> tuple[int, int, list[dict[str, Any]]]:
        old = await stand.start()
        await stand.next()
        old.ready.set()
        reload = asyncio.create_task(stand.supervisor._reload())
        new = await stand.next()
        await stand.end(old)
        # Behind `ended` a second one would be started after the pause.
        await asyncio.sleep(0.1)
        if starts:
            new.ready.set()
        else:
            await stand.end(new)
        await reload
        if not starts:
            await stand.next()
        return len(stand.made), len(stand.supervisor._workers), stand.told("reload_failed")

    made, living, failed = played(story)
    assert (made, living, len(failed)) == ((2, 1, 0) if starts else (3, 1, 1))


def test_a_worker_is_replaced_as_soon_as_the_system_gives_a_process() -> None:
    """No room for a process, no descriptor: the place of the worker is filled when there is one again, and each refusal is a line. It stayed empty for ever."""

    async def story(stand: Starting) -> list[dict[str, Any]]:
        old = await stand.start()
        await stand.next()
        stand.left = 3
        await stand.end(old)
        await stand.next()
        assert len(stand.supervisor._workers) == 1
        return stand.told("worker_not_started")

    told = played(story)
    assert [(line["level"], line["reason"]) for line in told] == [("error", os.strerror(errno.EAGAIN))] * 3


def test_a_reload_for_which_there_is_no_process_leaves_everything() -> None:
    """The old worker stays, the log says why, and the next word to reload is heard."""

    async def story(stand: Starting) -> tuple[list[_Worker], list[dict[str, Any]]]:
        old = await stand.start()
        await stand.next()
        old.ready.set()
        stand.left = 1
        await stand.supervisor._reload()
        assert stand.supervisor._workers == [old]
        assert not old.leaving
        again = asyncio.create_task(stand.supervisor._reload())
        new = await stand.next()
        new.ready.set()
        await stand.end(old)
        await again
        return list(stand.supervisor._workers), stand.told("reload_failed")

    living, failed = played(story)
    assert (len(living), len(failed)) == (1, 1)


def test_a_service_without_its_first_process_ends_with_status_two() -> None:
    """Where there is no process for the first worker nothing serves: a line, and the status of what could not start."""

    async def story(stand: Starting) -> tuple[int, list[dict[str, Any]]]:
        return await stand.supervisor.run(lambda: None), stand.told("worker_not_started")

    status, told = played(story, refused=1)
    assert (status, len(told)) == (2, 1)
