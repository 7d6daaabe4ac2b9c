"""Files of others into specs of ours: which format each document has, and everything that became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slo.errors import InvalidInput
from slo.exchange import openslo_wire, sloth_wire
from slo.exchange.drafts import Draft, ServiceNotes, Sheet, sheets
from slo.exchange.ledger import Finding, Ledger, Place
from slo.exchange.naming import SPEC_NOTES
from slo.exchange.openslo_in import OpenSLOReader
from slo.exchange.openslo_objects import read_library
from slo.exchange.openslo_ours import known_slos, restored, spec_notes, with_kept
from slo.exchange.sloth_in import DEFAULT_PERIOD, SlothReader
from slo.findings import in_order
from slo.strict_yaml import Document, read_documents
from slo.windows import WindowPolicy

OPENSLO, SLOTH = "openslo", "sloth"
FORMATS = (OPENSLO, SLOTH)


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to.

    Attributes:
        sheets: One spec for each service; none when no SLO could be carried.
        findings: Everything that was carried, approximated or lost, in the order of the files.
    """

    sheets: tuple[Sheet, ...]
    findings: tuple[Finding, ...]


def import_specs(
    files: Sequence[tuple[str, bytes]],
    policy: WindowPolicy,
    *,
    form: str | None = None,
    owner: str | None = None,
    period: str = DEFAULT_PERIOD,
) -> Imported:
    """Read OpenSLO v1 and Sloth's specs as specs of ours.

    Args:
        files: Name and bytes of each.
        policy: How windows of alerts are chosen.
        form: `openslo` or `sloth`; told by each document's version without.
        owner: Who answers for the SLOs, instead of whom the files name.
        period: SLO window of Sloth's SLOs, which name none.

    Raises:
        InvalidInput: A file is invalid in its own format; every problem of all files is in it.
    """
    ledger = Ledger()
    documents = _documents(files, ledger)
    openslo = [document for document in documents if (form or _form(document)) == OPENSLO]
    sloth = [document for document in documents if (form or _form(document)) == SLOTH]
    for document in documents:
        if form is None and _form(document) is None:
            advice = f"write apiVersion: {openslo_wire.VERSION}, or version: {sloth_wire.VERSION}"
            ledger.wrong(Place(document), "is neither OpenSLO v1 nor Sloth's prometheus/v1", advice)
    drafts: list[Draft] = []
    notes: dict[str, ServiceNotes] = {}
    for together in _apart(openslo):
        read, said = _from_openslo(together, policy, ledger)
        drafts += read
        notes |= said
    reader = SlothReader(policy, ledger, period)
    drafts += [draft for document in sloth for draft in reader.drafts(document)]
    if ledger.problems:
        raise InvalidInput(in_order(ledger.problems))
    made = sheets(_unlike(drafts, ledger), notes, ledger, owner)
    order = {name: number for number, (name, _) in enumerate(files)}
    findings = sorted(ledger.findings, key=lambda finding: (order.get(finding.file, 0), finding.line or 0))
    return Imported(made, tuple(findings))


def _documents(files: Sequence[tuple[str, bytes]], ledger: Ledger) -> list[Document]:
    found: list[Document] = []
    for name, raw in files:
        try:
            found += read_documents(raw, name)
        except InvalidInput as error:
            ledger.problems += error.problems
    return found


def _form(document: Document) -> str | None:
    """The format that a document says it has; a list is of OpenSLO's objects."""
    data: Any = document.data
    if isinstance(data, list):
        data = data[0] if data and isinstance(data[0], dict) else {}
    if not isinstance(data, dict):
        return None
    version = str(data.get("apiVersion", ""))
    if version.startswith("openslo"):
        return OPENSLO
    return SLOTH if version.startswith("sloth.slok.dev") or "version" in data else None


def _apart(documents: Sequence[Document]) -> list[list[Document]]:
    """Documents whose objects refer to one another: as a rule all of them.

    Exports of ours call targets and policies of several services alike, and each is whole in itself. Those that clash with another one are read
    each by itself, unless it is the same service that stands there twice.
    """
    named: dict[str, dict[tuple[str, str], bool]] = {}
    for document in documents:
        named.setdefault(document.name, {}).update(_names(document))
    exports = {file: found for file, found in named.items() if any(found.values())}
    alone = {
        file
        for file, found in exports.items()
        if any(found.keys() & others.keys() for other, others in exports.items() if other != file)
    }
    services = Counter(key for file in alone for key in named[file] if key[0] == "Service")
    if any(times > 1 for times in services.values()):
        return [list(documents)]
    apart = [[document for document in documents if document.name == file] for file in named if file in alone]
    rest = [document for document in documents if document.name not in alone]
    return [*apart, rest] if rest else apart


def _names(document: Document) -> dict[tuple[str, str], bool]:
    """Kind and name of each object of a document, and whether it is a service that our own export wrote."""
    found: dict[tuple[str, str], bool] = {}
    for one in document.data if isinstance(document.data, list) else [document.data]:
        metadata = one.get("metadata") if isinstance(one, dict) else None
        if isinstance(metadata, dict):
            key = str(one.get("kind")), str(metadata.get("name"))
            notes = metadata.get("annotations")
            found[key] = key[0] == "Service" and isinstance(notes, dict) and SPEC_NOTES in notes
    return found


def _from_openslo(
    documents: Sequence[Document], policy: WindowPolicy, ledger: Ledger
) -> tuple[list[Draft], dict[str, ServiceNotes]]:
    library = read_library(documents, ledger)
    reader = OpenSLOReader(library, policy, ledger)
    notes = spec_notes(library, reader.services(), ledger)
    ours, others = known_slos(library, ledger)
    drafts, changed = restored(ours, notes, library, policy, ledger)
    for draft in drafts:
        reader.take(draft.service, draft.name)
    for known in changed:
        drafts += [with_kept(draft, known.note) for draft in reader.drafts([known.resource])]
    drafts += reader.drafts(others)
    reader.leftovers()
    return drafts, notes


def _unlike(drafts: Sequence[Draft], ledger: Ledger) -> list[Draft]:
    """Drafts of one service have names of their own, from whatever files they come."""
    seen: set[tuple[str, str]] = set()
    kept: list[Draft] = []
    for draft in drafts:
        if (draft.service, draft.name) in seen:
            said = f"there is another SLO {draft.name} of {draft.service}"
            ledger.lost(draft.place, said, "rename one of them")
            continue
        seen.add((draft.service, draft.name))
        kept.append(draft)
    return kept
