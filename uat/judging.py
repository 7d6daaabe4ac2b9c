"""From exchanges to verdicts: runs checks, turns negated ones around, and takes the worst. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from uat.checks import CHECKS
from uat.exchange import CheckResult, Exchange, Outcome, TurnResult, UnmeasuredError
from uat.results import CheckReport, ScenarioVerdict, TurnReport
from uat.scenario import PlannedCheck, Turn

_WORST_FIRST = (Outcome.FAIL, Outcome.ERROR, Outcome.NOT_APPLICABLE, Outcome.PASS)
_TURNED = {Outcome.PASS: Outcome.FAIL, Outcome.FAIL: Outcome.PASS}


def judge_check(planned: PlannedCheck, turn: TurnResult) -> CheckResult:
    """What one check says of one user's turn; `not-` turns PASS and FAIL around and leaves ERROR and N/A as they are."""
    try:
        result = CHECKS[planned.plain_name].judge(turn, planned.args)
    except UnmeasuredError as error:
        return CheckResult(Outcome.ERROR, "something to look at", str(error))
    if not planned.negated:
        return result
    return replace(result, outcome=_TURNED.get(result.outcome, result.outcome), expected=f"not: {result.expected}")


def judge_turn(number: int, turn: Turn, users: Sequence[TurnResult]) -> TurnReport:
    """The report of a turn over all its users."""
    checks = tuple(_over_users(planned, [judge_check(planned, user) for user in users]) for planned in turn.checks)
    slowest = max(user.exchange.duration_seconds for user in users)
    return TurnReport(number, turn.via, asked(turn), slowest, checks)


def not_reached(number: int, turn: Turn, reason: str) -> TurnReport:
    """The report of a turn that was never run: every check of it is ERROR."""
    checks = tuple(
        CheckReport(planned.name, Outcome.ERROR, "the turn to be reached", reason) for planned in turn.checks
    )
    return TurnReport(number, turn.via, asked(turn), 0.0, checks)


def verdict_of(turns: Iterable[TurnReport]) -> ScenarioVerdict:
    """FAIL before ERROR before PASS; a scenario in which no check passed has shown nothing, which is ERROR."""
    outcomes = {check.outcome for turn in turns for check in turn.checks}
    if Outcome.FAIL in outcomes:
        return ScenarioVerdict.FAIL
    if Outcome.ERROR in outcomes or Outcome.PASS not in outcomes:
        return ScenarioVerdict.ERROR
    return ScenarioVerdict.PASS


def asked(turn: Turn) -> str:
    """What a turn does, for people: the question, or the request's line."""
    if turn.request is not None:
        return f"{turn.request.method} {turn.request.path}"
    return f"{turn.tool}: {turn.message}" if turn.tool else turn.message or turn.via


def answered_by_somebody(exchanges: Iterable[Exchange]) -> bool:
    """Whether every request of a turn got an answer, of whatever kind."""
    return all(exchange.status is not None for exchange in exchanges)


def _over_users(planned: PlannedCheck, results: Sequence[CheckResult]) -> CheckReport:
    worst = min(results, key=lambda result: _WORST_FIRST.index(result.outcome))
    alike = sum(result.outcome is worst.outcome for result in results)
    got = worst.got if len(results) == 1 else f"{alike} of {len(results)} users {worst.outcome}: {worst.got}"
    return CheckReport(planned.name, worst.outcome, worst.expected, got, worst.advice)
