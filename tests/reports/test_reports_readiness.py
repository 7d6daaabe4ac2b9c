"""The decision: what is GO, and everything that is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reports.checklist import Checklist
from reports.decision import Decision, Row
from reports.readiness import decide
from reports.trust import EvidenceSet
from reports.waivers import Waiver
from slo.evidence import Evidence, Item, judged, unmeasured
from slo.load import parse_spec
from slo.spec import Engine, Kind, Phase, Spec, Unit
from slo.statistics import NOTHING, Interval, Measurement, p95, ratio
from slo.verdict import Readiness, Strength, Verdict

Run = dict[Kind, Evidence]
CLEAN = {"documents": 250, "demo": 0, "unverified": 0}


def _decide(spec: Spec, run: Run, at: datetime, phase: Phase = Phase.BUILD, **more: Any) -> Decision:
    return decide(spec, EvidenceSet(run), phase, at, **more)


def _swap(run: Run, kind: Kind, change: Callable[[Item], Item | None], *, where: Callable[[Item], bool]) -> Run:
    """The run with one kind's matching items changed, or dropped where the change says None."""
    items = [change(item) if where(item) else item for item in run[kind].items]
    return run | {kind: replace(run[kind], items=tuple(item for item in items if item is not None))}


def _remeasured(spec: Spec, run: Run, gate_id: str, measurement: Measurement, **labels: str) -> Run:
    gate = spec.gate(gate_id)
    return _swap(
        run,
        gate.kind,
        lambda item: judged(gate, dict(item.labels), measurement),
        where=lambda item: item.gate == gate_id and labels.items() <= dict(item.labels).items(),
    )


def _row(decision: Decision, gate: str, **labels: str) -> Row:
    return next(row for row in decision.rows if row.gate == gate and dict(row.labels) == labels)


# --- GO ---


def test_a_whole_good_run_is_go(spec: Spec, run: Run, at: datetime) -> None:
    """Every item of every gate of the build passes: GO, nothing blocks, and the sentence counts them."""
    decision = _decide(spec, run, at)
    assert decision.readiness is Readiness.GO
    assert decision.blocking == ()
    assert decision.why == "All 103 items of 23 gates keep their contract for phase build."
    assert {row.verdict for row in decision.rows} == {Verdict.PASS}
    assert decision.engine is Engine.EXTRACTIVE


def test_the_next_phase_lacks_a_real_model_first(
    spec: Spec, run: Run, at: datetime, checklists: tuple[Checklist, ...]
) -> None:
    """An extractive run is GO for the build; atop of what a soft launch lacks stands the latency with a real model."""
    outlook = _decide(spec, run, at, checklists=checklists).next_phase
    assert outlook is not None
    assert outlook.phase is Phase.SOFT
    assert outlook.lacks[0].title == "Latency with a real model"
    assert outlook.readiness is Readiness.NO_GO
    assert [reason.subject for reason in outlook.lacks] == [
        "real-engine",
        "real-documents",
        "checklist-technical",
        "checklist-operational",
    ]


def test_a_dirty_build_may_be_go_and_says_so(spec: Spec, at: datetime, evidence_of: Callable[..., Run]) -> None:
    """Local changes do not keep a build from GO; the note says that the verdict is about no commit."""
    decision = _decide(spec, evidence_of(spec, dirty=True), at)
    assert decision.readiness is Readiness.GO
    assert decision.dirty is True
    assert any("local changes" in note for note in decision.notes)


def test_everything_signed_and_real_is_go_for_a_soft_launch(
    spec: Spec, at: datetime, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...]
) -> None:
    """With a real engine, verified documents, a clean commit and signed checklists a soft launch is GO."""
    run = evidence_of(spec, engine=Engine.REAL, corpus=CLEAN)
    decision = _decide(spec, run, at, Phase.SOFT, checklists=_signed(checklists, at))
    assert decision.readiness is Readiness.GO, decision.why
    assert decision.next_phase is not None
    assert {reason.subject for reason in decision.next_phase.lacks} == {"slo-window"}


def test_days_of_slos_are_asked_later(
    spec: Spec, at: datetime, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...]
) -> None:
    """A controlled rollout needs seven days of measured SLOs; with them, and all the rest, it is GO, and public lacks the rest of 14."""
    run = evidence_of(spec, engine=Engine.REAL, corpus=CLEAN)
    run[Kind.SLO] = replace(run[Kind.SLO], started_at=at - timedelta(days=8))
    decision = _decide(spec, run, at, Phase.CONTROLLED, checklists=_signed(checklists, at))
    assert decision.readiness is Readiness.GO, decision.why
    public = _decide(spec, run, at, Phase.PUBLIC, checklists=_signed(checklists, at))
    assert public.readiness is Readiness.UNDECIDED
    assert public.next_phase is None
    assert public.blocking[0].text == "measured over 8.0 days so far"


