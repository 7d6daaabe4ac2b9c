"""The runner, and the suite tested by itself: defects seeded into a scripted chatbot are each caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from target.chat import Answer, Message, RawRequest, RawResponse, Reply, Session, ToolCall
from target.errors import TargetDown, TargetRefused
from target.scripted import ScriptedTarget, scripted_answer
from uat.exchange import Outcome
from uat.results import GaveUp, ScenarioEnded, ScenarioResult, ScenarioStarted, ScenarioVerdict, UatEvent, UatResult
from uat.scenario import Scenario

Make = Callable[[str], Scenario]
RunOne = Callable[..., ScenarioResult]
RunAll = Callable[..., UatResult]

WORKFLOW = """
    conversation_title: Analisis preseden
    turns:
      - message: Apa preseden terkuat?
        checks:
          - same-conversation
          - latency: {below: 8s}
          - citation-count: {min: 3}
          - citation-resolves
          - demo-marked
          - tools-allowed: {allow: [LegalRetriever, LawLookup, PrecedentExplorer, CaseComparator]}
      - message: Bandingkan
        checks:
          - same-conversation
          - icontains: {text: perdata}
      - via: history
        checks:
          - history-length: {min: 4}
      - via: export
        checks: [export-not-empty]
"""
ONE = """
    turns:
      - message: Apa?
        checks: [citation-resolves]
"""


def defect(**changed: Any) -> ScriptedTarget:
    """A chatbot whose answers have something wrong."""

    def answer(session: Session, message: str, conversation_id: str) -> Answer:
        return replace(scripted_answer(session, message, conversation_id), **changed)

    return ScriptedTarget(answer)


class LostMemory(ScriptedTarget):
    async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
        return await ScriptedTarget.ask(self, session, message, None)


class NoHistory(ScriptedTarget):
    async def history(self, session: Session, conversation_id: str) -> tuple[Message, ...]:
        return (await ScriptedTarget.history(self, session, conversation_id))[:2]


class Broken(ScriptedTarget):
    async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
        return Reply(503, "storage_unavailable", 0.01, None)


class Down(ScriptedTarget):
    async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
        self.asked.append((session.role, message))
        raise TargetDown("http://127.0.0.1:1: no answer (connection refused); is the service running?")


class DownOnce(ScriptedTarget):
    async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
        if not self.asked:
            self.asked.append((session.role, message))
            raise TargetDown("no answer")
        return await ScriptedTarget.ask(self, session, message, conversation_id)


class NoLogin(ScriptedTarget):
    async def login(self, role: str) -> Session:
        raise TargetRefused("signing in as judge: refused with 401", status=401, code="invalid_credentials")


FABRICATED = scripted_answer(Session("judge", ""), "", "").citations
DEFECTS = [
    (
        "fabricated citation",
        defect(citations=(replace(FABRICATED[0], quote="Korupsi dipidana mati."), *FABRICATED[1:])),
        "citation-resolves",
    ),
    ("mark without a citation", defect(text="Perdata [7]. " * 20), "citation-resolves"),
    (
        "extra tool call",
        defect(tool_calls=(ToolCall("LegalRetriever", "ok"), ToolCall("WebSearch", "ok"))),
        "tools-allowed",
    ),
    ("slow role", ScriptedTarget(seconds=8.0), "latency"),
    ("too few citations", defect(citations=FABRICATED[:2], text="Perdata [1] [2]."), "citation-count"),
    ("unmarked demonstration", defect(citations=(*FABRICATED[:2], replace(FABRICATED[2], demo=False))), "demo-marked"),
    ("lost memory", LostMemory(), "same-conversation"),
    ("missing history", NoHistory(), "history-length"),
]


def failed(result: ScenarioResult) -> set[str]:
    return {check.name for turn in result.turns for check in turn.checks if check.outcome is Outcome.FAIL}


def test_a_good_chatbot_passes(scenario: Make, run_one: RunOne) -> None:
    """The whole workflow passes when nothing is wrong, so that what follows is the defects' doing."""
    result = run_one(scenario(WORKFLOW))
    assert (result.verdict, result.findings()) == (ScenarioVerdict.PASS, ())


@pytest.mark.parametrize(("target", "check"), [pytest.param(target, check, id=name) for name, target, check in DEFECTS])
def test_a_seeded_defect_is_caught_by_its_check(
    scenario: Make, run_one: RunOne, target: ScriptedTarget, check: str
) -> None:
    """Each defect fails the scenario through the check that is there for it."""
    result = run_one(scenario(WORKFLOW), target)
    assert result.verdict is ScenarioVerdict.FAIL
    assert check in failed(result)
    assert any(check in finding for finding in result.findings())


