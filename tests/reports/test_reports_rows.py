"""What a row says: its reason, its distance from the contract, and how far its numbers carry."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from reports import formats
from slo.evidence import unmeasured
from slo.load import parse_spec
from slo.spec import Kind, Spec
from slo.statistics import p95
from slo.verdict import Readiness, Strength, Verdict
from tests.reports.deciding import Run, decided, remeasured, row_of, swapped


def test_a_disagreement_is_told(spec: Spec, run: Run, at: datetime) -> None:
    """A recorded PASS whose numbers say FAIL is ERROR, and says what disagrees."""
    slow = remeasured(spec, run, "load-max", p95([20.0] * 4000))
    lied = swapped(
        slow, Kind.LOAD, lambda item: replace(item, verdict=Verdict.PASS), where=lambda item: item.gate == "load-max"
    )
    decision = decided(spec, lied, at)
    assert decision.readiness is Readiness.UNDECIDED
    assert row_of(decision, "load-max").reason == "disagrees: recorded as PASS, its numbers say FAIL"


def test_an_unmeasured_item_keeps_its_reason(spec: Spec, run: Run, at: datetime) -> None:
    """ERROR stays ERROR with the reason of whoever could not measure."""
    gate = spec.gate("drill-cycle")
    broken = swapped(
        run,
        Kind.DRILL,
        lambda item: unmeasured(gate, dict(item.labels), "no Prometheus here"),
        where=lambda item: item.gate == gate.id,
    )
    decision = decided(spec, broken, at)
    assert decision.readiness is Readiness.UNDECIDED
    row = row_of(decision, "drill-cycle", drill="database-locked")
    assert (row.verdict, row.reason, row.strength) == (Verdict.ERROR, "no Prometheus here", None)


def test_a_row_says_how_far_it_is_from_its_contract(spec: Spec, run: Run, at: datetime) -> None:
    """The margin is positive on the good side, for limits and for least values."""
    changed = remeasured(spec, run, "load-max", p95([20.0] * 4000))
    decision = decided(spec, changed, at)
    assert row_of(decision, "load-max").margin == pytest.approx(-5.0)
    assert formats.margin(row_of(decision, "load-max")) == "−5 s"
    assert formats.margin(row_of(decision, "load-success")) == "+0.1 pp"
    assert formats.margin(row_of(decision, "tool-results", tool="LegalRetriever")) == "+2"
    assert row_of(decision, "load-success").margin == pytest.approx(0.001)
    assert row_of(decision, "tool-results", tool="LegalRetriever").margin == pytest.approx(2.0)


def test_too_few_samples_say_how_many_more(spec: Spec, run: Run, at: datetime) -> None:
    """A cell with 50 samples is INCONCLUSIVE, and 9 more are needed."""
    few = remeasured(spec, run, "latency-cell", p95([0.1] * 50), role="judge", complexity="simple")
    decision = decided(spec, few, at)
    assert decision.readiness is Readiness.UNDECIDED
    row = row_of(decision, "latency-cell", role="judge", complexity="simple")
    assert (row.verdict, row.more_needed) == (Verdict.INCONCLUSIVE, 9)
    assert "9 more needed" in decision.blocking[0].text
    assert decision.blocking[0].cells == ("judge · simple",)


def test_cells_of_one_gate_are_one_reason(spec: Spec, run: Run, at: datetime) -> None:
    """Three slow cells are one line that names the first and counts the rest."""
    slow = remeasured(spec, run, "latency-cell", p95([30.0] * 100), role="judge")
    (reason,) = decided(spec, slow, at).blocking
    assert reason.cells == ("judge · simple", "judge · medium", "judge · complex")
    assert reason.text.startswith("3 cells, first judge · simple: FAIL")


def test_weak_passes_are_listed(spec: Spec, run: Run, at: datetime) -> None:
    """What passes on weak evidence is GO for the build, listed, and lacks strength for the next phase."""
    samples = [0.1] * 95 + [30.0] * 5
    weak = remeasured(spec, run, "latency-cell", p95(samples), role="judge", complexity="complex")
    decision = decided(spec, weak, at)
    assert decision.readiness is Readiness.GO
    assert "latency-cell judge · complex" in decision.weak
    assert row_of(decision, "latency-cell", role="judge", complexity="complex").strength is Strength.WEAK
    assert decision.next_phase is not None
    assert "latency-cell" in [reason.subject for reason in decision.next_phase.lacks]


def test_the_warning_band_is_conditional(spec: Spec, run: Run, at: datetime) -> None:
    """A p95 that uses more than 90 % of its limit makes the decision CONDITIONAL."""
    close = remeasured(spec, run, "latency-cell", p95([7.5] * 100), role="judge", complexity="complex")
    decision = decided(spec, close, at)
    assert decision.readiness is Readiness.CONDITIONAL
    assert "in the warning band" in decision.blocking[0].text


def test_what_the_spec_does_not_know_is_shown_and_never_helps(spec: Spec, run: Run, at: datetime) -> None:
    """An item of an unknown gate, or in the wrong kind of evidence, is a stranger."""
    stranger = replace(run[Kind.UAT].items[0], gate="vibes")
    misplaced = run[Kind.LOAD].items[0]
    del run[Kind.LOAD]
    run[Kind.UAT] = replace(run[Kind.UAT], items=(*run[Kind.UAT].items, stranger, misplaced))
    decision = decided(spec, run, at)
    assert [(one.kind, one.gate) for one in decision.strangers] == [(Kind.UAT, "vibes"), (Kind.UAT, misplaced.gate)]
    assert decision.readiness is Readiness.UNDECIDED


def test_a_failure_outranks_what_is_missing(spec: Spec, run: Run, at: datetime) -> None:
    """NO-GO comes before UNDECIDED: a broken contract is certain, whatever else is lacking."""
    broken = remeasured(spec, run, "load-max", p95([20.0] * 4000))
    del broken[Kind.DRILL]
    decision = decided(spec, broken, at)
    assert decision.readiness is Readiness.NO_GO
    assert [reason.leads_to for reason in decision.blocking] == [Readiness.NO_GO, Readiness.UNDECIDED]


def test_a_loosened_spec_is_another_spec(spec: Spec, run: Run, at: datetime) -> None:
    """Evidence of the old spec does not carry a loosened one: the hash differs, and so would the objective."""
    loose = parse_spec(spec.source.replace(b"at_most: 15s", b"at_most: 90s"), "loose.yaml")
    assert decided(loose, run, at).readiness is Readiness.UNDECIDED
