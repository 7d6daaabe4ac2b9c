"""Reading `slo/windows.yaml`: the standard table of alert windows, and the policy by which others are derived."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from slo.quantities import QuantityError, plain_number
from slo.spec import Window
from slo.strict_yaml import Wire, load_strict
from slo.windows import Row, WindowPolicy
from slo.wire import Duration, Ratio, WindowWire

WINDOWS_FILE = Path(__file__).parent / "windows.yaml"


def _factor(value: object) -> Decimal:
    found = plain_number(str(value))
    if found is None or found <= 0:
        raise QuantityError(f"{str(value)[:60]!r} is no factor", "write a number over zero, such as 6 or 0.9")
    return found


Factor = Annotated[Decimal, BeforeValidator(_factor)]


class _Factors(Wire):
    page: Factor
    ticket: Factor


class _Row(Wire):
    latest: Duration
    factor: Factor


class _Reachable(Wire):
    highest_ratio: Ratio
    shortest: Duration
    least_factor: _Factors
    ladder: list[Duration] = Field(min_length=1)
    rows: list[_Row]


class _Table(Wire):
    windows: list[WindowWire] = Field(min_length=1)
    reachable: _Reachable

    @model_validator(mode="after")
    def _row_by_row(self) -> _Table:
        if len(self.windows) != len(self.reachable.rows):
            raise QuantityError(
                "'reachable.rows' has another length than 'windows'", "write one row for each pair, in order"
            )
        for number, pair in enumerate(self.windows):
            if pair.short >= pair.long:
                raise QuantityError(
                    f"windows.{number}: the short window is not shorter", "a twelfth of the long one is usual"
                )
            if not 0 < pair.budget_share < 1:
                raise QuantityError(f"windows.{number}: the share must lie between 0% and 100%", "the workbook has 2%")
        return self


def load_policy(path: Path = WINDOWS_FILE) -> WindowPolicy:
    """The standard table and how its pairs are fitted to an objective.

    Raises:
        InvalidInput: The file is missing or wrong.
    """
    wire = load_strict(path, _Table)
    fitted = wire.reachable
    pairs = (Window(pair.severity, pair.budget_share, pair.long, pair.short, pair.for_) for pair in wire.windows)
    return WindowPolicy(
        rows=tuple(Row(pair, row.latest, row.factor) for pair, row in zip(pairs, fitted.rows, strict=True)),
        highest_ratio=fitted.highest_ratio,
        shortest=fitted.shortest,
        page_factor=fitted.least_factor.page,
        ticket_factor=fitted.least_factor.ticket,
        ladder=tuple(fitted.ladder),
    )
