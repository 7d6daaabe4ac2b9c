"""Rules of specs of any service: what Prometheus, Kubernetes and Mimir read, and what promtool says of it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.emit import prometheus_rule_yaml
from alerts.rules import rule_file
from harness.cli import main
from harness.slo_commands.generate import MOST_BYTES_OF_A_RESOURCE, parts
from harness.tools import find_tools
from slo.load import SPECS_FOLDER, load_spec

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = SPECS_FOLDER / "examples" / "shop.yaml"


def _groups(path: Path) -> list[dict[str, Any]]:
    plain: dict[str, Any] = yaml.safe_load(path.read_bytes())
    groups: list[dict[str, Any]] = plain.get("spec", plain)["groups"]
    return groups


def test_each_kind_of_sli_has_rules_and_alerts() -> None:
    """Ratio, latency, native, events, groups, slices, raw and composite: each records an error ratio and can alert."""
    spec = load_spec(EXAMPLE)
    rules = rule_file(spec)
    recorded = {
        dict(rule.labels).get("sloth_slo") for rule in rules.recordings() if rule.record == "slo:sli_error:ratio_rate5m"
    }
    alerting = {dict(rule.labels).get("sloth_slo") for rule in rules.alerts()}
    ids = {slo.id for slo in spec.slos}
    assert ids <= recorded
    assert ids <= alerting


def test_tags_and_runbook_stand_on_the_alerts() -> None:
    """Labels of the spec, the owner of an SLO and the address of its runbook are on every alert of it."""
    rules = rule_file(load_spec(EXAMPLE))
    own = [
        rule
        for rule in rules.alerts()
        if dict(rule.labels).get("sloth_slo") == "availability" and rule.alert.startswith("Availability")
    ]
    assert own
    assert all(dict(rule.labels)["area"] == "storefront" for rule in own)
    assert all("https://runbooks.example/shop/availability" in dict(rule.annotations).values() for rule in own)
    owners = {dict(rule.labels)["owner"] for rule in rules.alerts() if dict(rule.labels).get("sloth_slo") == "checkout"}
    assert owners == {"payments-team"}


@pytest.mark.parametrize(("form", "name"), [("prometheusrule", "shop-slo-1.yaml"), ("mimir", "mimir.yaml")])
def test_other_readers_get_the_same_groups(form: str, name: str, tmp_path: Path) -> None:
    """The Kubernetes resource and the ruler's file hold the groups of the plain one."""
    assert main(["slo", "generate", str(EXAMPLE), "-o", str(tmp_path / "plain")]) == 0
    assert (
        main(["slo", "generate", str(EXAMPLE), "-o", str(tmp_path / form), "--format", form, "--namespace", "watch"])
        == 0
    )
    assert _groups(tmp_path / form / name) == _groups(tmp_path / "plain" / "rules.yaml")
    assert b"watch" in (tmp_path / form / name).read_bytes()


def test_large_resources_are_split_between_groups() -> None:
    """No resource outgrows what the operator takes (512 KiB of rules), no group is torn or lost, and none is nearly empty but the last."""
    rules = rule_file(load_spec(EXAMPLE))
    many = type(rules)(rules.service, rules.groups * 20)
    split = list(parts(many))
    assert len(split) > 1
    assert tuple(group for part in split for group in part.groups) == many.groups
    sizes = [len(prometheus_rule_yaml(part)) for part in split]
    assert max(sizes) < 512 * 1024
    assert min(sizes[:-1]) > MOST_BYTES_OF_A_RESOURCE / 2


@pytest.mark.integration
@pytest.mark.parametrize("spec", sorted(SPECS_FOLDER.rglob("*.yaml")), ids=lambda spec: spec.stem)
def test_promtool_takes_the_rules_of_every_spec(spec: Path, tmp_path: Path) -> None:
    """The rules of every spec that ships are accepted by promtool; native histograms need no more of it."""
    promtool = find_tools(ROOT, report=lambda _: None).promtool
    assert promtool is not None, "run: make setup"
    assert main(["slo", "generate", str(spec), "-o", str(tmp_path / "rules")]) == 0
    done = subprocess.run(
        [str(promtool), "check", "rules", "rules.yaml"],
        cwd=tmp_path / "rules",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
