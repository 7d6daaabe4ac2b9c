"""The hand-written YAML: whatever is written is read back as it was, by a reader that is not ours."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.emit import mimir_yaml, prometheus_rule_yaml, rules_yaml
from alerts.model import AlertRule, Group, RecordingRule, RuleFile
from alerts.yaml_text import document

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
TRICKY = st.sampled_from(
    [
        *["", " ", "yes", "No", "null", "~", "1", "1.5", "1e3", "0x1f", "2026-11-21", "12:30", "- a", "a: b", "a #b", "#", "a:", "'", '"'],
        *["\n", "\n\n", "a\n", "a\n\nb\n\n", " a\nb", "a\n b", "a\n  \nb", "a\tb", "\x85", "\u2028", "\ufeff", "%a", "@a", "`a", "*a", "&a", "? a"],
        *["{{ $value }}", "[5m]", "a, b", "=", "<<", "!a", "|", ">", "---", "...", "5m", "30d", "y", "on", "é", "漢", "😀", "a ", "\r\n", "\x00"],
    ]
)  # fmt: skip
SCALARS = TEXT | TRICKY | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none()
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | TRICKY, inner, max_size=4),
    max_leaves=12,
)
CELLS = st.dictionaries(TEXT | TRICKY, TEXT | TRICKY, max_size=4).map(lambda found: tuple(found.items()))
RULES = st.builds(RecordingRule, TEXT, TEXT | TRICKY, CELLS) | st.builds(
    AlertRule, TEXT | TRICKY, TEXT | TRICKY, st.sampled_from([Decimal(0), Decimal(120)]), CELLS, CELLS
)
GROUPS = st.builds(Group, TEXT | TRICKY, st.just(Decimal(30)), st.lists(RULES, max_size=4).map(tuple))
FILES = st.builds(RuleFile, st.just("demo"), st.lists(GROUPS, max_size=3).map(tuple))


def as_read(rules: RuleFile) -> list[dict[str, Any]]:
    """What a YAML reader must see of the groups."""
    return [
        {"name": group.name, "interval": "30s", "rules": [_rule(rule) for rule in group.rules]}
        for group in rules.groups
    ]


def _rule(rule: RecordingRule | AlertRule) -> dict[str, Any]:
    if isinstance(rule, RecordingRule):
        return {"record": rule.record, "expr": rule.expr} | ({"labels": dict(rule.labels)} if rule.labels else {})
    hold = {"for": "2m"} if rule.hold else {}
    words = {"labels": dict(rule.labels), "annotations": dict(rule.annotations)}
    return {"alert": rule.alert, "expr": rule.expr} | hold | words


@settings(deadline=None)
@given(value=DOCUMENTS)
def test_any_document_is_read_back_as_it_was(value: Any) -> None:
    """Text that looks like a number, holds colons, control signs or empty lines comes back as the same text."""
    assert yaml.load(document(value), yaml.CSafeLoader) == value


@settings(deadline=None, max_examples=50)
@given(rules=FILES)
def test_any_rule_file_is_read_back_as_it_was(rules: RuleFile) -> None:
    """Groups, rules, labels and annotations survive in all three shapes, and the bytes are the same each time."""
    plain, resource, ruler = rules_yaml(rules), prometheus_rule_yaml(rules), mimir_yaml(rules, "space")
    assert yaml.load(plain, yaml.CSafeLoader)["groups"] == as_read(rules)
    assert yaml.load(resource, yaml.CSafeLoader)["spec"]["groups"] == as_read(rules)
    assert yaml.load(ruler, yaml.CSafeLoader) == {"namespace": "space", "groups": as_read(rules)}
    assert rules_yaml(replace(rules)) == plain


def test_a_prometheus_rule_has_what_the_operator_asks_for(made: RuleFile) -> None:
    """Kind, version, a name that Kubernetes takes, namespace and labels of the resource; every label of a rule is text."""
    resource = yaml.load(prometheus_rule_yaml(made, "watching", (("release", "prometheus"),)), yaml.CSafeLoader)
    assert {key: resource[key] for key in ("apiVersion", "kind", "metadata")} == {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "courtsight-slo", "namespace": "watching", "labels": {"release": "prometheus"}},
    }
    assert set(resource) == {"apiVersion", "kind", "metadata", "spec"}
    for group in resource["spec"]["groups"]:
        assert set(group) == {"name", "interval", "rules"}
        for rule in group["rules"]:
            assert set(rule) <= {"record", "alert", "expr", "for", "labels", "annotations"}
            assert ("record" in rule) != ("alert" in rule)
            assert all(isinstance(value, str) for value in {**rule["labels"], **rule.get("annotations", {})}.values())


@pytest.mark.parametrize("text", ["a\nb", "sum(\n  x\n)\n/\ny", "a\n  é: b # c"])
def test_text_of_several_lines_is_a_block(text: str) -> None:
    """Expressions stand line by line, with nothing escaped and no space at the end of a line."""
    written = document({"expr": text})
    assert written.startswith("expr: |-\n")
    assert yaml.load(written, yaml.CSafeLoader) == {"expr": text}
    assert not any(line != line.rstrip() for line in written.splitlines())