def _signed(checklists: tuple[Checklist, ...], at: datetime) -> tuple[Checklist, ...]:
    return tuple(
        replace(
            checklist,
            items=tuple(
                replace(item, owner="Head of operations", signed_on=at.date(), evidence="docs/runbooks")
                for item in checklist.items
            ),
        )
        for checklist in checklists
    )


# --- never GO ---


def _asked(spec: Spec, item: Item) -> bool:
    return Phase.BUILD in spec.gate(item.gate).requirements


MEASURED = tuple(kind for kind in Kind if kind is not Kind.PROVENANCE)


@pytest.mark.parametrize("kind", list(Kind))
def test_without_any_one_kind_it_is_never_go(spec: Spec, run: Run, at: datetime, kind: Kind) -> None:
    """Each kind of evidence is needed, provenance too."""
    del run[kind]
    decision = _decide(spec, run, at)
    assert decision.readiness is Readiness.UNDECIDED
    assert decision.blocking[0].subject == kind


@pytest.mark.parametrize("kind", list(Kind))
def test_a_file_that_cannot_be_read_is_never_go(spec: Spec, run: Run, at: datetime, kind: Kind) -> None:
    """A damaged file is as good as none, and its own reason is told."""
    del run[kind]
    files = EvidenceSet(run, {kind: f"{kind}.json: was changed since it was written"})
    decision = decide(spec, files, Phase.BUILD, at)
    assert decision.readiness is Readiness.UNDECIDED
    assert "was changed since it was written" in decision.blocking[0].text
    rows = [row for row in decision.rows if row.kind is kind]
    assert {row.verdict for row in rows} <= {Verdict.ERROR}


def test_nothing_at_all_is_undecided(spec: Spec, at: datetime) -> None:
    """An empty folder says nothing, for every phase."""
    for phase in Phase:
        decision = _decide(spec, {}, at, phase)
        assert decision.readiness is Readiness.UNDECIDED
        assert decision.engine is None
        assert {row.verdict for row in decision.rows} == {None}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda e: replace(e, complete=False), "incomplete"),
        (lambda e: replace(e, ended_at=e.ended_at - timedelta(days=2), started_at=e.started_at - timedelta(days=2)), "stale"),
        (lambda e: replace(e, ended_at=e.ended_at + timedelta(days=1)), "future"),
        (lambda e: replace(e, started_at=e.ended_at + timedelta(seconds=1)), "ended before it started"),
        (lambda e: replace(e, context=replace(e.context, deployment="itb")), "deployment"),
        (lambda e: replace(e, context=replace(e.context, hashes={})), "does not name the spec"),
        (lambda e: replace(e, context=replace(e.context, hashes={"spec": "sha256:" + "0" * 64})), "another version of the spec"),
        (lambda e: replace(e, context=replace(e.context, run="20261120T211701Z-1a2b3c4")), ""),
        (lambda e: replace(e, context=replace(e.context, commit="f" * 40)), ""),
        (lambda e: replace(e, context=replace(e.context, dirty=True)), ""),
        (lambda e: replace(e, context=replace(e.context, engine=Engine.REAL)), ""),
        (lambda e: replace(e, context=replace(e.context, hashes=e.context.hashes | {"corpus": "sha256:" + "1" * 64})), ""),
        (lambda e: replace(e, context=replace(e.context, seed=e.context.seed + 1)), ""),
    ],
)  # fmt: skip
def test_evidence_that_does_not_belong_is_never_go(
    spec: Spec, run: Run, at: datetime, change: Callable[[Evidence], Evidence], said: str
) -> None:
    """Partial, stale, future or foreign evidence of any one kind keeps the build from GO, with a reason."""
    for kind in Kind:
        decision = _decide(spec, run | {kind: change(run[kind])}, at)
        assert decision.readiness is Readiness.UNDECIDED, kind
        assert said in " ".join(source.reason for source in decision.sources)


