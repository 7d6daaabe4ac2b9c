"""What a run tested less than the last GO is told, and changes no verdict."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reports.decision import Decision
from reports.document import differences, to_bytes, to_document
from reports.files import last_go, write_report
from reports.render import verify
from reports.summary import summary
from reports.tested import Extent, extent_of, less_than
from slo.evidence import with_digest, write
from slo.spec import Cell, Kind, Phase, Requirement, Spec
from slo.statistics import p95
from slo.verdict import Readiness
from tests.reports.deciding import remeasured
from tests.reports.pages import Run, inputs_of

EARLIER, LATER = "20261120T211700Z-1a2b3c4", "20261121T211700Z-1a2b3c4"


@pytest.fixture
def before(spec: Spec, run: Run, at: datetime) -> Extent:
    """What the good run tested."""
    return now_of(spec, run, at)


def now_of(spec: Spec, run: Run, at: datetime) -> Extent:
    inputs = inputs_of(spec, run)
    return extent_of(inputs.decide(Phase.BUILD, at), spec, inputs.files)


def asking(spec: Spec, gate_id: str, change: Callable[[Requirement], Requirement]) -> Spec:
    """The spec with another requirement for build of one gate."""
    gates = tuple(
        replace(gate, requirements={**gate.requirements, Phase.BUILD: change(gate.requirements[Phase.BUILD])})
        if gate.id == gate_id
        else gate
        for gate in spec.gates
    )
    return replace(spec, gates=gates)


def without_cells(spec: Spec, gone: Callable[[str, Cell], bool]) -> Spec:
    """The spec without some cells of its gates, and without gates that have none left."""
    gates = [replace(gate, cells=tuple(key for key in gate.cells if not gone(gate.id, key))) for gate in spec.gates]
    return replace(spec, gates=tuple(gate for gate in gates if gate.cells))


def detailed(run: Run, kind: Kind, **details: Any) -> Run:
    return run | {kind: with_digest(replace(run[kind], details={**run[kind].details, **details}))}


def test_the_same_again_is_no_note(spec: Spec, run: Run, at: datetime, before: Extent) -> None:
    """A run that tested as much, or more, is told without a note."""
    assert less_than(before, now_of(spec, run, at)) == ""
    more = remeasured(spec, run, "load-max", p95([0.1] * 8000))
    assert less_than(before, now_of(spec, more, at)) == ""


def test_a_gate_that_was_removed_is_told(spec: Spec, run: Run, at: datetime, before: Extent) -> None:
    """Gates and single cells that nobody asks any more are named."""
    gone = without_cells(spec, lambda gate, key: gate == "load-max")
    assert "gate load-max is not asked" in less_than(before, now_of(gone, run, at))
    cell = without_cells(spec, lambda gate, key: gate == "load-p95" and dict(key) == {"complexity": "simple"})
    assert less_than(before, now_of(cell, run, at)).endswith(": load-p95 is not asked of simple.")


def test_a_role_that_was_left_out_is_told_once(spec: Spec, run: Run, at: datetime, before: Extent) -> None:
    """A role without any cell is one thing left out, not one for each gate."""
    gone = without_cells(spec, lambda gate, key: dict(key).get("role") == "judge")
    said = less_than(before, now_of(gone, run, at))
    cells = sum(dict(key).get("role") == "judge" for gate in spec.gates for key in gate.cells)
    assert f"role judge is left out ({cells} cells)" in said
    assert said.count("judge") == 1


def test_a_loosened_contract_is_told(spec: Spec, run: Run, at: datetime, before: Extent) -> None:
    """Another limit on the easy side, and fewer samples asked; a stricter one is none."""
    looser = asking(
        spec, "load-max", lambda one: replace(one, contract={key: value * 2 for key, value in one.contract.items()})
    )
    assert "load-max: at most 30 s instead of 15 s" in less_than(before, now_of(looser, run, at))
    stricter = asking(
        spec, "load-max", lambda one: replace(one, contract={key: value / 2 for key, value in one.contract.items()})
    )
    assert less_than(before, now_of(stricter, run, at)) == ""
    fewer = asking(spec, "latency-cell", lambda one: replace(one, least_n=dict.fromkeys(one.least_n, 20)))
    assert "latency-cell (15 cells, first admin · simple): n >= 20 asked instead of 59" in less_than(
        before, now_of(fewer, run, at)
    )


def test_weak_evidence_that_is_enough_now_is_told(spec: Spec, run: Run, at: datetime) -> None:
    """Before, the whole interval had to keep the contract."""
    strict = asking(spec, "load-max", lambda one: replace(one, strong=True))
    said = less_than(now_of(strict, run, at), now_of(spec, run, at))
    assert said.endswith(": load-max: weak evidence is enough.")


def test_a_gate_that_may_be_waived_now_is_told(spec: Spec, run: Run, at: datetime, before: Extent) -> None:
    """What nobody could sign away before."""
    gates = tuple(replace(gate, waivable=True, key=False) if gate.id == "security" else gate for gate in spec.gates)
    assert "security: may be waived" in less_than(before, now_of(replace(spec, gates=gates), run, at))


def test_fewer_samples_are_told(spec: Spec, run: Run, at: datetime, before: Extent) -> None:
    """Of what is measured so many times, each one less; of what is measured for so long, less than half."""
    n = next(cell.n for cell in before.cells if cell.gate == "tool-p95")
    assert n is not None
    fewer = remeasured(spec, run, "tool-p95", p95([0.1] * (n - 1)), tool="LegalRetriever")
    assert f"tool-p95 (LegalRetriever): {n - 1} samples instead of {n}" in less_than(before, now_of(spec, fewer, at))
    usual = remeasured(spec, run, "load-p95", p95([0.1] * 2000))
    assert less_than(before, now_of(spec, usual, at)) == ""
    few = remeasured(spec, run, "load-p95", p95([0.1] * 1000))
    assert "load-p95 (3 cells, first simple): 1000 samples instead of 3200" in less_than(before, now_of(spec, few, at))


def test_what_could_not_be_measured_is_told_elsewhere(spec: Spec, run: Run, at: datetime, before: Extent) -> None:
    """A file that is missing stands in the way by itself: its scenarios and drills were not taken out."""
    rest = {kind: made for kind, made in run.items() if kind not in {Kind.UAT, Kind.DRILL, Kind.LOAD}}
    assert less_than(before, now_of(spec, rest, at)) == ""


def test_scenarios_and_checks_that_were_taken_out_are_told(spec: Spec, run: Run, at: datetime, before: Extent) -> None:
    """By their names, the first three of them."""
    scenarios = run[Kind.UAT].details["scenarios"]
    fewer = detailed(run, Kind.UAT, scenarios=scenarios[5:])
    assert "uat: 5 scenarios left out (judge-1, judge-2, judge-3 and 2 more)" in less_than(
        before, now_of(spec, fewer, at)
    )
    unchecked = detailed(run, Kind.UAT, scenarios=[{**scenarios[0], "turns": []}, *scenarios[1:]])
    assert "uat: 1 check left out of judge-1" in less_than(before, now_of(spec, unchecked, at))


def test_a_drill_users_and_seconds_that_were_taken_out_are_told(spec: Spec, run: Run, at: datetime) -> None:
    """What was drilled and how hard the load was stand in the details alone."""
    loaded = detailed(run, Kind.LOAD, users=20, duration_seconds=30.9)
    before = now_of(spec, loaded, at)
    lighter = detailed(detailed(loaded, Kind.LOAD, users=5, duration_seconds=10.1), Kind.DRILL, drills=[])
    said = less_than(before, now_of(spec, lighter, at))
    assert "1 drill left out (database-locked CourtSightAvailabilityPage)" in said
    assert "load: 5 users at once instead of 20" in said
    assert "load: 10.1 s instead of 30.9 s" in said
    longer = detailed(loaded, Kind.LOAD, duration_seconds=30.1)
    assert less_than(before, now_of(spec, longer, at)) == ""


def test_a_demand_that_was_dropped_is_told(spec: Spec, run: Run, at: datetime) -> None:
    """A later phase asks more than gates."""
    inputs = inputs_of(spec, run)
    soft = inputs.decide(Phase.SOFT, at)
    before = extent_of(soft, spec, inputs.files)
    now = extent_of(replace(soft, demands=soft.demands[1:]), spec, inputs.files)
    assert f"not demanded: {soft.demands[0].title}" in less_than(before, now)


# --- through reports on the disk ---


@pytest.fixture
def reports(spec: Spec, run: Run, at: datetime, tmp_path: Path) -> Path:
    """A folder of reports with one GO in it."""
    assert written(tmp_path, spec, run, at, EARLIER).readiness is Readiness.GO
    return tmp_path / "out"


def written(folder: Path, spec: Spec, run: Run, at: datetime, name: str, phase: Phase = Phase.BUILD) -> Decision:
    evidence = folder / "evidence" / name
    shutil.rmtree(evidence, ignore_errors=True)
    for entry in run.values():
        write(entry, evidence)
    before = last_go(folder / "out", name, spec, phase)
    return write_report(evidence, spec, phase, at, folder / "out" / name, before=before)[0]


def test_the_last_go_before_the_run_is_what_it_is_held_against(
    reports: Path, spec: Spec, run: Run, at: datetime, tmp_path: Path
) -> None:
    """The newest GO of the phase; the note stands on every page, and the page verifies with it."""
    fewer = detailed(run, Kind.UAT, scenarios=run[Kind.UAT].details["scenarios"][1:])
    decision = written(tmp_path, spec, fewer, at, LATER)
    said = f"Tested less than run {EARLIER}, the last GO for phase build: uat: 1 scenario left out (judge-1)."
    assert decision.readiness is Readiness.GO
    assert decision.notes[-1] == said
    assert f"Tested less than run {EARLIER}" in summary(decision)
    out = reports / LATER
    assert said in (out / "readiness.html").read_text(encoding="utf-8")
    assert said in json.loads((out / "readiness.json").read_bytes())["decision"]["notes"]
    assert verify((out / "readiness.html").read_text(encoding="utf-8")) == ()
    assert last_go(reports, EARLIER, spec, Phase.BUILD) is None, "a run is not held against itself, or a later one"


def test_runs_that_were_not_go_are_passed_over(
    reports: Path, spec: Spec, run: Run, slow: Run, at: datetime, tmp_path: Path
) -> None:
    """A broken run, one of another phase, and a page that nobody can read are not the last GO."""
    assert written(tmp_path, spec, slow, at, "20261120T221700Z-1a2b3c4").readiness is Readiness.NO_GO
    unreadable = reports / "20261120T231700Z-1a2b3c4" / "readiness.json"
    unreadable.parent.mkdir()
    unreadable.write_bytes(b'{"schema": "courtsight/readiness/v9"}\xff')
    found = last_go(reports, LATER, spec, Phase.BUILD)
    assert found is not None
    assert found.run == EARLIER
    assert last_go(reports, LATER, spec, Phase.SOFT) is None
    assert last_go(reports, LATER, replace(spec, deployment="itb"), Phase.BUILD) is None


@pytest.mark.parametrize("how", ["another phase", "stale"])
def test_a_go_that_was_rendered_again_is_still_one(
    how: str, reports: Path, spec: Spec, run: Run, at: datetime, tmp_path: Path
) -> None:
    """The report was written over for another phase, or when its evidence had aged: the run was GO all the same."""
    again = written(
        tmp_path,
        spec,
        run,
        at if how == "another phase" else at + timedelta(days=300),
        EARLIER,
        Phase.SOFT if how == "another phase" else Phase.BUILD,
    )
    assert again.readiness is not Readiness.GO
    found = last_go(reports, LATER, spec, Phase.BUILD)
    assert found is not None
    assert found.run == EARLIER


def test_the_note_is_derived_again_from_the_document(spec: Spec, run: Run, at: datetime, before: Extent) -> None:
    """A note that was taken out of a report is found."""
    fewer = detailed(run, Kind.UAT, scenarios=run[Kind.UAT].details["scenarios"][1:])
    inputs = replace(inputs_of(spec, fewer), before=before)
    decision = inputs.decide(Phase.BUILD, at)
    assert differences(to_bytes(to_document(decision, inputs)).decode(), "report") == ()
    silent = to_bytes(to_document(replace(decision, notes=()), inputs)).decode()
    assert "notes" in differences(silent, "report")[0]