def test_the_same_chatbot_gives_the_same_result_twice(scenario: Make, run_all: RunAll) -> None:
    """A/A: two runs on the same build agree in every finding and transcript."""
    assert run_all(scenario(WORKFLOW)) == run_all(scenario(WORKFLOW))


def test_an_error_of_the_service_is_a_failure_and_not_tried_again(scenario: Make, run_one: RunOne) -> None:
    """A 503 is the service's own word: FAIL at the first attempt, and the checks behind it are ERROR."""
    result = run_one(scenario(ONE), Broken())
    assert (result.verdict, result.attempts) == (ScenarioVerdict.FAIL, 1)
    assert [check.outcome for check in result.turns[0].checks] == [Outcome.FAIL, Outcome.ERROR]


def test_a_wrong_answer_is_not_tried_again(scenario: Make, run_one: RunOne) -> None:
    """Retries are for what could not be measured: a wrong answer stays wrong."""
    assert run_one(scenario(ONE), defect(text="Apa [9]")).attempts == 1


def test_nobody_answering_is_an_error_after_one_more_try(scenario: Make, run_one: RunOne) -> None:
    """A lost connection is tried once more and then is ERROR, never a pass and never silence."""
    target = Down()
    result = run_one(scenario(WORKFLOW), target)
    assert (result.verdict, result.attempts, len(target.asked)) == (ScenarioVerdict.ERROR, 2, 2)
    assert len(result.turns) == 4
    assert {check.outcome for turn in result.turns for check in turn.checks} == {Outcome.ERROR}


def test_passing_only_on_retry_is_flaky(scenario: Make, run_one: RunOne) -> None:
    """A scenario that needed its second chance says so."""
    result = run_one(scenario(ONE), DownOnce())
    assert (result.verdict, result.attempts) == (ScenarioVerdict.FLAKY, 2)


def test_a_role_that_cannot_sign_in_is_an_error(scenario: Make, run_one: RunOne) -> None:
    """Refused credentials measure nothing; the words name the role."""
    result = run_one(scenario(WORKFLOW), NoLogin())
    assert result.verdict is ScenarioVerdict.ERROR
    assert "signing in as judge" in result.findings()[0]


def test_a_scenario_without_a_single_pass_is_an_error(scenario: Make, run_one: RunOne) -> None:
    """N/A everywhere shows nothing."""
    plain = scenario(ONE)
    only = replace(plain, turns=(replace(plain.turns[0], checks=plain.turns[0].checks[1:]),))
    result = run_one(only, defect(text="Tanpa sumber.", citations=()))
    assert result.verdict is ScenarioVerdict.ERROR


def test_every_trial_has_to_pass(scenario: Make, run_one: RunOne) -> None:
    """Three trials are three runs; one bad one among them fails the scenario."""
    target = ScriptedTarget()
    assert run_one(replace(scenario(ONE), trials=3), target).attempts == 3
    answers = iter([200, 200, 500])

    class Tired(ScriptedTarget):
        async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
            status = next(answers)
            return (
                await ScriptedTarget.ask(self, session, message)
                if status == 200
                else Reply(500, "internal", 0.01, None)
            )

    result = run_one(replace(scenario(ONE), trials=3), Tired())
    assert (result.verdict, result.attempts) == (ScenarioVerdict.FAIL, 3)


def test_users_at_the_same_time_are_judged_by_the_worst(scenario: Make, run_one: RunOne) -> None:
    """Of twenty users one fails: the scenario fails and says how many."""

    class OneBad(ScriptedTarget):
        async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
            if len(self.asked) == 7:
                self.asked.append(("", ""))
                return Reply(503, "internal", 0.01, None)
            return await ScriptedTarget.ask(self, session, message, conversation_id)

    twenty = scenario("users: 20\nturns:\n  - message: Apa?\n    checks:\n      - latency: {below: 10s, of: mean}\n")
    good = ScriptedTarget()
    assert run_one(twenty, good).verdict is ScenarioVerdict.PASS
    assert len(good.asked) == len(good.conversations) == 20
    result = run_one(twenty, OneBad())
    assert result.verdict is ScenarioVerdict.FAIL
    assert "1 of 20 users FAIL" in result.findings()[0]


