"""What a drill expects: which alerts, with which labels, and how many seconds after the fault by arithmetic alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from alerts.drills.drill import SCRAPE_SECONDS, Delivery, Drill, Expected
from alerts.model import AlertRule, Group, RuleFile
from alerts.pace import Pace
from alerts.recording import BASE_WINDOW, LONGEST_RAW_WINDOW
from slo import names
from slo.budget import firing_ratio
from slo.errors import InvalidInput, Problem
from slo.quantities import format_duration
from slo.spec import SLO, Severity, Spec, Window


@dataclass(frozen=True, slots=True)
class Part:
    """A summand of a prediction: what takes the time, and how many seconds."""

    what: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Expectation:
    """An alert that a drill waits for.

    Attributes:
        slo: The SLO whose budget burns; None for an alert that burns none.
        labels: Labels that the alert must carry, its name among them.
        parts: What the prediction is made of.
        long_window: The long window of a burn-rate alert, scaled, in seconds; None for other alerts.
        looks: Seconds between two evaluations of its rule, scaled.
    """

    slo: SLO | None
    alert: str
    severity: Severity
    labels: Mapping[str, str]
    runbook: str
    parts: tuple[Part, ...]
    long_window: float | None
    looks: float
    delivery: Delivery = Delivery.AT_ONCE

    @property
    def predicted(self) -> float:
        """Seconds from the fault to the first evaluation at which the alert fires."""
        return math.fsum(part.seconds for part in self.parts)

    @property
    def name(self) -> str:
        """The alert with its SLO and long window where it has them: `AvailabilityBudgetBurnPage (availability, 1h)`."""
        return told(self.labels)

    @property
    def at_once(self) -> bool:
        """Whether it is told as soon as it fires."""
        return self.delivery is Delivery.AT_ONCE

    def met_by(self, labels: Mapping[str, Any]) -> bool:
        """Whether these are the labels of the expected alert."""
        return all(labels.get(name) == value for name, value in self.labels.items())


def told(labels: Mapping[str, str]) -> str:
    """How people are told of an alert with these labels."""
    words = [labels[name] for name in (names.SLO_NAME, names.LONG_WINDOW) if name in labels]
    alert = labels.get("alertname", "")
    return f"{alert} ({', '.join(words)})" if words else alert


def expectations(drill: Drill, spec: Spec, rules: RuleFile, lacking: Sequence[float] = ()) -> tuple[Expectation, ...]:
    """The alerts of a drill, in the order of its file.

    Args:
        drill: What is to be drilled.
        spec: A loaded spec.
        rules: The rules that Prometheus will load, scaled as the drill says.
        lacking: Of each alert, the seconds of its long window of which nothing was recorded when the fault came; none without.

    Raises:
        InvalidInput: There is no such SLO or rule, more than one rule fits, or the fault cannot wake the alert.
    """
    gaps = lacking or (0.0,) * len(drill.expects)
    return tuple(_expectation(drill, entry, spec, rules, gap) for entry, gap in zip(drill.expects, gaps, strict=True))


def _expectation(drill: Drill, wanted: Expected, spec: Spec, rules: RuleFile, gap: float) -> Expectation:
    group, rule = _rule(drill, wanted, rules)
    slo = None
    pace, interval = Pace(Decimal(drill.scale)), float(group.interval)
    parts = [Part(wanted.because or "until what the alert looks at shows the fault", wanted.after)]
    long_window = None
    if wanted.slo is not None and wanted.long is not None:
        slo = _slo(drill, wanted.slo, spec)
        window = _window(drill, wanted, slo, rule)
        parts += _burnt(drill, wanted, slo, window, gap)
        long_window = float(pace.seconds(window.long))
    elif wanted.crossing is not None:
        crossing = wanted.crossing
        passing = float(crossing.limit / crossing.level * pace.seconds(crossing.window))
        parts.append(
            Part(f"{crossing.limit} of {crossing.level} in {format_duration(crossing.window)}, scaled", passing)
        )
    # A hold ends at an evaluation: the first at which it has lasted long enough.
    held = math.ceil(float(rule.hold) / interval - 1e-9) * interval
    parts.append(Part("`for`, scaled, to the next evaluation", held))
    parts.append(Part("half a scrape and half an evaluation interval", (SCRAPE_SECONDS + interval) / 2))
    labels = dict(rule.labels)
    return Expectation(
        slo=slo,
        alert=rule.alert,
        severity=Severity(labels[names.SEVERITY]),
        labels={"alertname": rule.alert, **labels, **wanted.labels},
        runbook=dict(rule.annotations).get("runbook", ""),
        parts=tuple(part for part in parts if part.seconds),
        long_window=long_window,
        looks=interval,
        delivery=wanted.delivery,
    )


def _rule(drill: Drill, wanted: Expected, rules: RuleFile) -> tuple[Group, AlertRule]:
    """The one rule that a drill means."""
    found = [
        (group, rule)
        for group in rules.groups
        for rule in group.rules
        if isinstance(rule, AlertRule) and rule.alert == wanted.alert and _fits(wanted, dict(rule.labels))
    ]
    if len(found) != 1:
        said = f"{len(found) or 'no'} rules are {wanted.alert}"
        asked = [("slo", wanted.slo), ("long", wanted.long and format_duration(wanted.long))]
        asked += list(wanted.labels.items())
        told_apart = ", ".join(f"{name} {value}" for name, value in asked if value)
        raise _unfit(drill, "expects", f"{said} {told_apart}".strip(), _advice(wanted, rules))
    return found[0]


def _advice(wanted: Expected, rules: RuleFile) -> str:
    """Which windows the spec asks for instead, where its objective has others."""
    alike = (dict(rule.labels) for rule in rules.alerts() if rule.alert == wanted.alert)
    longs = [labels[names.LONG_WINDOW] for labels in alike if labels.get(names.SLO_NAME) == wanted.slo]
    return f"its long windows are {', '.join(longs)}" if longs else "name one of `make generate`'s rules"


def _fits(wanted: Expected, labels: Mapping[str, str]) -> bool:
    """Whether a rule's labels are those asked for; a label that the rule does not set comes from its series."""
    asked = dict(wanted.labels)
    if wanted.slo is not None:
        asked[names.SLO_NAME] = wanted.slo
    if wanted.long is not None:
        asked[names.LONG_WINDOW] = format_duration(wanted.long)
    return all(labels.get(name, value) == value for name, value in asked.items())