@pytest.mark.parametrize("kind", [kind for kind in MEASURED if kind is not Kind.DRILL and not kind.simulated])
def test_another_target_is_foreign(spec: Spec, run: Run, at: datetime, kind: Kind) -> None:
    """Numbers of another address say nothing about this one."""
    foreign = replace(run[kind], context=replace(run[kind].context, target="http://127.0.0.1:9999"))
    decision = _decide(spec, run | {kind: foreign}, at)
    assert decision.readiness is Readiness.UNDECIDED
    assert "its target is http://127.0.0.1:9999" in decision.blocking[0].text


@pytest.mark.parametrize("engine", [Engine.EXTRACTIVE, Engine.REAL])
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.simulated])
def test_evidence_of_the_simulated_model_is_by_no_other_engine(
    spec: Spec, run: Run, at: datetime, kind: Kind, engine: Engine
) -> None:
    """What another engine wrote is no evidence of the simulated model, although the run's own engine may be that one."""
    foreign = replace(run[kind], context=replace(run[kind].context, engine=engine))
    decision = _decide(spec, run | {kind: foreign}, at)
    assert decision.readiness is Readiness.UNDECIDED
    assert f"its answers came from the {engine} engine" in decision.blocking[0].text


def test_a_step_that_was_cut_short_says_why(spec: Spec, run: Run, at: datetime) -> None:
    """The reason that the step wrote down is the decision's; without one it is said that there was none."""
    kind = Kind.LATENCY_SIMULATED
    for details, said in (({"stopped": "The simulator ended with status -9"}, "status -9"), ({}, "cut short")):
        cut = replace(run[kind], complete=False, details=details)
        decision = _decide(spec, run | {kind: cut}, at)
        assert decision.readiness is Readiness.UNDECIDED
        assert said in decision.blocking[0].text


def test_a_slow_simulated_model_is_no_go(spec: Spec, run: Run, at: datetime) -> None:
    """The build asks both engines: a broken limit of the simulated model is NO-GO however fast the other one is."""
    slow = _remeasured(spec, run, "latency-cell-simulated", p95([4.5] * 65), role="public", complexity="complex")
    decision = _decide(spec, slow, at)
    assert decision.readiness is Readiness.NO_GO
    assert decision.blocking[0].subject == "latency-cell-simulated"


def test_a_drill_has_a_stack_of_its_own(spec: Spec, run: Run, at: datetime) -> None:
    """The drill's target may differ, and the page says so."""
    assert run[Kind.DRILL].context.target != run[Kind.PROVENANCE].context.target
    assert any("stack of their own" in note for note in _decide(spec, run, at).notes)


@pytest.mark.parametrize("kind", [kind for kind in MEASURED if kind is not Kind.SLO])
def test_evidence_from_before_its_run_is_foreign(spec: Spec, run: Run, at: datetime, kind: Kind) -> None:
    """What was measured an hour before the run began, or after it ended, was measured in another one."""
    hour = timedelta(hours=1)
    anchor = run[Kind.PROVENANCE]
    early = replace(run[kind], started_at=run[kind].started_at - hour, ended_at=run[kind].ended_at - hour)
    over = replace(anchor, started_at=anchor.started_at - hour, ended_at=anchor.ended_at - hour)
    for changed in ({kind: early}, {Kind.PROVENANCE: over}):
        decision = _decide(spec, run | changed, at)
        assert decision.readiness is Readiness.UNDECIDED
        assert "not measured during the run" in decision.blocking[0].text


def test_without_usable_provenance_no_file_is_used(spec: Spec, run: Run, at: datetime) -> None:
    """Provenance that is cut short, or of a made-up run id, anchors nothing: not even a failure can be trusted to be of this run."""
    broken = _remeasured(spec, run, "load-max", p95([20.0] * 4000))
    cut = replace(run[Kind.PROVENANCE], complete=False)
    invented = replace(
        run[Kind.PROVENANCE], context=replace(run[Kind.PROVENANCE].context, run="20261120T211700Z-fffffff")
    )
    for anchor in (cut, invented):
        decision = _decide(spec, broken | {Kind.PROVENANCE: anchor}, at)
        assert decision.readiness is Readiness.UNDECIDED
        assert {row.verdict for row in decision.rows} == {Verdict.ERROR}
        assert not any(source.usable for source in decision.sources)
        assert decision.blocking[0].subject == "provenance"


def test_evidence_under_another_kind(spec: Spec, run: Run, at: datetime) -> None:
    """Load evidence in the place of latency evidence is not used."""
    decision = _decide(spec, run | {Kind.LATENCY: run[Kind.LOAD]}, at)
    assert decision.readiness is Readiness.UNDECIDED
    assert "it is load evidence" in decision.blocking[0].text


