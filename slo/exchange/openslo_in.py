"""OpenSLO v1 into drafts of our SLOs: each object read for itself, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from slo.exchange import openslo_wire as wire
from slo.exchange.alerting import Condition, for_slices, table, window_of
from slo.exchange.counting import Indicator
from slo.exchange.drafts import Draft, ServiceNotes
from slo.exchange.ledger import Ledger, Place
from slo.exchange.naming import SHORT_WINDOW, TARGET_NOTES, from_shorthand, length_text, percent, slug
from slo.exchange.notices import entry_of, remarks_of, renamed, runbook_of, tags_of, title_of, without_place
from slo.exchange.openslo_objects import Library, Resource
from slo.exchange.openslo_sli import indicator_of, measured
from slo.families import DAYS_OF_MONTH
from slo.names import alert_stem
from slo.quantities import parse_duration
from slo.spec import Window
from slo.windows import WindowPolicy
from slo.wire import MONTH

DEFAULT_PERIOD = "30d"
_UTC = frozenset(["utc", "etc/utc", "etc/gmt", "gmt", "zulu", "etc/zulu", "etc/universal", "universal"])


class OpenSLOReader:
    """Reads the SLOs of a library one by one."""

    def __init__(self, library: Library, policy: WindowPolicy, ledger: Ledger) -> None:
        self._library = library
        self._policy = policy
        self._ledger = ledger
        self._taken: dict[str, set[str]] = {}

    def drafts(self, resources: Iterable[Resource]) -> list[Draft]:
        """Our SLOs for these of theirs; those that cannot be carried are findings."""
        return [draft for resource in resources for draft in self._slo(resource)]

    def take(self, service: str, name: str) -> None:
        """Keep a name free for an SLO that is read elsewhere."""
        self._taken.setdefault(service, set()).update((name, alert_stem(name)))

    def services(self) -> dict[str, ServiceNotes]:
        """What the Service objects say, by name."""
        found: dict[str, ServiceNotes] = {}
        for resource in self._library.of("Service"):
            spec, metadata = resource.wire.spec, resource.wire.metadata
            runbook_of(metadata.annotations, resource.place / "metadata" / "annotations", self._ledger, what="services")
            for label in metadata.labels or {}:
                place = resource.place / "metadata" / "labels" / label
                self._ledger.lost(place, "services have no labels of their own here", "put it on the SLOs")
            remarks = remarks_of(metadata.display_name, None if spec is None else spec.description)
            found[resource.name] = ServiceNotes(resource.place, {}, remarks)
        return found

    def leftovers(self) -> None:
        """Tell what is spoken of nowhere, and what our specs have no place for."""
        for resource in self._library.of("DataSource"):
            said = "where Prometheus is found is no part of our specs"
            self._ledger.lost(resource.place / "spec", said, "load the generated rules into that Prometheus")
        for resource in self._library.of("AlertNotificationTarget"):
            if TARGET_NOTES not in (resource.wire.metadata.annotations or {}):
                said = f"who hears of alerts ({resource.name}) is no part of our specs"
                self._ledger.lost(
                    resource.place, said, "name receivers where Alertmanager is set up, by severity and owner"
                )
        for kind in ("SLI", "AlertPolicy", "AlertCondition"):
            for resource in self._library.of(kind):
                if (kind, resource.name) not in self._library.used:
                    said = f"{kind} {resource.name} is used by no SLO"
                    self._ledger.lost(resource.place, said, "name it in an SLO, or leave it away")

    def _slo(self, resource: Resource) -> Iterator[Draft]:
        spec: wire.SLOSpec = resource.wire.spec
        place = resource.place / "spec"
        period = self.period(spec, place)
        if period is None:
            return
        composite = any(entry.indicator or entry.indicator_ref for entry in spec.objectives)
        if composite:
            if spec.indicator is not None or spec.indicator_ref is not None:
                said = "has indicators of its own and of its objectives"
                self._ledger.wrong(place, said, "keep one of both: a composite has none of its own")
                return
            yield from self._composite(resource, period)
            return
        sli = measured(spec, place, self._library, self._ledger)
        if sli is None:
            return
        many = len(spec.objectives) > 1
        for number, objective in enumerate(spec.objectives):
            here = place / "objectives" / number
            if objective.composite_weight is not None:
                self._ledger.carried(
                    here / "compositeWeight", "weighs parts of a composite: of a single SLI it means nothing"
                )
            target = self._target(objective, here)
            indicator = indicator_of(sli, spec.budgeting_method, objective, here, self._library, self._ledger)
            if target is None or indicator is None:
                continue
            suffix = slug(objective.display_name or "", fallback=str(number + 1)) if many else ""
            yield self._draft(resource, objective if many else None, suffix, target, period, indicator, here)

    def _composite(self, resource: Resource, period: str) -> Iterator[Draft]:
        """An SLO for each objective, and one over them all."""
        spec: wire.SLOSpec = resource.wire.spec
        place = resource.place / "spec" / "objectives"
        parts: list[tuple[Draft, Decimal, Decimal]] = []
        for number, objective in enumerate(spec.objectives):
            here = place / number
            target = self._target(objective, here)
            sli = measured(objective, here, self._library, self._ledger)
            weight = Decimal(1) if objective.composite_weight is None else objective.composite_weight
            if weight <= 0:
                self._ledger.wrong(here / "compositeWeight", "is no weight", "write a number over 0")
            if target is None or sli is None or weight <= 0:
                continue
            indicator = indicator_of(sli, spec.budgeting_method, objective, here, self._library, self._ledger)
            if indicator is not None:
                suffix = slug(objective.display_name or "", fallback=str(number + 1))
                draft = self._draft(resource, objective, suffix, target, period, indicator, here)
                parts.append((draft, weight, target))
        if not parts:
            return
        yield from (draft for draft, _, _ in parts)
        weights = sum((weight for _, weight, _ in parts), Decimal(0))
        target = sum((weight * target for _, weight, target in parts), Decimal(0)) / weights
        said = f"is the weighted mean of its parts' error ratios, at {percent(target)}; OpenSLO's burns whenever a part burns"
        self._ledger.approximated(place, said, "look at its objective; each part is an SLO of its own too")
        whole = Indicator("composite", {"components": {draft.name: _weight(weight) for draft, weight, _ in parts}})
        groups = {tuple(draft.entry.get("group_by", ())) for draft, _, _ in parts}
        if len(groups) == 1:
            whole = replace(whole, group_by=groups.pop())
        yield self._draft(resource, None, "", target, period, whole, place)

    def _draft(
        self,
        resource: Resource,
        objective: wire.Objective | None,
        suffix: str,
        target: Decimal,
        period: str,
        indicator: Indicator,
        place: Place,
    ) -> Draft:
        spec: wire.SLOSpec = resource.wire.spec
        metadata: wire.Metadata = resource.wire.metadata
        ledger, here = self._ledger, resource.place / "metadata"
        taken = self._taken.setdefault(spec.service, set())
        name = f"{metadata.name}-{suffix}" if suffix else metadata.name
        name = renamed(name, taken, here / "name", ledger)
        title = title_of((metadata.display_name, spec.description), metadata.name, here, ledger)
        if objective is not None and objective.display_name:
            title = title_of((f"{title}: {objective.display_name}",), name, here, ledger)
        tags, owner = tags_of(metadata.labels, here / "labels", ledger)
        runbook = runbook_of(metadata.annotations, here / "annotations", ledger, what="our SLOs")
        entry = entry_of(title, percent(target), period, tags, runbook)
        alerting = self._alerting(spec, target, period, indicator, resource.place / "spec")
        if alerting != "reachable":
            entry["alerting"] = {"windows": alerting}
        entry |= indicator.written()
        remarks = remarks_of(spec.description if metadata.display_name else None)
        places = {"window": resource.place / "spec" / "timeWindow", "objective": place / "target"}
        ledger.carried(resource.place, f"SLO {name}: {indicator.kind}, {percent(target)} over {period}")
        return Draft(spec.service, name, entry, place, places, remarks, owner)

    def _target(self, objective: wire.Objective, place: Place) -> Decimal | None:
        if (objective.target is None) == (objective.target_percent is None):
            self._ledger.wrong(place, "needs exactly one of target and targetPercent", "write target: 0.999")
            return None
        key = "target" if objective.target is not None else "targetPercent"
        given = objective.target if objective.target is not None else (objective.target_percent or Decimal(0)) / 100
        if not 0 <= given < 1:
            self._ledger.wrong(place / key, "must lie from 0 to under 1 (100 %)", "write target: 0.999")
            return None
        return given

    def period(self, spec: wire.SLOSpec, place: Place) -> str | None:
        """The SLO window as our specs write it."""
        here, ledger = place / "timeWindow", self._ledger
        if not spec.time_window:
            ledger.approximated(place, f"names no timeWindow: {DEFAULT_PERIOD} stands in", "name one")
            return DEFAULT_PERIOD
        window = spec.time_window[0]
        rolling = window.is_rolling if window.is_rolling is not None else window.calendar is None
        if rolling and window.calendar is not None:
            ledger.wrong(here, "is rolling and has a calendar", "keep one of both")
            return None
        if not rolling and window.calendar is None:
            ledger.wrong(here, "is not rolling and has no calendar", "write calendar, or isRolling: true")
            return None
        seconds = from_shorthand(window.duration)
        if seconds is None:
            said = f"{window.duration[:60]!r} is no length"
            ledger.wrong(here / "0" / "duration", said, "write a whole number and m, h, d, w, M, Q or Y: 30d")
            return None
        if rolling or window.calendar is None:
            if window.duration[-1] in "MQY":
                said = f"{window.duration} is {length_text(seconds)}"
                ledger.approximated(here, said, "months have 30 days here, quarters 90, years 365")
            return length_text(seconds)
        return self._calendar(window, window.calendar, seconds, here)

    def _calendar(self, window: wire.TimeWindow, calendar: wire.Calendar, seconds: Decimal, place: Place) -> str:
        ledger = self._ledger
        if window.duration != "1M":
            text = length_text(seconds)
            said = f"a calendar's {window.duration} rolls: any {text} are looked at"
            ledger.approximated(place, said, "calendar months (1M) can be kept")
            if window.duration == "1m":
                ledger.approximated(place, "1m is a minute", "did you mean 1M, the month?")
            return text
        begins = calendar.start_time.strip().replace("T", " ")
        if begins[8:10] != "01" or begins[11:19] not in ("", "00:00", "00:00:00"):
            said = f"a month that begins at {begins[:40]} begins on the first at 00:00"
            ledger.approximated(place, said, "months are those of the calendar here")
        if calendar.time_zone.lower() not in _UTC:
            said = f"the month of {calendar.time_zone[:40]} is that of UTC"
            ledger.approximated(place, said, "Prometheus knows UTC only")
        return MONTH

    # --- alerts ---

    def _alerting(
        self, spec: wire.SLOSpec, target: Decimal, period: str, indicator: Indicator, place: Place
    ) -> str | list[dict[str, Any]]:
        seconds = DAYS_OF_MONTH if period == MONTH else parse_duration(period)
        windows: list[Window] = []
        found = self._conditions(spec, place)
        for condition in found:
            window = window_of(condition, 1 - target, seconds, self._ledger, indicator.slice)
            twin = None if window is None else (window.severity, window.long, window.short)
            if window is not None and twin in {(other.severity, other.long, other.short) for other in windows}:
                self._ledger.lost(condition.place, "has the windows of another alert", "keep the one that fires first")
            elif window is not None:
                windows.append(window)
        if windows:
            return table(windows)
        if found:
            self._ledger.approximated(place / "alertPolicies", "windows that work stand in for them", "look at them")
        if indicator.slice is None:
            return "reachable"
        return for_slices(indicator.slice, target, seconds, self._policy, place, self._ledger)

    def _conditions(self, spec: wire.SLOSpec, place: Place) -> list[Condition]:
        found: list[Condition] = []
        for number, entry in enumerate(spec.alert_policies or []):
            here = place / "alertPolicies" / number
            policy, where = entry.spec, here / "spec"
            if entry.alert_policy_ref is not None and policy is None:
                resource = self._library.referred(
                    "AlertPolicy", entry.alert_policy_ref, here / "alertPolicyRef", self._ledger
                )
                if resource is None:
                    continue
                policy, where = resource.wire.spec, resource.place / "spec"
                self._unheld(resource.wire.metadata, resource.place, "alert policies")
            self._unheld(entry.metadata, here, "alert policies")
            if policy is None or (entry.alert_policy_ref is not None and entry.spec is not None):
                self._ledger.wrong(here, "needs exactly one of alertPolicyRef and spec", "keep one of them")
                continue
            found += self._of_policy(policy, where)
        return found

    def _of_policy(self, policy: wire.PolicySpec, place: Place) -> Iterator[Condition]:
        ledger = self._ledger
        for number, notified in enumerate(policy.notification_targets or []):
            here = place / "notificationTargets" / number
            reference = notified.target_ref
            if reference is None or self._library.find("AlertNotificationTarget", reference) is None:
                ledger.lost(
                    here, "who hears of an alert is no part of our specs", "name receivers where Alertmanager is set up"
                )
        if policy.alert_when_no_data:
            said = "missing data is told by the alert SLISeriesAbsent, a ticket, for every SLO"
            ledger.approximated(place / "alertWhenNoData", said, "look at its severity")
        if "alert_when_resolved" in policy.model_fields_set and not policy.alert_when_resolved:
            said = "that an alert is over is told too"
            ledger.approximated(place / "alertWhenResolved", said, "set send_resolved where Alertmanager is set up")
        if not policy.alert_when_breaching:
            ledger.lost(
                place, "speaks only when there is no breach", "Alertmanager tells of resolved alerts by send_resolved"
            )
            return
        entry, here = policy.conditions[0], place / "conditions" / 0
        spec, metadata, where = entry.spec, entry.metadata, here / "spec"
        if entry.condition_ref is not None and spec is None:
            resource = self._library.referred("AlertCondition", entry.condition_ref, here / "conditionRef", ledger)
            if resource is None:
                return
            spec, metadata, where = resource.wire.spec, resource.wire.metadata, resource.place / "spec"
        if spec is None:
            ledger.wrong(here, "needs exactly one of conditionRef and spec", "keep one of them")
            return
        self._unheld(metadata, where.above, "alert conditions")
        burn = spec.condition
        short = (metadata.annotations or {}).get(SHORT_WINDOW) if metadata is not None else None
        yield Condition(
            spec.severity, burn.op, burn.threshold, burn.lookback_window, burn.alert_after, short, where / "condition"
        )

    def _unheld(self, metadata: wire.Metadata | None, place: Place, what: str) -> None:
        if metadata is not None:
            here = place / "metadata"
            without_place(metadata.labels, metadata.annotations, here, self._ledger, what=what)


def _weight(weight: Decimal) -> int | float:
    return int(weight) if weight == weight.to_integral_value() else float(weight)
