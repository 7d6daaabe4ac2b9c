"""Writing rules and configurations as YAML that people can read: block style, one expression part per line, no float noise.

Byte-stable: order is the order of the values, and nothing depends on time, place or hash seeds.
"""

from __future__ import annotations

from typing import Any

import yaml

from alerts.model import AlertRule, Group, RecordingRule, RuleFile
from slo.quantities import format_duration

HEADER = "# Generated from the SLO spec of {service} by `make generate`. Change the spec, not this file.\n"
CATALOGUE_HEADER = (
    "# Generated from alerts/catalogue for {service} by `make generate`. Change the catalogue, not this file.\n"
)


class _Dumper(yaml.SafeDumper):
    """SafeDumper with literal blocks for text of several lines, and lists indented below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's signature
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - PyYAML's signature; values are repeated, never aliased
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)

_ENDLESS = 1_000_000  # PyYAML folds longer lines, and a folded expression cannot be searched for


def to_yaml(document: Any, service: str, header: str = HEADER) -> bytes:  # noqa: ANN401 - any plain YAML document
    """A plain document of dicts, lists and scalars as YAML bytes under the header that says where it comes from."""
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_ENDLESS)
    return (header.format(service=service) + text).encode()


def rules_yaml(rules: RuleFile, header: str = HEADER) -> bytes:
    """The rule file as Prometheus reads it."""
    return to_yaml({"groups": [_group(group) for group in rules.groups]}, rules.service, header)


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "interval": format_duration(group.interval),
        "rules": [_alert(rule) if isinstance(rule, AlertRule) else _recording(rule) for rule in group.rules],
    }


def _recording(rule: RecordingRule) -> dict[str, Any]:
    labels = {"labels": dict(rule.labels)} if rule.labels else {}
    return {"record": rule.record, "expr": rule.expr, **labels}


def _alert(rule: AlertRule) -> dict[str, Any]:
    hold = {"for": format_duration(rule.hold)} if rule.hold else {}
    return {
        "alert": rule.alert,
        "expr": rule.expr,
        **hold,
        "labels": dict(rule.labels),
        "annotations": dict(rule.annotations),
    }