def test_age_is_judged_at_the_date(spec: Spec, run: Run, at: datetime) -> None:
    """The same evidence is GO today and stale in two days."""
    assert _decide(spec, run, at + timedelta(hours=20)).readiness is Readiness.GO
    assert _decide(spec, run, at + timedelta(days=2)).readiness is Readiness.UNDECIDED


def _value(item: Item) -> float:
    """The value, or 0 where an earlier alteration took it: an interval beside nothing is damage as well."""
    return 0.0 if item.measurement.value is None else item.measurement.value


ALTERATIONS: dict[str, Callable[[Item], Item | None]] = {
    "removed": lambda item: None,
    "another verdict": lambda item: replace(item, verdict=Verdict.FAIL),
    "inconclusive": lambda item: replace(item, verdict=Verdict.INCONCLUSIVE),
    "error": lambda item: replace(item, verdict=Verdict.ERROR, reason="the service was gone"),
    "another objective": lambda item: replace(item, objective=(item.objective or 0) + 1),
    "no objective": lambda item: replace(item, objective=None),
    "another unit": lambda item: replace(item, unit=Unit.SCORE if item.unit is not Unit.SCORE else Unit.COUNT),
    "no value": lambda item: replace(item, measurement=NOTHING),
    "no samples": lambda item: replace(item, measurement=replace(item.measurement, n=0)),
    "outside its interval": lambda item: replace(
        item, measurement=replace(item.measurement, interval=Interval(_value(item) + 1, _value(item) + 2, "observed"))
    ),
    "over its interval": lambda item: replace(
        item, measurement=replace(item.measurement, interval=Interval(None, _value(item) - 1, "observed"))
    ),
    "renamed gate": lambda item: replace(item, gate=item.gate + "x"),
    "other cell": lambda item: replace(item, labels=(*item.labels, ("zone", "x"))),
}


@pytest.mark.parametrize("alteration", list(ALTERATIONS))
def test_altering_any_one_item_is_never_go(spec: Spec, run: Run, at: datetime, alteration: str) -> None:
    """For each item of a GO run: removed, renamed, or with any of its words changed, the run is GO no more."""
    change = ALTERATIONS[alteration]
    for kind in MEASURED:
        for place, item in enumerate(run[kind].items):
            if not _asked(spec, item):
                continue
            altered = change(item)
            items = [*run[kind].items[:place], *([altered] if altered else []), *run[kind].items[place + 1 :]]
            decision = _decide(spec, run | {kind: replace(run[kind], items=tuple(items))}, at)
            assert decision.readiness is Readiness.UNDECIDED, (alteration, item.gate, item.labels)


@pytest.mark.parametrize("gate_id", ["acceptance", "load-success", "slo"])
def test_more_events_than_were_counted_are_noticed(spec: Spec, run: Run, at: datetime, gate_id: str) -> None:
    """A share with ten times its events, or with a better value, no longer has the bounds that follow from it."""
    for change in (
        lambda found: replace(found, n=found.n * 10),
        lambda found: replace(found, value=1 - 0.5 / found.n),
        lambda found: replace(found, value=1 - 1 / found.n),
    ):
        forged = _swap(
            run,
            spec.gate(gate_id).kind,
            lambda item, change=change: replace(item, measurement=change(item.measurement)),  # type: ignore[misc]  # the default binds the loop variable
            where=lambda item: item.gate == gate_id,
        )
        assert _decide(spec, forged, at).readiness is not Readiness.GO


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.PROVENANCE])
def test_evidence_names_all_that_the_run_was_measured_with(spec: Spec, run: Run, at: datetime, kind: Kind) -> None:
    """Evidence that does not tell its corpus, where the provenance does, may be of another one."""
    context = run[kind].context
    silent = replace(run[kind], context=replace(context, hashes={"spec": context.hashes["spec"]}))
    decision = _decide(spec, run | {kind: silent}, at)
    assert decision.readiness is Readiness.UNDECIDED
    assert any("its hash of corpus is not told" in source.reason for source in decision.sources)


def test_a_second_item_for_one_cell_is_an_error(spec: Spec, run: Run, at: datetime) -> None:
    """Two measurements of one cell: nobody knows which holds, not even when both pass."""
    for kind in MEASURED:
        for item in run[kind].items:
            if not _asked(spec, item):
                continue
            doubled = replace(run[kind], items=(*run[kind].items, item))
            assert _decide(spec, run | {kind: doubled}, at).readiness is Readiness.UNDECIDED


