"""YAML as it is written: readable, stable, and read back as what was meant."""

from __future__ import annotations

import yaml

from alerts.emit import rules_yaml, to_yaml
from alerts.model import RuleFile
from alerts.rules import rule_file
from slo.spec import Spec


def test_the_same_spec_gives_the_same_bytes(spec: Spec, made: RuleFile) -> None:
    """Generating twice yields equal bytes."""
    assert rules_yaml(rule_file(spec)) == rules_yaml(made)


def test_yaml_reads_back_as_the_rules(made: RuleFile) -> None:
    """A YAML reader sees each expression, label and `for` exactly as the rule holds it."""
    document = yaml.load(rules_yaml(made), yaml.CSafeLoader)
    read = [entry for group in document["groups"] for entry in group["rules"]]
    assert [entry["expr"] for entry in read] == [rule.expr for rule in made.rules()]
    assert [entry["labels"] for entry in read] == [dict(rule.labels) for rule in made.rules()]
    assert [group["name"] for group in document["groups"]] == [group.name for group in made.groups]


def test_expressions_of_several_lines_are_blocks(made: RuleFile) -> None:
    """A long expression stands line by line, not folded or escaped."""
    text = rules_yaml(made).decode()
    assert "        expr: |-\n" in text
    assert "\\n" not in text


def test_the_factor_stays_text(made: RuleFile) -> None:
    """A label that looks like a number is quoted: Prometheus refuses numbers there."""
    assert "burn_rate_factor: '14.4'" in rules_yaml(made).decode()


def test_a_watchdog_has_no_for(made: RuleFile) -> None:
    """A hold of zero is left out."""
    document = yaml.load(rules_yaml(made), yaml.CSafeLoader)
    watchdog = next(entry for entry in document["groups"][0]["rules"] if entry.get("alert") == "Watchdog")
    assert "for" not in watchdog


def test_repeated_values_are_written_out() -> None:
    """A value that stands twice is written twice: our own reader refuses aliases."""
    shared = {"a": "1"}
    assert to_yaml([shared, shared], "demo").count(b"a: '1'") == 2


def test_the_header_says_where_a_file_comes_from(made: RuleFile) -> None:
    """Whoever opens the file learns to change the spec instead."""
    assert rules_yaml(made).startswith(b"# Generated from the SLO spec of courtsight by `make generate`.")
