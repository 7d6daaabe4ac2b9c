"""Our specs as OpenSLO v1: queries in PromQL, alert policies for each pair of windows, and the rest in annotations.

What OpenSLO has no place for stands as JSON in annotations under `courtsight/`, so that it comes back. Queries are written for any tool:
where counters stand alone they are summed plainly (`counter: true`), expressions look back over `{{.window}}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from slo import names
from slo.budget import burn_rate_factor
from slo.exchange.ledger import Ledger, Place
from slo.exchange.naming import (
    LONGEST_TITLE,
    SHORT_WINDOW,
    SLO_NOTES,
    SPEC_NOTES,
    TARGET_NOTES,
    length_text,
    slug,
    to_shorthand,
)
from slo.exchange.openslo_wire import VERSION
from slo.exchange.queries import to_template
from slo.quantities import UNITS, format_number
from slo.sli import WINDOW, bad_of, by_group, le_matcher, matchers, valid_of
from slo.spec import (
    SLI,
    SLO,
    CompositeSLI,
    Direction,
    EventsSLI,
    LatencySLI,
    RatioSLI,
    RawSLI,
    Severity,
    Spec,
    TimeSliceSLI,
    Window,
)
from slo.strict_yaml import Document, read_document

Plain = dict[str, Any]

MONTH_STARTS = "2020-01-01 00:00:00"
ZONE = "Etc/UTC"
TARGETS = {
    Severity.PAGE: "wakes somebody; who hears of it is said where Alertmanager is set up",
    Severity.TICKET: "waits for the morning; who hears of it is said where Alertmanager is set up",
}
_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?")
_OF_DOCUMENT = ("title", "objective", "window")
_HIGHEST_TARGET = 1 - 2**-53


@dataclass(slots=True)
class Exported:
    """OpenSLO objects and what became of the spec's parts.

    Attributes:
        objects: In the order in which they are written.
        slos: Each SLO's object by our id.
    """

    objects: list[Plain] = field(default_factory=list)
    slos: dict[str, Plain] = field(default_factory=dict)


def export(spec: Spec, ledger: Ledger, name: str = "") -> Exported:
    """The spec as OpenSLO objects: a service, alert targets and policies, SLOs.

    Args:
        spec: A loaded spec; what people wrote is read from its source.
        ledger: Takes what OpenSLO holds only nearly.
        name: How findings call the spec's file.
    """
    document = read_document(spec.source, name or spec.service)
    writer = _Writer(spec, document, ledger)
    made = Exported()
    for slo in spec.slos:
        made.slos[slo.id] = writer.slo(slo)
    made.objects = [writer.service(), *writer.targets(), *writer.policies.values(), *made.slos.values()]
    return made


class _Writer:
    """Writes one spec; policies are shared by SLOs with the same windows and factors."""

    def __init__(self, spec: Spec, document: Document, ledger: Ledger) -> None:
        self._spec = spec
        self._document = document
        self._ledger = ledger
        self._names: dict[str, str] = {}
        self._policy_names: dict[tuple[Window, Decimal], str] = {}
        self.policies: dict[str, Plain] = {}

    def service(self) -> Plain:
        rest = {key: value for key, value in self._document.data.items() if key not in ("spec", "service", "slos")}
        if "links" in rest:
            said = "OpenSLO has no place for where links lead: other tools see neither address"
            self._ledger.approximated(Place(self._document, ("links",)), said, "the annotation brings them back")
        return _object("Service", {"name": self._spec.service, "annotations": {SPEC_NOTES: _json(rest)}}, {})

    def targets(self) -> list[Plain]:
        used = {window.severity for slo in self._spec.slos for window in slo.windows}
        return [
            _object(
                "AlertNotificationTarget",
                {"name": severity.value, "annotations": {TARGET_NOTES: severity.value}},
                {"target": "alertmanager", "description": TARGETS[severity]},
            )
            for severity in Severity
            if severity in used
        ]

    def slo(self, slo: SLO) -> Plain:
        place = Place(self._document, ("slos", slo.name))
        indicator, method, objectives = self._indicator(slo, slo.sli, place)
        spec: Plain = {"service": self._spec.service}
        if indicator is not None:
            spec["indicator"] = {"metadata": {"name": self._name(slo.id)}, "spec": indicator}
        spec |= {"timeWindow": [_time_window(slo)], "budgetingMethod": method, "objectives": objectives}
        policies = [{"alertPolicyRef": self._policy(slo, window, place)} for window in slo.windows]
        if policies:
            spec["alertPolicies"] = policies
        metadata: Plain = {"name": self._name(slo.id), "displayName": display(slo.title)}
        labels = {name: value for name, value in slo.tags if _LABEL_VALUE.fullmatch(value) and len(name) <= 63}
        labels = {name: value for name, value in labels.items() if name.strip("_") == name}
        if labels:
            metadata["labels"] = labels
        metadata["annotations"] = {SLO_NOTES: _json(self._notes(slo, labels))}
        return _object("SLO", metadata, spec)

    def _notes(self, slo: SLO, labels: Mapping[str, str]) -> Plain:
        entry: Plain = self._document.data["slos"][slo.name]
        rest = {key: value for key, value in entry.items() if key not in _OF_DOCUMENT}
        rest["labels"] = {name: value for name, value in rest.get("labels", {}).items() if name not in labels}
        if not rest["labels"]:
            del rest["labels"]
        notes: Plain = {"family": slo.name, "members": dict(slo.labels), "entry": rest}
        if slo.id != self._name(slo.id):
            notes["id"] = slo.id
        if slo.title != display(slo.title):
            notes["title"] = slo.title
        if Decimal(repr(_target(slo.objective))) != slo.objective:
            notes["target"] = format_number(slo.objective)
        return notes

    def _name(self, slo_id: str) -> str:
        """A DNS label for an id, which may hold capitals, dots and underscores."""
        if slo_id not in self._names:
            free = _DNS_LABEL.fullmatch(slo_id) and slo_id not in self._names.values()
            self._names[slo_id] = slo_id if free else slug(slo_id, {*self._names.values(), *_ids(self._spec)})
        return self._names[slo_id]

    def _indicator(self, slo: SLO, sli: SLI, place: Place) -> tuple[Plain | None, str, list[Plain]]:
        objective: Plain = {"target": _target(slo.objective)}
        if isinstance(sli, CompositeSLI):
            return None, "Occurrences", self._components(slo, sli, place)
        if not isinstance(sli, TimeSliceSLI):
            return _measured(slo, sli), "Occurrences", [objective]
        length = to_shorthand(sli.slice)
        if sli.slice % UNITS["m"]:
            said = f"a slice of {length_text(sli.slice)} is written as {length}"
            self._ledger.approximated(place / "time_slices", said, "our own length stands in the annotation")
        objective |= {"timeSliceTarget": 1.0, "timeSliceWindow": length}
        if isinstance(sli.of, str):
            op = "gte" if sli.direction is Direction.AT_LEAST else "lte"
            objective = {"op": op, "value": float(sli.limit), **objective}
            return {"thresholdMetric": _metric(sli.of)}, "Timeslices", [objective]
        objective["timeSliceTarget"] = float(sli.limit)
        if not sli.limit:
            said = "a slice that may be wholly bad has no place in OpenSLO"
            self._ledger.approximated(place / "time_slices", said, "our own limit stands in the annotation")
            objective["timeSliceTarget"] = 1e-9
        return _measured(slo, sli.of), "Timeslices", [objective]

    def _components(self, slo: SLO, sli: CompositeSLI, place: Place) -> list[Plain]:
        said = "OpenSLO burns a composite's budget whenever a component burns its own; ours is the weighted mean of error ratios"
        self._ledger.approximated(place / "composite", said, "look at the targets where another tool reads it")
        made: list[Plain] = []
        for name, weight in sli.components:
            component = self._spec.slo(name)
            if isinstance(component.sli, (CompositeSLI, TimeSliceSLI)):
                ratio = names.SLI_ERROR_PREFIX + "{{.window}}" + matchers(((names.SLO_ID, f"{slo.service}-{name}"),))
                spec: Plain = {"ratioMetric": {"rawType": "failure", "raw": _metric(ratio)}}
            else:
                spec = _measured(component, component.sli)
            indicator = {"metadata": {"name": self._name(name)}, "spec": spec}
            made.append(
                {
                    "displayName": display(component.title),
                    "target": _target(slo.objective),
                    "indicator": indicator,
                    "compositeWeight": float(weight),
                }
            )
        return made

    def _policy(self, slo: SLO, window: Window, place: Place) -> str:
        factor = burn_rate_factor(window, slo.window)
        key = (window, factor)
        if key not in self._policy_names:
            lengths = f"{length_text(window.long)}-{length_text(window.short)}"
            name = slug(f"{window.severity.value}-{lengths}", self.policies)
            self._policy_names[key] = name
            self.policies[name] = self._policy_object(name, window, factor, place)
        return self._policy_names[key]

    def _policy_object(self, name: str, window: Window, factor: Decimal, place: Place) -> Plain:
        lengths = {"lookbackWindow": window.long, "alertAfter": window.hold}
        for length in lengths.values():
            if length % UNITS["m"]:
                said = f"{length_text(length)} of an alert is written as {to_shorthand(length)}"
                self._ledger.approximated(place / "alerting", said, "our own length stands in the annotation")
        condition = {
            "kind": "burnrate",
            "op": "gt",
            "threshold": float(factor),
            **{key: to_shorthand(length) for key, length in lengths.items()},
        }
        short = length_text(window.short)
        said = (
            f"and over the last {short} too; {format_number(window.budget_share * 100)} % of the budget is spent then"
        )
        return _object(
            "AlertPolicy",
            {"name": name},
            {
                "alertWhenNoData": False,
                "alertWhenResolved": True,
                "alertWhenBreaching": True,
                "conditions": [
                    {
                        "kind": "AlertCondition",
                        "metadata": {"name": name, "annotations": {SHORT_WINDOW: short}},
                        "spec": {"description": said, "severity": window.severity.value, "condition": condition},
                    }
                ],
                "notificationTargets": [{"targetRef": window.severity.value}],
            },
        )


def _measured(slo: SLO, sli: RatioSLI | LatencySLI | EventsSLI | RawSLI) -> Plain:
    """The queries of an SLI that is no slice and no composite."""
    if isinstance(sli, RawSLI):
        return {"ratioMetric": {"rawType": "failure", "raw": _metric(sli.error_ratio)}}
    if isinstance(sli, LatencySLI) and not sli.native:
        bucket = sli.metric + names.BUCKET
        labels = tuple(sorted({*slo.selector, *sli.where}))
        good = f"sum{by_group(slo)}({bucket}{matchers(labels, le_matcher(sli))})"
        return _ratio("good", good, valid_of(sli, slo, None), counters=True)
    if isinstance(sli, EventsSLI):
        side = "bad" if sli.bad is not None else "good"
        one = sli.bad if sli.bad is not None else sli.good or ""
        counters = WINDOW not in one and WINDOW not in sli.valid
        sums = (_sum(slo, counter, counters=counters) for counter in (one, sli.valid))
        return _ratio(side, *sums, counters=counters)
    counters = isinstance(sli, RatioSLI)
    window = None if counters else WINDOW
    return _ratio("bad", bad_of(sli, slo, window), valid_of(sli, slo, window), counters=counters)


def _sum(slo: SLO, counter: str, *, counters: bool) -> str:
    inside = counter if counters or WINDOW in counter else f"increase({counter}[{WINDOW}])"
    return f"sum{by_group(slo)}({inside})"


def _ratio(side: str, one: str, total: str, *, counters: bool) -> Plain:
    return {"ratioMetric": {"counter": counters, side: _metric(one), "total": _metric(total)}}


def _metric(query: str) -> Plain:
    return {"metricSource": {"type": "Prometheus", "spec": {"query": to_template(query)}}}


def _time_window(slo: SLO) -> Plain:
    if slo.calendar:
        calendar = {"startTime": MONTH_STARTS, "timeZone": ZONE}
        return {"duration": "1M", "isRolling": False, "calendar": calendar}
    return {"duration": to_shorthand(slo.window), "isRolling": True}


def _target(objective: Decimal) -> float:
    """OpenSLO's target lies under 1, as a binary number too."""
    return min(float(objective), _HIGHEST_TARGET)


def display(title: str) -> str:
    """A title as OpenSLO's display name, cut where it is too long."""
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1].rstrip() + "…"


def _object(kind: str, metadata: Plain, spec: Plain) -> Plain:
    return {"apiVersion": VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _ids(spec: Spec) -> frozenset[str]:
    return frozenset(slo.id for slo in spec.slos)


def _json(value: Plain) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
