"""The decision as one JSON document, with everything that it rests on, so that anybody can derive it again.

`readiness.json` is this document; the page carries the same. Schema: `slo/schemas/readiness.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from reports.checklist import Checklist
from reports.decision import Decision
from reports.readiness import decide
from reports.tested import Extent, with_note
from reports.trust import EvidenceSet
from reports.waivers import Waiver
from slo.errors import EvidenceError, InvalidInput
from slo.evidence import json_schema, parse, to_json
from slo.load import parse_spec
from slo.spec import Kind, Phase, Spec

SCHEMA = "courtsight/readiness/v1"


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a decision rests on, beside phase and date."""

    spec: Spec
    files: EvidenceSet
    waivers: tuple[Waiver, ...] = ()
    checklists: tuple[Checklist, ...] = ()
    before: Extent | None = None
    """How much the last GO before this run tested; a decision notes what was tested less."""

    def decide(self, phase: Phase, at: datetime) -> Decision:
        """The decision for a phase and a date."""
        made = decide(self.spec, self.files, phase, at, waivers=self.waivers, checklists=self.checklists)
        return with_note(made, self.spec, self.files, self.before)


class _InputsWire(BaseModel):
    """What the decision rests on: the spec's text, the evidence files, waivers and checklists."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spec: str = Field(description="The spec file's text; its SHA-256 is the hash that the evidence names.")
    evidence: dict[Kind, dict[str, Any]] = Field(description="Evidence files that could be read, whole.")
    refused: dict[Kind, str] = Field(description="Why the others could not be read.")
    waivers: tuple[Waiver, ...]
    checklists: tuple[Checklist, ...]
    before: Extent | None = Field(None, description="How much the last GO before this run tested.")


class _ReportWire(BaseModel):
    """A readiness decision with all that it rests on."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)

    schema_: Literal["courtsight/readiness/v1"] = Field(alias="schema")
    decision: Decision
    inputs: _InputsWire


_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)


def to_document(decision: Decision, inputs: Inputs) -> dict[str, Any]:
    """The document of a decision, as plain JSON values."""
    files = inputs.files
    wire = _InputsWire(
        spec=inputs.spec.source.decode(),
        evidence={kind: json.loads(to_json(files.evidence[kind])) for kind in Kind if kind in files.evidence},
        refused={kind: files.refused[kind] for kind in Kind if kind in files.refused},
        waivers=inputs.waivers,
        checklists=inputs.checklists,
        before=inputs.before,
    )
    return {
        "schema": SCHEMA,
        "decision": _DECISION.dump_python(decision, mode="json"),
        "inputs": wire.model_dump(mode="json"),
    }


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """The bytes of `readiness.json`; the same document gives the same bytes."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def from_text(content: str, name: str) -> tuple[Decision, Inputs]:
    """Read a document back: the decision as recorded, and what it rests on.

    Raises:
        EvidenceError: It is no such document, or a file inside it was changed.
        InvalidInput: Its spec is wrong.
    """
    try:
        wire = _ReportWire.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise EvidenceError(f"{name}: {place}: {first['msg']}") from None
    own = wire.inputs
    evidence = {kind: parse(json.dumps(entry).encode(), f"{name}: {kind}") for kind, entry in own.evidence.items()}
    files = EvidenceSet(evidence, dict(own.refused))
    spec = parse_spec(own.spec.encode(), f"{name}: spec")
    return wire.decision, Inputs(spec, files, own.waivers, own.checklists, own.before)


def differences(content: str, name: str) -> tuple[str, ...]:
    """Where a document contradicts the evidence inside it; empty when the verdict can be derived again from it."""
    try:
        recorded, inputs = from_text(content, name)
        again = to_document(inputs.decide(recorded.phase, recorded.at), inputs)
    except (EvidenceError, InvalidInput) as error:
        return (str(error),)
    return tuple(_differences(json.loads(content), json.loads(to_bytes(again)), ""))


def decision_schema() -> dict[str, Any]:
    """The published JSON schema of `readiness.json` (major version 1)."""
    schema = _ReportWire.model_json_schema(by_alias=True, mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = "urn:courtsight:readiness:v1"
    schema["title"] = "CourtSight readiness decision"
    return schema


def schemas() -> dict[str, bytes]:
    """Every published schema by file name, as its bytes: one per kind of evidence, and the decision's."""
    made = {f"evidence-{kind}.json": json_schema(kind) for kind in Kind} | {"readiness.json": decision_schema()}
    return {
        name: json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
        for name, schema in sorted(made.items())
    }


def _differences(recorded: Any, again: Any, path: str) -> list[str]:  # noqa: ANN401 - JSON values of any shape
    if isinstance(recorded, Mapping) and isinstance(again, Mapping):
        names = [*recorded, *(name for name in again if name not in recorded)]
        return [
            found
            for name in names
            for found in _differences(recorded.get(name), again.get(name), f"{path}.{name}" if path else str(name))
        ]
    if isinstance(recorded, list) and isinstance(again, list) and len(recorded) == len(again):
        pairs = zip(recorded, again, strict=True)
        return [found for place, (old, new) in enumerate(pairs) for found in _differences(old, new, f"{path}[{place}]")]
    if type(recorded) is type(again) and recorded == again:
        return []
    return [f"{path}: recorded as {_short(recorded)}, the evidence says {_short(again)}"]


def _short(value: Any) -> str:  # noqa: ANN401 - as above
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 120 else shown[:119] + "…"
