"""What lies around an answer on `POST /v1/chat`: processor time of a question whose answer is there already, over a raw ASGI app.

    python benchmarks/micro/around_answer.py --requests 4000 --rounds 5 --profile

The app is called directly, without a server and a socket: 32 callers carry on conversations, each with a token, a body and the headers of a usual client.
Everything is on (account, quotas, metrics, log lines, 1 % traces, two turns of history, durable writes); only the answerer gives what the extractive engine
said to the same question before. Processor time is the whole process's, the writer's thread included. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

import uvloop  # noqa: E402 - a script finds its neighbours itself
from chat_profile import Sampler, stages  # noqa: E402 - as above
from fastapi import FastAPI  # noqa: E402 - as above
from opentelemetry.sdk.trace import SpanProcessor  # noqa: E402 - as above
from starlette.types import ASGIApp, Message, Receive, Scope, Send  # noqa: E402 - as above

from benchmarks.workload import WORKLOADS_FOLDER, load_workload  # noqa: E402 - as above
from service.answering import Answerer  # noqa: E402 - as above
from service.app import create_app  # noqa: E402 - as above
from service.chosen import surroundings_of  # noqa: E402 - as above
from service.exchange import Answer, Event, Question, Save  # noqa: E402 - as above
from service.settings import load_settings  # noqa: E402 - as above
from service.store.accounts import Account, insert_accounts  # noqa: E402 - as above
from service.telemetry.logging import EventLog  # noqa: E402 - as above

CALLERS = 32
_TURNS = 10
"""Questions of one conversation."""
_EVERY_SECONDS = 0.0005


class Given:
    """Gives each question the events of its first answer."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._told: dict[str, list[Event]] = {}

    async def answer(
        self, question: Question, today: date, save: Save, *, pieces: bool = True
    ) -> AsyncGenerator[Event, None]:
        """As `Answerer.answer`."""
        told = self._told.get(question.text)
        if told is None:
            told = self._told[question.text] = [
                event async for event in self._answerer.answer(question, today, _kept_nowhere)
            ]
        for event in told if pieces else (told[0], told[-1]):
            if isinstance(event, Answer):
                await save(event)
            yield event


async def _kept_nowhere(_: Answer) -> None:
    """A first answer is only remembered."""


