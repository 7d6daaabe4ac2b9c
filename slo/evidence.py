"""The evidence format: what one run measured, one file per kind, written once and never changed.

A file names the run, the target, the commit, and the hashes of everything it depends on, and ends in a digest of itself: a number
changed by hand is detected. Readers refuse what they do not fully understand.

Layout of a run: `evidence/<run>/<kind>.json`, raw samples beside it as `<kind>.<name>.csv.gz`.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from slo.errors import EvidenceError
from slo.spec import Cell, Engine, Gate, Kind, Phase, cell
from slo.statistics import Interval, Measurement
from slo.verdict import Verdict, judge

SCHEMA_PREFIX = "courtsight/evidence/"
MAJOR = "v1"
RUN_ID = re.compile(r"^\d{8}T\d{6}Z-[0-9a-f]{7}(-dirty)?$")


@dataclass(frozen=True, slots=True)
class Item:
    """One measured thing, judged.

    Attributes:
        gate: Id of the gate in the spec.
        labels: Which cell of the gate.
        objective: The contract of phase `build` that it was judged against, in the gate's unit.
        reason: Why the verdict is what it is, for people.
    """

    gate: str
    labels: Cell
    measurement: Measurement
    unit: str
    objective: float | None
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class RunContext:
    """What all evidence of one run shares.

    Attributes:
        target: Address of the chatbot that was measured.
        hashes: `sha256:…` of spec, corpus, scenarios, workload, prompts, by these names.
    """

    run: str
    target: str
    deployment: str
    engine: Engine
    commit: str
    dirty: bool
    hashes: Mapping[str, str]
    seed: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """One evidence file.

    Attributes:
        complete: False when the step that writes it was cut short.
        details: What only explains, by kind: scenario results, stages, timelines. No verdict rests on it.
        raw: `sha256:…` of each raw file beside it, by file name.
    """

    kind: Kind
    context: RunContext
    started_at: datetime
    ended_at: datetime
    complete: bool
    items: tuple[Item, ...]
    details: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""


def run_id(at: datetime, commit: str, *, dirty: bool) -> str:
    """Id of a run: `20261120T211700Z-1a2b3c4`, with `-dirty` when the checkout had local changes."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{commit[:7]}{'-dirty' if dirty else ''}"


def judged(gate: Gate, labels: Mapping[str, str], measurement: Measurement) -> Item:
    """The item of a measurement, judged for phase `build` (or the first phase that asks)."""
    key = cell(labels)
    phase = next(phase for phase in Phase if phase in gate.requirements)
    judgement = judge(gate, key, phase, measurement)
    contract = float(gate.requirements[phase].contract[key])
    return Item(gate.id, key, measurement, gate.unit, contract, judgement.verdict, judgement.reason)


def unmeasured(gate: Gate, labels: Mapping[str, str], reason: str) -> Item:
    """The item of something that could not be measured: ERROR, with the reason."""
    key = cell(labels)
    phase = next(phase for phase in Phase if phase in gate.requirements)
    contract = float(gate.requirements[phase].contract[key])
    return Item(gate.id, key, Measurement(None, 0), gate.unit, contract, Verdict.ERROR, reason)


def write(evidence: Evidence, folder: Path) -> Path:
    """Write an evidence file by atomic rename: a reader sees the whole file or none.

    Returns:
        The path written.

    Raises:
        EvidenceError: It cannot be written (a full disk, a missing right); nothing half-written stays.
    """
    path = folder / f"{evidence.kind}.json"
    write_atomically(path, to_json(evidence))
    return path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        EvidenceError: It cannot be written.
    """
    write_together({path: content})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files that belong together: each whole, and none is put in its place before all of them are on the disk.

    Raises:
        EvidenceError: One of them cannot be written; the others are as they were.
    """
    staged: dict[Path, Path] = {}
    path = Path()
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            staged[path] = Path(temporary)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            staged[path].chmod(0o644)
        for path, ready in staged.items():
            ready.replace(path)
    except OSError as error:
        for left in staged.values():
            left.unlink(missing_ok=True)
        raise EvidenceError(f"{path}: cannot be written: {error.strerror}; nothing was changed") from error


