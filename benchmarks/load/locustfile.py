"""The Locust side of the load test: `python -m locust -f benchmarks/load/locustfile.py --headless --job FILE`.

Locust starts users and stops them; every time is taken here, because its own are rounded and end at a stream's headers. Only this
file is run by Locust, nothing of ours imports it.
"""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import gevent
import gevent.event
from locust import FastHttpUser, LoadTestShape, events, task
from locust.contrib.fasthttp import FAILURE_EXCEPTIONS, LocustUserAgent
from locust.env import Environment

from benchmarks.load.answers import bound_all_answers, unpacked
from benchmarks.load.crowd import Asked, Crowd, Measured, choose
from benchmarks.load.job import GeneratorJob, outcome_text, read_job
from benchmarks.load.way import proxy_arguments
from target.accounts import fits_a_header
from target.patience import TRIES, asked_to_wait
from target.sse import EventReader
from target.trust import trusted_certificates

LAG_INTERVAL_SECONDS = 0.05
EVERY_STATUS = frozenset(range(1000))
"""Statuses whose body is ours to read: the client would read those of refusals itself, whole and as UTF-8."""


class Stage:
    """One generator: its job, its crowd, and the gate that opens when all users are signed in."""

    def __init__(self, job: GeneratorJob) -> None:
        self.job = job
        self.samples = Path(job.samples).open("w", encoding="utf-8", newline="")  # noqa: SIM115 - closed in `close`
        self.crowd = Crowd(job.plan, time.perf_counter, time.process_time, self.samples, time.perf_counter())
        self.crowd.write_header()
        self.gate = gevent.event.Event()
        self.users = 0

    def watch_lag(self) -> None:
        """Note how late this process is for itself; it runs until the process ends."""
        while True:
            before = time.perf_counter()
            gevent.sleep(LAG_INTERVAL_SECONDS)
            late = time.perf_counter() - before - LAG_INTERVAL_SECONDS
            if self.crowd.began is not None and not self.crowd.stopping:
                self.crowd.loop_lag_seconds = max(self.crowd.loop_lag_seconds, late)

    def tell(self) -> None:
        """Write samples and progress so far."""
        self.crowd.flush()
        text = json.dumps({"requests": self.crowd.requests, "seconds": self.crowd.seconds()})
        Path(self.job.progress).write_text(text, encoding="utf-8")

    def close(self) -> None:
        """Write everything that is left, and last the outcome, which says that the run was whole."""
        self.tell()
        self.samples.close()
        Path(self.job.outcome).write_text(outcome_text(self.crowd.outcome()), encoding="utf-8")


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator] # Locust's events carry no types
def add_option(parser: Any) -> None:  # noqa: ANN401 - Locust's own parser, without types
    """Tell Locust of `--job`."""
    parser.add_argument("--job", required=True, help="JSON file written by benchmarks.load.run")


@events.init.add_listener  # type: ignore[untyped-decorator] # Locust's events carry no types
def open_stage(environment: Environment, **_: object) -> None:
    """Read the job and open the sample file. Locust makes shape and users itself, so they find the stage on their classes."""
    options = environment.parsed_options
    if options is None:
        raise TypeError("start the load test by Locust's command line, with --job FILE")
    job = read_job(Path(options.job))
    CrowdShape.stage = CrowdUser.stage = Stage(job)
    environment.host = job.url
    CrowdUser.network_timeout = CrowdUser.connection_timeout = job.plan.timeout_seconds
    if job.url.startswith("https:"):
        trusted = trusted_certificates()  # read once: each user's connections would read them anew
        CrowdUser.ssl_context_factory = staticmethod(lambda **_: trusted)
    LocustUserAgent.valid_response_codes = EVERY_STATUS
    bound_all_answers()
    gevent.spawn(CrowdShape.stage.watch_lag)


@events.quitting.add_listener  # type: ignore[untyped-decorator] # Locust's events carry no types
def close_stage(environment: Environment, **_: object) -> None:
    """Write the outcome. Failed requests are for the verdict to judge, not for the exit status."""
    CrowdShape.stage.close()
    environment.process_exit_code = 0


class CrowdShape(LoadTestShape):
    """All users from the start, until the crowd says that it is over. Locust asks once a second."""

    stage: ClassVar[Stage]

    def tick(self) -> tuple[int, float] | None:
        """Users and spawn rate, or None to stop."""
        plan = self.stage.job.plan
        self.stage.tell()
        return None if self.stage.crowd.over() else (plan.users, plan.spawn_rate)


