"""Sloth's specs into drafts of our SLOs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from slo.exchange import sloth_wire as wire
from slo.exchange.alerting import only
from slo.exchange.counting import Indicator, Query, error_ratio, event_counts
from slo.exchange.drafts import Draft
from slo.exchange.ledger import Ledger, Place
from slo.exchange.naming import percent
from slo.exchange.notices import entry_of, renamed, runbook_of, tags_of, title_of
from slo.families import DAYS_OF_MONTH
from slo.names import OWNER, SEVERITY
from slo.quantities import parse_duration
from slo.spec import Severity
from slo.strict_yaml import Document, model_problems
from slo.windows import WindowPolicy
from slo.wire import MONTH

DEFAULT_PERIOD = "30d"


@dataclass(frozen=True, slots=True)
class _Alerts:
    """What a spec says of the alerts of one SLO: windows as ours are written, runbook, labels by severity, and whose they are."""

    windows: Any
    runbook: str | None
    labels: Mapping[str, Mapping[str, str]]
    owner: str | None


class SlothReader:
    """Reads documents of `prometheus/v1` and `PrometheusServiceLevel` resources."""

    def __init__(self, policy: WindowPolicy, ledger: Ledger, period: str = DEFAULT_PERIOD) -> None:
        self._policy = policy
        self._ledger = ledger
        self._period = period
        self._taken: dict[str, set[str]] = {}
        self._seen: dict[tuple[str, str], Place] = {}

    def drafts(self, document: Document) -> list[Draft]:
        """The SLOs of one document; those that cannot be carried are findings."""
        place = Place(document)
        self._ledger.problems += document.problems
        resource = isinstance(document.data, dict) and "apiVersion" in document.data
        version = (
            document.data.get("apiVersion" if resource else "version") if isinstance(document.data, dict) else None
        )
        wanted = wire.RESOURCE if resource else wire.VERSION
        if version != wanted:
            key = "apiVersion" if resource else "version"
            self._ledger.wrong(place / key, f"{str(version)[:60]!r} cannot be read", f"write it as {wanted}")
            return []
        if resource and not self._of_slos(document.data.get("kind"), place):
            return []
        model = wire.ResourceWire if resource else wire.FileWire
        try:
            made: Any = model.model_validate(document.data)
        except ValidationError as error:
            self._ledger.problems += model_problems(error, document, model)
            return []
        if resource:
            self._resource(made, place)
        body: wire.Body = made.spec if resource else made
        keys = _Keys(camel=resource)
        return list(self._body(body, place / "spec" if resource else place, keys))

    def _of_slos(self, kind: object, place: Place) -> bool:
        """Whether a resource holds SLOs; Sloth's tables of alert windows hold none."""
        if kind == wire.WINDOWS_KIND:
            said = "a table of alert windows; ours are chosen by objective"
            self._ledger.lost(place / "kind", said, "write the pairs you want under alerting: {windows: […]}")
        elif kind != wire.KIND:
            said = f"kind {str(kind)[:60]!r} cannot be read" if kind is not None else "has no kind"
            self._ledger.wrong(place / "kind", said, f"write it as {wire.KIND}")
        return kind == wire.KIND

    def _resource(self, made: wire.ResourceWire, place: Place) -> None:
        """What Kubernetes knows of the resource is no part of an SLO."""
        for key in made.metadata:
            if key == "namespace":
                said = "where the resource is applied is no part of our specs"
                self._ledger.lost(
                    place / "metadata" / key, said, "generate --format prometheusrule --namespace names it"
                )
            elif key not in ("name", "creationTimestamp", "uid", "resourceVersion", "generation"):
                said = "labels and annotations of the resource are no part of our specs"
                self._ledger.lost(place / "metadata" / str(key), said, "set them where the generated rules are applied")

    def _body(self, body: wire.Body, place: Place, keys: _Keys) -> Iterator[Draft]:
        if body.plugins is not None:
            self._ledger.lost(place / keys("slo_plugins"), "plugins cannot be run", "say what they change in the spec")
        tags, owner = tags_of(body.labels, place / "labels", self._ledger)
        if tags:
            said = "labels stand on alerts, not on recorded series"
            self._ledger.approximated(place / "labels", said, "join sloth_slo_info where a board filters by them")
        for number, slo in enumerate(body.slos):
            draft = self._slo(slo, body.service, tags, owner, place / "slos" / number, keys)
            if draft is not None:
                yield draft

    def _slo(
        self, slo: wire.SLO, service: str, common: Mapping[str, str], owner: str | None, place: Place, keys: _Keys
    ) -> Draft | None:
        ledger = self._ledger
        twin = self._seen.setdefault((service, slo.name), place)
        if twin is not place:
            said = f"there is another SLO {slo.name[:80]!r} in {twin.file}, line {twin.line}"
            ledger.wrong(place / "name", said, "rename one of them")
            return None
        if slo.plugins is not None:
            ledger.lost(place / "plugins", "plugins cannot be run", "say what they change in the spec")
        indicator = self._indicator(slo.sli, place / "sli", keys)
        if indicator is None:
            return None
        objective = slo.objective / 100
        if objective == 1:
            said = "100% leaves no error budget"
            ledger.lost(place / "objective", said, "write a percent under 100, such as 99.9")
            return None
        name = renamed(slo.name, self._taken.setdefault(service, set()), place / "name", ledger)
        title = title_of((slo.description,), slo.name, place / "description", ledger)
        own, own_owner = tags_of(slo.labels, place / "labels", ledger)
        tags = {**common, **own}
        alerts = self._alerting(slo.alerting, objective, tags, place / "alerting", keys)
        entry = entry_of(title, percent(objective), self._period, tags, alerts.runbook)
        if alerts.labels:
            entry["labels_by_severity"] = alerts.labels
        if alerts.windows != "reachable":
            entry["alerting"] = {"windows": alerts.windows}
        entry |= indicator.written()
        ledger.carried(place, f"SLO {name}: {indicator.kind}, {percent(objective)} over {self._period}")
        whose = alerts.owner or own_owner or owner
        return Draft(service, name, entry, place, {"objective": place / "objective"}, (), whose)

    def _indicator(self, sli: wire.SLI, place: Place, keys: _Keys) -> Indicator | None:
        given = [kind for kind in ("raw", "events", "plugin") if getattr(sli, kind) is not None]
        if len(given) != 1:
            self._ledger.wrong(place, "needs exactly one of raw, events and plugin", "say what is counted, once")
        elif sli.events is not None:
            here = place / "events"
            bad = Query(sli.events.error, here / keys("error_query"))
            return event_counts("bad", bad, Query(sli.events.total, here / keys("total_query")), self._ledger)
        elif sli.raw is not None:
            return error_ratio(Query(sli.raw.query, place / "raw" / keys("error_ratio_query")), self._ledger)
        elif sli.plugin is not None:
            said = f"plugin {sli.plugin.id[:80]} cannot be run"
            self._ledger.lost(place / "plugin", said, "write out the queries that it makes, as events")
        return None

    def _alerting(
        self, alerting: wire.Alerting | None, objective: Decimal, tags: dict[str, str], place: Place, keys: _Keys
    ) -> _Alerts:
        """Which windows, the runbook, and the labels of one severity; labels of all alerts join the tags."""
        if alerting is None:
            return _Alerts("reachable", None, {}, None)
        ledger = self._ledger
        if alerting.name:
            said = f"alerts are called by SLO and severity, not {alerting.name[:80]}"
            ledger.approximated(place / "name", said, "look whether silences or routes match the old name")
        more, owner = tags_of(alerting.labels, place / "labels", ledger)
        tags |= more
        runbook = runbook_of(alerting.annotations, place / "annotations", ledger, what="our alerts")
        sides = {Severity.PAGE: alerting.page, Severity.TICKET: alerting.ticket}
        wanted = {severity for severity, alert in sides.items() if alert is None or not alert.disable}
        shared = _shared([sides[severity] for severity in wanted])
        common, shared_owner = tags_of(shared, place, ledger)
        tags |= common
        own: list[str | None] = []
        labels: dict[str, dict[str, str]] = {}
        for severity in sorted(wanted):
            alert, here = sides[severity] or wire.Alert(), place / keys(f"{severity}_alert")
            apart = {label: value for label, value in (alert.labels or {}).items() if label not in shared}
            labels[str(severity)] = self._of_one_severity(apart, severity, here / "labels")
            own.append(runbook_of(alert.annotations, here / "annotations", ledger, what="our alerts"))
        if runbook is None and len(set(own)) == 1:
            runbook = own[0]
        self._lose_runbooks(own, runbook, sorted(wanted), place, keys)
        for severity in sorted(sides.keys() - wanted):
            off = sides[severity]
            if off is not None and (off.labels or off.annotations):
                here = place / keys(f"{severity}_alert")
                ledger.lost(
                    here, "is disabled: nothing carries its labels and annotations", "take them away, or enable it"
                )
        seconds = DAYS_OF_MONTH if self._period == MONTH else parse_duration(self._period)
        windows = only(wanted, objective, seconds, self._policy)
        return _Alerts(
            windows, runbook, {word: given for word, given in labels.items() if given}, owner or shared_owner
        )

    def _of_one_severity(self, labels: dict[str, str], severity: Severity, place: Place) -> dict[str, str]:
        """Labels that only the pages or only the tickets have; how loud they are and whose, ours say themselves."""
        loud = labels.pop(SEVERITY, severity)
        if loud != severity:
            said = f"our alerts say severity={severity} here, not {loud[:60]}"
            self._ledger.lost(place / SEVERITY, said, "route by that")
        if OWNER in labels:
            said = f"only {severity} alerts had the owner {labels.pop(OWNER)[:60]}"
            self._ledger.lost(place / OWNER, said, "give the SLO one owner, or the label another name")
        tags, _ = tags_of(labels, place, self._ledger)
        return tags

    def _lose_runbooks(
        self, own: list[str | None], kept: str | None, severities: list[Severity], place: Place, keys: _Keys
    ) -> None:
        for severity, one in zip(severities, own, strict=True):
            if one not in (None, kept):
                said = f"only {severity} alerts had the runbook {(one or '')[:200]}"
                self._ledger.lost(place / keys(f"{severity}_alert") / "annotations", said, "give the SLO one runbook")


def _shared(alerts: list[wire.Alert | None]) -> dict[str, str]:
    """Labels that every alert has with the same value, but for how loud it is, which each is held against alone."""
    given = [({} if alert is None else alert.labels or {}) for alert in alerts]
    first = given[0] if given else {}
    alike = {name for name, value in first.items() if all(labels.get(name) == value for labels in given)}
    return {name: first[name] for name in first if name in alike and name != SEVERITY}


class _Keys:
    """Keys as the input writes them: `page_alert` in files, `pageAlert` in the resource."""

    def __init__(self, *, camel: bool) -> None:
        self._camel = camel

    def __call__(self, snake: str) -> str:
        head, *rest = snake.split("_")
        return head + "".join(word.capitalize() for word in rest) if self._camel else snake