def to_json(evidence: Evidence) -> bytes:
    """The file's bytes; the digest is computed here."""
    document = _document(evidence)
    document["digest"] = digest_of(document)
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def digest_of(document: Mapping[str, Any]) -> str:
    """Digest of a document without its own digest: SHA-256 over the sorted, compact JSON."""
    plain = {key: value for key, value in document.items() if key != "digest"}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """`sha256:…` of a file's bytes."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path) -> Evidence:
    """Read and check one evidence file, and the raw files that it names.

    Raises:
        EvidenceError: It is missing, no JSON, of an unknown version, changed since it was written, or its raw files are.
    """
    evidence = parse(_bytes_of(path), str(path))
    if evidence.kind != path.stem:
        raise EvidenceError(f"{path}: says that it is {evidence.kind} evidence")
    for name, digest in evidence.raw.items():
        beside = path.parent / name
        if beside.parent != path.parent or not beside.is_file():
            raise EvidenceError(f"{path}: its raw file {name} is missing")
        if file_digest(beside) != digest:
            raise EvidenceError(f"{path}: its raw file {name} was changed since it was written")
    return evidence


def parse(content: bytes, name: str) -> Evidence:
    """Check the bytes of an evidence file; `name` is how errors call it.

    Raises:
        EvidenceError: As `read`, without the raw files.
    """
    try:
        document = json.loads(content, parse_constant=_refuse_constant, parse_int=_whole, parse_float=_real)
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"{name}: is no JSON ({error})") from None
    if not isinstance(document, dict):
        raise EvidenceError(f"{name}: is no JSON object")
    _check_schema(str(document.get("schema")), name)
    try:
        wire = EvidenceWire.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise EvidenceError(f"{name}: {place}: {first['msg']}") from None
    if digest_of(document) != wire.digest:
        raise EvidenceError(f"{name}: was changed since it was written (its digest does not match)")
    return wire.domain()


def json_schema(kind: Kind) -> dict[str, Any]:
    """The published JSON schema of one kind of evidence (major version 1)."""
    schema = EvidenceWire.model_json_schema(by_alias=True, mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = f"urn:courtsight:evidence:{kind}:{MAJOR}"
    schema["title"] = f"CourtSight evidence: {kind}"
    schema["properties"]["schema"] = {"const": f"{SCHEMA_PREFIX}{kind}/{MAJOR}"}
    return schema


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read: {error.strerror}") from None


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is no number that evidence may hold")


def _whole(digits: str) -> int:
    _real(digits)
    return int(digits)


def _real(digits: str) -> float:
    """A number within the range in which this program reckons; JSON knows no bounds."""
    value = float(digits)
    return value if math.isfinite(value) else _refuse_constant(f"{digits[:12]}…")


def _check_schema(schema: str, name: str) -> None:
    prefix, _, version = schema.rpartition("/")
    if prefix.removeprefix(SCHEMA_PREFIX) not in tuple(Kind) or not prefix.startswith(SCHEMA_PREFIX):
        raise EvidenceError(f"{name}: schema {schema!r} is no evidence of ours")
    if version != MAJOR:
        raise EvidenceError(f"{name}: schema version {version!r} is unknown here; this program reads {MAJOR}")


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, serialize_by_alias=True)


class IntervalWire(_Wire):
    """Two one-sided bounds with confidence 0.95 each; null where the samples cannot give one."""

    lower: float | None
    upper: float | None
    method: str


class ItemWire(_Wire):
    """One measured thing, judged for phase build."""

    gate: str
    labels: dict[str, str]
    value: float | None
    unit: Literal["ratio", "seconds", "count", "score"]
    n: Annotated[int, Field(ge=0)]
    interval: IntervalWire | None
    objective: float | None
    verdict: Verdict
    reason: str


class EvidenceWire(_Wire):
    """One evidence file as JSON."""

    schema_: str = Field(alias="schema")
    run: str = Field(pattern=RUN_ID.pattern)
    started_at: AwareDatetime
    ended_at: AwareDatetime
    complete: bool
    target: str
    deployment: str
    engine: Engine
    commit: str
    dirty: bool
    hashes: dict[str, Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]]
    seed: int
    items: list[ItemWire]
    details: dict[str, Any]
    raw: dict[
        Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")],
        Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")],
    ]
    digest: str

    @field_validator("started_at", "ended_at")
    @classmethod
    def _utc(cls, value: datetime) -> datetime:
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise ValueError("lies outside the years that can be told in UTC") from None

    def domain(self) -> Evidence:
        """The frozen value behind the wire form."""
        context = RunContext(
            self.run, self.target, self.deployment, self.engine, self.commit, self.dirty, self.hashes, self.seed
        )
        kind = Kind(self.schema_.removeprefix(SCHEMA_PREFIX).partition("/")[0])
        items = tuple(_item(item) for item in self.items)
        return Evidence(
            kind, context, self.started_at, self.ended_at, self.complete, items, self.details, self.raw, self.digest
        )


def _item(wire: ItemWire) -> Item:
    interval = (
        None if wire.interval is None else Interval(wire.interval.lower, wire.interval.upper, wire.interval.method)
    )
    measurement = Measurement(wire.value, wire.n, interval)
    return Item(wire.gate, cell(wire.labels), measurement, wire.unit, wire.objective, wire.verdict, wire.reason)


def _document(evidence: Evidence) -> dict[str, Any]:
    context = evidence.context
    return {
        "schema": f"{SCHEMA_PREFIX}{evidence.kind}/{MAJOR}",
        "run": context.run,
        "started_at": _time(evidence.started_at),
        "ended_at": _time(evidence.ended_at),
        "complete": evidence.complete,
        "target": context.target,
        "deployment": context.deployment,
        "engine": str(context.engine),
        "commit": context.commit,
        "dirty": context.dirty,
        "hashes": dict(sorted(context.hashes.items())),
        "seed": context.seed,
        "items": [_item_document(item) for item in evidence.items],
        "details": _plain(evidence.details),
        "raw": dict(sorted(evidence.raw.items())),
    }


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _item_document(item: Item) -> dict[str, Any]:
    interval = item.measurement.interval
    return {
        "gate": item.gate,
        "labels": dict(item.labels),
        "value": _finite(item.measurement.value),
        "unit": str(item.unit),
        "n": item.measurement.n,
        "interval": None
        if interval is None
        else {"lower": _finite(interval.lower), "upper": _finite(interval.upper), "method": interval.method},
        "objective": _finite(item.objective),
        "verdict": str(item.verdict),
        "reason": item.reason,
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _plain(value: Any) -> Any:  # noqa: ANN401 - details hold whatever JSON holds
    """Details as JSON holds them: enums and paths become text, numbers that JSON lacks become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return _finite(value)
    return str(value)


def with_digest(evidence: Evidence) -> Evidence:
    """The same evidence with the digest that its file will carry."""
    return replace(evidence, digest=digest_of(_document(evidence)))
