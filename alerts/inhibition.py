"""What silences what: nobody is told twice of one fault, and a ticket never silences a page.

Alertmanager takes a label that both alerts lack as equal, so every rule asks for the label by which it joins them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alerts.absence import INSTANCE_DOWN, OUTAGES
from alerts.burn import burn_alert_name
from alerts.catalogue import Area, Catalogue, Entry
from alerts.catalogue.rules import AREA
from slo import names
from slo.spec import EventsSLI, LatencySLI, RatioSLI, Severity, Spec

EXPLAINED_BY_AN_OUTAGE = (Area.SERVICE, Area.BUSINESS, Area.DEPENDENCIES)
"""What is computed from the service's own series; containers, nodes and disks may be the cause, and go on speaking."""


FAILING = "ErrorRatioHigh"
"""The catalogue's page about failing answers; what it explains, the page of an availability SLO explains too."""


def inhibitions(spec: Spec, catalogue: Catalogue) -> list[dict[str, Any]]:
    """Alertmanager's `inhibit_rules` for the spec's alerts and the catalogue's."""
    entries = catalogue.of(spec.deployment)
    return [_page_over_ticket(spec), *_outage_over_all(), *_failures_over_latency(spec, entries), *_of_entries(entries)]


def _rule(sources: list[str], targets: list[str], equal: list[str]) -> dict[str, Any]:
    return {"source_matchers": sources, "target_matchers": targets, "equal": equal}


def _page_over_ticket(spec: Spec) -> dict[str, Any]:
    # A page of one group says nothing of another group's slow burn; where no SLO has groups, both lack the labels.
    groups = sorted({label for slo in spec.slos for label in slo.group_by})
    page, ticket = (f'{names.SEVERITY}="{severity.value}"' for severity in (Severity.PAGE, Severity.TICKET))
    some = f'{names.SLO_ID}=~".+"'
    return _rule([page, some], [ticket, some], [names.SLO_ID, names.SLO_SERVICE, *groups])


def _outage_over_all() -> list[dict[str, Any]]:
    sources = [_any_of("alertname", OUTAGES)]
    areas = _any_of(AREA, (area.value for area in EXPLAINED_BY_AN_OUTAGE))
    targets = (f'{names.SLO_NAME}=~".+"', areas, f'alertname="{INSTANCE_DOWN}"')
    return [_rule(sources, [target], [names.SLO_SERVICE]) for target in targets]


def _failures_over_latency(spec: Spec, entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Answers that fail are also late, and those that still come are no measure: a page about failures explains slowness.

    But only of the same owner, or somebody else sleeps through theirs, and only of the same members and groups.
    """
    entries = tuple(entries)
    explained = [entry.name for entry in entries if FAILING in entry.silenced_by and entry.severity is Severity.TICKET]
    failing: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for slo in spec.slos:
        if isinstance(slo.sli, RatioSLI | EventsSLI):
            apart = tuple(sorted({*dict(slo.labels), *slo.group_by}))
            failing.setdefault((slo.owner, apart), []).append(burn_alert_name(slo, Severity.PAGE))
    if any(entry.name == FAILING for entry in entries):
        failing.setdefault((spec.owner, ()), []).append(FAILING)
    found = []
    for (owner, apart), sources in failing.items():
        late = [slo for slo in spec.slos if isinstance(slo.sli, LatencySLI) and slo.owner == owner]
        slow = [burn_alert_name(slo, severity) for slo in late for severity in Severity]
        slow += explained if owner == spec.owner and not apart else []
        if slow:
            found.append(
                _rule([_any_of("alertname", sources)], [_any_of("alertname", slow)], [names.SLO_SERVICE, *apart])
            )
    return found


def _of_entries(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    known = {entry.name: entry for entry in entries}
    found = []
    for entry in known.values():
        # An entry may be a page in one deployment and a ticket in another.
        louder = [
            name
            for name in entry.silenced_by
            if name in known and (known[name].severity is Severity.PAGE or entry.severity is Severity.TICKET)
        ]
        if louder:
            found.append(_rule([_any_of("alertname", louder)], [f'alertname="{entry.name}"'], [names.SLO_SERVICE]))
    return found


def _any_of(label: str, values: Iterable[str]) -> str:
    found = list(dict.fromkeys(values))
    return f'{label}="{found[0]}"' if len(found) == 1 else f'{label}=~"{"|".join(found)}"'
