"""The weighted score of the gates, beside the verdict: how much of what was asked is kept, in one number.

It never helps: a verdict is decided gate by gate, and a score can only make it worse (`score` in the spec). A waived gate is not kept, and
without a key gate the score is zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from reports.decision import Reason, Row
from slo.spec import Gate, Score, Spec
from slo.verdict import Readiness, Verdict

WARNING_POINTS = 0.5
"""Of a cell that passes within its warning band; Keptn's half."""


def weighted_score(spec: Spec, rows: Sequence[Row]) -> float | None:
    """Points over weights as a ratio; None where nothing is asked that weighs anything.

    A gate earns its weight times the mean of its cells: 1 for a PASS, one half in the warning band, 0 for everything else.
    """
    gates = {gate.id: gate for gate in spec.gates}
    asked = [(gates[gate_id], list(group)) for gate_id, group in groupby(rows, key=lambda row: row.gate)]
    total = sum(float(gate.weight) for gate, _ in asked)
    if not total:
        return None
    if any(gate.key and not _kept(group) for gate, group in asked):
        return 0.0
    return sum(_earned(gate, group) for gate, group in asked) / total


def score_reasons(wanted: Score | None, score: float | None, rows: Sequence[Row]) -> list[Reason]:
    """What the score has against GO; nothing while a measurement is missing, for that is told by itself."""
    if wanted is None or score is None or any(row.verdict not in (Verdict.PASS, Verdict.FAIL) for row in rows):
        return []
    limit = wanted.warns if score < float(wanted.warns) else wanted.passes
    if score >= float(limit):
        return []
    leads_to = Readiness.NO_GO if score < float(wanted.warns) else Readiness.CONDITIONAL
    return [
        Reason("score", "Weighted score", leads_to, f"{score_text(score)} against at least {score_text(float(limit))}")
    ]


def score_text(ratio: float) -> str:
    """A score for people: `97.5 %`, rounded down, so that only a full score reads as 100 %."""
    return f"{int(ratio * 1000 + 1e-9) / 10:g} %"


def _earned(gate: Gate, rows: Sequence[Row]) -> float:
    points = [
        0.0 if row.verdict is not Verdict.PASS else WARNING_POINTS if row.in_warning_band else 1.0 for row in rows
    ]
    return float(gate.weight) * sum(points) / len(points)


def _kept(rows: Sequence[Row]) -> bool:
    return all(row.verdict is Verdict.PASS for row in rows)