class CrowdUser(FastHttpUser):
    """One user: signs in as a role, waits for the others, then asks, thinks, asks."""

    stage: ClassVar[Stage]
    max_retries = 0
    max_redirects = 0
    insecure = False  # Locust's default sends passwords and tokens to whoever shows any certificate

    def on_start(self) -> None:
        """Sign in. The roles are dealt in turn, so each has its share of users."""
        number, self.stage.users = self.stage.users, self.stage.users + 1
        self.client.client.clientpool.client_args |= proxy_arguments(self.stage.job.proxy)
        accounts = self.stage.job.accounts
        self.account = accounts[number % len(accounts)]
        self.dice = random.Random(self.stage.job.seed * 1000 + number)  # noqa: S311 - a workload must repeat, not surprise
        self.conversation: str | None = None
        self.token = self.account.token or self._sign_in()
        if self.stage.crowd.user_signed_in():
            self.stage.gate.set()
        self.stage.gate.wait()

    def _sign_in(self) -> str:
        """The token; a service that checks a few passwords at a time asks the rest of a crowd to wait."""
        body = {"username": self.account.username, "password": self.account.password}
        status, said = 0, ""
        for remaining in reversed(range(TRIES)):
            with self.client.post(
                "/v1/auth/token", json=body, name="sign in", stream=True, catch_response=True
            ) as response:
                status = response.status_code
                try:
                    content = b"".join(unpacked(response.stream)) if status else b""
                    token = str(json.loads(content)["access_token"]) if status == 200 else ""
                except (TypeError, ValueError, KeyError, RecursionError):
                    response.failure("malformed_reply")
                    break
                except FAILURE_EXCEPTIONS as error:
                    said = f": {error}"
                    response.failure(said)
                    break
                if status == 200:
                    if fits_a_header(token):
                        return token
                    said = ": the token that came cannot stand in a header"
                    response.failure("malformed_reply")
                    break
                if not status:
                    said = f": {response.error}"
                headers = response.headers or {}  # nobody answered: there are none
                wait = asked_to_wait(status, headers.get("Retry-After")) if remaining else None
                if wait is None:
                    break
                response.success()
            gevent.sleep(wait)
        self.stage.crowd.fail(f"signing in as {self.account.role} failed with status {status}{said}")
        return ""

    def wait_time(self) -> float:
        """Thinking, between an answer and the next question."""
        return self.dice.uniform(*self.stage.job.plan.think_seconds)

    @task
    def ask(self) -> None:
        """Ask one question and note what came."""
        crowd = self.stage.crowd
        if crowd.stopping or crowd.error:
            gevent.sleep(self.stage.job.plan.timeout_seconds)
            return
        asked = choose(self.dice, dict(self.stage.job.questions), self.stage.job.plan)
        conversation = None if asked.new_conversation else self.conversation
        started = crowd.begin_request()
        crowd.end_request(self.account.role, started, self._send(asked, conversation, started))

    def _send(self, asked: Asked, conversation: str | None, started: float) -> Measured:
        body: dict[str, object] = {"message": asked.question}
        if conversation is not None:
            body["conversation_id"] = conversation
        via = "stream" if asked.stream else "json"
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "text/event-stream" if asked.stream else "application/json",
            "Accept-Encoding": "identity",
            "Cache-Control": "no-store",  # a remembered answer would say nothing about the chatbot
        }
        try:
            with self.client.post(
                "/v1/chat", json=body, headers=headers, name=f"chat {via}", stream=True, catch_response=True
            ) as response:
                measured = self._receive(response, asked, via, started)
                if measured.failure:
                    response.failure(measured.failure)
                else:
                    response.success()
        except Exception as error:  # noqa: BLE001 - a head that the client cannot make sense of: it came, so it is a failed request
            return _failed(error, asked, via, started)
        return measured

    def _receive(self, response: Any, asked: Asked, via: str, started: float) -> Measured:  # noqa: ANN401 - Locust's own response
        """Take the answer, and say what it was; whatever goes wrong on the way is a failed request, never a lost one."""
        ttft, failure, status = None, "", response.status_code or None
        try:
            pieces = iter(()) if status is None else unpacked(response.stream)
            if asked.stream and status == 200:
                content, ttft, failure = read_stream(pieces, started)
            else:
                content = b"".join(pieces)
            duration = time.perf_counter() - started
            answer = json.loads(content) if status == 200 and not failure else {}
        except Exception as error:  # noqa: BLE001 - the client raises a dozen kinds; each is one failed request
            return _failed(error, asked, via, started, ttft, status)
        if not failure:
            failure = failure_of(status, content, answer, getattr(response, "error", None))
        if failure:
            return Measured(duration, asked.complexity, via, ttft, status, "", failure)
        self.conversation = str(answer["conversation_id"])
        complexity, outcome, model = (str(answer.get(name, "")) for name in ("complexity", "outcome", "model"))
        return Measured(duration, complexity, via, ttft, status, outcome, model=model)


def _failed(
    error: Exception, asked: Asked, via: str, started: float, ttft: float | None = None, status: int | None = None
) -> Measured:
    said = f"{type(error).__name__}: {error}"
    return Measured(time.perf_counter() - started, asked.complexity, via, ttft, status, "", said)


def read_stream(pieces: Iterator[bytes], started: float) -> tuple[bytes, float | None, str]:
    """The body of the `done` event, the time to the first words, and why it is no answer, or nothing."""
    reader, ttft, last = EventReader(), None, None
    for event in itertools.chain.from_iterable(map(reader.feed, pieces)):
        if event.name == "delta" and ttft is None and json.loads(event.data).get("text"):
            ttft = time.perf_counter() - started
        elif event.name in {"done", "error"}:
            last = event
    if last is None:
        return b"", ttft, "the stream ended without done or error"
    if last.name == "error":
        problem = json.loads(last.data)
        return last.data, ttft, f"{problem.get('status', '')} {problem.get('code', '')}".strip() or "error event"
    return last.data, ttft, "" if ttft is not None else "the stream brought no words"


def failure_of(status: int | None, content: bytes, answer: Any, error: object) -> str:  # noqa: ANN401 - JSON
    """Why this is no answer, or nothing."""
    if status is None:
        return f"no answer: {error}"
    if status != 200:
        try:
            code = json.loads(content).get("code", "")
        except (ValueError, AttributeError, RecursionError):
            code = ""
        return f"{status} {code}".rstrip()
    needed = ("conversation_id", "complexity", "outcome", "answer")
    if not isinstance(answer, dict) or any(name not in answer for name in needed):
        return "malformed_reply"
    return "" if answer["answer"] else "an empty answer"
