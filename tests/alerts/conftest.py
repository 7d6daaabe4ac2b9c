"""What the tests of alerts share: the shipped spec, its rules, and Prometheus' own tools."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.model import AlertRule, Group, RecordingRule, Rule, RuleFile
from alerts.rules import rule_file
from harness.asking_tools import COLLECTING_SELDOM
from harness.tools import find_tools
from slo.load import load_spec
from slo.quantities import parse_duration
from slo.spec import Spec
from tests.alerts.story import Tell, tell

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def spec() -> Spec:
    """The SLO spec that ships."""
    return load_spec(ROOT / "slo" / "specs" / "courtsight.yaml")


def read_rules(text: bytes, service: str) -> RuleFile:
    """A rule file as it stands on disk, with nothing filled in."""
    groups = yaml.load(text, yaml.CSafeLoader)["groups"]
    return RuleFile(
        service,
        tuple(
            Group(group["name"], parse_duration(group["interval"]), tuple(map(_rule, group["rules"])))
            for group in groups
        ),
    )


def _rule(entry: dict[str, Any]) -> Rule:
    labels = tuple(entry.get("labels", {}).items())
    if "record" in entry:
        return RecordingRule(entry["record"], entry["expr"], labels)
    hold = parse_duration(entry["for"]) if "for" in entry else Decimal(0)
    return AlertRule(entry["alert"], entry["expr"], hold, labels, tuple(entry["annotations"].items()))


@pytest.fixture(scope="session")
def made(spec: Spec) -> RuleFile:
    """The rules that the generator makes of the shipped spec."""
    return rule_file(spec)


@pytest.fixture(scope="session")
def rules(spec: Spec) -> RuleFile:
    """The rules as they are committed, so that a hand in the file fails more than the comparison with the spec."""
    return read_rules((ROOT / "alerts" / "generated" / "rules.yaml").read_bytes(), spec.service)


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' promtool; a machine without it fails these tests instead of passing over them."""
    binary = find_tools(ROOT).promtool
    assert binary is not None, "promtool is missing: run make setup, or install the package prometheus"
    return binary


@pytest.fixture(scope="package", autouse=True)
def collecting_seldom() -> Iterator[None]:
    """The tools that these tests start collect their garbage as seldom as those that `courtsight` asks."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in COLLECTING_SELDOM.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def amtool() -> Path:
    """Alertmanager's amtool, under the same condition."""
    binary = find_tools(ROOT).amtool
    assert binary is not None, "amtool is missing: run make setup, or install the package prometheus-alertmanager"
    return binary


@pytest.fixture
def told(promtool: Path, tmp_path: Path) -> Tell:
    """Lets promtool evaluate a story and fails with its words."""
    return lambda story: tell(story, promtool, tmp_path)
