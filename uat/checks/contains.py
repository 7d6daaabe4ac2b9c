"""`contains {text | any}` and `icontains {text | any}`: words that stand in the answer, with case or without."""

from __future__ import annotations

from pydantic import Field, model_validator

from slo.strict_yaml import Wire
from uat.checks.check import Text
from uat.exchange import CheckResult, TurnResult, passed_if, shortened


class Args(Wire):
    """`text`: must stand there; `any`: at least one of these."""

    text: Text | None = None
    any: list[Text] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_form(self) -> Args:
        if (self.text is None) == (not self.any):
            raise ValueError("needs exactly one of 'text' and 'any'")
        return self

    @property
    def wanted(self) -> list[str]:
        """The texts of which one must stand there."""
        return [self.text] if self.text is not None else self.any


def check(turn: TurnResult, args: Args) -> CheckResult:
    """PASS when one of the texts stands in the answer, letter by letter."""
    return _judge(turn.answer.text, turn.answer.text, args.wanted, args.wanted)


def check_without_case(turn: TurnResult, args: Args) -> CheckResult:
    """PASS when one of the texts stands in the answer, whatever the case."""
    return _judge(turn.answer.text, turn.answer.text.casefold(), args.wanted, [text.casefold() for text in args.wanted])


def _judge(shown: str, text: str, wanted: list[str], sought: list[str]) -> CheckResult:
    return passed_if(
        any(entry in text for entry in sought),
        " or ".join(repr(entry) for entry in wanted) + " in the answer",
        shortened(shown),
        "see which passages the answer was made of",
    )
