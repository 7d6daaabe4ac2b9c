"""What a drill's observation comes to: one judged item, and the details that explain it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alerts.drills.drill import SCRAPE_SECONDS, Delivery, Drill
from alerts.drills.expectation import Expectation
from alerts.drills.traffic import Sent
from alerts.drills.watching import LOOK_SECONDS, Observation, Sighting
from slo.evidence import Item, judged, unmeasured
from slo.spec import Engine, Gate, Phase, Severity, Spec, cell
from slo.statistics import extreme

CYCLE_GATE = "drill-cycle"
"""Of the drills that every run makes: seconds from the fault to the delivered resolution."""
PREDICTION_GATE = "drill-prediction"
"""Of the others: the largest difference between prediction and measurement, in seconds."""
AGAIN = "run the drill again on a machine with less beside it"
"""How every reason ends that is the machine's and not the service's."""
SLOW_SCRAPE_SECONDS = SCRAPE_SECONDS / 10
"""Past this a count over a few scrapes cannot be trusted. `increase` reaches to the edge of its range when that is at most 1.1
intervals past the newest sample, else half an interval only (Prometheus' extrapolation). A scrape that is still under way when its
rules are evaluated leaves such a gap, and of five samples a tenth of the count is lost; of the twenty in production, a fortieth."""
LABEL_OF = {CYCLE_GATE: "drill", PREDICTION_GATE: "full_drill"}


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
    wanted: tuple[Expectation, ...]
    observation: Observation | None
    trouble: str = ""
    asked: tuple[Sent, ...] = ()
    stack: str = ""
    engine: Engine | None = None

    def pairs(self) -> Iterator[tuple[Expectation, Sighting | None]]:
        """Each expected alert with what was seen of it; None when the drill could not be played."""
        seen = self.observation
        sightings = seen.sightings if seen is not None and seen.sightings else (None,) * len(self.wanted)
        yield from zip(self.wanted, sightings, strict=True)

    def measured(self, wanted: Expectation) -> float | None:
        """Seconds from the fault to the first evaluation at which the alert fired."""
        seen = self.observation
        for one, sighting in self.pairs():
            if one is wanted and sighting is not None and sighting.fired is not None and seen is not None:
                return None if seen.fault is None else sighting.fired - seen.fault
        return None


def gate_of(drill: Drill, spec: Spec) -> tuple[Gate, Mapping[str, str]] | None:
    """The gate that judges a drill, with its labels; None for the quiet phase, which only counts for precision."""
    if drill.quiet:
        return None
    for gate in spec.gates:
        label = LABEL_OF.get(gate.id)
        if label is not None and cell({label: drill.id}) in gate.cells:
            return gate, {label: drill.id}
    return None


def item_of(result: DrillResult, spec: Spec) -> Item | None:
    """The verdict on a drill; None where no gate of the spec asks for it.

    What failed has no number of its own: it counts as the first number past the limit, which fails whoever judges it again. Trouble of
    the stack itself is an ERROR, and so is a wrong time, or a false alarm, on a machine too busy to be scraped: the alarm may have told the truth.
    """
    asked = gate_of(result.drill, spec)
    if asked is None:
        return None
    gate, labels = asked
    seen = result.observation
    if seen is None:
        return unmeasured(gate, labels, result.trouble)
    failure = failure_of(result)
    if seen.false_alarms and _too_busy(seen):
        return unmeasured(gate, labels, failure)
    value = _value(gate, result, seen)
    if value is not None and not failure:
        if gate.id == PREDICTION_GATE and value > _limit(gate, labels) and (busy := _too_busy(seen)):
            return unmeasured(gate, labels, f"{value:.1f} s off the prediction, but {busy}")
        return judged(gate, labels, extreme([value], largest=True))
    waited = 0.0 if seen.fault is None or gate.id != CYCLE_GATE else seen.ended - seen.fault
    past_limit = max(waited, _limit(gate, labels) + LOOK_SECONDS)
    return replace(judged(gate, labels, extreme([past_limit], largest=True)), reason=failure)


def _too_busy(seen: Observation) -> str:
    """Why the machine was too busy to measure the time of an alert; empty when it was not."""
    if seen.scrape_seconds is None or seen.scrape_seconds <= SLOW_SCRAPE_SECONDS:
        return ""
    return f"every tenth scrape took {seen.scrape_seconds:.2f} s, where over {SLOW_SCRAPE_SECONDS:g} s spoil counts over five seconds: {AGAIN}"


def _value(gate: Gate, result: DrillResult, seen: Observation) -> float | None:
    if seen.fault is None:
        return None
    if gate.id == CYCLE_GATE:
        over = [sighting.resolved for sighting in seen.sightings if sighting.resolved is not None]
        return max(over) - seen.fault if over else None
    differences = [_difference(result, wanted) for wanted in result.wanted]
    known = [abs(one) for one in differences if one is not None]
    return max(known) if len(known) == len(differences) else None


def _difference(result: DrillResult, wanted: Expectation) -> float | None:
    measured = result.measured(wanted)
    return None if measured is None else measured - wanted.predicted


def failure_of(result: DrillResult) -> str:
    """Why the drill failed, and what to try; empty when all alerts did what they should."""
    drill, seen = result.drill, result.observation
    if seen is None:
        return result.trouble
    within = f"within {drill.deadline:g} s of the fault"
    if seen.false_alarms:
        names = ", ".join(loud.told for loud in seen.false_alarms)
        when = "before the fault" if seen.fault is None else "without a fault that explains it"
        busy = _too_busy(seen)
        return f"{names} fired {when}: an alert that cries wolf; see its runbook{f', or it was told the truth: {busy}' if busy else ''}"
    return next((said for wanted, sighting in result.pairs() if (said := _missing(wanted, sighting, within))), "")


def _missing(wanted: Expectation, seen: Sighting | None, within: str) -> str:
    """What one alert did not do; empty when it did all."""
    if seen is None or seen.fired is None:
        return f"{wanted.name} did not fire {within}: compare its rule with the spec (make check), then its windows (make prove)"
    if wanted.delivery is Delivery.SILENCED:
        heard = (
            f"{wanted.name} was delivered, and an outage should have silenced it: look at Alertmanager's inhibitions"
        )
        return heard if seen.delivered is not None else ""
    if seen.delivered is None and wanted.delivery is not Delivery.EITHER:
        return f"{wanted.name} fired, and its {wanted.severity} was not delivered {within}: look at Alertmanager's routes and log"
    if wanted.severity is Severity.PAGE and wanted.at_once and seen.resolved is None:
        return f"{wanted.name} was delivered and did not resolve {within}: look at its short window and the routes"
    return ""


def details_of(result: DrillResult) -> list[Mapping[str, Any]]:
    """One drill for readers, an entry for each expected alert; moments in seconds from the fault, None where they never came."""
    return [_entry(result, wanted, sighting) for wanted, sighting in result.pairs()] or [_entry(result, None, None)]


def _entry(result: DrillResult, wanted: Expectation | None, sighting: Sighting | None) -> Mapping[str, Any]:
    drill, seen = result.drill, result.observation
    known: dict[str, Any] = {
        "drill": drill.id,
        "title": drill.title,
        "fault": str(drill.fault),
        "deadline_seconds": drill.deadline,
        "scale": drill.scale,
        "baseline": f"synthetic, {drill.baseline / 60:g} minutes",
        "stack": result.stack,
        "trouble": result.trouble,
        "failure": failure_of(result),
    }
    if wanted is not None:
        known |= _expected(wanted)
    if seen is None:
        return {**known, "timeline": []}
    return {
        **known,
        **_watched(result, seen),
        **(_moments(result, wanted, sighting, seen) if wanted and sighting else {}),
    }


def _expected(wanted: Expectation) -> dict[str, Any]:
    return {
        "alert": wanted.alert,
        "slo": None if wanted.slo is None else wanted.slo.id,
        "severity": str(wanted.severity),
        "delivery": str(wanted.delivery),
        "labels": dict(wanted.labels),
        "predicted_seconds": round(wanted.predicted, 3),
        "prediction": [{"what": part.what, "seconds": round(part.seconds, 3)} for part in wanted.parts],
        "runbook": wanted.runbook,
    }


def _moments(result: DrillResult, wanted: Expectation, sighting: Sighting, seen: Observation) -> dict[str, Any]:
    def after(at: float | None) -> float | None:
        return None if at is None or seen.fault is None else round(at - seen.fault, 3)

    difference = _difference(result, wanted)
    fired, delivered = sighting.fired, sighting.delivered
    return {
        "measured_seconds": after(fired),
        "difference_seconds": None if difference is None else round(difference, 3),
        "delivered_seconds": after(delivered),
        "delivery_delay_seconds": None if fired is None or delivered is None else round(delivered - fired, 3),
        "cleared_seconds": after(sighting.cleared),
        "resolved_seconds": after(sighting.resolved),
        "cycle_seconds": after(sighting.resolved),
    }


def _watched(result: DrillResult, seen: Observation) -> dict[str, Any]:
    origin = seen.warm_from if seen.fault is None else seen.fault
    timeline = sorted(seen.moments, key=lambda moment: moment.at)
    return {
        "released_seconds": None if seen.released is None else round(seen.released - origin, 3),
        "scrape_seconds": None if seen.scrape_seconds is None else round(seen.scrape_seconds, 3),
        "watched_seconds": round(seen.ended - seen.warm_from, 3),
        "false_alarms": [loud.told for loud in seen.false_alarms],
        "other_alerts": [{"alert": loud.told, "because": result.drill.may.get(loud.alert, "")} for loud in seen.others],
        "timeline": [{"seconds": round(moment.at - origin, 3), "event": moment.event} for moment in timeline],
        "questions": _questions(seen, result.asked),
    }


def _questions(seen: Observation, asked: Sequence[Sent]) -> dict[str, dict[str, int]]:
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


def _limit(gate: Gate, labels: Mapping[str, str]) -> float:
    """The most that any phase accepts."""
    asked = [wanted for phase in Phase if (wanted := gate.requirement(phase)) is not None]
    return max(float(wanted.contract[cell(labels)]) for wanted in asked)
