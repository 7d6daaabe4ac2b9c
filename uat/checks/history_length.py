"""`history-length {min, max}`: messages in the conversation's history (a turn `via: history`)."""

from __future__ import annotations

from uat.checks.check import Bounds
from uat.exchange import CheckResult, TurnResult, UnmeasuredError, passed_if

Args = Bounds


def check(turn: TurnResult, args: Bounds) -> CheckResult:
    """PASS within the bounds."""
    messages = turn.exchange.messages
    if messages is None:
        raise UnmeasuredError(f"there is no history to count ({turn.exchange.said()})")
    authors = ", ".join(message.author for message in messages)
    return passed_if(
        args.hold(len(messages)),
        args.said("messages"),
        f"{len(messages)}: {authors}",
        "each question and each answer is a message",
    )
