"""What a waiver does to the decision, and what it never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from reports.waivers import Waiver
from slo.evidence import unmeasured
from slo.spec import Kind, Spec
from slo.statistics import p95, ratio
from slo.verdict import Readiness, Verdict
from tests.reports.deciding import Run, decided, remeasured, row_of, swapped


def _waiver(gate: str, at: datetime, **more: Any) -> Waiver:
    given: dict[str, Any] = {
        "reason": "known, and mended in the next release",
        "approver": "Head of operations",
        "approved_on": at.date() - timedelta(days=3),
        "expires_on": at.date() + timedelta(days=3),
    }
    return Waiver(gate, **(given | more))


def test_a_waiver_makes_a_failure_conditional(spec: Spec, slow: Run, at: datetime) -> None:
    """The failure stays counted and shown; the decision is CONDITIONAL, never GO."""
    decision = decided(spec, slow, at, waivers=(_waiver("load-max", at),))
    assert decision.readiness is Readiness.CONDITIONAL
    row = row_of(decision, "load-max")
    assert (row.verdict, row.waived) == (Verdict.FAIL, True)
    assert [(one.state, one.covers) for one in decision.waivers] == [("active", 1)]


def test_a_waiver_covers_an_inconclusive_item(spec: Spec, run: Run, at: datetime) -> None:
    """Too few samples may be answered for too."""
    few = remeasured(spec, run, "latency-mean", p95([0.1] * 5), complexity="simple")
    decision = decided(spec, few, at, waivers=(_waiver("latency-mean", at),))
    assert decision.readiness is Readiness.CONDITIONAL


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"expires_on": date(2026, 11, 19), "approved_on": date(2026, 11, 1)}, "expired"),
        ({"approved_on": date(2026, 11, 22), "expires_on": date(2026, 11, 30)}, "not yet approved"),
        ({"labels": {"role": "judge"}}, "not asked"),
    ],
)
def test_a_waiver_out_of_its_time_or_place_does_nothing(
    spec: Spec, slow: Run, at: datetime, change: dict[str, Any], state: str
) -> None:
    """Expired, not yet approved, or about another cell: the failure stays a failure."""
    decision = decided(spec, slow, at, waivers=(_waiver("load-max", at, **change),))
    assert decision.readiness is Readiness.NO_GO
    assert decision.waivers[0].state == state


@pytest.mark.parametrize("day", [0, 3])
def test_a_waiver_counts_until_its_last_day(spec: Spec, slow: Run, at: datetime, day: int) -> None:
    """The expiry names the last day on which it counts."""
    waiver = _waiver("load-max", at, expires_on=at.date() + timedelta(days=day))
    assert waiver.state(at + timedelta(days=day)) == "active"
    assert waiver.state(at + timedelta(days=day + 1)) == "expired"


def test_a_waiver_without_a_failure_is_still_counted(spec: Spec, run: Run, at: datetime) -> None:
    """An active waiver makes even a good run CONDITIONAL, and asks to be withdrawn."""
    decision = decided(spec, run, at, waivers=(_waiver("load-max", at),))
    assert decision.readiness is Readiness.CONDITIONAL
    assert "withdraw it" in decision.waivers[0].note


def test_a_waiver_never_stands_in_for_evidence(spec: Spec, run: Run, at: datetime) -> None:
    """Missing, damaged or unplaced evidence cannot be waived."""
    waivers = tuple(_waiver(gate.id, at) for gate in spec.gates)
    for kind in Kind:
        rest = {other: evidence for other, evidence in run.items() if other is not kind}
        assert decided(spec, rest, at, waivers=waivers).readiness is Readiness.UNDECIDED


def test_a_waiver_never_covers_what_could_not_be_measured(spec: Spec, run: Run, at: datetime) -> None:
    """An item that is ERROR, as recorded or because it contradicts itself, stays UNDECIDED under any waiver."""
    gate = spec.gate("load-max")
    waiver = _waiver("load-max", at)
    failed = swapped(run, gate.kind, lambda _: unmeasured(gate, {}, "cut off"), where=lambda item: item.gate == gate.id)
    forged = swapped(
        run, gate.kind, lambda item: replace(item, objective=99.0), where=lambda item: item.gate == gate.id
    )
    for broken in (failed, forged):
        assert decided(spec, broken, at, waivers=(waiver,)).readiness is Readiness.UNDECIDED


def test_a_waiver_for_nothing_known_is_refused(spec: Spec, slow: Run, at: datetime) -> None:
    """A waiver for a gate that does not exist is shown as refused."""
    decision = decided(spec, slow, at, waivers=(_waiver("load-maximum", at),))
    assert decision.readiness is Readiness.NO_GO
    assert (decision.waivers[0].state, decision.waivers[0].note) == ("refused", "the spec has no such gate")


def test_some_gates_are_beyond_waivers(spec: Spec, slow: Run, at: datetime) -> None:
    """A gate that the spec calls not waivable stays broken."""
    gates = tuple(replace(gate, waivable=gate.id != "load-max") for gate in spec.gates)
    decision = decided(replace(spec, gates=gates), slow, at, waivers=(_waiver("load-max", at),))
    assert decision.readiness is Readiness.NO_GO
    assert decision.waivers[0].state == "refused"


def test_a_waiver_on_acceptance_covers_no_security_scenario(spec: Spec, run: Run, at: datetime) -> None:
    """A security scenario that fails is NO-GO even where somebody answers for the acceptance share, and for the gate itself."""
    broken = remeasured(spec, remeasured(spec, run, "acceptance", ratio(59, 60)), "security", ratio(3, 4))
    decision = decided(spec, broken, at, waivers=(_waiver("acceptance", at), _waiver("security", at)))
    assert decision.readiness is Readiness.NO_GO
    assert [(one.gate, one.state) for one in decision.waivers] == [("acceptance", "active"), ("security", "refused")]
    assert decision.blocking[0].subject == "security"
