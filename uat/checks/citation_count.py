"""`citation-count {min, max}`: how many sources the answer cites."""

from __future__ import annotations

from uat.checks.check import Bounds
from uat.exchange import CheckResult, TurnResult, passed_if

Args = Bounds


def check(turn: TurnResult, args: Bounds) -> CheckResult:
    """PASS within the bounds."""
    count = len(turn.answer.citations)
    return passed_if(
        args.hold(count),
        args.said("citations"),
        f"{count}",
        "ask LegalRetriever alone for the same question and see what it finds",
    )
