"""`step-count {min, max}`: reasoning steps that the answer shows."""

from __future__ import annotations

from uat.checks.check import Bounds
from uat.exchange import CheckResult, TurnResult, passed_if

Args = Bounds


def check(turn: TurnResult, args: Bounds) -> CheckResult:
    """PASS within the bounds."""
    steps = turn.answer.reasoning_steps
    return passed_if(
        args.hold(len(steps)),
        args.said("reasoning steps"),
        f"{len(steps)}: {', '.join(steps)}",
        "see how the question was classed",
    )