async def raw(scope: Scope, receive: Receive, send: Send) -> None:
    """The floor: reads the body and answers some bytes."""
    del scope
    while (await receive()).get("more_body"):
        pass
    body = b'{"ok":true}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Caller:
    """One connection: asks, waits for the whole answer, asks again in its conversation."""

    def __init__(self, app: ASGIApp, token: str, questions: Sequence[str], number: int) -> None:
        self._app = app
        self._questions = questions
        self._number = number
        self._asked = 0
        self._conversation: str | None = None
        self._headers = [
            (b"host", b"127.0.0.1:8000"),
            (b"authorization", f"Bearer {token}".encode()),
            (b"content-type", b"application/json"),
            (b"accept", b"*/*"),
            (b"user-agent", b"benchmark"),
        ]

    async def ask(self, times: int) -> None:
        """So many questions."""
        for _ in range(times):
            if self._asked % _TURNS == 0:
                self._conversation = None
            question = self._questions[(self._number * 7 + self._asked) % len(self._questions)]
            self._asked += 1
            status, body = await self._sent({"message": question, "conversation_id": self._conversation})
            assert status == 200, body
            self._conversation = (
                json.loads(body).get("conversation_id") if self._asked % _TURNS == 1 else self._conversation
            )

    async def _sent(self, body: dict[str, Any]) -> tuple[int, bytes]:
        encoded = json.dumps(body).encode()
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "scheme": "http",
            "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 40_000 + self._number), "root_path": "", "method": "POST",
            "path": "/v1/chat", "raw_path": b"/v1/chat", "query_string": b"", "state": {},
            "headers": [*self._headers, (b"content-length", b"%d" % len(encoded))],
        }  # fmt: skip
        status, got, unread = 0, b"", True

        async def receive() -> Message:
            nonlocal unread
            if not unread:
                # Nobody leaves: whoever watches for that waits without an end.
                await asyncio.get_running_loop().create_future()
            unread = False
            return {"type": "http.request", "body": encoded, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status, got
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                got += message["body"]

        await self._app(scope, receive, send)
        return status, got


async def _cpu_each(callers: Sequence[Caller], requests: int) -> tuple[float, float]:
    """Processor seconds of one request: of the whole process, and of the event loop's thread."""
    whole, own = time.process_time(), time.thread_time()
    await asyncio.gather(*(caller.ask(requests // len(callers)) for caller in callers))
    asked = requests // len(callers) * len(callers)
    return (time.process_time() - whole) / asked, (time.thread_time() - own) / asked


def _app(folder: Path, share: float) -> FastAPI:
    os.environ |= {
        "COURTSIGHT_ENVIRONMENT": "development",
        "COURTSIGHT_DATABASE": str(folder / "around.db"),
        "COURTSIGHT_JWT_SECRET": "a-secret-for-benchmarks-of-more-than-32-bytes",
        "COURTSIGHT_TRACE_SHARE": str(share),
    }
    settings = load_settings()
    usual = surroundings_of(settings)
    # Lines are written to a file as a container's runtime would; spans end in a processor that keeps nothing.
    log = EventLog((folder / "log").open("wb"), "info", usual.wall_clock, gather=64)
    return create_app(settings, replace(usual, log=log, spans=SpanProcessor()))


async def _measured(options: argparse.Namespace) -> dict[str, Any]:
    workload = load_workload(WORKLOADS_FOLDER / "courtsight.yaml").questions
    questions = [question for group in zip(*workload.values(), strict=False) for question in group]
    with tempfile.TemporaryDirectory() as name:
        app = _app(Path(name), options.traces)
        async with app.router.lifespan_context(app):
            services = app.state.services
            now = services.surroundings.wall_clock()
            account = Account(
                "bench", "bench", "judge", "no login", disabled=False, created_at=now, tokens_valid_after=0.0
            )
            await services.store.write(lambda: insert_accounts([account]))
            app.state.services = replace(services, answerer=Given(services.answerer))
            token = services.signer.issue("bench", "bench", now)
            ours = [Caller(app, token, questions, number) for number in range(CALLERS)]
            floor = [Caller(raw, token, questions, number) for number in range(CALLERS)]
            await _cpu_each(ours, 1000)
            rounds = [
                (*await _cpu_each(ours, options.requests), (await _cpu_each(floor, options.requests))[0])
                for _ in range(options.rounds)
            ]
            around, loop, floor_us = (statistics.median(column) * 1e6 for column in zip(*rounds, strict=True))
            result: dict[str, Any] = {"around_us": around, "loop_us": loop, "raw_us": floor_us}
            if options.profile:
                result |= await _profiled(ours, options.requests)
    return result


async def _profiled(callers: Sequence[Caller], requests: int) -> dict[str, Any]:
    sampler = Sampler()
    signal.signal(signal.SIGPROF, sampler)
    signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS, _EVERY_SECONDS)
    try:
        await _cpu_each(callers, requests)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {"own": dict(sampler.own), "within": dict(sampler.within)}


def main() -> int:
    """Measure, print, perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=4000, help="in each run (default: 4000)")
    parser.add_argument("--rounds", type=int, default=5, help="runs (default: 5)")
    parser.add_argument("--traces", type=float, default=0.01, help="share of requests that are traced (default: 0.01)")
    parser.add_argument("--profile", action="store_true", help="samples of the stack beside it")
    parser.add_argument("--top", type=int, default=40, help="functions to show of the profile (default: 40)")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(_measured(options))
    print(
        f"{result['around_us']:.0f} us of processor around an answer ({result['loop_us']:.0f} of them the event loop's), "
        f"{result['raw_us']:.0f} us for a raw ASGI request of this client"
    )
    if options.profile:
        _show(result, options.top)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


def _show(result: dict[str, Any], top: int) -> None:
    each, whole = result["around_us"], sum(result["own"].values())
    for stage, share in stages(result["own"]).items():
        print(f"  {stage:<40}{share:7.1%}{share * each:8.0f} us")
    for kind in ("own", "within"):
        print(kind)
        for name, count in sorted(result[kind].items(), key=lambda item: -item[1])[:top]:
            print(f"  {name:<70}{count / whole:7.1%}{count / whole * each:8.0f} us")


if __name__ == "__main__":
    sys.exit(main())
