"""OpenSLO that we wrote ourselves: annotations bring back what OpenSLO has no place for, as long as the rest still says the same.

An SLO is taken from its annotation, exported again, and held against what was read. Where they differ somebody has changed the document,
and the document wins: the SLO is then read like anybody's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from slo.exchange.drafts import Draft, ServiceNotes, sheets
from slo.exchange.ledger import Ledger
from slo.exchange.naming import SHORT_WINDOW, SLO_NOTES, SPEC_NOTES, percent
from slo.exchange.openslo_in import OpenSLOReader
from slo.exchange.openslo_objects import Library, Resource, read_library
from slo.exchange.openslo_out import display, export
from slo.quantities import plain_number
from slo.spec import Spec
from slo.strict_yaml import Document
from slo.windows import WindowPolicy

Plain = dict[str, Any]
_KEPT = ("owner", "runbook", "least_events", "labels_by_severity")
"""Keys of a changed SLO that its annotation still says."""


@dataclass(frozen=True, slots=True)
class Note:
    """The annotation of one SLO that we exported.

    Attributes:
        members: The labels that single it out of its family.
        entry: The family's entry without title, objective and window.
    """

    family: str
    members: Mapping[str, str]
    entry: Plain
    id: str
    title: str | None
    target: Decimal | None


@dataclass(frozen=True, slots=True)
class Known:
    """An SLO that carries our annotation."""

    resource: Resource
    note: Note


def spec_notes(library: Library, found: Mapping[str, ServiceNotes], ledger: Ledger) -> dict[str, ServiceNotes]:
    """What the services say, with the keys of the spec that our own annotation holds."""
    made = dict(found)
    for resource in library.of("Service"):
        text = (resource.wire.metadata.annotations or {}).get(SPEC_NOTES)
        if text is None:
            continue
        rest = _json(text)
        if rest is None:
            place = resource.place / "metadata" / "annotations" / SPEC_NOTES
            ledger.lost(place, "is no JSON object", "export the spec again")
            continue
        kept = {key: value for key, value in rest.items() if key not in ("spec", "service", "slos")}
        made[resource.name] = replace(made[resource.name], rest=kept)
    return made


def known_slos(library: Library, ledger: Ledger) -> tuple[list[Known], list[Resource]]:
    """The SLOs with our annotation, and the others."""
    ours: list[Known] = []
    others: list[Resource] = []
    for resource in library.of("SLO"):
        text = (resource.wire.metadata.annotations or {}).get(SLO_NOTES)
        note = None if text is None else _note(text, resource.name)
        if note is not None:
            ours.append(Known(resource, note))
            continue
        others.append(resource)
        if text is not None:
            place = resource.place / "metadata" / "annotations" / SLO_NOTES
            ledger.lost(
                place, "cannot be read: the SLO is taken from the rest of the document", "export the spec again"
            )
    return ours, others


def restored(
    ours: Iterable[Known],
    notes: Mapping[str, ServiceNotes],
    library: Library,
    policy: WindowPolicy,
    ledger: Ledger,
) -> tuple[list[Draft], list[Known]]:
    """The families that came back whole, and the SLOs that were changed since."""
    families: dict[tuple[str, str], list[Known]] = {}
    for known in ours:
        families.setdefault((known.resource.wire.spec.service, known.note.family), []).append(known)
    drafts: dict[tuple[str, str], Draft] = {}
    for key, members in families.items():
        draft = _draft(members, library, policy)
        if draft is not None:
            drafts[key] = draft
    for key in _stale(drafts, families, notes, library):
        del drafts[key]
    changed = [known for key, members in families.items() if key not in drafts for known in members]
    for key, draft in drafts.items():
        count = len(families[key])
        ledger.carried(
            draft.place, f"SLO {draft.name}: as it was exported" + (f", {count} members" if count > 1 else "")
        )
    for known in changed:
        said = f"SLO {known.note.id} was changed since it was exported: the document is taken, not its annotation"
        ledger.approximated(known.resource.place, said, "look at its SLI, labels and windows")
    return list(drafts.values()), changed


def with_kept(draft: Draft, note: Note) -> Draft:
    """A draft of a changed document, with what only the annotation says."""
    kept = {key: note.entry[key] for key in _KEPT if key in note.entry and key not in draft.entry}
    if draft.entry.keys() & {"raw", "composite", "time_slices"}:
        kept.pop("least_events", None)
    return replace(draft, entry={**draft.entry, **kept})


def _draft(members: list[Known], library: Library, policy: WindowPolicy) -> Draft | None:
    """The family's entry; None when its members contradict each other."""
    first = members[0]
    entries = [_merged(known) for known in members]
    if any(entry != entries[0] for entry in entries[1:]):
        return None
    scratch = Ledger()
    reader = OpenSLOReader(library, policy, scratch)
    windows = {reader.period(known.resource.wire.spec, known.resource.place) for known in members}
    titles = {_title(known) for known in members}
    objective = _by_label([(known.note.members, _objective(known)) for known in members])
    window = windows.pop() if len(windows) == 1 else None
    if window is None or len(titles) != 1 or objective is None or scratch.problems:
        return None
    entry = {"title": titles.pop(), "objective": objective, "window": window, **entries[0]}
    return Draft(first.resource.wire.spec.service, first.note.family, entry, first.resource.place)


def _merged(known: Known) -> Plain:
    """The annotation's entry with the labels that OpenSLO could hold."""
    entry = dict(known.note.entry)
    given = {name: _flat(value) for name, value in (known.resource.wire.metadata.labels or {}).items()}
    labels = {**entry.get("labels", {}), **given} if isinstance(entry.get("labels", {}), dict) else given
    return {**entry, "labels": labels} if labels else entry