def test_users_pause_between_turns(scenario: Make, run_all: RunAll, clock: Any) -> None:
    """Each user waits within the bounds before every turn but the first; the whole time is checked."""
    text = "users: 3\npause: {min: 1s, max: 3s}\nturns:\n  - {message: a, checks: [demo-marked]}\n  - {message: b, checks: [total-time: {below: 10s}]}\n"
    result = run_all(scenario(text), clock=clock)
    assert result.scenarios[0].verdict is ScenarioVerdict.PASS
    assert len(clock.slept) == 3
    assert all(1 <= seconds <= 3 for seconds in clock.slept)


def test_a_raw_request_fills_in_the_conversation_and_drops_the_token(scenario: Make, run_one: RunOne) -> None:
    """`{conversation_id}` is the user's own; role nobody sends no session."""
    seen: list[tuple[Session | None, RawRequest]] = []

    class Watched(ScriptedTarget):
        async def raw(self, session: Session | None, request: RawRequest) -> RawResponse:
            seen.append((session, request))
            return await ScriptedTarget.raw(self, session, request)

    text = """
        turns:
          - {message: Apa, checks: [demo-marked]}
          - via: raw
            role: nobody
            request: {method: POST, path: "/v1/x/{conversation_id}", body: {a: "{conversation_id}", n: 1}}
            checks: [status: {is: 401, code: unauthenticated}]
          - via: raw
            role: lawyer
            request: {method: GET, path: /v1/x/none}
            checks: [status: {is: 404}, not-no-existence-oracle: {like_turn: 2}]
    """
    assert run_one(scenario(text), Watched()).verdict is ScenarioVerdict.PASS
    assert seen[0] == (None, RawRequest("POST", "/v1/x/conversation-1", {"a": "conversation-1", "n": 1}))
    assert seen[1][0] == Session("lawyer", "token of lawyer")


def test_history_without_a_conversation_is_no_pass(scenario: Make, run_one: RunOne) -> None:
    """A history turn whose conversation never came about fails instead of asking for nothing."""
    text = "turns:\n  - {via: history, checks: [history-length: {min: 0}]}\n"
    assert run_one(scenario(text)).verdict is ScenarioVerdict.FAIL


def test_events_tell_the_whole_story(scenario: Make, run_all: RunAll) -> None:
    """A scenario begins and ends with its place and total, for progress and time left."""
    events: list[UatEvent] = []
    run_all(scenario(ONE), scenario(ONE), events=events)
    assert [(type(event), getattr(event, "number", 0), getattr(event, "total", 0)) for event in events] == [
        (ScenarioStarted, 1, 2),
        (ScenarioEnded, 1, 2),
        (ScenarioStarted, 2, 2),
        (ScenarioEnded, 2, 2),
    ]


def test_the_run_stops_when_nobody_answers_any_more(scenario: Make, run_all: RunAll) -> None:
    """A service that was killed ends the run after three scenarios; what was not run makes it incomplete."""
    events: list[UatEvent] = []
    result = run_all(*[scenario(ONE)] * 6, target=Down(), events=events)
    assert (len(result.scenarios), result.planned, result.complete) == (3, 6, False)
    assert isinstance(events[-1], GaveUp)
    assert "3 are not run" in events[-1].reason


def test_a_slow_chatbot_does_not_make_a_run_of_hours(scenario: Make, run_all: RunAll, clock: Any) -> None:
    """When the time is over no scenario begins any more; each of the rest is ERROR and the run whole."""

    class Slow(ScriptedTarget):
        async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
            await clock.sleep(90.0)
            return await ScriptedTarget.ask(self, session, message, conversation_id)

    result = run_all(*[scenario(ONE)] * 6, target=Slow(), clock=clock)
    assert [entry.verdict for entry in result.scenarios] == [ScenarioVerdict.PASS] * 4 + [ScenarioVerdict.ERROR] * 2
    assert result.complete
    assert "over after 300 s" in result.scenarios[-1].findings()[0]


def test_transcripts_hold_what_was_said(scenario: Make, run_one: RunOne) -> None:
    """Each exchange is kept: question, answer, citations, times; and no token."""
    result = run_one(scenario(WORKFLOW))
    assert [entry["via"] for entry in result.transcripts] == ["chat", "chat", "history", "export"]
    assert result.transcripts[0]["citations"] == ["uu-1-2023-603", "kuhperdata-1320", "demo-kdrt-2021"]
    assert "token of" not in repr(result.transcripts)
