"""How the supervisor gathers what workers say when several ask for it at once."""

from __future__ import annotations

import asyncio
import io
import socket
from typing import Any

from service.serving.channel import Channel
from service.serving.supervisor import Plan, Supervisor, _Worker
from service.telemetry.logging import EventLog

STATE = {
    "families": [["chatbot_x", "counter", "x", "", [["chatbot_x_total", {}, 1.0, None]]]],
    "active": [],
    "figures": {"a": 1.0},
}


QUESTIONS = 21


class Ended:
    """A process of which nobody asks anything."""

    pid = 1


class Pair:
    """A supervisor with one worker that answers whenever it is let, and counts how often it is asked for its figures."""

    async def begin(self) -> None:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.settimeout(0)
        self.worker_end = Channel(*await asyncio.open_connection(sock=theirs))
        self.worker = _Worker(1, Ended(), Channel(*await asyncio.open_connection(sock=ours)), 0.0)  # type: ignore[arg-type]  # its process is never looked at
        self.worker.ready.set()
        self.supervisor = Supervisor(Plan(1, ours, -1, 1.0), EventLog(io.BytesIO(), "info", lambda: 0.0))
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
        pair.worker_end.send(say="page", n=0, accept="")
        await pair.was_asked.wait()
        for number in range(1, QUESTIONS - 1):
            pair.worker_end.send(say="page", n=number, accept="application/openmetrics-text" if number % 2 else "")
        pair.worker_end.send(say="figures", n=QUESTIONS - 1)
        await asyncio.sleep(0.05)
        assert pair.answers == [], "nothing is told before the workers have said something"
        pair.let.set()
        await pair.all_told.wait()
        await pair.end()
        return pair.asked, pair.answers

    asked, answers = asyncio.run(asyncio.wait_for(story(), 30))
    assert asked == 2
    assert sorted(one["n"] for one in answers) == list(range(QUESTIONS))
    for one in answers:
        if one["n"] == QUESTIONS - 1:
            assert one["figures"] == [{"a": 1.0}]
        else:
            assert "chatbot_x_total 1.0\n" in one["page"]
            assert one["page"].endswith("# EOF\n") == ("openmetrics" in one["content_type"]) == bool(one["n"] % 2)
