"""Runs scenarios against a target, one after another, and tells as it goes. What comes back is judged in `uat.judging`.

Only ERROR is tried again: a wrong answer stays wrong, a lost connection may not. When nobody answers in several scenarios running,
the rest is not tried: the result is incomplete, which never passes.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from slo.evidence import RunContext
from target.chat import Answer, ChatTarget, RawRequest, Reply, Session
from target.errors import TargetDown, TargetRefused
from uat.exchange import Exchange, TurnResult
from uat.judging import answered_by_somebody, asked, judge_turn, not_reached, verdict_of
from uat.results import (
    GaveUp,
    ScenarioEnded,
    ScenarioResult,
    ScenarioStarted,
    ScenarioVerdict,
    TurnReport,
    UatEvent,
    UatResult,
)
from uat.scenario import NOBODY, Request, Scenario, Turn

RETRIES = 1
GIVE_UP_AFTER = 3
"""Scenarios in a row that nobody answered; a service that restarts is back sooner."""
RETRY_PAUSE_SECONDS = 1.0
LONGEST_SECONDS = 300.0
"""After this no further scenario begins: against a slow chatbot a run must not take hours. A healthy one needs seconds."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Stage:
    """What the turns of a run share: whom to ask, how time passes, and who is signed in."""

    target: ChatTarget
    timer: Callable[[], float]
    sleep: Sleep
    dice: random.Random
    sessions: dict[str, Session] = field(default_factory=dict)

    async def session(self, role: str) -> Session:
        """The role's session; signs in at the first call."""
        if role not in self.sessions:
            self.sessions[role] = await self.target.login(role)
        return self.sessions[role]


async def run(
    scenarios: Sequence[Scenario],
    target: ChatTarget,
    context: RunContext,
    on_event: Callable[[UatEvent], None],
    clock: Callable[[], datetime],
    *,
    timer: Callable[[], float] = time.perf_counter,
    sleep: Sleep = asyncio.sleep,
    longest_seconds: float = LONGEST_SECONDS,
) -> UatResult:
    """Run the scenarios in their order; `context.seed` seeds the pauses of users.

    Scenarios that did not begin within `longest_seconds` are ERROR, so that what the others showed still counts.
    """
    stage = _Stage(target, timer, sleep, random.Random(context.seed))  # noqa: S311 - pauses must repeat, not surprise
    started, results, silent, began = clock(), [], 0, timer()
    for number, scenario in enumerate(scenarios, start=1):
        on_event(ScenarioStarted(number, len(scenarios), scenario))
        late = timer() - began > longest_seconds
        result = _not_begun(scenario, longest_seconds) if late else await _run_scenario(scenario, stage)
        results.append(result)
        on_event(ScenarioEnded(number, len(scenarios), result))
        silent = silent + 1 if result.unreachable else 0
        if silent == GIVE_UP_AFTER and number < len(scenarios):
            on_event(GaveUp(f"nobody answered in {silent} scenarios running; {len(scenarios) - number} are not run"))
            break
    return UatResult(len(scenarios), tuple(results), started, clock())


async def run_one(
    scenario: Scenario,
    target: ChatTarget,
    dice: random.Random,
    *,
    timer: Callable[[], float] = time.perf_counter,
    sleep: Sleep = asyncio.sleep,
) -> ScenarioResult:
    """Run one scenario by itself; `dice` draws the pauses of its users."""
    return await _run_scenario(scenario, _Stage(target, timer, sleep, dice))


async def _run_scenario(scenario: Scenario, stage: _Stage) -> ScenarioResult:
    """All trials; the first that does not pass decides. A trial that is ERROR is tried again."""
    attempts, retried, began = 0, False, stage.timer()
    attempt = _Attempt((), (), unreachable=False)
    verdict = ScenarioVerdict.ERROR
    for _ in range(scenario.trials):
        for retry in range(RETRIES + 1):
            if retry:
                await stage.sleep(RETRY_PAUSE_SECONDS)
                retried = True
            attempt = await _attempt(scenario, stage)
            attempts += 1
            verdict = verdict_of(attempt.turns)
            if verdict is not ScenarioVerdict.ERROR:
                break
        if verdict is not ScenarioVerdict.PASS:
            break
    if verdict is ScenarioVerdict.PASS and retried:
        verdict = ScenarioVerdict.FLAKY
    seconds = stage.timer() - began
    return ScenarioResult(scenario, verdict, attempt.turns, seconds, attempts, attempt.transcripts, attempt.unreachable)


