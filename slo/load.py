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
from slo.findings import Findings, Lost, in_order
from slo.gates import Gates
from slo.links import Links, faults_of, links_of
from slo.spec import SLO, Spec, Window, cell
from slo.strict_yaml import Document, model_problems, place_of, read_bytes, read_document
from slo.whose import shared_metrics
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
        notes: What is worth knowing, and may well be meant, by line.
    """

    spec: Spec | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    notes: tuple[Problem, ...] = ()


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
    if (foreign := _foreign(document)) is not None:
        return Examined(None, (foreign,), ())
    findings = Findings(document, list(document.problems))
    spec = _put_together(document, findings, raw)
    if findings.problems:
        spec = None
    return Examined(spec, *map(in_order, (findings.problems, findings.warnings, findings.notes)))


_OTHERS = {"openslo": "OpenSLO", "sloth": "Sloth", "prometheus": "Sloth"}


def _foreign(document: Document) -> Problem | None:
    """A spec of another tool, which would come to a list of unknown keys."""
    data = document.data if isinstance(document.data, dict) else {}
    for key in () if "spec" in data and isinstance(data["spec"], str) else ("apiVersion", "version"):
        tool = _OTHERS.get(str(data.get(key, "")).partition("/")[0].partition(".")[0])
        if tool is not None:
            advice = f"courtsight slo import {document.name} makes one of ours of it"
            return Problem(document.name, document.line_of((key,)), key, f"says that this is a spec of {tool}", advice)
    return None


def _put_together(document: Document, findings: Findings, raw: bytes) -> Spec | None:
    wire, lost = _wire(document, findings)
    if wire is None:
        return None
    policy = load_policy()

    @cache
    def choose(windows: str, objective: Decimal, period: Decimal) -> tuple[Window, ...]:
        if windows == "none":
            return ()
        return policy.standard if windows == "standard" else alert_windows(objective, period, policy)

    families = Families(wire, choose, lost, findings)
    slos = families.slos()
    _check_shared(slos, wire, findings)
    gates = Gates(wire, slos, lost, findings)
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
        links=_links(wire, findings),
    )


_MOST_NAMED = 3


def _check_shared(slos: tuple[SLO, ...], wire: SpecWire, findings: Findings) -> None:
    shared = shared_metrics(slos, cell(wire.selector))
    if shared:
        more = f" and {len(shared) - _MOST_NAMED} more" if len(shared) > _MOST_NAMED else ""
        said = (
            f"names no label of the targets: another service with {', '.join(wire.selector)} alike that exports "
            f"{', '.join(shared[:_MOST_NAMED])}{more} would be added to this one, and ServiceDown waits for both to be down"
        )
        findings.noted(("selector",), said, "add the label that only its targets carry, such as job")


def _links(wire: SpecWire, findings: Findings) -> Links:
    if wire.links is None:
        findings.noted(
            ("links",),
            "is missing: links in alerts are paths, which nobody can open from a mail or a pager",
            "name addresses: links: {runbooks: https://…, dashboards: https://…}",
        )
        return Links()
    for key, said, mend in faults_of({"runbooks": wire.links.runbooks, "dashboards": wire.links.dashboards}):
        findings.wrong(("links", key) if key else ("links",), said, mend)
    for key, base in (("runbooks", wire.links.runbooks), ("dashboards", wire.links.dashboards)):
        if base is None:
            findings.noted(("links",), f"names no {key}: their links in alerts stay paths", f"add {key}: https://…")
    return links_of(wire.links.runbooks, wire.links.dashboards)


# --- what the wire refuses is taken out, so that the rest can still be looked at ---

_STAND_INS: dict[str, Any] = {"spec": "courtsight/slo/v1", "service": "unnamed", "owner": "unnamed", "window": "30d"}
_PRUNINGS = 3


def _wire(document: Document, findings: Findings) -> tuple[SpecWire | None, Lost]:
    """The spec without what is wrong in its form, and what was taken out; None when nothing is left."""
    data, lost = document.data, frozenset[tuple[str, ...]]()
    for attempt in range(_PRUNINGS):
        try:
            return SpecWire.model_validate(data), Lost(lost)
        except ValidationError as error:
            if not attempt:
                findings.problems += model_problems(error, document, SpecWire)
            places = {place_of(detail) for detail in error.errors(include_url=False)}
            data = _without(data, places)
            lost |= {place[:3] for place in places}
    return None, Lost(lost)


_MEMBER_STAND_INS: dict[str, Any] = {"title": "unnamed", "objective": "50%"}


def _without(data: Any, places: Iterable[tuple[str, ...]]) -> Any:  # noqa: ANN401 - any YAML
    """The data without the entries in which the places lie; of an SLO that is only maimed the rest stays."""
    if not isinstance(data, dict):
        return data
    kept = dict(data)
    tables = {key: dict(kept[key]) for key in _TABLES if isinstance(kept.get(key), dict)}
    kept.update(tables)
    for place in places:
        key = place[0] if place else ""
        if len(place) < 2 or key not in tables:
            kept.pop(key, None)
            continue
        table, name = tables[key], place[1]
        entry = table.pop(name, None)
        if key == "slos" and len(place) > 2 and isinstance(entry, dict):
            table[name] = {**_MEMBER_STAND_INS, **{word: given for word, given in entry.items() if word != place[2]}}
    return {**_STAND_INS, **kept}


_TABLES = ("slos", "gates", "phases", "labels", "selector")
