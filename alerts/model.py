"""What a rule file is made of. Frozen values; `alerts.emit` writes them, `alerts.rules` makes them.

Durations are seconds; ranges inside expressions are already written, because PromQL is text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from slo.spec import Cell


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """A series that Prometheus computes and keeps."""

    record: str
    expr: str
    labels: Cell = ()


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alert.

    Attributes:
        hold: `for` in seconds; zero fires at the first evaluation at which the expression yields something.
    """

    alert: str
    expr: str
    hold: Decimal
    labels: Cell
    annotations: Cell


Rule = RecordingRule | AlertRule


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other, every `interval` seconds."""

    name: str
    interval: Decimal
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A Prometheus rule file."""

    service: str
    groups: tuple[Group, ...]

    def rules(self) -> Iterator[Rule]:
        """All rules, in the order of the file."""
        for group in self.groups:
            yield from group.rules

    def alerts(self) -> tuple[AlertRule, ...]:
        """All alerts, in the order of the file."""
        return tuple(rule for rule in self.rules() if isinstance(rule, AlertRule))

    def recordings(self) -> tuple[RecordingRule, ...]:
        """All recording rules, in the order of the file."""
        return tuple(rule for rule in self.rules() if isinstance(rule, RecordingRule))