@dataclass(frozen=True, slots=True)
class _Attempt:
    turns: tuple[TurnReport, ...]
    transcripts: tuple[Mapping[str, Any], ...]
    unreachable: bool


async def _attempt(scenario: Scenario, stage: _Stage) -> _Attempt:
    """One pass through all turns; ends early when nobody answers, or the scenario cannot begin."""
    began = stage.timer()
    try:
        conversations = [await _open_conversation(scenario, stage) for _ in range(scenario.users)]
    except (TargetDown, TargetRefused) as error:
        reports = tuple(not_reached(number, turn, str(error)) for number, turn in enumerate(scenario.turns, start=1))
        return _Attempt(reports, (), unreachable=isinstance(error, TargetDown))
    users = [_User(conversation) for conversation in conversations]
    turns: list[TurnReport] = []
    transcripts: list[Mapping[str, Any]] = []
    for number, turn in enumerate(scenario.turns, start=1):
        pauses = [stage.dice.uniform(*scenario.pause) if number > 1 else 0.0 for _ in users]
        exchanges = await asyncio.gather(
            *(_take_turn(turn, user, stage, pause) for user, pause in zip(users, pauses, strict=True))
        )
        elapsed = stage.timer() - began
        results = [
            TurnResult(exchange, tuple(user.earlier), tuple(exchanges), elapsed)
            for user, exchange in zip(users, exchanges, strict=True)
        ]
        turns.append(judge_turn(number, turn, results))
        transcripts.extend(_transcript(scenario, number, exchange) for exchange in exchanges)
        for user, exchange in zip(users, exchanges, strict=True):
            user.remember(exchange)
        if not answered_by_somebody(exchanges):
            rest = enumerate(scenario.turns[number:], start=number + 1)
            turns.extend(not_reached(later, entry, "nobody answered in an earlier turn") for later, entry in rest)
            return _Attempt(tuple(turns), tuple(transcripts), unreachable=True)
    return _Attempt(tuple(turns), tuple(transcripts), unreachable=False)


def _not_begun(scenario: Scenario, longest_seconds: float) -> ScenarioResult:
    reason = f"the run was over after {longest_seconds:g} s: the answers are too slow for it"
    reports = tuple(not_reached(number, turn, reason) for number, turn in enumerate(scenario.turns, start=1))
    return ScenarioResult(scenario, ScenarioVerdict.ERROR, reports, 0.0, 0)


async def _open_conversation(scenario: Scenario, stage: _Stage) -> str | None:
    if not scenario.conversation_title:
        return None
    return await stage.target.start_conversation(await stage.session(scenario.role), scenario.conversation_title)


@dataclass(slots=True)
class _User:
    """One of a scenario's users: the conversation that goes on, and what was said so far."""

    conversation: str | None
    earlier: list[Exchange] = field(default_factory=list)

    def remember(self, exchange: Exchange) -> None:
        self.earlier.append(exchange)
        if exchange.answer is not None:
            self.conversation = exchange.answer.conversation_id


async def _take_turn(turn: Turn, user: _User, stage: _Stage, pause: float) -> Exchange:
    """One request; whatever the target does comes back as an exchange."""
    if pause:
        await stage.sleep(pause)
    conversation = user.conversation if turn.conversation == "same" else None
    blank = Exchange(turn.via, turn.role, asked(turn), None, 0.0, conversation_id=conversation)
    if turn.conversation == "same" and conversation is None and turn.via in {"history", "export"}:
        return replace(blank, status=0, code="no_conversation")
    began = stage.timer()
    try:
        session = None if turn.role == NOBODY else await stage.session(turn.role)
        return await _exchange(turn, session, blank, stage, user.conversation or "")
    except TargetDown as error:
        return replace(blank, duration_seconds=stage.timer() - began, unreachable=str(error))
    except TargetRefused as error:
        return replace(blank, duration_seconds=stage.timer() - began, status=error.status, code=error.code or "refused")


