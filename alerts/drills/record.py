"""What a drill's observation comes to: one judged item, and the details that explain it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from alerts.drills.drill import Drill
from alerts.drills.expectation import GATE, Expectation
from alerts.drills.traffic import Sent
from alerts.drills.watching import LOOK_SECONDS, Observation
from slo.evidence import Item, judged, unmeasured
from slo.spec import Engine, Gate, Phase, Spec, cell
from slo.statistics import extreme


@dataclass(frozen=True, slots=True)
class DrillResult:
    """How a drill went.

    Attributes:
        observation: None when the stack was in trouble; `trouble` then says why, in a sentence.
        asked: The live questions that ended.
        stack: Address of the drill's own service; empty when it never came up.
        engine: What that service says writes its answers; None when it never came up.
    """

    drill: Drill
    wanted: Expectation
    observation: Observation | None
    trouble: str = ""
    asked: tuple[Sent, ...] = ()
    stack: str = ""
    engine: Engine | None = None


def item_of(result: DrillResult, spec: Spec) -> Item:
    """The verdict on a drill, for gate `drill-cycle`.

    The value is seconds from the fault to the delivered resolution. A cycle that did not close in time has no such number: it counts as
    the first look past its limit, which fails whoever judges it again. Trouble of the stack itself is an ERROR.
    """
    gate, labels = spec.gate(GATE), {"drill": result.drill.id}
    seen = result.observation
    if seen is None:
        return unmeasured(gate, labels, result.trouble)
    failure = failure_of(result.drill, result.wanted, seen)
    if seen.fault is not None and seen.resolved is not None and not failure:
        return judged(gate, labels, extreme([seen.resolved - seen.fault], largest=True))
    waited = 0.0 if seen.fault is None else seen.ended - seen.fault
    past_limit = max(waited, _limit(gate, result.drill) + LOOK_SECONDS)
    return replace(judged(gate, labels, extreme([past_limit], largest=True)), reason=failure)


def failure_of(drill: Drill, wanted: Expectation, seen: Observation) -> str:
    """Why the alert failed the drill, and what to try; empty when it passed."""
    within = f"within {drill.deadline:g} s of the fault"
    if seen.false_alarms:
        return f"{', '.join(seen.false_alarms)} fired before the fault: a page that cries wolf; see its runbook"
    if seen.fired is None:
        return f"{wanted.alert} did not fire {within}: compare its rule with the spec (make check), then its windows (make prove)"
    if seen.delivered is None:
        return f"{wanted.alert} fired, and its page was not delivered {within}: look at Alertmanager's routes and log"
    if seen.resolved is None:
        return f"{wanted.alert} was delivered and did not resolve {within}: look at its short window and the routes"
    return ""


def details_of(result: DrillResult) -> Mapping[str, Any]:
    """One drill for readers; moments in seconds from the fault, None where they never came."""
    drill, wanted, seen = result.drill, result.wanted, result.observation
    known: dict[str, Any] = {
        "drill": drill.id,
        "title": drill.title,
        "fault": drill.fault,
        "alert": wanted.alert,
        "slo": wanted.slo.id,
        "severity": drill.severity,
        "labels": dict(wanted.labels),
        "predicted_seconds": wanted.predicted,
        "deadline_seconds": drill.deadline,
        "scale": drill.scale,
        "baseline": f"synthetic, {drill.baseline / 60:g} minutes",
        "runbook": wanted.runbook,
        "stack": result.stack,
        "trouble": result.trouble,
    }
    return {**known, **(_moments(wanted, seen, result.asked) if seen is not None else {"timeline": []})}


def _moments(wanted: Expectation, seen: Observation, asked: tuple[Sent, ...]) -> dict[str, Any]:
    fault = seen.fault

    def after(at: float | None) -> float | None:
        return None if at is None or fault is None else round(at - fault, 3)

    measured = after(seen.fired)
    origin = seen.warm_from if fault is None else fault
    timeline = sorted(seen.moments, key=lambda moment: moment.at)
    return {
        "measured_seconds": measured,
        "difference_seconds": None if measured is None else round(measured - wanted.predicted, 3),
        "delivered_seconds": after(seen.delivered),
        "released_seconds": after(seen.released),
        "cleared_seconds": after(seen.cleared),
        "resolved_seconds": after(seen.resolved),
        "cycle_seconds": after(seen.resolved),
        "false_alarms": list(seen.false_alarms),
        "other_alerts": list(seen.others),
        "timeline": [{"seconds": round(moment.at - origin, 3), "event": moment.event} for moment in timeline],
        "questions": _questions(seen, asked),
    }


def _questions(seen: Observation, asked: tuple[Sent, ...]) -> dict[str, dict[str, int]]:
    """How many live questions were sent, and not answered, before, during and after the fault."""
    fault = seen.ended if seen.fault is None else seen.fault
    released = seen.ended if seen.released is None else seen.released
    parts = {"before": (0.0, fault), "during": (fault, released), "after": (released, float("inf"))}
    return {
        part: {
            "asked": sum(start <= sent.at < end for sent in asked),
            "failed": sum(start <= sent.at < end and bool(sent.failure) for sent in asked),
        }
        for part, (start, end) in parts.items()
    }


def _limit(gate: Gate, drill: Drill) -> float:
    """The longest cycle that any phase accepts, or the drill's own deadline, whichever is longer."""
    key = cell({"drill": drill.id})
    asked = [float(wanted.contract[key]) for phase in Phase if (wanted := gate.requirement(phase)) is not None]
    return max([drill.deadline, *asked])
