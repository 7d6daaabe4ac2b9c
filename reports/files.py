"""The report's edge to the disk: reading a run's evidence, writing the report beside it. Nothing else here touches files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reports.checklist import Checklist, load_checklists
from reports.decision import Decision
from reports.document import Inputs, from_text, to_bytes, to_document
from reports.markdown import markdown
from reports.render import html
from reports.tested import Extent, extent_of
from reports.trust import EvidenceSet
from reports.waivers import Waiver, load_waivers
from slo.errors import EvidenceError, InvalidInput
from slo.evidence import RUN_ID, Evidence, read, write_together
from slo.spec import Kind, Phase, Spec
from slo.verdict import Readiness


@dataclass(frozen=True, slots=True)
class ReportPaths:
    """Where the report was written."""

    html: Path
    json: Path
    markdown: Path


def load_evidence(folder: Path) -> EvidenceSet:
    """Read every kind of evidence in a run's folder; what cannot be read is kept as the reason why not."""
    found: dict[Kind, Evidence] = {}
    refused: dict[Kind, str] = {}
    for kind in Kind:
        path = folder / f"{kind}.json"
        if not path.exists():
            continue
        try:
            found[kind] = read(path)
        except EvidenceError as error:
            refused[kind] = str(error).removeprefix(f"{folder}/")
    return EvidenceSet(found, refused)


def last_go(reports: Path, run: str, spec: Spec, phase: Phase) -> Extent | None:
    """How much the newest run before `run` tested that was GO for this phase and deployment; None where there is none.

    Each report is decided again from what it carries. One that was written again for another phase, or after its evidence had
    aged, still tells what its run was: GO at the moment of the report, or at the run's end.

    Args:
        reports: `reports/out`, a folder per run.
        run: Id of the run that is decided now; ids sort by their time.
        spec: Of the run that is decided now.
        phase: Of the decision.
    """
    earlier = sorted((path for path in reports.glob("*/readiness.json") if path.parent.name < run), reverse=True)
    found = (_extent_of_go(path, spec.deployment, phase) for path in earlier if RUN_ID.match(path.parent.name))
    return next((extent for extent in found if extent is not None), None)


def _extent_of_go(path: Path, deployment: str, phase: Phase) -> Extent | None:
    try:
        recorded, inputs = from_text(path.read_bytes().decode(), str(path))
        moments = [recorded.at]
        if Kind.PROVENANCE in inputs.files.evidence:
            moments.append(inputs.files.evidence[Kind.PROVENANCE].ended_at)
        decisions = [inputs.decide(phase, at) for at in moments] if recorded.deployment == deployment else []
    except (OSError, UnicodeDecodeError, EvidenceError, InvalidInput):
        return None  # no report, or one of another version of this program: it can be held against nothing
    go = next((decision for decision in decisions if decision.readiness is Readiness.GO), None)
    return None if go is None else extent_of(go, inputs.spec, inputs.files)


def write_report(
    evidence_folder: Path,
    spec: Spec,
    phase: Phase,
    at: datetime,
    out_folder: Path,
    *,
    waivers: Sequence[Waiver] | None = None,
    checklists: Sequence[Checklist] | None = None,
    before: Extent | None = None,
) -> tuple[Decision, ReportPaths]:
    """Decide for a phase and write `readiness.html`, `.json` and `.md`, all three or none: they never tell of two decisions.

    Args:
        evidence_folder: `evidence/<run>`.
        spec: Loaded from its file: the report carries its text.
        phase: To decide for.
        at: The time to judge age, waivers and signatures for, with a time zone.
        out_folder: `reports/out/<run>`; made when it is missing.
        waivers: By default those of `reports/waivers.yaml`.
        checklists: By default those of `reports/checklists/`.
        before: How much the last GO tested (`last_go`); what was tested less is noted.

    Raises:
        EvidenceError: The report cannot be written.
        InvalidInput: Waivers or checklists are wrong.
    """
    chosen_waivers = load_waivers() if waivers is None else tuple(waivers)
    chosen_checklists = load_checklists() if checklists is None else tuple(checklists)
    inputs = Inputs(spec, load_evidence(evidence_folder), tuple(chosen_waivers), tuple(chosen_checklists), before)
    decision = inputs.decide(phase, at)
    paths = ReportPaths(*(out_folder / f"readiness.{ending}" for ending in ("html", "json", "md")))
    write_together(
        {
            paths.json: to_bytes(to_document(decision, inputs)),
            paths.markdown: markdown(decision).encode(),
            paths.html: html(decision, inputs).encode(),
        }
    )
    return decision, paths
