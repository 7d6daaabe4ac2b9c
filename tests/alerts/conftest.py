"""What the tests of alerts share: the shipped spec, its rules, and Prometheus' own tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.model import RuleFile
from alerts.rules import rule_file
from harness.tools import find_tools
from slo.load import load_spec
from slo.spec import Spec

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def spec() -> Spec:
    """The SLO spec that ships."""
    return load_spec(ROOT / "slo" / "specs" / "courtsight.yaml")


@pytest.fixture(scope="session")
def rules(spec: Spec) -> RuleFile:
    """The rules of the shipped spec."""
    return rule_file(spec)


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Prometheus' promtool; a machine without it fails these tests instead of passing over them."""
    binary = find_tools(ROOT).promtool
    assert binary is not None, "promtool is missing: run make setup, or install the package prometheus"
    return binary


@pytest.fixture(scope="session")
def amtool() -> Path:
    """Alertmanager's amtool, under the same condition."""
    binary = find_tools(ROOT).amtool
    assert binary is not None, "amtool is missing: run make setup, or install the package prometheus-alertmanager"
    return binary
