"""From the catalogue to Prometheus' rules: one file and one group for each area. Pure, like `alerts.rules`."""

from __future__ import annotations

from decimal import Decimal

from alerts.burn import links, runbook_path
from alerts.catalogue.model import Area, Catalogue, Entry
from alerts.catalogue.text import expression, places, words
from alerts.model import AlertRule, Group, RuleFile
from alerts.pace import Pace
from slo import names
from slo.spec import Cell, Spec, cell

INTERVAL = Decimal(30)
"""Seconds between evaluations; the shortest `for` is a minute."""

AREA = "area"
"""Label that says what the alert watches; Alertmanager groups and silences by it."""


def catalogue_rules(catalogue: Catalogue, spec: Spec, scale: int | Decimal = 1) -> dict[Area, RuleFile]:
    """The rules of each area for the spec's deployment, in the catalogue's order.

    Args:
        catalogue: All entries.
        spec: Says whose service it is: its labels, its deployment, its owner.
        scale: As for `alerts.rules.rule_file`: ranges, `for` and intervals are divided, thresholds and names stay.

    Raises:
        ValueError: The scale is under 1.
    """
    pace = Pace(scale)
    entries = catalogue.of(spec.deployment)
    return {area: _file(spec, area, [one for one in entries if one.area is area], pace) for area in Area}


def catalogue_rule(entry: Entry, spec: Spec, scale: int | Decimal = 1) -> AlertRule:
    """The rule of one entry whose deployment's numbers are filled in already (`Entry.for_deployment`)."""
    pace = Pace(scale)
    return AlertRule(
        alert=entry.name,
        expr=expression(entry.expr, places(spec), entry.parameters, pace),
        hold=pace.seconds(entry.hold),
        labels=catalogue_labels(entry, spec),
        annotations=(
            ("summary", words(entry.summary, entry.parameters)),
            ("description", words(entry.description, entry.parameters)),
            *links(spec, runbook_path(entry.name)),
        ),
    )


def catalogue_labels(entry: Entry, spec: Spec) -> Cell:
    """Labels that the rule adds: how loud, what it watches, whose it is."""
    return cell(
        {
            names.SEVERITY: entry.severity.value,
            names.SLO_SERVICE: spec.service,
            names.OWNER: f"{spec.service}-{entry.team}",
            AREA: entry.area.value,
        }
    )


def _file(spec: Spec, area: Area, entries: list[Entry], pace: Pace) -> RuleFile:
    rules = tuple(catalogue_rule(entry, spec, pace.scale) for entry in entries)
    group = Group(f"{spec.service}-catalogue-{area.value}", pace.seconds(INTERVAL), rules)
    return RuleFile(spec.service, (group,) if rules else ())
