"""From a YAML file to a `Spec`: the wire form, validated once, and turned into the frozen domain.

Every problem names file, line, path and mend, and all of them are told in one pass: what the wire refuses is taken out, and the rest
is put together and checked as if it stood alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from slo.errors import InvalidInput, Problem
from slo.families import Families
from slo.findings import Findings, in_order
from slo.gates import Gates
from slo.spec import Spec, Window, cell
from slo.strict_yaml import Document, model_problems, place_of, read_bytes, read_document
from slo.window_table import WINDOWS_FILE, load_policy
from slo.windows import alert_windows
from slo.wire import Duration, Name, Ratio, SpecWire, Text

SPECS_FOLDER = Path(__file__).parent / "specs"

__all__ = ["Duration", "Name", "Ratio", "Text", "examine_spec", "load_spec", "load_windows", "parse_spec"]


@dataclass(frozen=True, slots=True)
class Examined:
    """What a spec file came to.

    Attributes:
        spec: None when there are problems.
        problems: What must be mended, by line.
        warnings: What is allowed and probably not meant, by line.
    """

    spec: Spec | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def load_windows(path: Path = WINDOWS_FILE) -> tuple[Window, ...]:
    """Read the standard table of burn-rate alerts.

    Raises:
        InvalidInput: The file is wrong.
    """
    return load_policy(path).standard


def load_spec(path: Path) -> Spec:
    """Read an SLO spec.

    Raises:
        InvalidInput: The file is missing or wrong; all problems that were found are in it.
    """
    return parse_spec(read_bytes(path), str(path))


def parse_spec(raw: bytes, name: str) -> Spec:
    """Turn the bytes of a spec file into a `Spec`; `name` is how problems call the file.

    Raises:
        InvalidInput: As `load_spec`.
    """
    examined = examine_spec(raw, name)
    if examined.spec is None:
        raise InvalidInput(examined.problems)
    return examined.spec


def examine_spec(raw: bytes, name: str) -> Examined:
    """Read the bytes of a spec file and find everything that is wrong with it; nothing is raised."""
    try:
        document = read_document(raw, name)
    except InvalidInput as error:
        return Examined(None, error.problems, ())
    findings = Findings(document, list(document.problems))
    spec = _put_together(document, findings, raw)
    if findings.problems:
        return Examined(None, in_order(findings.problems), in_order(findings.warnings))
    return Examined(spec, (), in_order(findings.warnings))


def _put_together(document: Document, findings: Findings, raw: bytes) -> Spec | None:
    wire, broken = _wire(document, findings)
    if wire is None:
        return None
    policy = load_policy()

    @cache
    def choose(windows: str, objective: Decimal, period: Decimal) -> tuple[Window, ...]:
        if windows == "none":
            return ()
        return policy.standard if windows == "standard" else alert_windows(objective, period, policy)

    families = Families(wire, choose, findings)
    slos = families.slos(broken)
    gates = Gates(wire, slos, broken, findings)
    return Spec(
        service=wire.service,
        deployment=wire.deployment or wire.service,
        owner=wire.owner,
        window=families.window,
        selector=cell(wire.selector),
        labels={label: tuple(values) for label, values in wire.labels.items()},
        slos=slos,
        gates=gates.gates(),
        phases=gates.phases(),
        evidence_max_age=wire.evidence_max_age,
        digest="sha256:" + hashlib.sha256(raw).hexdigest(),
        source=raw,
        score=gates.score(),
    )


# --- what the wire refuses is taken out, so that the rest can still be looked at ---

_STAND_INS: dict[str, Any] = {"spec": "courtsight/slo/v1", "service": "unnamed", "owner": "unnamed", "window": "30d"}
_PRUNINGS = 3


def _wire(document: Document, findings: Findings) -> tuple[SpecWire | None, frozenset[str]]:
    """The spec without what is wrong in its form, and the names of the SLOs that were taken out; None when nothing is left."""
    data, broken = document.data, frozenset[str]()
    for attempt in range(_PRUNINGS):
        try:
            return SpecWire.model_validate(data), broken
        except ValidationError as error:
            if not attempt:
                findings.problems += model_problems(error, document, SpecWire)
            data, lost = _without(data, {place_of(detail) for detail in error.errors(include_url=False)})
            broken |= lost
    return None, broken


_MEMBER_STAND_INS: dict[str, Any] = {"title": "unnamed", "objective": "50%"}


def _without(data: Any, places: Iterable[tuple[str, ...]]) -> tuple[Any, frozenset[str]]:  # noqa: ANN401 - any YAML
    """The data without the entries in which the places lie, and which SLOs were lost or maimed by it."""
    if not isinstance(data, dict):
        return data, frozenset()
    kept = {key: value for key, value in data.items() if isinstance(key, str)}
    tables = {key: dict(kept[key]) for key in _TABLES if isinstance(kept.get(key), dict)}
    kept.update(tables)
    lost: set[str] = set()
    for place in places:
        key = place[0] if place else ""
        if len(place) < 2 or key not in tables:
            kept.pop(key, None)
            continue
        table, name = tables[key], place[1]
        entry = table.pop(name, None)
        if key == "slos":
            lost.add(name)
            if len(place) > 2 and isinstance(entry, dict):
                table[name] = {
                    **_MEMBER_STAND_INS,
                    **{word: given for word, given in entry.items() if word != place[2]},
                }
    return {**_STAND_INS, **kept}, frozenset(lost)


_TABLES = ("slos", "gates", "phases", "labels", "selector")
