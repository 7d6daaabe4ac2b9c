"""`is-refusal`: the chatbot refused, by its structured outcome; never by words ("tidak ada" is ordinary legal prose)."""

from __future__ import annotations

from uat.checks.check import NoArgs
from uat.exchange import CheckResult, TurnResult, passed_if


def check(turn: TurnResult, args: NoArgs) -> CheckResult:  # noqa: ARG001 - every check takes arguments
    """PASS when the outcome is `refused` and says why."""
    answer = turn.answer
    return passed_if(
        answer.outcome == "refused" and bool(answer.refusal_reason),
        "outcome refused, with its reason",
        f"{answer.outcome} ({answer.refusal_reason or 'no reason'})",
        "see the guard's rules for this question",
    )
