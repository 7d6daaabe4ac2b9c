"""`result-count {min, max}`: results of a tool that was run alone (a turn `via: tool`)."""

from __future__ import annotations

from uat.checks.check import Bounds
from uat.exchange import CheckResult, TurnResult, UnmeasuredError, passed_if

Args = Bounds


def check(turn: TurnResult, args: Bounds) -> CheckResult:
    """PASS within the bounds."""
    if turn.exchange.passages is None:
        raise UnmeasuredError(f"no tool ran ({turn.exchange.said()})")
    count = len(turn.exchange.passages)
    return passed_if(args.hold(count), args.said("results"), f"{count}", "is the corpus the one that ships?")
