"""What a check is made of, and the argument types that several checks share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from slo.quantities import parse_duration
from slo.strict_yaml import Wire
from uat.exchange import CheckResult, TurnResult


def _seconds(value: object) -> Decimal:
    if not isinstance(value, str):
        raise ValueError(f"write {value!r} with its unit, like 8s")  # noqa: TRY004 - pydantic reports ValueError
    return parse_duration(value)


Seconds = Annotated[Decimal, BeforeValidator(_seconds)]
Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]


class NoArgs(Wire):
    """A check that is told nothing."""


class Bounds(Wire):
    """How many: at least `min`, at most `max`, one of them at least."""

    min: Count | None = None
    max: Count | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Bounds:
        if self.min is None and self.max is None:
            raise ValueError("needs 'min' or 'max'")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("'min' is larger than 'max'")
        return self

    def hold(self, count: int) -> bool:
        """Whether a count lies within."""
        return (self.min is None or count >= self.min) and (self.max is None or count <= self.max)

    def said(self, what: str) -> str:
        """The bounds for people."""
        parts = [
            f"at least {self.min}" if self.min is not None else "",
            f"at most {self.max}" if self.max is not None else "",
        ]
        return f"{' and '.join(part for part in parts if part)} {what}"


Args = TypeVar("Args", bound=Wire)


@dataclass(frozen=True, slots=True)
class Check(Generic[Args]):
    """One check: the shape of its arguments, and the function that judges a turn by them."""

    args: type[Args]
    judge: Callable[[TurnResult, Args], CheckResult]
