"""What we export comes back as it was, and what somebody changed in between is taken from the document."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from alerts.yaml_text import document
from slo.exchange.ledger import Fate, Ledger
from slo.exchange.naming import SLO_NOTES, plain_yaml
from slo.exchange.openslo_out import Exported, export
from slo.exchange.read import Imported, import_specs
from slo.load import SPECS_FOLDER, examine_spec, load_spec
from slo.spec import EventsSLI, Spec
from slo.window_table import load_policy
from tests.slo.exchange.specs import specs

POLICY = load_policy()
SHOP = SPECS_FOLDER / "examples" / "shop.yaml"


def exported(spec: Spec) -> Exported:
    return export(spec, Ledger())


def back(objects: list[dict[str, Any]]) -> Imported:
    text = "---\n".join(document(entry) for entry in objects)
    return import_specs([("shop.openslo.yaml", text.encode())], POLICY)


def meaning(spec: Spec) -> Spec:
    return replace(spec, digest="", source=b"")


@pytest.mark.parametrize("path", [SHOP, SPECS_FOLDER / "courtsight.yaml"], ids=lambda path: path.stem)
def test_committed_specs_come_back_whole(path: Path) -> None:
    """SLOs, gates, phases, labels and selector are the same after export and import, and nothing is lost on the way."""
    spec = load_spec(path)
    imported = back(exported(spec).objects)
    assert [meaning(sheet.spec) for sheet in imported.sheets] == [meaning(spec)]
    assert {finding.fate for finding in imported.findings} == {Fate.CARRIED}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(specs())
def test_any_spec_comes_back_whole(plain: dict[str, Any]) -> None:
    """Whatever our format can say survives OpenSLO."""
    spec = examine_spec(plain_yaml(plain), "spec.yaml").spec
    assume(spec is not None)
    assert spec is not None
    imported = back(exported(spec).objects)
    assert [meaning(sheet.spec) for sheet in imported.sheets] == [meaning(spec)], [
        str(entry) for entry in imported.findings
    ]
    assert {finding.fate for finding in imported.findings} == {Fate.CARRIED}


def changed(slo_id: str, change: Callable[[dict[str, Any]], None]) -> tuple[Imported, Spec]:
    spec = load_spec(SHOP)
    made = copy.deepcopy(exported(spec))
    change(made.slos[slo_id])
    imported = back(made.objects)
    return imported, imported.sheets[0].spec


def test_a_target_that_was_changed_counts() -> None:
    """An objective that somebody edits in the export is the objective after the import."""

    def lower(slo: dict[str, Any]) -> None:
        slo["spec"]["objectives"][0]["target"] = 0.98

    _, spec = changed("regions", lower)
    assert spec.slo("regions").objective == Decimal("0.98")
    assert spec.slo("regions").group_by == ("region",)


def test_a_query_that_was_changed_counts() -> None:
    """A query edited in the export wins over the annotation, which would say something else; what only that says is kept."""

    def narrow(slo: dict[str, Any]) -> None:
        source = slo["spec"]["indicator"]["spec"]["ratioMetric"]["bad"]["metricSource"]
        source["spec"]["query"] = 'sum(orders_total{outcome="declined",job="shop"})'

    imported, spec = changed("checkout", narrow)
    slo = spec.slo("checkout")
    assert slo.sli == EventsSLI('orders_total{job="shop"}', bad='orders_total{outcome="declined",job="shop"}')
    assert (slo.owner, slo.least_events, slo.calendar) == ("payments-team", 20, True)
    assert [entry.path for entry in imported.findings if "was changed since it was exported" in entry.message] == [""]


def test_an_alert_that_was_changed_counts() -> None:
    """Taking an alert policy away in the export takes the alert away."""

    def quieter(slo: dict[str, Any]) -> None:
        del slo["spec"]["alertPolicies"][1:]

    _, spec = changed("availability", quieter)
    assert [window.long for window in spec.slo("availability").windows] == [3600]


def test_a_member_that_was_changed_dissolves_its_family() -> None:
    """Members of a family are written once: where one differs in its query, each becomes an SLO of its own, and that is said."""

    def other(slo: dict[str, Any]) -> None:
        slo["spec"]["indicator"]["spec"]["ratioMetric"]["good"]["metricSource"]["spec"]["query"] = "sum(fast_total)"

    imported, spec = changed("pages-paid", other)
    assert {slo.id: slo.name for slo in spec.slos if slo.id.startswith("pages")} == {
        "pages-free": "pages-free",
        "pages-paid": "pages-paid",
    }
    assert sum("was changed since" in entry.message for entry in imported.findings) == 2
    assert not [entry for entry in imported.findings if entry.fate is Fate.LOST]


def test_a_member_that_was_taken_away_stays_away() -> None:
    """An SLO that somebody removed from the export does not come back with its family."""
    made = exported(load_spec(SHOP))
    objects = [entry for entry in made.objects if entry["metadata"]["name"] != "pages-free"]
    spec = back(objects).sheets[0].spec
    assert [slo.id for slo in spec.slos if slo.id.startswith("pages")] == ["pages-paid"]


def test_a_broken_annotation_is_no_loss_of_the_slo() -> None:
    """An annotation that cannot be read is told, and the SLO is taken from the rest."""

    def spoil(slo: dict[str, Any]) -> None:
        slo["metadata"]["annotations"][SLO_NOTES] = "{"

    imported, spec = changed("availability", spoil)
    assert spec.slo("availability").objective == Decimal("0.999")
    assert [entry.message for entry in imported.findings if entry.fate is Fate.LOST] == [
        "cannot be read: the SLO is taken from the rest of the document"
    ]


DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
ANNOTATION = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]/[a-zA-Z0-9._-]{1,63}")
SHORTHAND = re.compile(r"[1-9][0-9]*[mhdwMQY]")


def _walk(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    yield key, value
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in below:
        yield from _walk(inner, str(name))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(specs())
def test_exports_keep_the_rules_of_openslo(plain: dict[str, Any]) -> None:
    """Names are DNS labels, targets lie under 1, lengths are whole numbers of minutes and more, references lead somewhere."""
    spec = examine_spec(plain_yaml(plain), "spec.yaml").spec
    assume(spec is not None)
    assert spec is not None
    objects = exported(spec).objects
    known = {(entry["kind"], entry["metadata"]["name"]) for entry in objects}
    assert len(known) == len(objects)
    for key, value in _walk(objects):
        if key == "metadata":
            assert DNS_LABEL.fullmatch(value["name"])
            assert len(value.get("displayName", "")) <= 63
            assert all(ANNOTATION.fullmatch(name) for name in value.get("annotations", {}))
        elif key == "target" and not isinstance(value, str):
            assert 0 <= value < 1
        elif key == "timeSliceTarget":
            assert 0 < value <= 1
        elif key in ("duration", "timeSliceWindow", "lookbackWindow", "alertAfter"):
            assert SHORTHAND.fullmatch(value)
        elif key == "alertPolicyRef":
            assert ("AlertPolicy", value) in known
        elif key == "targetRef":
            assert ("AlertNotificationTarget", value) in known
        elif key == "conditions":
            assert len(value) == 1
        elif key == "ratioMetric":
            assert set(value) in ({"counter", "good", "total"}, {"counter", "bad", "total"}, {"rawType", "raw"})
