"""How the supervisor gathers what workers say when several ask for it at once."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import signal
import socket
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
        self.status = status

    async def wait(self) -> int:
        return self.status


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


@pytest.mark.parametrize("answers", [True, False])
def test_a_worker_that_says_nothing_any_more_is_killed(monkeypatch: pytest.MonkeyPatch, answers: bool) -> None:
    """One whose loop stands still would hold its connections for ever; one that answers the question whether it is there is let be."""
    monkeypatch.setattr("service.serving.supervisor._LOOK_SECONDS", 0.05)
    monkeypatch.setattr("service.serving.supervisor._HANGING_SECONDS", 0.5)

    async def story() -> tuple[list[signal.Signals], bytes]:
        pair = Pair(here=answers)
        await pair.begin()
        pair.supervisor._heard(pair.worker, {"say": "ready"})
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
