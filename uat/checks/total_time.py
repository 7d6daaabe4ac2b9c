"""`total-time {below}`: seconds from the scenario's start to the end of this turn, for all its users together."""

from __future__ import annotations

from decimal import Decimal

from slo.strict_yaml import Wire
from uat.checks.check import Seconds
from uat.exchange import CheckResult, TurnResult, passed_if


class Args(Wire):
    """`below`: the limit, which must not be reached."""

    below: Seconds


def check(turn: TurnResult, args: Args) -> CheckResult:
    """PASS below the limit."""
    return passed_if(
        Decimal(turn.elapsed_seconds) < args.below,
        f"all of it within {args.below} s",
        f"{turn.elapsed_seconds:.1f} s for {len(turn.everyone)} users",
        "compare with the same scenario and one user: the difference is the contention",
    )