def _slo(drill: Drill, slo_id: str, spec: Spec) -> SLO:
    slo = next((slo for slo in spec.slos if slo.id == slo_id), None)
    if slo is None:
        raise _unfit(drill, "expects.slo", f"the spec has no SLO {slo_id!r}", "see courtsight slo show")
    return slo


def _window(drill: Drill, wanted: Expected, slo: SLO, rule: AlertRule) -> Window:
    severity = dict(rule.labels).get(names.SEVERITY)
    for window in slo.windows:
        if window.long == wanted.long and window.severity == severity:
            return window
    raise _unfit(drill, "expects.long", f"{slo.id} has no such window", "see courtsight slo explain")


def _burnt(drill: Drill, wanted: Expected, slo: SLO, window: Window, gap: float) -> tuple[Part, Part]:
    """How long the budget burns until the slower of both windows, which is the long one, has passed its limit; and how much sooner for the gap."""
    limit = firing_ratio(slo, window)
    if wanted.share <= limit:
        said = f"a share of {wanted.share} never fires it: it begins at {limit}"
        raise _unfit(drill, "expects.share", said, "fail more, or expect another alert")
    needed, sooner = (_passing(drill, wanted, window.long, limit, lost) for lost in (0.0, gap))
    words = format_duration(window.long)
    whole = Part(f"{limit.normalize():f} of {wanted.share.normalize():f} bad within {words}, scaled", needed)
    return whole, Part(f"of the {words}, scaled, {gap:.1f} s were not recorded", sooner - needed)


def _passing(drill: Drill, wanted: Expected, length: Decimal, limit: Decimal, gap: float) -> float:
    """Seconds until the error ratio over one window lies above the limit.

    Nothing ends while the first bad event is on its way (`after`), so that the window holds that much less; as little does it hold of a
    gap in what was recorded. Windows past an hour sum counts recorded over five minutes, and such a count needs its own range until it
    is full: it rises as the square of the time, then lags by half of its range. The counters behind shorter windows go on over a gap.
    """
    pace = Pace(Decimal(drill.scale))
    span = float(pace.seconds(length)) - wanted.after * float(wanted.share)
    if length <= LONGEST_RAW_WINDOW:
        return float(limit / wanted.share) * max(0.0, span)
    needed = float(limit / wanted.share) * max(0.0, span - gap)
    base = float(pace.seconds(BASE_WINDOW))
    return needed + base / 2 if needed >= base / 2 else math.sqrt(2 * base * needed)


def _unfit(drill: Drill, place: str, message: str, advice: str) -> InvalidInput:
    return InvalidInput((Problem(f"{drill.id}.yaml", None, place, message, advice),))
