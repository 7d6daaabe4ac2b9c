"""`latency {below, of}`: seconds from the request sent to the last byte received, by our own clock."""

from __future__ import annotations

from decimal import Decimal
from statistics import fmean
from typing import Literal

from slo.quantities import how_many
from slo.strict_yaml import Wire
from uat.checks.check import Seconds
from uat.exchange import CheckResult, TurnResult, UnmeasuredError, passed_if


class Args(Wire):
    """`below`: the limit, which must not be reached; `of`: this user's own, or the mean or the largest over all users."""

    below: Seconds
    of: Literal["each", "mean", "max"] = "each"


def check(turn: TurnResult, args: Args) -> CheckResult:
    """PASS below the limit; a turn without an answer has no latency."""
    exchanges = (turn.exchange,) if args.of == "each" else turn.everyone
    missing = [exchange for exchange in exchanges if not exchange.succeeded]
    if missing or not exchanges:
        raise UnmeasuredError(f"{len(missing)} of {how_many(len(exchanges), 'request')} were not answered")
    seconds = [exchange.duration_seconds for exchange in exchanges]
    value = fmean(seconds) if args.of == "mean" else max(seconds)
    name = "latency" if args.of == "each" else f"{args.of} latency of {len(seconds)} users"
    return passed_if(
        Decimal(value) < args.below,
        f"{name} below {args.below} s",
        f"{value:.3f} s",
        "see which tool or stage took it: chatbot_tool_duration_seconds, chatbot_retrieval_duration_seconds",
    )
