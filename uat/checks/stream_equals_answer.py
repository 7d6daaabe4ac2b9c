"""`stream-equals-answer`: the words of a stream, joined, are the answer of its last event (a turn `via: stream`)."""

from __future__ import annotations

from uat.checks.check import NoArgs
from uat.exchange import CheckResult, TurnResult, UnmeasuredError, passed_if, shortened


def check(turn: TurnResult, args: NoArgs) -> CheckResult:  # noqa: ARG001 - every check takes arguments
    """PASS when both texts are equal, letter by letter."""
    if turn.exchange.via != "stream":
        raise UnmeasuredError("the turn was no stream")
    text = turn.answer.text
    return passed_if(
        turn.exchange.text == text,
        f"{len(text)} characters, as in the last event",
        f"{len(turn.exchange.text)}: {shortened(turn.exchange.text)}",
    )
