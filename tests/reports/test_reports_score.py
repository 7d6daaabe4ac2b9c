"""The weighted score beside the verdict: it shows how much is kept, and never makes a verdict better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from reports.decision import Decision
from reports.document import Inputs
from reports.markdown import markdown
from reports.readiness import decide
from reports.score import score_text
from reports.summary import summary
from reports.trust import EvidenceSet
from reports.waivers import Waiver
from slo.errors import InvalidInput
from slo.evidence import Evidence, judged
from slo.load import SPECS_FOLDER, load_spec
from slo.spec import Gate, Kind, Phase, Score, Spec
from slo.statistics import ratio
from slo.verdict import Readiness

Run = dict[Kind, Evidence]


def _changed(spec: Spec, gate_id: str, **fields: object) -> Spec:
    gates = tuple(replace(gate, **fields) if gate.id == gate_id else gate for gate in spec.gates)  # type: ignore[arg-type] # any field
    return replace(spec, gates=gates)


def _failing(run: Run, gate: Gate) -> Run:
    """The same evidence in which one acceptance gate has ten failures."""
    kind = gate.kind
    bad = judged(gate, {}, ratio(50, 60))
    items = tuple(bad if item.gate == gate.id else item for item in run[kind].items)
    return {**run, kind: replace(run[kind], items=items)}


def _decide(spec: Spec, run: Run, at: datetime, *waivers: Waiver) -> Decision:
    return decide(spec, EvidenceSet(run), Phase.BUILD, at, waivers=waivers)


def _waiver(gate: str, at: datetime) -> Waiver:
    today = at.date()
    return Waiver(
        gate=gate,
        reason="known",
        approver="head of operations",
        approved_on=today,
        expires_on=today + timedelta(days=3),
    )


def test_everything_kept_is_a_full_score(spec: Spec, at: datetime, evidence_of: Callable[..., Run]) -> None:
    """GO with 100 %, and page, summary and pull request say it."""
    decision = _decide(spec, evidence_of(spec), at)
    assert (decision.readiness, decision.score) == (Readiness.GO, 1.0)
    assert "score 100 %" in markdown(decision)
    assert "Weighted score of the gates: 100 %" in summary(decision)


def test_a_failure_costs_its_weight_and_stays_a_failure(
    spec: Spec, at: datetime, evidence_of: Callable[..., Run]
) -> None:
    """A gate of weight 0 costs nothing, one of weight 23 half of the score; both times the verdict is NO-GO."""
    for weight, least, most in ((Decimal(0), 1.0, 1.0), (Decimal(22), 0.45, 0.55)):
        heavy = _changed(spec, "acceptance", weight=weight)
        decision = _decide(heavy, _failing(evidence_of(heavy), heavy.gate("acceptance")), at)
        assert decision.readiness is Readiness.NO_GO
        assert decision.score is not None
        assert least <= decision.score <= most


def test_a_key_gate_that_fails_leaves_nothing(spec: Spec, at: datetime, evidence_of: Callable[..., Run]) -> None:
    """Without a key gate the score is zero, however much else is kept, and no waiver helps it."""
    keyed = _changed(spec, "acceptance", key=True, waivable=False)
    decision = _decide(keyed, _failing(evidence_of(keyed), keyed.gate("acceptance")), at, _waiver("acceptance", at))
    assert (decision.readiness, decision.score) == (Readiness.NO_GO, 0.0)
    assert [waiver.state for waiver in decision.waivers] == ["refused"]


def test_a_waiver_does_not_buy_the_score(spec: Spec, at: datetime, evidence_of: Callable[..., Run]) -> None:
    """A waived failure is CONDITIONAL, and counts as not kept: below `warning` the verdict is NO-GO after all."""
    run = _failing(evidence_of(spec), spec.gate("acceptance"))
    decision = _decide(spec, run, at, _waiver("acceptance", at))
    assert decision.readiness is Readiness.CONDITIONAL
    assert decision.score is not None
    assert decision.score < 1
    strict = replace(spec, score=Score(Decimal("0.99"), Decimal("0.98")))
    assert _decide(strict, run, at, _waiver("acceptance", at)).readiness is Readiness.NO_GO
    lenient = replace(spec, score=Score(Decimal("0.5"), Decimal("0.4")))
    assert _decide(lenient, run, at).readiness is Readiness.NO_GO, "a high score never turns a FAIL into GO"


def test_a_value_past_its_warning_earns_half(spec: Spec, at: datetime, evidence_of: Callable[..., Run]) -> None:
    """A pass beyond `warning` is in the warning band: CONDITIONAL, with half of its weight."""
    alone = replace(spec, gates=tuple(replace(gate, weight=Decimal(gate.id == "load-mean")) for gate in spec.gates))
    warned = _changed(alone, "load-mean", warning={(): Decimal(1)})
    decision = _decide(warned, evidence_of(warned), at)
    assert (decision.readiness, decision.score) == (Readiness.CONDITIONAL, 0.5)


def test_a_missing_measurement_is_told_by_itself(spec: Spec, at: datetime, evidence_of: Callable[..., Run]) -> None:
    """What is missing makes the verdict UNDECIDED; the score does not call it broken."""
    run = {kind: evidence for kind, evidence in evidence_of(spec).items() if kind is not Kind.LOAD}
    strict = replace(spec, score=Score(Decimal(1), Decimal(1)))
    assert _decide(strict, run, at).readiness is Readiness.UNDECIDED


@pytest.mark.parametrize(("ratio_", "said"), [(1.0, "100 %"), (0.99999, "99.9 %"), (0.975, "97.5 %"), (0.0, "0 %")])
def test_a_score_is_rounded_down(ratio_: float, said: str) -> None:
    """Only a full score reads as 100 %."""
    assert score_text(ratio_) == said


def test_a_spec_without_gates_decides_nothing(at: datetime) -> None:
    """The spec of another service has rules, and no readiness: that is said, not decided."""
    shop = load_spec(SPECS_FOLDER / "examples" / "shop.yaml")
    with pytest.raises(InvalidInput, match="no phases and gates"):
        Inputs(shop, EvidenceSet({})).decide(Phase.BUILD, at)