def test_breaking_any_one_contract_is_no_go(spec: Spec, run: Run, at: datetime) -> None:
    """Each contract alone, clearly broken, makes the build NO-GO, and the reason leads the list."""
    for gate in spec.gates:
        if Phase.BUILD not in gate.requirements:
            continue
        bad = {
            Unit.RATIO: ratio(1000, 4000),
            Unit.COUNT: Measurement(0.0, 4000),
            Unit.SECONDS: p95([1000.0] * 4000),
        }[gate.unit]
        for key in gate.cells:
            decision = _decide(spec, _remeasured(spec, run, gate.id, bad, **dict(key)), at)
            assert decision.readiness is Readiness.NO_GO, (gate.id, key)
            assert decision.blocking[0].subject == gate.id
            assert decision.why.startswith("A requirement is broken.")


DAMAGE = st.tuples(
    st.sampled_from(MEASURED),
    st.booleans(),
    st.integers(min_value=0, max_value=60),
    st.sampled_from(sorted(ALTERATIONS)),
)


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of the run: the damage behind it is what counts
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(DAMAGE, min_size=1, max_size=4))
def test_any_mixture_of_damage_is_never_go(
    spec: Spec, run: Run, at: datetime, damage: list[tuple[Kind, bool, int, str]]
) -> None:
    """Several pieces removed or altered at once never add up to GO."""
    known = {gate.id for gate in spec.gates}
    broken = dict(run)
    for kind, lost, number, alteration in damage:
        items = broken[kind].items if kind in broken else ()
        asked = [place for place, item in enumerate(items) if item.gate in known and _asked(spec, item)]
        if lost or not asked:
            broken.pop(kind, None)
            continue
        place = asked[number % len(asked)]
        altered = ALTERATIONS[alteration](items[place])
        new = (*items[:place], *((altered,) if altered else ()), *items[place + 1 :])
        broken[kind] = replace(broken[kind], items=new)
    assume(broken != run)  # the same piece altered twice may be whole again
    assert _decide(spec, broken, at).readiness is not Readiness.GO


# --- rows ---


def test_a_disagreement_is_told(spec: Spec, run: Run, at: datetime) -> None:
    """A recorded PASS whose numbers say FAIL is ERROR, and says what disagrees."""
    slow = _remeasured(spec, run, "load-max", p95([20.0] * 4000))
    lied = _swap(
        slow, Kind.LOAD, lambda item: replace(item, verdict=Verdict.PASS), where=lambda item: item.gate == "load-max"
    )
    decision = _decide(spec, lied, at)
    assert decision.readiness is Readiness.UNDECIDED
    assert _row(decision, "load-max").reason == "disagrees: recorded as PASS, its numbers say FAIL"


def test_an_unmeasured_item_keeps_its_reason(spec: Spec, run: Run, at: datetime) -> None:
    """ERROR stays ERROR with the reason of whoever could not measure."""
    gate = spec.gate("drill-cycle")
    broken = _swap(
        run,
        Kind.DRILL,
        lambda item: unmeasured(gate, dict(item.labels), "no Prometheus here"),
        where=lambda item: item.gate == gate.id,
    )
    decision = _decide(spec, broken, at)
    assert decision.readiness is Readiness.UNDECIDED
    row = _row(decision, "drill-cycle", drill="database-locked")
    assert (row.verdict, row.reason, row.strength) == (Verdict.ERROR, "no Prometheus here", None)


def test_a_row_says_how_far_it_is_from_its_contract(spec: Spec, run: Run, at: datetime) -> None:
    """The margin is positive on the good side, for limits and for least values."""
    changed = _remeasured(spec, run, "load-max", p95([20.0] * 4000))
    decision = _decide(spec, changed, at)
    assert _row(decision, "load-max").margin == pytest.approx(-5.0)
    assert _row(decision, "load-success").margin == pytest.approx(0.001)
    assert _row(decision, "tool-results", tool="LegalRetriever").margin == pytest.approx(2.0)


def test_too_few_samples_say_how_many_more(spec: Spec, run: Run, at: datetime) -> None:
    """A cell with 50 samples is INCONCLUSIVE, and 9 more are needed."""
    few = _remeasured(spec, run, "latency-cell", p95([0.1] * 50), role="judge", complexity="simple")
    decision = _decide(spec, few, at)
    assert decision.readiness is Readiness.UNDECIDED
    row = _row(decision, "latency-cell", role="judge", complexity="simple")
    assert (row.verdict, row.more_needed) == (Verdict.INCONCLUSIVE, 9)
    assert "9 more needed" in decision.blocking[0].text
    assert decision.blocking[0].cells == ("judge · simple",)


