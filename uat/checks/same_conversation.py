"""`same-conversation`: the answer stands in the conversation that the question was put into."""

from __future__ import annotations

from uat.checks.check import NoArgs
from uat.exchange import CheckResult, TurnResult, UnmeasuredError, passed_if


def check(turn: TurnResult, args: NoArgs) -> CheckResult:  # noqa: ARG001 - every check takes arguments
    """PASS when both ids are equal; a question that opened a new conversation has nothing to compare."""
    asked = turn.exchange.conversation_id
    if asked is None:
        raise UnmeasuredError("the question was not put into an existing conversation")
    came = turn.answer.conversation_id
    return passed_if(
        came == asked, f"conversation {asked}", came, "see how the chat flow finds a conversation by its id"
    )
