"""`abstains`: the chatbot says that its sources do not carry an answer, by its structured outcome."""

from __future__ import annotations

from slo.quantities import how_many
from uat.checks.check import NoArgs
from uat.exchange import CheckResult, TurnResult, passed_if


def check(turn: TurnResult, args: NoArgs) -> CheckResult:  # noqa: ARG001 - every check takes arguments
    """PASS when the outcome is `abstained` and nothing is cited."""
    answer = turn.answer
    return passed_if(
        answer.outcome == "abstained" and not answer.citations,
        "outcome abstained, without citations",
        f"{answer.outcome}, {how_many(len(answer.citations), 'citation')}",
        "see the least score from which a passage counts as found",
    )
