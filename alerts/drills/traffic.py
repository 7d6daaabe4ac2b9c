"""Live questions while a drill runs: an open loop, so that a service that hangs is asked on as people would ask on.

The questions run in a thread of their own, because the drill watches Prometheus meanwhile.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field

from alerts.drills.drill import Traffic
from slo.errors import CourtSightError
from target.chat import ChatTarget, Session
from target.errors import StackError

SIGN_IN_SECONDS = 30.0
"""Longest wait for the roles to sign in: a password hash each, on a machine that starts other things meanwhile."""
TICK_SECONDS = 0.1
"""How often the asking thread looks whether it shall stop."""

OpenTarget = Callable[[], AbstractAsyncContextManager[ChatTarget]]
"""Opens the chatbot to ask."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One question: when it was sent (seconds since the epoch), how long it took, and why it was not answered, if so."""

    at: float
    seconds: float
    failure: str


@dataclass(slots=True)
class TrafficLog:
    """What became of the questions so far; filled by the thread that asks, read by the drill.

    Attributes:
        trouble: Why the asking ended by itself; empty while all is well.
        signed_in: Whether every role could sign in: trouble after that is one of the drill's own time.
        begun: Set once the roles are signed in, or trouble is known.
        stop: Set it to end the asking.
    """

    sent: list[Sent] = field(default_factory=list)
    trouble: str = ""
    signed_in: bool = False
    begun: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)

    def between(self, start: float, end: float) -> tuple[Sent, ...]:
        """The questions sent from `start` up to `end`, of those that have ended."""
        return tuple(sent for sent in tuple(self.sent) if start <= sent.at < end)


async def drive(target: ChatTarget, traffic: Traffic, log: TrafficLog, now: Callable[[], float]) -> None:
    """Ask at the traffic's rate until the log's `stop`; then let the questions under way end.

    Raises:
        TargetError: A role could not sign in.
    """

    async def ask(session: Session, question: str) -> None:
        sent = now()
        failure = await _ask(target, session, question, traffic.timeout)
        log.sent.append(Sent(sent, now() - sent, failure))

    sessions = [await target.login(role) for role in traffic.roles]
    log.signed_in = True
    log.begun.set()
    loop = asyncio.get_running_loop()
    began, asked, turns = loop.time(), 0, _turns(sessions, traffic.questions)
    async with asyncio.TaskGroup() as group:
        while not log.stop.is_set():
            pause = began + asked / traffic.rate - loop.time()
            if pause > 0:
                await asyncio.sleep(min(pause, TICK_SECONDS))
                continue
            session, question = next(turns)
            group.create_task(ask(session, question))
            asked += 1


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


async def _ask(target: ChatTarget, session: Session, question: str, seconds: float) -> str:
    """Ask one question; give why it was not answered, or nothing."""
    try:
        async with asyncio.timeout(seconds):
            return (await target.ask(session, question)).failure
    except TimeoutError:
        return f"no answer within {seconds:g} s"
    except CourtSightError as error:
        return str(error)
