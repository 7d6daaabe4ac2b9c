"""`confidence {above, below}`: the answer's confidence score lies strictly inside."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from slo.strict_yaml import Wire
from uat.exchange import CheckResult, TurnResult, UnmeasuredError, passed_if

Score = Annotated[float, Field(ge=0, le=1)]


class Args(Wire):
    """`above`, `below`: bounds between 0 and 1, one of them at least."""

    above: Score | None = None
    below: Score | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Args:
        if self.above is None and self.below is None:
            raise ValueError("needs 'above' or 'below'")
        return self


def check(turn: TurnResult, args: Args) -> CheckResult:
    """PASS inside the bounds; an answer without a score has none to judge."""
    score = turn.answer.confidence_score
    if score is None:
        raise UnmeasuredError("the answer has no confidence score")
    wanted = [
        f"above {args.above}" if args.above is not None else "",
        f"below {args.below}" if args.below is not None else "",
    ]
    holds = (args.above is None or score > args.above) and (args.below is None or score < args.below)
    return passed_if(
        holds,
        f"confidence {' and '.join(part for part in wanted if part)}",
        f"{score:g}",
        "the score follows from how well the passages cover the question: see which passages came",
    )
