"""What we export comes back as it was, and what somebody changed in between is taken from the document."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from alerts.yaml_text import document
from slo.exchange.ledger import Fate, Ledger
from slo.exchange.naming import plain_yaml
from slo.exchange.openslo_out import Exported, export
from slo.exchange.read import Imported, import_specs
from slo.load import SPECS_FOLDER, examine_spec, load_spec
from slo.spec import Spec
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


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
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
