"""Rule generation: what `make check` does on every run."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

from alerts.emit import rules_yaml
from alerts.rules import rule_file
from slo.spec import Spec


def test_generate_rules(benchmark: BenchmarkFixture, spec: Spec) -> None:
    """From the spec to the rules as values."""
    assert benchmark(rule_file, spec).groups


def test_emit_rules(benchmark: BenchmarkFixture, spec: Spec) -> None:
    """From the rules to YAML."""
    assert benchmark(rules_yaml, rule_file(spec)).startswith(b"#")
