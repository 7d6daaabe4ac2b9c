"""Writing rules and configurations as YAML that people can read: block style, one expression part per line, no float noise.

Byte-stable: order is the order of the values, and nothing depends on time, place or hash seeds.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from alerts.model import AlertRule, Group, RuleFile
from alerts.yaml_text import Plain, block, document, quoted
from slo.quantities import format_duration
from slo.spec import Cell

HEADER = "# Generated from the SLO spec of {service} by `make generate`. Change the spec, not this file.\n"
CATALOGUE_HEADER = (
    "# Generated from alerts/catalogue for {service} by `make generate`. Change the catalogue, not this file.\n"
)


_KEYS = "        "
"""Where the keys of a rule stand."""
_VALUES = _KEYS + "  "


def to_yaml(plain: Any, service: str, header: str = HEADER) -> bytes:  # noqa: ANN401 - any plain YAML document
    """A plain document of dicts, lists and scalars as YAML bytes under the header that says where it comes from."""
    return (header.format(service=service) + document(plain)).encode()


def rules_yaml(rules: RuleFile, header: str = HEADER) -> bytes:
    """The rule file as Prometheus reads it."""
    return (header.format(service=rules.service) + _groups(rules)).encode()


def mimir_yaml(rules: RuleFile, namespace: str = "", header: str = HEADER) -> bytes:
    """The rule file as `mimirtool rules load` reads it: the groups under a namespace, the service's name without one."""
    return (
        header.format(service=rules.service) + f"namespace: {quoted(namespace or rules.service)}\n" + _groups(rules)
    ).encode()


def prometheus_rule_yaml(
    rules: RuleFile, namespace: str = "", labels: Cell = (), name: str = "", header: str = HEADER
) -> bytes:
    """The rule file as a PrometheusRule resource of the Prometheus Operator.

    Args:
        rules: What to write.
        namespace: Kubernetes namespace; without one, that of whoever applies the file.
        labels: Labels of the resource; the operator's `ruleSelector` looks for them.
        name: Name of the resource, the service's name with `-slo` without one.
        header: Comment above, with `{service}` for the service's name.
    """
    metadata: dict[str, Plain] = {"name": name or f"{rules.service}-slo"}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    resource: dict[str, Plain] = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata,
    }
    inner = re.sub(r"(?m)^(?=.)", "  ", _groups(rules))
    return (header.format(service=rules.service) + document(resource) + "spec:\n" + inner).encode()


def _groups(rules: RuleFile) -> str:
    if not rules.groups:
        return "groups: []\n"
    return "groups:\n" + "".join(map(_group, rules.groups))


def _group(group: Group) -> str:
    start = f"  - name: {quoted(group.name)}\n    interval: {_duration(group.interval)}\n    rules:"
    if not group.rules:
        return start + " []\n"
    parts = [start]
    for rule in group.rules:
        expr = block(rule.expr, _VALUES)
        if isinstance(rule, AlertRule):
            hold = f"\n{_KEYS}for: {_duration(rule.hold)}" if rule.hold else ""
            parts.append(
                f"\n      - alert: {quoted(rule.alert)}\n{_KEYS}expr: {expr}{hold}\n{_KEYS}labels:{_pairs(rule.labels)}"
                f"\n{_KEYS}annotations:{_pairs(rule.annotations)}"
            )
        else:
            labels = f"\n{_KEYS}labels:{_pairs(rule.labels)}" if rule.labels else ""
            parts.append(f"\n      - record: {quoted(rule.record)}\n{_KEYS}expr: {expr}{labels}")
    return "".join(parts) + "\n"


@lru_cache(maxsize=65536)
def _pairs(pairs: Cell) -> str:
    """Labels or annotations below their key; the same labels stand on many rules."""
    if not pairs:
        return " {}"
    return "".join([f"\n{_VALUES}{quoted(name)}: {block(value, _VALUES + '  ')}" for name, value in pairs])


_duration = lru_cache(maxsize=1024)(format_duration)
