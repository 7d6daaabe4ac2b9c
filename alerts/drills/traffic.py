"""Live questions while a drill runs: an open loop, so that a service that hangs is asked on as people would ask on.

The questions run in a thread of their own, because the drill watches Prometheus meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field

from alerts.drills.drill import Traffic
from slo.errors import CourtSightError
from target.chat import ChatTarget, RawRequest, Reply, Session
from target.errors import StackError

SIGN_IN_SECONDS = 30.0
"""Longest wait for the roles to sign in: a password hash each, on a machine that starts other things meanwhile."""
TICK_SECONDS = 0.1
"""How often the asking thread looks whether it shall stop."""

PROBE_SECONDS = 1.0
"""How often readiness is probed, as an orchestrator does; the service looks at what it leans on whenever it is asked."""

PROBE_TIMEOUT_SECONDS = 3.0
"""Longer than the service waits for what it leans on, so that it has time to say what is wrong."""

GOOD_SCORE, BAD_SCORE = 5, 1

OpenTarget = Callable[[], AbstractAsyncContextManager[ChatTarget]]
"""Opens the chatbot to ask."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One question: when it was sent (seconds since the epoch), how long it took, and why it was not answered, if so."""

    at: float
    seconds: float
    failure: str


@dataclass(slots=True)
class Mood:
    """How people ask just now; a fault may change it, because some faults are people's.

    Attributes:
        rate: Questions per second.
        unlike: Whether each question gets a number of its own.
        score: What people give answers.
        instead: What everybody asks instead of their questions; empty for nothing else.
    """

    rate: float
    unlike: bool = False
    score: int = GOOD_SCORE
    instead: str = ""


@dataclass(slots=True)
class TrafficLog:
    """What became of the questions so far; filled by the thread that asks, read by the drill.

    Attributes:
        trouble: Why the asking ended by itself; empty while all is well.
        signed_in: Whether every role could sign in: trouble after that is one of the drill's own time.
        mood: How people ask just now.
        begun: Set once the roles are signed in, or trouble is known.
        go_on: Nobody asks more than the first round, in which every role asks every question once, until it is set: what the service
            counted of a whole round are the proportions of the traffic.
        stop: Set it to end the asking.
    """

    sent: list[Sent] = field(default_factory=list)
    trouble: str = ""
    signed_in: bool = False
    mood: Mood = field(default_factory=lambda: Mood(1.0))
    begun: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)

    def between(self, start: float, end: float) -> tuple[Sent, ...]:
        """The questions sent from `start` up to `end`, of those that have ended."""
        return tuple(sent for sent in tuple(self.sent) if start <= sent.at < end)


async def drive(target: ChatTarget, traffic: Traffic, log: TrafficLog, now: Callable[[], float]) -> None:
    """Ask one round, and go on when the log says so, at the traffic's rate until its `stop`; then let the questions under way end.

    Raises:
        TargetError: A role could not sign in.
    """
    sessions = [await target.login(role) for role in traffic.roles]
    mood = log.mood = Mood(traffic.rate)
    log.signed_in = True
    log.begun.set()
    asking = _Asking(target, traffic, log, mood, now)
    async with asyncio.TaskGroup() as group:
        probing = group.create_task(_probe(target))
        await _ask_on(asking, group, _turns(sessions, traffic.questions))
        probing.cancel()


@dataclass(frozen=True, slots=True)
class _Asking:
    """What every question needs."""

    target: ChatTarget
    traffic: Traffic
    log: TrafficLog
    mood: Mood
    now: Callable[[], float]

    async def ask(self, session: Session, question: str) -> None:
        """Ask one question, note what came of it, and give it a score where people do."""
        sent = self.now()
        reply, failure = await _asked(self.target, session, question, self.traffic)
        self.log.sent.append(Sent(sent, self.now() - sent, failure))
        if reply is not None and reply.answer is not None and self.traffic.scored:
            path = f"/v1/messages/{reply.answer.id}/feedback"
            with contextlib.suppress(CourtSightError):
                await self.target.raw(session, RawRequest("PUT", path, {"score": self.mood.score}))


async def _ask_on(asking: _Asking, group: asyncio.TaskGroup, turns: Iterator[tuple[Session, str]]) -> None:
    loop = asyncio.get_running_loop()
    due, number = loop.time(), 0
    while not asking.log.stop.is_set():
        if number == asking.traffic.round and not asking.log.go_on.is_set():
            due = loop.time() + TICK_SECONDS
        pause = due - loop.time()
        if pause > 0:
            await asyncio.sleep(min(pause, TICK_SECONDS))
            continue
        session, question = next(turns)
        number += 1
        words = asking.mood.instead or question
        group.create_task(asking.ask(session, f"{words} ({number})" if asking.mood.unlike else words))
        due += 1 / asking.mood.rate


async def _probe(target: ChatTarget) -> None:
    while True:
        with contextlib.suppress(CourtSightError, TimeoutError):
            async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                await target.raw(None, RawRequest("GET", "/health/ready"))
        await asyncio.sleep(PROBE_SECONDS)


@contextmanager
def live_traffic(open_target: OpenTarget, traffic: Traffic, now: Callable[[], float]) -> Iterator[TrafficLog]:
    """Ask in a thread while this is entered; the last questions end before it is left.

    Raises:
        StackError: Nobody could sign in.
    """
    log = TrafficLog()

    async def story() -> None:
        async with open_target() as target:
            await drive(target, traffic, log, now)

    thread = threading.Thread(target=_noting_trouble, args=(story, log), daemon=True, name="drill traffic")
    thread.start()
    try:
        log.begun.wait(SIGN_IN_SECONDS)
        if not log.signed_in:
            raise StackError(f"The drill's questions could not begin: {log.trouble or 'signing in took too long'}")
        yield log
    finally:
        log.stop.set()
        thread.join(traffic.timeout + SIGN_IN_SECONDS)


def _noting_trouble(story: Callable[[], Coroutine[None, None, None]], log: TrafficLog) -> None:
    try:
        asyncio.run(story())
    except CourtSightError as error:
        log.trouble = str(error)
    except Exception as error:  # noqa: BLE001 - a drill without questions proves nothing: it has to know, whatever it was
        log.trouble = f"{type(error).__name__}: {error}"
    finally:
        log.begun.set()


def _turns(sessions: list[Session], questions: tuple[str, ...]) -> Iterator[tuple[Session, str]]:
    """Every role asks every question in turn, without end; the roles move on by one after each round of questions."""
    for lap in itertools.count():
        for place, question in enumerate(questions):
            yield sessions[(place + lap) % len(sessions)], question


async def _asked(target: ChatTarget, session: Session, question: str, traffic: Traffic) -> tuple[Reply | None, str]:
    """Ask one question; give the reply, if there was one, and why it was not answered, or nothing."""
    try:
        async with asyncio.timeout(traffic.timeout):
            reply = (
                (await target.stream(session, question)).reply
                if traffic.stream
                else await target.ask(session, question)
            )
    except TimeoutError:
        return None, f"no answer within {traffic.timeout:g} s"
    except CourtSightError as error:
        return None, str(error)
    return reply, reply.failure
