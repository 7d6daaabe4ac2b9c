"""Whatever spec our reader takes, Prometheus takes its rules."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from alerts.emit import rules_yaml
from alerts.rules import rule_file
from slo.exchange.naming import plain_yaml
from slo.load import examine_spec
from tests.slo.exchange.specs import specs

pytestmark = pytest.mark.integration


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(specs())
def test_generated_rules_are_rules(
    promtool: Path, tmp_path_factory: pytest.TempPathFactory, plain: dict[str, Any]
) -> None:
    """Promtool checks the rules of generated specs of every kind; labels, titles and paths of any letters stand in them."""
    spec = examine_spec(plain_yaml(plain), "spec.yaml").spec
    assume(spec is not None)
    assert spec is not None
    rules = tmp_path_factory.mktemp("rules") / "rules.yaml"
    rules.write_bytes(rules_yaml(rule_file(spec)))
    done = subprocess.run([promtool, "check", "rules", rules], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