async def _exchange(turn: Turn, session: Session | None, blank: Exchange, stage: _Stage, conversation: str) -> Exchange:
    if turn.request is not None:
        return await _raw(turn.request, session, blank, stage, conversation)
    if session is None:
        raise ValueError("only a raw request goes without a session")  # the scenario's loading refuses it before
    began = stage.timer()
    if turn.via == "history":
        messages = await stage.target.history(session, conversation)
        return replace(blank, status=200, duration_seconds=stage.timer() - began, messages=messages)
    if turn.via == "export":
        exported = await stage.target.export_citations(session, conversation, turn.form)
        return replace(blank, status=200, duration_seconds=stage.timer() - began, exported=exported)
    if turn.via == "tool":
        run_alone = await stage.target.run_tool(session, turn.tool, turn.message)
        passages = None if run_alone.code else run_alone.results
        return replace(
            blank,
            status=run_alone.status,
            code=run_alone.code,
            duration_seconds=run_alone.duration_seconds,
            passages=passages,
        )
    return await _question(turn, session, blank, stage)


async def _question(turn: Turn, session: Session, blank: Exchange, stage: _Stage) -> Exchange:
    if turn.via == "stream":
        streamed = await stage.target.stream(session, turn.message, blank.conversation_id)
        exchange = _answered(blank, streamed.reply)
        exchange = replace(exchange, ttft_seconds=streamed.ttft_seconds, text=streamed.text)
    else:
        exchange = _answered(blank, await stage.target.ask(session, turn.message, blank.conversation_id))
    wanted = any(check.plain_name == "citation-resolves" for check in turn.checks)
    if not wanted or exchange.answer is None:
        return exchange
    return replace(exchange, sources=await _sources(exchange.answer, turn.message, session, stage))


def _answered(blank: Exchange, reply: Reply) -> Exchange:
    return replace(
        blank,
        status=reply.status,
        code=reply.code,
        duration_seconds=reply.duration_seconds,
        answer=reply.answer,
        text="" if reply.answer is None else reply.answer.text,
    )


async def _raw(
    request: Request, session: Session | None, blank: Exchange, stage: _Stage, conversation: str
) -> Exchange:
    def filled(text: str) -> str:
        return text.replace("{conversation_id}", conversation)

    body = (
        None
        if request.body is None
        else {key: filled(value) if isinstance(value, str) else value for key, value in request.body.items()}
    )
    response = await stage.target.raw(session, RawRequest(request.method, filled(request.path), body, request.headers))
    return replace(
        blank,
        status=response.status,
        code=response.code,
        duration_seconds=response.duration_seconds,
        text=response.text,
        headers=response.headers,
    )


async def _sources(answer: Answer, question: str, session: Session, stage: _Stage) -> dict[str, str]:
    """Texts of the cited documents, as the tools give them.

    Each tool of the answer is asked the question again, then the retriever each title still missing. A document that tools
    show in parts (a decision and its holding) is all of its parts.
    """
    found: dict[str, str] = {}

    async def look(tool: str, query: str) -> None:
        for passage in (await stage.target.run_tool(session, tool, query)).results:
            if passage.text and passage.text not in found.get(passage.id, ""):
                found[passage.id] = f"{found[passage.id]}\n{passage.text}" if passage.id in found else passage.text

    for tool in dict.fromkeys(call.tool_name for call in answer.tool_calls):
        await look(tool, question)
    for citation in answer.citations:
        if citation.id not in found:
            await look("PrecedentExplorer" if citation.kind == "decision" else "LegalRetriever", citation.title)
    return found


def _transcript(scenario: Scenario, number: int, exchange: Exchange) -> Mapping[str, Any]:
    answer = exchange.answer
    return {
        "scenario": scenario.id,
        "turn": number,
        "role": exchange.role,
        "via": exchange.via,
        "asked": exchange.asked,
        "status": exchange.status,
        "code": exchange.code,
        "unreachable": exchange.unreachable,
        "duration_seconds": exchange.duration_seconds,
        "ttft_seconds": exchange.ttft_seconds,
        "conversation_id": exchange.conversation_id if answer is None else answer.conversation_id,
        "text": exchange.text,
        "outcome": None if answer is None else answer.outcome,
        "complexity": None if answer is None else answer.complexity,
        "model": None if answer is None else answer.model,
        "confidence_score": None if answer is None else answer.confidence_score,
        "citations": [] if answer is None else [citation.id for citation in answer.citations],
        "tools": [] if answer is None else [call.tool_name for call in answer.tool_calls],
        "steps": [] if answer is None else list(answer.reasoning_steps),
        "notices": [] if answer is None else list(answer.notices),
        "messages": None if exchange.messages is None else len(exchange.messages),
        "exported": exchange.exported,
    }