def _title(known: Known) -> str:
    metadata = known.resource.wire.metadata
    title, shown = known.note.title, metadata.display_name or metadata.name
    return title if title is not None and display(title) == shown else shown


def _objective(known: Known) -> str | None:
    (*_, objective) = known.resource.wire.spec.objectives
    given = objective.target
    if given is None:
        return None
    noted = known.note.target
    exact = (
        noted
        if noted is not None and 0 < noted < 1 and Decimal(repr(min(float(noted), 1 - 2**-53))) == given
        else given
    )
    return percent(exact)


def _by_label(members: list[tuple[Mapping[str, str], str | None]]) -> str | dict[str, str] | None:
    """One value for all, or a map by the values of one label; values that two labels share stand under `default`."""
    texts = [text for _, text in members if text is not None]
    if len(texts) < len(members):
        return None
    if len(set(texts)) == 1:
        return texts[0]
    for label in members[0][0]:
        found: dict[str, set[str]] = {}
        for labels, text in members:
            found.setdefault(labels.get(label, ""), set()).add(text or "")
        if any(len(values) > 1 for values in found.values()):
            continue
        table = {value: next(iter(values)) for value, values in found.items()}
        others = {value for labels, _ in members for name, value in labels.items() if name != label}
        shared = {table[value] for value in table if value in others}
        if not shared:
            return table
        if len(shared) == 1:
            default = shared.pop()
            return {**{value: text for value, text in table.items() if text != default}, "default": default}
    return None


def _stale(
    drafts: Mapping[tuple[str, str], Draft],
    families: Mapping[tuple[str, str], list[Known]],
    notes: Mapping[str, ServiceNotes],
    library: Library,
) -> set[tuple[str, str]]:
    """Families that do not come out as they were read."""
    made: dict[tuple[str, str], dict[str, Plain]] = {key: {} for key in drafts}
    for service in dict.fromkeys(service for service, _ in drafts):
        own = [draft for (of, _), draft in drafts.items() if of == service]
        for sheet in sheets(own, notes, Ledger()):
            again = _exported(sheet.spec)
            for slo in sheet.spec.slos:
                made[service, slo.name][slo.id] = again[slo.id]
    return {
        key
        for key in drafts
        if made[key] != {known.note.id: _comparable(known.resource, library) for known in families[key]}
    }


def _exported(spec: Spec) -> dict[str, Plain]:
    """What each SLO of the spec says once it is exported."""
    objects = export(spec, Ledger())
    library = read_library([Document("export", entry) for entry in objects.objects], Ledger())
    ids = {entry["metadata"]["name"]: slo_id for slo_id, entry in objects.slos.items()}
    return {ids[resource.name]: _comparable(resource, library) for resource in library.of("SLO")}


def _comparable(resource: Resource, library: Library) -> Plain:
    """What an SLO says, whether inline or by reference, without the names of what it refers to."""
    metadata, spec = resource.wire.metadata, resource.wire.spec
    sli = spec.indicator
    if spec.indicator_ref is not None:
        found = library.find("SLI", spec.indicator_ref)
        sli = None if found is None else found.wire
    said: Plain = spec.model_dump(exclude={"description", "indicator", "indicator_ref", "alert_policies", "objectives"})
    said["name"], said["shown"] = resource.name, metadata.display_name or metadata.name
    said["labels"] = {name: _flat(value) for name, value in (metadata.labels or {}).items()}
    said["sli"] = None if sli is None else sli.spec.model_dump(exclude={"description"})
    said["objectives"] = [_objective_said(objective, library) for objective in spec.objectives]
    said["alerts"] = [_alert_said(entry, library) for entry in spec.alert_policies or []]
    return said


def _objective_said(objective: Any, library: Library) -> Plain:  # noqa: ANN401 - a wire model
    said: Plain = objective.model_dump(exclude={"indicator", "indicator_ref"})
    sli = objective.indicator
    if objective.indicator_ref is not None:
        found = library.find("SLI", objective.indicator_ref)
        sli = None if found is None else found.wire
    return {**said, "sli": None if sli is None else sli.spec.model_dump(exclude={"description"})}


def _alert_said(entry: Any, library: Library) -> Plain | None:  # noqa: ANN401 - as above
    """A policy's condition; None when something that it refers to is missing."""
    policy = entry.spec
    if entry.alert_policy_ref is not None:
        found = library.find("AlertPolicy", entry.alert_policy_ref)
        policy = None if found is None else found.wire.spec
    if policy is None:
        return None
    condition = policy.conditions[0]
    spec, metadata = condition.spec, condition.metadata
    if condition.condition_ref is not None:
        found = library.find("AlertCondition", condition.condition_ref)
        spec = None if found is None else found.wire.spec
        metadata = None if found is None else found.wire.metadata
    short = (metadata.annotations or {}).get(SHORT_WINDOW) if metadata is not None else None
    return {
        "breach": policy.alert_when_breaching,
        "no data": policy.alert_when_no_data,
        "short": short,
        "condition": None if spec is None else spec.model_dump(exclude={"description"}),
    }


def _note(text: str, name: str) -> Note | None:
    found = _json(text) or {}
    family, members, entry = found.get("family"), found.get("members"), found.get("entry")
    known, title, target = found.get("id", name), found.get("title"), found.get("target")
    if not isinstance(family, str) or not isinstance(entry, dict) or not isinstance(members, dict):
        return None
    if not isinstance(known, str) or not all(isinstance(value, str) for value in members.values()):
        return None
    exact = plain_number(target) if isinstance(target, str) else None
    return Note(family, members, entry, known, title if isinstance(title, str) else None, exact)


def _json(text: str) -> Plain | None:
    """A JSON object, or None."""
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair can be escaped, and never be written
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _flat(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ",".join(value)
