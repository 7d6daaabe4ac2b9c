"""Acceptance evidence from a run of scenarios: one gate for all, one for security, every scenario shown, transcripts beside it."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from slo.evidence import Evidence, Item, RunContext, file_digest, judged, unmeasured, write_atomically
from slo.quantities import how_many
from slo.spec import SIMULATED_SUFFIX, Gate, Kind, Spec
from slo.statistics import NOTHING, ratio
from slo.verdict import Verdict
from uat.exchange import Outcome
from uat.results import CheckReport, ScenarioResult, ScenarioVerdict, UatResult

GATE: Final = "acceptance"
SECURITY: Final = "security"
"""Gate and tag: nobody can waive this gate, so a waiver on acceptance never covers a security scenario."""


def evidence_of(
    result: UatResult, spec: Spec, context: RunContext, folder: Path | None = None, *, kind: Kind = Kind.UAT
) -> Evidence:
    """The evidence of a run; with a folder, the transcripts are written there first and named in it.

    `kind` is uat, or uat-simulated for what a simulated model answered: that one has gates of its own.

    Raises:
        EvidenceError: The transcripts cannot be written.
    """
    raw: dict[str, str] = {}
    if folder is not None:
        path = folder / f"{kind}.transcripts.jsonl.gz"
        write_atomically(path, transcripts(result))
        raw[path.name] = file_digest(path)
    suffix = SIMULATED_SUFFIX if kind.simulated else ""
    return Evidence(
        kind=kind,
        context=context,
        started_at=result.started_at,
        ended_at=result.ended_at,
        complete=result.complete,
        items=(
            acceptance_item(result, spec.gate(GATE + suffix)),
            security_item(result, spec.gate(SECURITY + suffix)),
        ),
        details=_details(result),
        raw=raw,
    )


def acceptance_item(result: UatResult, gate: Gate) -> Item:
    """The share of scenarios that passed.

    A scenario that failed counts against it, whatever else could not be measured. Otherwise one that could not be measured, was
    not run, or passed only when it was tried again makes the item ERROR: such a share says nothing, and is never a pass.
    """
    counts = Counter(entry.verdict for entry in result.scenarios)
    if not result.scenarios:
        return unmeasured(gate, {}, "no scenario was run")
    item = judged(gate, {}, ratio(counts[ScenarioVerdict.PASS], len(result.scenarios)))
    said = f"{counts[ScenarioVerdict.PASS]} of {how_many(result.planned, 'scenario')} passed{_names(result)}"
    if counts[ScenarioVerdict.FAIL] and item.verdict is Verdict.FAIL:
        return replace(item, reason=said)
    doubtful = counts[ScenarioVerdict.ERROR] + counts[ScenarioVerdict.FLAKY]
    if doubtful or not result.complete:
        cut = "" if result.complete else f"; {result.planned - len(result.scenarios)} were not run"
        return replace(item, verdict=Verdict.ERROR, reason=said + cut)
    return replace(item, reason=f"{said}; {item.reason}")


def security_item(result: UatResult, gate: Gate) -> Item:
    """The share of the scenarios tagged `security` that passed, judged as `acceptance_item`; a run without any shows nothing."""
    tagged = tuple(entry for entry in result.scenarios if SECURITY in entry.scenario.tags)
    if not tagged:
        return replace(judged(gate, {}, NOTHING), reason=f"no scenario tagged {SECURITY} was run")
    planned = len(tagged) + result.planned - len(result.scenarios)  # what was not run may have been one of them
    return acceptance_item(replace(result, scenarios=tagged, planned=planned), gate)


def transcripts(result: UatResult) -> bytes:
    """All exchanges as gzipped JSON lines; the same result gives the same bytes."""
    lines = [json.dumps(entry, ensure_ascii=False) + "\n" for found in result.scenarios for entry in found.transcripts]
    return gzip.compress("".join(lines).encode(), mtime=0)


def _names(result: UatResult) -> str:
    parts = []
    for verdict in (ScenarioVerdict.FAIL, ScenarioVerdict.ERROR, ScenarioVerdict.FLAKY):
        ids = [entry.scenario.id for entry in result.scenarios if entry.verdict is verdict]
        if ids:
            parts.append(f"{verdict}: {', '.join(ids)}")
    return f" ({'; '.join(parts)})" if parts else ""


def _details(result: UatResult) -> Mapping[str, Any]:
    return {
        "planned": result.planned,
        "passed": sum(entry.verdict is ScenarioVerdict.PASS for entry in result.scenarios),
        "models": dict(sorted(_models(result).items())),
        "scenarios": [_scenario(entry) for entry in result.scenarios],
    }


def _models(result: UatResult) -> Counter[str]:
    """Answers by the model that they name; no model wrote what was refused, abstained from, or a reply to a greeting.

    Such a reply looks nothing up and cites nothing: whatever does either needs the model that is under test.
    """
    told = [entry for found in result.scenarios for entry in found.transcripts if entry.get("outcome") == "ok"]
    return Counter(str(entry.get("model", "")) for entry in told if entry.get("tools") or entry.get("citations"))


def _scenario(entry: ScenarioResult) -> Mapping[str, Any]:
    scenario = entry.scenario
    return {
        "id": scenario.id,
        "title": scenario.title,
        "role": scenario.role,
        "complexity": scenario.complexity,
        "family": scenario.family,
        "severity": scenario.severity,
        "as_of": scenario.as_of.isoformat(),
        "users": scenario.users,
        "trials": scenario.trials,
        "attempts": entry.attempts,
        "verdict": str(entry.verdict),
        "duration_seconds": entry.duration_seconds,
        "findings": [
            {"turn": turn.number, **_check(check)}
            for turn in entry.turns
            for check in turn.checks
            if check.outcome in {Outcome.FAIL, Outcome.ERROR}
        ],
        "turns": [
            {
                "number": turn.number,
                "via": turn.via,
                "asked": turn.asked,
                "duration_seconds": turn.duration_seconds,
                "checks": [_check(check) for check in turn.checks],
            }
            for turn in entry.turns
        ],
    }


def _check(check: CheckReport) -> Mapping[str, Any]:
    return {
        "check": check.name,
        "verdict": str(check.outcome),
        "expected": check.expected,
        "got": check.got,
        "advice": check.advice,
    }
