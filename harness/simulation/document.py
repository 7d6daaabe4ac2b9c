"""A simulation as a plain document: seconds, shares between 0 and 1, times in ISO 8601, None for what there is not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from slo.quantities import format_duration
from slo.simulation.events import Event
from slo.simulation.firing import Span
from slo.simulation.replay import Simulation, Told
from slo.simulation.scoring import Score
from slo.simulation.what_if import Variant

POINTS = 240
"""Points of the budget's course: a picture needs no more."""


def document(simulation: Simulation) -> dict[str, Any]:
    """One SLO (of one group)."""
    slo, budget = simulation.slo, simulation.budget
    return {
        "id": slo.id,
        "group": dict(simulation.group),
        "objective": float(slo.objective),
        "window_seconds": float(slo.window),
        "calendar": slo.calendar,
        "start": iso(simulation.start),
        "end": iso(simulation.end),
        "budget": {
            "spent_ratio": _finite(1 - budget.left),
            "left_ratio": _finite(budget.left),
            "lowest_left_ratio": _finite(budget.lowest),
            "exhausted_at": _iso_or_none(budget.exhausted),
            "projected_at": _iso_or_none(budget.projected),
            "course": _course(simulation),
        },
        "significant_from_ratio": simulation.threshold,
        "events": [_event(event, simulation.threshold) for event in simulation.events],
        "alerts": [
            {
                "severity": pair.window.severity.value,
                "long": format_duration(pair.window.long),
                "short": format_duration(pair.window.short),
                **_told(pair.told),
            }
            for pair in simulation.pairs
        ],
        "by_severity": {severity.value: _told(told) for severity, told in simulation.by_severity.items()},
        "all_alerts": _told(simulation.alerts),
        "approaches": [
            {"number": rival.approach.number, "title": rival.approach.title, **_told(rival.told)}
            for rival in simulation.rivals
        ],
    }


def compared_document(found: Sequence[tuple[Variant, Sequence[Simulation]]]) -> list[dict[str, Any]]:
    """The what-ifs of one SLO, without the course of their budgets."""
    return [
        {
            "objective": variant.objective,
            "window": variant.window,
            "windows": variant.windows,
            "group": dict(one.group),
            "left_ratio": _finite(one.budget.left),
            "lowest_left_ratio": _finite(one.budget.lowest),
            "exhausted_at": _iso_or_none(one.budget.exhausted),
            "by_severity": {severity.value: _score(told.score) for severity, told in one.by_severity.items()},
            "all_alerts": _score(one.alerts.score),
        }
        for variant, simulations in found
        for one in simulations
    ]


def iso(at: float) -> str:
    """An instant, in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def _course(simulation: Simulation) -> list[dict[str, Any]]:
    budget = simulation.budget
    places = np.unique(np.linspace(budget.begin, budget.grid.count - 1, POINTS).astype(np.int64))
    return [
        {
            "at": iso(budget.grid.start + budget.grid.interval * int(place)),
            "spent_ratio": _finite(float(budget.spent[place])),
        }
        for place in places
    ]


def _told(told: Told) -> dict[str, Any]:
    return {"fired": [_span(span) for span in told.spans], **_score(told.score)}


def _score(score: Score) -> dict[str, Any]:
    return {
        "alerts": score.alerts,
        "precise_alerts": score.precise,
        "significant_events": score.significant,
        "alerted_events": score.alerted,
        "masked_events": score.masked,
        "precision": score.precision,
        "recall": score.recall,
        "detection_seconds": list(score.detection),
        "reset_seconds": list(score.reset),
        "firing_seconds": score.firing,
    }


def _span(span: Span) -> dict[str, Any]:
    return {"start": iso(span.start), "end": None if span.open else iso(span.end), "seconds": span.seconds}


def _event(event: Event, threshold: float) -> dict[str, Any]:
    return {
        "start": iso(event.start),
        "end": None if event.open else iso(event.end),
        "cost_ratio": event.cost,
        "significant": event.cost >= threshold * (1 - 1e-6),
    }


def _iso_or_none(at: float | None) -> str | None:
    return None if at is None else iso(at)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
