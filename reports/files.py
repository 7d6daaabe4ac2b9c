"""The report's edge to the disk: reading a run's evidence, writing the report beside it. Nothing else here touches files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reports.checklist import Checklist, load_checklists
from reports.decision import Decision
from reports.document import Inputs, to_bytes, to_document
from reports.markdown import markdown
from reports.render import html
from reports.trust import EvidenceSet
from reports.waivers import Waiver, load_waivers
from slo.errors import EvidenceError
from slo.evidence import Evidence, read, write_together
from slo.spec import Kind, Phase, Spec


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


def write_report(
    evidence_folder: Path,
    spec: Spec,
    phase: Phase,
    at: datetime,
    out_folder: Path,
    *,
    waivers: Sequence[Waiver] | None = None,
    checklists: Sequence[Checklist] | None = None,
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

    Raises:
        EvidenceError: The report cannot be written.
        InvalidInput: Waivers or checklists are wrong.
    """
    chosen_waivers = load_waivers() if waivers is None else tuple(waivers)
    chosen_checklists = load_checklists() if checklists is None else tuple(checklists)
    inputs = Inputs(spec, load_evidence(evidence_folder), tuple(chosen_waivers), tuple(chosen_checklists))
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
