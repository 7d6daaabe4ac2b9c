"""`complexity {is}`: how the chatbot classed the question."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from slo.strict_yaml import Wire
from uat.exchange import CheckResult, TurnResult, passed_if


class Args(Wire):
    """`is`: the class."""

    is_: Literal["simple", "medium", "complex"] = Field(alias="is")


def check(turn: TurnResult, args: Args) -> CheckResult:
    """PASS when it is the wanted class."""
    return passed_if(
        turn.answer.complexity == args.is_,
        args.is_,
        turn.answer.complexity,
        "see the words that the deployment's rules count",
    )
