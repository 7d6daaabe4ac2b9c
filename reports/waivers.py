"""Waivers: a broken contract that somebody answers for, until a date. Read strictly; the file's every field is mandatory.

A waiver turns FAIL or INCONCLUSIVE of its gate into CONDITIONAL. It stays counted and shown, and it never stands in for
evidence that is missing or wrong, nor for a gate that the spec calls not waivable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from reports.days import has_begun
from slo.strict_yaml import Wire, load_strict

WAIVERS_FILE = Path(__file__).parent / "waivers.yaml"
Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Waiver:
    """Somebody's word that a gate may be broken for a while.

    Attributes:
        labels: Which cells; empty for all cells of the gate.
        expires_on: The last day on which it counts, in UTC.
    """

    gate: str
    reason: str
    approver: str
    approved_on: date
    expires_on: date
    labels: Mapping[str, str] = field(default_factory=dict)

    def covers(self, gate: str, labels: Mapping[str, str]) -> bool:
        """Whether it speaks of that cell of that gate."""
        return gate == self.gate and all(labels.get(name) == value for name, value in self.labels.items())

    def state(self, at: datetime) -> str:
        """`active`, `expired` or `not yet approved` on the day of `at`."""
        if at.date() > self.expires_on:
            return "expired"
        return "active" if has_begun(self.approved_on, at) else "not yet approved"


class _Waiver(Wire):
    gate: Text
    reason: Text
    approver: Text
    approved_on: date
    expires_on: date
    labels: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_order(self) -> _Waiver:
        if self.expires_on < self.approved_on:
            raise ValueError("expires_on lies before approved_on")
        return self


class _Waivers(Wire):
    waivers: list[_Waiver]


def load_waivers(path: Path = WAIVERS_FILE) -> tuple[Waiver, ...]:
    """Read the waivers.

    Raises:
        InvalidInput: The file is missing or wrong.
    """
    wire = load_strict(path, _Waivers)
    return tuple(
        Waiver(entry.gate, entry.reason, entry.approver, entry.approved_on, entry.expires_on, entry.labels)
        for entry in wire.waivers
    )
