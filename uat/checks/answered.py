"""`answered`: the request succeeded. The runner adds it to every turn that names no `status` of its own."""

from __future__ import annotations

from uat.checks.check import NoArgs
from uat.exchange import CheckResult, TurnResult, UnmeasuredError, passed_if


def check(turn: TurnResult, args: NoArgs) -> CheckResult:  # noqa: ARG001 - every check takes arguments
    """PASS for a 2xx that could be read; nobody answering is ERROR, a refusal or a cut stream is FAIL."""
    if turn.exchange.status is None:
        raise UnmeasuredError(turn.exchange.said())
    return passed_if(
        turn.exchange.succeeded,
        "the request is answered",
        turn.exchange.said(),
        "look for the request id in the service's log",
    )
