"""`status {is, code}`: the HTTP status, and the problem's code beside it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from slo.strict_yaml import Wire
from uat.checks.check import Text
from uat.exchange import CheckResult, TurnResult, UnmeasuredError, passed_if


class Args(Wire):
    """`is`: the status; `code`: the problem's code of docs/http-api.md, when it matters."""

    is_: Annotated[int, Field(ge=100, le=599, alias="is")]
    code: Text | None = None


def check(turn: TurnResult, args: Args) -> CheckResult:
    """PASS when status and code are the wanted ones; nobody answering is no status."""
    exchange = turn.exchange
    if exchange.status is None:
        raise UnmeasuredError(exchange.said())
    holds = exchange.status == args.is_ and args.code in {None, exchange.code}
    return passed_if(
        holds,
        f"status {args.is_} {args.code or ''}".rstrip(),
        exchange.said(),
        "the table of docs/http-api.md says who may do what",
    )