def test_cells_of_one_gate_are_one_reason(spec: Spec, run: Run, at: datetime) -> None:
    """Three slow cells are one line that names the first and counts the rest."""
    slow = _remeasured(spec, run, "latency-cell", p95([30.0] * 100), role="judge")
    (reason,) = _decide(spec, slow, at).blocking
    assert reason.cells == ("judge · simple", "judge · medium", "judge · complex")
    assert reason.text.startswith("3 cells, first judge · simple: FAIL")


def test_weak_passes_are_listed(spec: Spec, run: Run, at: datetime) -> None:
    """What passes on weak evidence is GO for the build, listed, and lacks strength for the next phase."""
    samples = [0.1] * 95 + [30.0] * 5
    weak = _remeasured(spec, run, "latency-cell", p95(samples), role="judge", complexity="complex")
    decision = _decide(spec, weak, at)
    assert decision.readiness is Readiness.GO
    assert "latency-cell judge · complex" in decision.weak
    assert _row(decision, "latency-cell", role="judge", complexity="complex").strength is Strength.WEAK
    assert decision.next_phase is not None
    assert "latency-cell" in [reason.subject for reason in decision.next_phase.lacks]


def test_the_warning_band_is_conditional(spec: Spec, run: Run, at: datetime) -> None:
    """A p95 that uses more than 90 % of its limit makes the decision CONDITIONAL."""
    close = _remeasured(spec, run, "latency-cell", p95([7.5] * 100), role="judge", complexity="complex")
    decision = _decide(spec, close, at)
    assert decision.readiness is Readiness.CONDITIONAL
    assert "in the warning band" in decision.blocking[0].text


def test_what_the_spec_does_not_know_is_shown_and_never_helps(spec: Spec, run: Run, at: datetime) -> None:
    """An item of an unknown gate, or in the wrong kind of evidence, is a stranger."""
    stranger = replace(run[Kind.UAT].items[0], gate="vibes")
    misplaced = run[Kind.LOAD].items[0]
    del run[Kind.LOAD]
    run[Kind.UAT] = replace(run[Kind.UAT], items=(*run[Kind.UAT].items, stranger, misplaced))
    decision = _decide(spec, run, at)
    assert [(one.kind, one.gate) for one in decision.strangers] == [(Kind.UAT, "vibes"), (Kind.UAT, misplaced.gate)]
    assert decision.readiness is Readiness.UNDECIDED


def test_a_failure_outranks_what_is_missing(spec: Spec, run: Run, at: datetime) -> None:
    """NO-GO comes before UNDECIDED: a broken contract is certain, whatever else is lacking."""
    broken = _remeasured(spec, run, "load-max", p95([20.0] * 4000))
    del broken[Kind.DRILL]
    decision = _decide(spec, broken, at)
    assert decision.readiness is Readiness.NO_GO
    assert [reason.leads_to for reason in decision.blocking] == [Readiness.NO_GO, Readiness.UNDECIDED]


def test_a_loosened_spec_is_another_spec(spec: Spec, run: Run, at: datetime) -> None:
    """Evidence of the old spec does not carry a loosened one: the hash differs, and so would the objective."""
    loose = parse_spec(spec.source.replace(b"at_most: 15s", b"at_most: 90s"), "loose.yaml")
    assert _decide(loose, run, at).readiness is Readiness.UNDECIDED


# --- waivers ---


def _waiver(gate: str, at: datetime, **more: Any) -> Waiver:
    given: dict[str, Any] = {
        "reason": "known, and mended in the next release",
        "approver": "Head of operations",
        "approved_on": at.date() - timedelta(days=3),
        "expires_on": at.date() + timedelta(days=3),
    }
    return Waiver(gate, **(given | more))


@pytest.fixture
def slow(spec: Spec, run: Run) -> Run:
    """A run whose slowest answer under load broke its limit."""
    return _remeasured(spec, run, "load-max", p95([20.0] * 4000))


def test_a_waiver_makes_a_failure_conditional(spec: Spec, slow: Run, at: datetime) -> None:
    """The failure stays counted and shown; the decision is CONDITIONAL, never GO."""
    decision = _decide(spec, slow, at, waivers=(_waiver("load-max", at),))
    assert decision.readiness is Readiness.CONDITIONAL
    row = _row(decision, "load-max")
    assert (row.verdict, row.waived) == (Verdict.FAIL, True)
    assert [(one.state, one.covers) for one in decision.waivers] == [("active", 1)]


