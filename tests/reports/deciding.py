"""What tests of the decision share: a run with some of its items changed, decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from reports.checklist import Checklist
from reports.decision import Decision, Row
from reports.readiness import decide
from reports.trust import EvidenceSet
from slo.evidence import Evidence, Item, judged
from slo.spec import Kind, Phase, Spec
from slo.statistics import Measurement

Run = dict[Kind, Evidence]
CLEAN = {"documents": 250, "demo": 0, "unverified": 0}


def decided(spec: Spec, run: Run, at: datetime, phase: Phase = Phase.BUILD, **more: Any) -> Decision:
    return decide(spec, EvidenceSet(run), phase, at, **more)


def swapped(run: Run, kind: Kind, change: Callable[[Item], Item | None], *, where: Callable[[Item], bool]) -> Run:
    """The run with one kind's matching items changed, or dropped where the change says None."""
    items = [change(item) if where(item) else item for item in run[kind].items]
    return run | {kind: replace(run[kind], items=tuple(item for item in items if item is not None))}


def remeasured(spec: Spec, run: Run, gate_id: str, measurement: Measurement, **labels: str) -> Run:
    gate = spec.gate(gate_id)
    return swapped(
        run,
        gate.kind,
        lambda item: judged(gate, dict(item.labels), measurement),
        where=lambda item: item.gate == gate_id and labels.items() <= dict(item.labels).items(),
    )


def row_of(decision: Decision, gate: str, **labels: str) -> Row:
    return next(row for row in decision.rows if row.gate == gate and dict(row.labels) == labels)


def all_signed(checklists: tuple[Checklist, ...], at: datetime) -> tuple[Checklist, ...]:
    return tuple(
        replace(
            checklist,
            items=tuple(
                replace(item, owner="Head of operations", signed_on=at.date(), evidence="docs/runbooks")
                for item in checklist.items
            ),
        )
        for checklist in checklists
    )
