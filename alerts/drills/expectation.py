"""What a drill expects: which alert, with which labels, and how many seconds after the fault by arithmetic alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from alerts.burn import burn_alert_name, burn_labels, runbook_path
from alerts.drills.drill import EVALUATION_SECONDS, SCRAPE_SECONDS, Drill
from alerts.pace import Pace
from slo.budget import detection_seconds
from slo.errors import InvalidInput, Problem
from slo.spec import SLO, Spec, Window, cell

GATE = "drill-cycle"
TOTAL_OUTAGE = Decimal(1)
"""The error ratio of a fault that fails every question."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """The alert that a drill waits for.

    Attributes:
        labels: Labels that the alert must carry, its name among them.
        predicted: Seconds from the fault to the firing alert: the time in which a failing question fails, then the error budget's
            arithmetic on the scaled windows with every question failing, then the scaled `for`, and half a scrape and half an
            evaluation interval, because what happens between two looks is seen at the second.
        long_window: The long window of the alert, scaled, in seconds.
    """

    slo: SLO
    alert: str
    labels: Mapping[str, str]
    runbook: str
    predicted: float
    long_window: float

    def met_by(self, labels: Mapping[str, Any]) -> bool:
        """Whether these are the labels of the expected alert."""
        return all(labels.get(name) == value for name, value in self.labels.items())


def expectation(drill: Drill, spec: Spec) -> Expectation:
    """The quickest alert of the drill's SLO and severity on a total outage.

    Raises:
        InvalidInput: The spec has no such SLO, no gate for this drill, or no alert that could fire on a total outage.
    """
    slo = next((slo for slo in spec.slos if slo.id == drill.slo), None)
    if slo is None:
        raise _unfit(drill, "slo", f"the spec has no SLO {drill.slo!r}")
    if cell({"drill": drill.id}) not in spec.gate(GATE).cells:
        raise _unfit(drill, "drill", f"gate {GATE} of the spec does not ask for it")
    times = [(time, window) for window in slo.windows if (time := _seconds(drill, slo, window)) is not None]
    if not times:
        raise _unfit(drill, "severity", f"no {drill.severity} alert of {slo.id} can fire, even when everything fails")
    quickest, window = min(times, key=lambda pair: pair[0])
    name = burn_alert_name(slo, drill.severity)
    return Expectation(
        slo=slo,
        alert=name,
        labels={"alertname": name, **dict(burn_labels(slo, window))},
        runbook=runbook_path(name),
        predicted=drill.database_timeout + float(quickest) + (SCRAPE_SECONDS + EVALUATION_SECONDS) / 2,
        long_window=float(_scaled(drill, window).long),
    )


def _seconds(drill: Drill, slo: SLO, window: Window) -> Decimal | None:
    """Predicted seconds on the scaled windows; the burn-rate factor stays that of the real ones."""
    if window.severity is not drill.severity:
        return None
    real = detection_seconds(slo, replace(window, hold=Decimal(0)), TOTAL_OUTAGE)
    return None if real is None else real / drill.scale + _scaled(drill, window).hold


def _scaled(drill: Drill, window: Window) -> Window:
    pace = Pace(Decimal(drill.scale))
    return replace(
        window, long=pace.seconds(window.long), short=pace.seconds(window.short), hold=pace.seconds(window.hold)
    )


def _unfit(drill: Drill, place: str, message: str) -> InvalidInput:
    return InvalidInput((Problem(f"{drill.id}.yaml", None, place, message),))
