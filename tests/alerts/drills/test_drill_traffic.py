"""Live questions: asked on and on, every ending noted."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from alerts.drills.drill import Drill, Traffic
from alerts.drills.traffic import TICK_SECONDS, Sent, TrafficLog, drive, live_traffic
from target.chat import Answer, ChatTarget, RawRequest, RawResponse, Reply, Session, StreamedReply
from target.errors import StackError, TargetDown, TargetRefused

ANSWER = Answer("1", "c", "text", "ok", None, (), 0.9, "simple", "judge", (), (), ())


@dataclass
class FakeChat:
    """Answers, refuses, hangs, waits to be released or breaks off, and remembers who asked what."""

    behaviour: str = "answers"
    asked: list[tuple[str, str]] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)
    wanted: int = 6
    raws: list[RawRequest] = field(default_factory=list)
    streamed: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def login(self, role: str) -> Session:
        if self.behaviour == "no login":
            raise TargetRefused("signing in was refused: is the account there?", status=401)
        return Session(role, "token")

    async def raw(self, session: Session | None, request: RawRequest) -> RawResponse:
        self.raws.append(request)
        return RawResponse(200, "", 0.0, {}, None, "")

    async def stream(self, session: Session, message: str, conversation_id: str | None = None) -> StreamedReply:
        self.streamed += 1
        reply = await self.ask(session, message, conversation_id)
        return StreamedReply(reply, 0.1, 0.2, (), "")

    async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
        self.asked.append((session.role, message))
        if len(self.asked) >= self.wanted:
            self.enough.set()
        if self.behaviour == "breaks":
            raise TargetDown("connection refused")
        if self.behaviour == "hangs":
            await asyncio.sleep(60)
        if self.behaviour == "waits":
            await self.released.wait()
        if self.behaviour == "surprises":
            raise ZeroDivisionError("nobody thought of this")
        if self.behaviour == "fails":
            return Reply(503, "storage_unavailable", 1.0, None)
        return Reply(200, "", 0.01, ANSWER)


@pytest.fixture
def traffic(drill: Drill) -> Traffic:
    return replace(drill.traffic, rate=200.0, timeout=0.05, roles=("judge", "public"), questions=("a", "b", "c"))


def driven(chat: FakeChat, traffic: Traffic) -> tuple[Sent, ...]:
    clock = itertools.count(100)

    @asynccontextmanager
    async def opened() -> AsyncIterator[ChatTarget]:
        yield cast("ChatTarget", chat)

    with live_traffic(opened, traffic, lambda: float(next(clock))) as log:
        log.go_on.set()
        assert chat.enough.wait(60)
    return tuple(log.sent)


def test_every_role_asks_every_question(traffic: Traffic) -> None:
    """Roles and questions are combined in turn, so that no role keeps to one question."""
    chat = FakeChat()
    driven(chat, traffic)
    assert set(chat.asked) == set(itertools.product(("judge", "public"), "abc"))


def test_nobody_asks_past_the_first_round_before_its_page_was_read(traffic: Traffic) -> None:
    """After one round the asking waits: a question more would show other proportions than those of the traffic to come."""
    chat = FakeChat(wanted=traffic.round)

    @asynccontextmanager
    async def opened() -> AsyncIterator[ChatTarget]:
        yield cast("ChatTarget", chat)

    with live_traffic(opened, replace(traffic, rate=2000.0), lambda: 0.0) as log:
        assert chat.enough.wait(60)
        assert not log.stop.wait(3 * TICK_SECONDS)
        assert sorted(chat.asked) == sorted(itertools.product(("judge", "public"), "abc"))
        chat.enough.clear()
        log.go_on.set()
        assert chat.enough.wait(60)


def test_readiness_is_probed_meanwhile(traffic: Traffic) -> None:
    """As an orchestrator does: the service looks at what it leans on when it is asked."""
    chat = FakeChat()
    driven(chat, traffic)
    assert RawRequest("GET", "/health/ready") in chat.raws


def test_answers_may_be_streamed(traffic: Traffic) -> None:
    """First words are only measured where answers are taken word by word."""
    chat = FakeChat()
    driven(chat, replace(traffic, stream=True))
    assert chat.streamed == len(chat.asked)


def test_questions_may_become_unlike(traffic: Traffic) -> None:
    """With a number of its own no question is known to a cache; with other words everybody asks the same."""
    chat, log = FakeChat(), TrafficLog()

    async def story() -> None:
        asking = asyncio.create_task(drive(cast("ChatTarget", chat), traffic, log, lambda: 0.0))
        assert await asyncio.to_thread(log.begun.wait, 60)
        assert await asyncio.to_thread(chat.enough.wait, 60)  # the first round, whose words stay as they are
        log.mood.unlike, log.mood.instead = True, "the same"
        chat.asked.clear()
        chat.enough.clear()
        log.go_on.set()
        assert await asyncio.to_thread(chat.enough.wait, 60)
        log.stop.set()
        await asking

    asyncio.run(story())
    said = [message for _, message in chat.asked]
    assert len(set(said)) == len(said) >= 6
    assert all(message.startswith("the same (") for message in said[-3:])


def test_answers_may_be_scored(traffic: Traffic) -> None:
    """People who give scores give good ones until a fault spoils their mood."""
    chat = FakeChat()
    driven(chat, replace(traffic, scored=True))
    scored = [request for request in chat.raws if request.method == "PUT"]
    assert {(request.path, tuple(dict(request.body or {}).items())) for request in scored} == {
        ("/v1/messages/1/feedback", (("score", 5),))
    }


def test_answers_have_no_failure(traffic: Traffic) -> None:
    """An answered question is noted without a failure, with its time."""
    sent = driven(FakeChat(), traffic)
    assert {one.failure for one in sent} == {""}
    assert all(one.at >= 100 and one.seconds > 0 for one in sent)


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [("fails", "503 storage_unavailable"), ("hangs", "no answer within 0.05 s"), ("breaks", "connection refused")],
)
def test_a_question_without_an_answer_says_why(traffic: Traffic, behaviour: str, said: str) -> None:
    """Refused, late and broken-off questions are all noted, and the asking goes on."""
    sent = driven(FakeChat(behaviour), traffic)
    assert len(sent) >= 6
    assert {one.failure for one in sent} == {said}


def test_a_service_that_hangs_is_asked_on(traffic: Traffic) -> None:
    """The loop is open: unanswered questions do not keep the next ones back."""
    chat = FakeChat("waits")
    log = TrafficLog()

    async def story() -> None:
        patient = replace(traffic, timeout=300.0)
        asking = asyncio.create_task(drive(cast("ChatTarget", chat), patient, log, lambda: 0.0))
        assert await asyncio.to_thread(chat.enough.wait, 60)
        assert log.sent == []
        log.stop.set()
        chat.released.set()
        await asking

    asyncio.run(story())
    assert len(log.sent) == len(chat.asked)


def test_nobody_who_can_sign_in_is_trouble(traffic: Traffic) -> None:
    """Without a signed-in role the drill does not begin, and says why."""
    with pytest.raises(StackError, match="is the account there"):
        driven(FakeChat("no login"), traffic)


def test_whatever_ends_the_questions_is_trouble(traffic: Traffic) -> None:
    """An error that nobody foresaw is noted, so that the drill does not take silence for calm."""
    chat = FakeChat("surprises", wanted=1)

    @asynccontextmanager
    async def opened() -> AsyncIterator[ChatTarget]:
        yield cast("ChatTarget", chat)

    with live_traffic(opened, traffic, lambda: 0.0) as log:
        assert chat.enough.wait(60)
    assert "ExceptionGroup" in log.trouble


def test_questions_are_found_by_when_they_were_sent() -> None:
    """Which questions belong to the fault is decided by when they were sent, the end excluded."""
    log = TrafficLog([Sent(1.0, 9.0, ""), Sent(2.0, 0.1, "503"), Sent(3.0, 0.1, "")])
    found: Any = log.between(2.0, 3.0)
    assert found == (Sent(2.0, 0.1, "503"),)
