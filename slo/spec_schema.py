"""The JSON schema of a spec, for editors: names, shapes, units and explanations while somebody writes.

It is generated from the wire models, so that it never says other than the reader. What needs the whole spec (ids, labels, PromQL, budgets) only
`courtsight slo validate` can say.
"""

from __future__ import annotations

import json
from typing import Any

from slo.spec import Phase, Severity
from slo.wire import KINDS, VERSION, SpecWire

FILE = "spec.json"
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def spec_schema() -> dict[str, Any]:
    """The schema as a plain document, draft 2020-12."""
    schema = SpecWire.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    _exactly_one(definitions["SLOWire"], KINDS)
    _exactly_one(definitions["TimeSlicesWire"], ("ratio", "latency", "events", "value"))
    _exactly_one(definitions["TimeSlicesWire"], ("at_least", "at_most"))
    _exactly_one(definitions["EventsWire"], ("bad", "good"))
    _exactly_one(definitions["GateWire"], ("at_least", "at_most", "from_slos"))
    _beyond_types(definitions)
    schema["properties"]["phases"]["propertyNames"] = {"enum": [str(phase) for phase in Phase]}
    schema["properties"]["phases"]["minProperties"] = len(Phase)
    schema["dependentRequired"] = {"gates": ["phases"], "score": ["gates"]}
    schema["$schema"] = DRAFT
    schema["$id"] = f"urn:{VERSION.replace('/', ':')}"
    schema["title"] = "CourtSight SLO spec"
    schema["description"] = (
        "What good means for one service. In an editor with a YAML language server, begin the file with "
        "'# yaml-language-server: $schema=<path to this file>'."
    )
    made: dict[str, Any] = _without_nothing(schema)
    return made


def spec_schema_bytes() -> bytes:
    """The published file's bytes; the same models give the same bytes."""
    return json.dumps(spec_schema(), indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _exactly_one(definition: dict[str, Any], keys: tuple[str, ...]) -> None:
    rule = {"oneOf": [{"required": [key]} for key in keys]}
    definition.setdefault("allOf", []).append(rule)


def _beyond_types(definitions: dict[str, Any]) -> None:
    """Rules of the reader that a schema can say as well."""
    slo, gate = definitions["SLOWire"], definitions["GateWire"]
    slo["allOf"] += [
        {"if": {"not": {"required": ["for_each"]}}, "then": _ONE_VALUE},
        *({"not": {"required": ["least_events", kind]}} for kind in ("raw", "time_slices", "composite")),
    ]
    slo["properties"]["title"]["not"] = {"pattern": r"\{\{|\}\}"}
    slo["properties"]["runbook"]["not"] = {"pattern": r"^/|\.\.|\{\{| |^(?!https?:)[a-z]+:"}
    for labels in (slo["properties"]["labels"], slo["properties"]["labels_by_severity"]["additionalProperties"]):
        labels["propertyNames"] = {"not": {"pattern": "^(sloth_.*|severity|owner|alertname|__.*)$"}}
    slo["properties"]["labels_by_severity"]["propertyNames"] = {"enum": [str(severity) for severity in Severity]}
    links = definitions["LinksWire"]
    links["minProperties"] = 1
    for base in links["properties"].values():
        base["pattern"] = r"^https?://[^\s/?#@{}<>\"'`|\\]+(/[^\s?#{}<>\"'`|\\]*)?$"
    gate["allOf"] += [
        {"not": {"required": ["warning", "warning_margin"]}},
        {"not": {"required": ["key", "waivable"], "properties": {"key": {"const": True}, "waivable": {"const": True}}}},
    ]
    gate["properties"]["phases"]["propertyNames"] = {"enum": [str(phase) for phase in Phase]}
    gate["properties"]["weight"]["minimum"] = 0
    definitions["LatencyWire"]["properties"]["metric"]["not"] = {
        "pattern": "_(bucket|count|sum|total|ms|millis|milliseconds)$"
    }
    definitions["LatencyWire"]["properties"]["where"]["propertyNames"] = {"not": {"const": "le"}}
    definitions["RatioWire"]["properties"]["metric"]["not"] = {"pattern": "_bucket$"}
    for side in ("good", "bad"):
        definitions["RatioWire"]["properties"][side]["uniqueItems"] = True
    definitions["RawWire"]["properties"]["error_ratio"]["pattern"] = r"\[\s*\$window"
    definitions["TimeSlicesWire"]["allOf"].append({"if": {"required": ["at_most"]}, "then": {"required": ["value"]}})


_ONE_VALUE = {
    "properties": {"objective": {"type": "string"}, "latency": {"properties": {"threshold": {"type": "string"}}}}
}


def _without_nothing(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Without `null`: what is optional is left away in a spec, never written as nothing; and without titles out of Python's names."""
    if isinstance(node, list):
        return [_without_nothing(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: _without_nothing(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))
    }
    if isinstance(node.get("title"), str) and node.get("$schema"):
        kept["title"] = node["title"]
    if "patternProperties" in kept:
        kept.setdefault("additionalProperties", False)  # else a key that breaks the pattern would pass
    if kept.get("default", ...) is None:
        del kept["default"]
    for word in ("anyOf", "oneOf"):
        choices = [entry for entry in kept.get(word, []) if entry != {"type": "null"}]
        if word in kept and len(choices) == 1:
            del kept[word]
            kept = {**choices[0], **kept}
        elif word in kept:
            kept[word] = choices
    return kept
