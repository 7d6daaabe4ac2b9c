"""`word-count {min, max}`: words of the answer, cut at white space."""

from __future__ import annotations

from uat.checks.check import Bounds
from uat.exchange import CheckResult, TurnResult, passed_if

Args = Bounds


def check(turn: TurnResult, args: Bounds) -> CheckResult:
    """PASS within the bounds."""
    count = len(turn.answer.text.split())
    return passed_if(args.hold(count), args.said("words"), f"{count}", "see how many passages the answer was made of")
