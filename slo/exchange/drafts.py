"""Imported SLOs on their way to a spec of ours: put together, read by our own reader, and what it refuses is told as lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from slo.exchange.ledger import Ledger, Place
from slo.exchange.naming import one_line, plain_yaml, slug
from slo.load import examine_spec
from slo.spec import Spec
from slo.wire import VERSION

Plain = dict[str, Any]
ROUNDS = 6
"""Each takes out what was refused; composites may fall with their components, and theirs with them."""
STAND_IN_WINDOW = "30d"
_NEEDED = ("spec", "service", "owner", "window", "slos")


@dataclass(slots=True)
class Draft:
    """One SLO, or one family of them, as an entry of a spec.

    Attributes:
        service: Of which service, as its own format calls it.
        entry: What stands below its name.
        place: Where it stood.
        places: Where keys of the entry stood, as far as they have a place of their own.
        remarks: What people shall read above it, and our format has no key for.
        owner: Who answers for it, where that is said.
    """

    service: str
    name: str
    entry: Plain
    place: Place
    places: dict[str, Place] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceNotes:
    """What is said of a service.

    Attributes:
        rest: Keys of the spec besides version, service and SLOs, where an export of ours says them.
        remarks: What people shall read at the top.
    """

    place: Place
    rest: Plain = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A spec that came out of an import.

    Attributes:
        plain: As it is written to a file.
        remarks: Above the whole (key "") and above SLOs, by name.
        spec: What our reader makes of it.
        places: Where each SLO stood.
    """

    plain: Plain
    remarks: Mapping[str, tuple[str, ...]]
    spec: Spec
    places: Mapping[str, Place]


def sheets(
    drafts: Sequence[Draft], notes: Mapping[str, ServiceNotes], ledger: Ledger, owner: str | None = None
) -> tuple[Sheet, ...]:
    """One spec for each service that has an SLO which our reader takes."""
    found = (
        _sheet(service, [draft for draft in drafts if draft.service == service], notes.get(service), ledger, owner)
        for service in dict.fromkeys(draft.service for draft in drafts)
    )
    return tuple(sheet for sheet in found if sheet is not None)


def _sheet(
    service: str, drafts: Sequence[Draft], notes: ServiceNotes | None, ledger: Ledger, owner: str | None
) -> Sheet | None:
    plain = _head(service, drafts, notes, ledger, owner)
    for _ in range(ROUNDS):
        if not drafts:
            return None
        plain["slos"] = {draft.name: _entry(draft, plain) for draft in drafts}
        examined = examine_spec(plain_yaml(plain), drafts[0].place.file)
        if examined.spec is not None:
            remarks = {draft.name: draft.remarks for draft in drafts if draft.remarks}
            if notes is not None and notes.remarks:
                remarks[""] = notes.remarks
            return Sheet(plain, remarks, examined.spec, {draft.name: draft.place for draft in drafts})
        by_name = {draft.name: draft for draft in drafts}
        refused: set[str] = set()
        for problem in examined.problems:
            parts = problem.path.split(".")
            draft = by_name.get(parts[1]) if parts[0] == "slos" and len(parts) > 1 else None
            if draft is None:
                place = drafts[0].place if notes is None else notes.place
                ledger.lost(place, f"{problem.path}: {problem.message}", problem.advice)
                if plain.pop(parts[0], None) is None or parts[0] in _NEEDED:
                    return None
                continue
            refused.add(draft.name)
            ledger.withdraw(f"SLO {draft.name}: ")
            key = parts[2] if len(parts) > 2 else ""
            ledger.lost(draft.places.get(key, draft.place), f"{draft.name}: {problem.message}", problem.advice)
        drafts = [draft for draft in drafts if draft.name not in refused]
    return None


def _head(
    service: str, drafts: Sequence[Draft], notes: ServiceNotes | None, ledger: Ledger, owner: str | None
) -> Plain:
    place = drafts[0].place
    name = slug(service, fallback="service")
    if name != service:
        ledger.approximated(place, f"service {one_line(service)[:80]!r} is called {name}", "dashboards show this name")
    rest = {} if notes is None else dict(notes.rest)
    owners = Counter(draft.owner for draft in drafts if draft.owner)
    said = owner or rest.pop("owner", None) or (owners.most_common(1)[0][0] if owners else None)
    if said is None:
        ledger.approximated(place, f"no owner is named: {name} stands in", "name one by --owner")
    windows = Counter(draft.entry["window"] for draft in drafts if "window" in draft.entry)
    window = rest.pop("window", None) or (windows.most_common(1)[0][0] if windows else STAND_IN_WINDOW)
    return {"spec": VERSION, "service": name, "owner": said or name, "window": window, **rest}


def _entry(draft: Draft, head: Plain) -> Plain:
    """The entry without what the head says for all."""
    entry = dict(draft.entry)
    if entry.get("window") == head["window"]:
        del entry["window"]
    if draft.owner and draft.owner != head["owner"]:
        entry.setdefault("owner", draft.owner)
    return entry