def test_a_waiver_covers_an_inconclusive_item(spec: Spec, run: Run, at: datetime) -> None:
    """Too few samples may be answered for too."""
    few = _remeasured(spec, run, "latency-mean", p95([0.1] * 5), complexity="simple")
    decision = _decide(spec, few, at, waivers=(_waiver("latency-mean", at),))
    assert decision.readiness is Readiness.CONDITIONAL


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"expires_on": date(2026, 11, 19), "approved_on": date(2026, 11, 1)}, "expired"),
        ({"approved_on": date(2026, 11, 21), "expires_on": date(2026, 11, 30)}, "not yet approved"),
        ({"labels": {"role": "judge"}}, "not asked"),
    ],
)
def test_a_waiver_out_of_its_time_or_place_does_nothing(
    spec: Spec, slow: Run, at: datetime, change: dict[str, Any], state: str
) -> None:
    """Expired, not yet approved, or about another cell: the failure stays a failure."""
    decision = _decide(spec, slow, at, waivers=(_waiver("load-max", at, **change),))
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
    decision = _decide(spec, run, at, waivers=(_waiver("load-max", at),))
    assert decision.readiness is Readiness.CONDITIONAL
    assert "withdraw it" in decision.waivers[0].note


def test_a_waiver_never_stands_in_for_evidence(spec: Spec, run: Run, at: datetime) -> None:
    """Missing, damaged or unplaced evidence cannot be waived."""
    waivers = tuple(_waiver(gate.id, at) for gate in spec.gates)
    for kind in Kind:
        rest = {other: evidence for other, evidence in run.items() if other is not kind}
        assert _decide(spec, rest, at, waivers=waivers).readiness is Readiness.UNDECIDED


def test_a_waiver_never_covers_what_could_not_be_measured(spec: Spec, run: Run, at: datetime) -> None:
    """An item that is ERROR, as recorded or because it contradicts itself, stays UNDECIDED under any waiver."""
    gate = spec.gate("load-max")
    waiver = _waiver("load-max", at)
    failed = _swap(run, gate.kind, lambda _: unmeasured(gate, {}, "cut off"), where=lambda item: item.gate == gate.id)
    forged = _swap(run, gate.kind, lambda item: replace(item, objective=99.0), where=lambda item: item.gate == gate.id)
    for broken in (failed, forged):
        assert _decide(spec, broken, at, waivers=(waiver,)).readiness is Readiness.UNDECIDED


def test_a_waiver_for_nothing_known_is_refused(spec: Spec, slow: Run, at: datetime) -> None:
    """A waiver for a gate that does not exist is shown as refused."""
    decision = _decide(spec, slow, at, waivers=(_waiver("load-maximum", at),))
    assert decision.readiness is Readiness.NO_GO
    assert (decision.waivers[0].state, decision.waivers[0].note) == ("refused", "the spec has no such gate")


def test_some_gates_are_beyond_waivers(spec: Spec, slow: Run, at: datetime) -> None:
    """A gate that the spec calls not waivable stays broken."""
    gates = tuple(replace(gate, waivable=gate.id != "load-max") for gate in spec.gates)
    decision = _decide(replace(spec, gates=gates), slow, at, waivers=(_waiver("load-max", at),))
    assert decision.readiness is Readiness.NO_GO
    assert decision.waivers[0].state == "refused"


# --- what later phases demand ---


def test_demonstration_documents_are_no_go_later(spec: Spec, at: datetime, evidence_of: Callable[..., Run]) -> None:
    """One demonstration or unverified document in the index makes any later phase NO-GO."""
    for corpus in ({"demo": 1}, {"unverified": 1}, {"documents": 0}):
        run = evidence_of(spec, engine=Engine.REAL, corpus=CLEAN | corpus)
        for phase in (Phase.SOFT, Phase.CONTROLLED, Phase.PUBLIC):
            decision = _decide(spec, run, at, phase)
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
    demand = next(one for one in _decide(spec, run, at, Phase.SOFT).demands if one.id == "real-documents")
    assert demand.verdict is None


@pytest.mark.parametrize("engine", [Engine.EXTRACTIVE, Engine.SIMULATED])
def test_only_a_real_engine_carries_a_launch(
    spec: Spec, at: datetime, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...], engine: Engine
) -> None:
    """Extractive and simulated answers leave a soft launch UNDECIDED, with the real model first."""
    run = evidence_of(spec, engine=engine, corpus=CLEAN)
    decision = _decide(spec, run, at, Phase.SOFT, checklists=_signed(checklists, at))
    assert decision.readiness is Readiness.UNDECIDED
    assert [reason.subject for reason in decision.blocking] == ["real-engine"]


