"""What later phases demand beside gates: documents, engine, commit, checklists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from reports.checklist import Checklist
from slo.spec import Engine, Kind, Phase, Spec
from slo.statistics import p95
from slo.verdict import Readiness, Verdict
from tests.reports.deciding import CLEAN, Run, all_signed, decided, remeasured
from tests.reports.pages import with_details


def test_demonstration_documents_are_no_go_later(spec: Spec, at: datetime, evidence_of: Callable[..., Run]) -> None:
    """One demonstration or unverified document in the index makes any later phase NO-GO."""
    for corpus in ({"demo": 1}, {"unverified": 1}, {"documents": 0}):
        run = evidence_of(spec, engine=Engine.REAL, corpus=CLEAN | corpus)
        for phase in (Phase.SOFT, Phase.CONTROLLED, Phase.PUBLIC):
            decision = decided(spec, run, at, phase)
            assert decision.readiness is Readiness.NO_GO
            assert "real-documents" in [reason.subject for reason in decision.blocking]


@pytest.mark.parametrize(
    "corpus",
    [
        None,
        {},
        {"documents": 10},
        {"documents": 10, "demo": "0", "unverified": 0},
        {"documents": 10, "demo": True, "unverified": -1},
        [1],
    ],
)
def test_unknown_documents_are_undecided(
    spec: Spec, at: datetime, evidence_of: Callable[..., Run], corpus: Any
) -> None:
    """When nobody counted the documents, the demand is open; missing is not zero."""
    run = evidence_of(spec, engine=Engine.REAL)
    run[Kind.PROVENANCE] = replace(run[Kind.PROVENANCE], details={"corpus": corpus})
    demand = next(one for one in decided(spec, run, at, Phase.SOFT).demands if one.id == "real-documents")
    assert demand.verdict is None


@pytest.mark.parametrize("engine", [Engine.EXTRACTIVE, Engine.SIMULATED])
def test_only_a_real_engine_carries_a_launch(
    spec: Spec, at: datetime, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...], engine: Engine
) -> None:
    """Extractive and simulated answers leave a soft launch UNDECIDED, with the real model first."""
    run = evidence_of(spec, engine=engine, corpus=CLEAN)
    decision = decided(spec, run, at, Phase.SOFT, checklists=all_signed(checklists, at))
    assert decision.readiness is Readiness.UNDECIDED
    assert [reason.subject for reason in decision.blocking] == ["real-engine"]


def test_a_dirty_checkout_carries_no_launch(
    spec: Spec, at: datetime, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...]
) -> None:
    """A soft launch needs a commit that others can look at."""
    run = evidence_of(spec, engine=Engine.REAL, corpus=CLEAN, dirty=True)
    decision = decided(spec, run, at, Phase.SOFT, checklists=all_signed(checklists, at))
    assert decision.readiness is Readiness.UNDECIDED
    assert [reason.subject for reason in decision.blocking] == ["clean-commit"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"commit": "deadbee"}, "commit deadbee, this run's is 1a2b3c4"),
        ({"version": "0.9.9"}, "version 0.9.9, the checkout holds 0.1.0"),
        ({"commit": "1a2b3c4d5e"}, ""),
        ({"commit": "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"}, ""),
        ({"version": ""}, ""),
    ],
)
def test_a_chatbot_of_another_commit_is_told(
    said: dict[str, str],
    told: str,
    spec: Spec,
    at: datetime,
    evidence_of: Callable[..., Run],
    checklists: tuple[Checklist, ...],
) -> None:
    """The run's commit is the checkout's: where the chatbot says another one, or another version, no launch rests on it."""
    run = evidence_of(spec, engine=Engine.REAL, corpus=CLEAN)
    service = {"version": "0.1.0", "local": False, "checkout_version": "0.1.0", **said}
    run = with_details(run, Kind.PROVENANCE, service=service)
    decision = decided(spec, run, at, Phase.SOFT, checklists=all_signed(checklists, at))
    demand = next(one for one in decision.demands if one.id == "clean-commit")
    assert (demand.verdict is None) == bool(told)
    assert told in demand.reason
    assert any("not about the checkout's commit" in note and told in note for note in decision.notes) == bool(told)


def test_without_provenance_every_demand_is_open(spec: Spec, run: Run, at: datetime) -> None:
    """No provenance: no engine, no documents, no commit, no window is known."""
    del run[Kind.PROVENANCE]
    decision = decided(spec, run, at, Phase.PUBLIC)
    assert {demand.verdict for demand in decision.demands} == {None}


def test_an_unsigned_item_keeps_its_checklist_open(
    spec: Spec, at: datetime, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...]
) -> None:
    """One item without signature leaves the phase UNDECIDED and is named."""
    run = evidence_of(spec, engine=Engine.REAL, corpus=CLEAN)
    signed = all_signed(checklists, at)
    for checklist in (one for one in signed if one.id in {"technical", "operational"}):
        for place, item in enumerate(checklist.items):
            if not item.sign_off:
                continue
            items = (*checklist.items[:place], replace(item, owner=""), *checklist.items[place + 1 :])
            opened = tuple(replace(one, items=items) if one.id == checklist.id else one for one in signed)
            decision = decided(spec, run, at, Phase.SOFT, checklists=opened)
            assert decision.readiness is Readiness.UNDECIDED
            assert item.text in decision.blocking[0].text


def test_a_checklist_that_is_not_there_is_open(spec: Spec, at: datetime, evidence_of: Callable[..., Run]) -> None:
    """A phase that asks for a checklist nobody wrote is UNDECIDED."""
    decision = decided(spec, evidence_of(spec, engine=Engine.REAL, corpus=CLEAN), at, Phase.SOFT)
    assert decision.readiness is Readiness.UNDECIDED
    assert "there is no checklist 'technical'" in decision.blocking[0].text


def test_an_automatic_item_follows_its_gates(
    spec: Spec, slow: Run, at: datetime, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...]
) -> None:
    """`Performance benchmarks are met` is shown while its gates pass and open when one of them does not."""

    def state(run: Run) -> Any:
        checks = decided(spec, run, at, checklists=checklists).checks
        return next(check for check in checks if check.id == "performance")

    assert state(evidence_of(spec)).verdict is Verdict.PASS
    assert state(slow).verdict is None
    assert "gate load-max: 0 of 1 pass" in state(slow).reason


def test_one_slow_cell_opens_the_item_that_rests_on_its_gate(
    spec: Spec, run: Run, at: datetime, checklists: tuple[Checklist, ...]
) -> None:
    """Fourteen of fifteen fast cells are not enough to call the benchmarks met."""
    slow = remeasured(spec, run, "latency-cell", p95([30.0] * 80), role="judge", complexity="complex")
    checks = decided(spec, slow, at, checklists=checklists).checks
    found = next(check for check in checks if check.id == "performance")
    assert found.verdict is None
    assert "gate latency-cell: 14 of 15 pass" in found.reason


def test_a_gate_that_is_not_asked_shows_nothing(
    spec: Spec, run: Run, at: datetime, checklists: tuple[Checklist, ...]
) -> None:
    """An item that rests on a gate which this phase does not ask stays open."""
    item = replace(checklists[0].items[0], gates=("satisfaction",), sign_off=False)
    decision = decided(spec, run, at, checklists=(replace(checklists[0], items=(item,)),))
    assert (decision.checks[0].verdict, decision.checks[0].reason) == (None, "gate satisfaction is not asked here")


def test_the_required_checklists_are_whole(checklists: tuple[Checklist, ...]) -> None:
    """8 technical, 7 operational and 6 business items, none of them signed in the repository."""
    assert {checklist.id: len(checklist.items) for checklist in checklists} == {
        "technical": 8,
        "operational": 7,
        "business": 6,
    }
    assert not any(
        item.owner or item.signed_on or item.evidence for checklist in checklists for item in checklist.items
    )
    assert not [item for checklist in checklists for item in checklist.items if not item.gates and not item.sign_off]


def test_numbers_show_three_items_and_people_sign_the_rest(checklists: tuple[Checklist, ...]) -> None:
    """Performance follows its gates alone, of both engines; monitoring and acceptance need a passed gate and a signature; all else is signed."""
    shown = {item.id: (item.gates, item.sign_off) for checklist in checklists for item in checklist.items if item.gates}
    speed = ("latency-cell", "latency-mean", "ttft-cell", "tool-mean", "tool-p95", "load-mean", "load-max", "load-p95")
    speed += ("latency-cell-simulated", "latency-mean-simulated", "ttft-cell-simulated")
    speed += ("load-mean-simulated", "load-max-simulated", "load-p95-simulated")
    assert shown == {
        "monitoring": (("drill-cycle",), True),
        "performance": (speed, False),
        "acceptance": (("acceptance",), True),
    }


def test_checklists_name_gates_that_exist(spec: Spec, checklists: tuple[Checklist, ...]) -> None:
    """Every gate that a checklist rests on is in the spec."""
    known = {gate.id for gate in spec.gates}
    assert {gate for checklist in checklists for item in checklist.items for gate in item.gates} <= known
