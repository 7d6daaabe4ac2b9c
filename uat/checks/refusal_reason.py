"""`refusal-reason {is | any}`: why the chatbot refused or gave no answer, by its structured reason."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from slo.quantities import how_many
from slo.strict_yaml import Wire
from uat.exchange import CheckResult, TurnResult, passed_if

Reason = Literal["out_of_domain", "law_not_in_corpus", "article_not_in_law", "unsafe", "injection", "no_evidence"]
_OUTCOMES = {"unsafe": "refused", "injection": "refused"}


class Args(Wire):
    """`is`: the reason; `any`: at least one of these."""

    is_: Reason | None = Field(default=None, alias="is")
    any: list[Reason] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_form(self) -> Args:
        if (self.is_ is None) == (not self.any):
            raise ValueError("needs exactly one of 'is' and 'any'")
        return self

    @property
    def wanted(self) -> list[Reason]:
        """The reasons of which one must be given."""
        return [self.is_] if self.is_ is not None else self.any


def check(turn: TurnResult, args: Args) -> CheckResult:
    """PASS when the reason is a wanted one, under the outcome that belongs to it, and nothing is cited."""
    answer = turn.answer
    reason = answer.refusal_reason or ""
    return passed_if(
        reason in args.wanted and answer.outcome == _OUTCOMES.get(reason, "abstained") and not answer.citations,
        f"{' or '.join(args.wanted)}, without citations",
        f"{answer.outcome} ({reason or 'no reason'}), {how_many(len(answer.citations), 'citation')}",
        "see the guard's rules, or the laws that the corpus holds",
    )