def test_a_dirty_checkout_carries_no_launch(
    spec: Spec, at: datetime, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...]
) -> None:
    """A soft launch needs a commit that others can look at."""
    run = evidence_of(spec, engine=Engine.REAL, corpus=CLEAN, dirty=True)
    decision = _decide(spec, run, at, Phase.SOFT, checklists=_signed(checklists, at))
    assert decision.readiness is Readiness.UNDECIDED
    assert [reason.subject for reason in decision.blocking] == ["clean-commit"]


def test_without_provenance_every_demand_is_open(spec: Spec, run: Run, at: datetime) -> None:
    """No provenance: no engine, no documents, no commit, no window is known."""
    del run[Kind.PROVENANCE]
    decision = _decide(spec, run, at, Phase.PUBLIC)
    assert {demand.verdict for demand in decision.demands} == {None}


def test_an_unsigned_item_keeps_its_checklist_open(
    spec: Spec, at: datetime, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...]
) -> None:
    """One item without signature leaves the phase UNDECIDED and is named."""
    run = evidence_of(spec, engine=Engine.REAL, corpus=CLEAN)
    signed = _signed(checklists, at)
    for checklist in (one for one in signed if one.id in {"technical", "operational"}):
        for place, item in enumerate(checklist.items):
            if not item.sign_off:
                continue
            items = (*checklist.items[:place], replace(item, owner=""), *checklist.items[place + 1 :])
            opened = tuple(replace(one, items=items) if one.id == checklist.id else one for one in signed)
            decision = _decide(spec, run, at, Phase.SOFT, checklists=opened)
            assert decision.readiness is Readiness.UNDECIDED
            assert item.text in decision.blocking[0].text


def test_a_checklist_that_is_not_there_is_open(spec: Spec, at: datetime, evidence_of: Callable[..., Run]) -> None:
    """A phase that asks for a checklist nobody wrote is UNDECIDED."""
    decision = _decide(spec, evidence_of(spec, engine=Engine.REAL, corpus=CLEAN), at, Phase.SOFT)
    assert decision.readiness is Readiness.UNDECIDED
    assert "there is no checklist 'technical'" in decision.blocking[0].text


def test_an_automatic_item_follows_its_gates(
    spec: Spec, slow: Run, at: datetime, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...]
) -> None:
    """`Performance benchmarks are met` is shown while its gates pass and open when one of them does not."""

    def state(run: Run) -> Any:
        checks = _decide(spec, run, at, checklists=checklists).checks
        return next(check for check in checks if check.id == "performance")

    assert state(evidence_of(spec)).verdict is Verdict.PASS
    assert state(slow).verdict is None
    assert "gate load-max: 0 of 1 pass" in state(slow).reason


def test_one_slow_cell_opens_the_item_that_rests_on_its_gate(
    spec: Spec, run: Run, at: datetime, checklists: tuple[Checklist, ...]
) -> None:
    """Fourteen of fifteen fast cells are not enough to call the benchmarks met."""
    slow = _remeasured(spec, run, "latency-cell", p95([30.0] * 80), role="judge", complexity="complex")
    checks = _decide(spec, slow, at, checklists=checklists).checks
    found = next(check for check in checks if check.id == "performance")
    assert found.verdict is None
    assert "gate latency-cell: 14 of 15 pass" in found.reason


def test_a_gate_that_is_not_asked_shows_nothing(
    spec: Spec, run: Run, at: datetime, checklists: tuple[Checklist, ...]
) -> None:
    """An item that rests on a gate which this phase does not ask stays open."""
    item = replace(checklists[0].items[0], gates=("satisfaction",), sign_off=False)
    decision = _decide(spec, run, at, checklists=(replace(checklists[0], items=(item,)),))
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


def test_a_waiver_on_acceptance_covers_no_security_scenario(spec: Spec, run: Run, at: datetime) -> None:
    """A security scenario that fails is NO-GO even where somebody answers for the acceptance share, and for the gate itself."""
    broken = _remeasured(spec, _remeasured(spec, run, "acceptance", ratio(59, 60)), "security", ratio(3, 4))
    decision = _decide(spec, broken, at, waivers=(_waiver("acceptance", at), _waiver("security", at)))
    assert decision.readiness is Readiness.NO_GO
    assert [(one.gate, one.state) for one in decision.waivers] == [("acceptance", "active"), ("security", "refused")]
    assert decision.blocking[0].subject == "security"
