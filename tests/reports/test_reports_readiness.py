"""The decision: what is GO, and everything that is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reports.checklist import Checklist
from reports.readiness import decide
from reports.trust import EvidenceSet
from slo.evidence import Evidence, Item
from slo.spec import Engine, Kind, Phase, Spec, Unit
from slo.statistics import NOTHING, Interval, Measurement, p95, ratio
from slo.verdict import Readiness, Verdict
from tests.reports.deciding import CLEAN, Run, all_signed, decided, remeasured, swapped

# --- GO ---


def test_a_whole_good_run_is_go(spec: Spec, run: Run, at: datetime) -> None:
    """Every item of every gate of the build passes: GO, nothing blocks, and the sentence counts them."""
    decision = decided(spec, run, at)
    assert decision.readiness is Readiness.GO
    assert decision.blocking == ()
    assert decision.why == "All 103 items of 23 gates keep their contract for phase build."
    assert {row.verdict for row in decision.rows} == {Verdict.PASS}
    assert decision.engine is Engine.EXTRACTIVE


def test_the_next_phase_lacks_a_real_model_first(
    spec: Spec, run: Run, at: datetime, checklists: tuple[Checklist, ...]
) -> None:
    """An extractive run is GO for the build; atop of what a soft launch lacks stands the latency with a real model."""
    outlook = decided(spec, run, at, checklists=checklists).next_phase
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
    decision = decided(spec, evidence_of(spec, dirty=True), at)
    assert decision.readiness is Readiness.GO
    assert decision.dirty is True
    assert any("local changes" in note for note in decision.notes)


def test_everything_signed_and_real_is_go_for_a_soft_launch(
    spec: Spec, at: datetime, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...]
) -> None:
    """With a real engine, verified documents, a clean commit and signed checklists a soft launch is GO."""
    run = evidence_of(spec, engine=Engine.REAL, corpus=CLEAN)
    decision = decided(spec, run, at, Phase.SOFT, checklists=all_signed(checklists, at))
    assert decision.readiness is Readiness.GO, decision.why
    assert decision.next_phase is not None
    assert {reason.subject for reason in decision.next_phase.lacks} == {"slo-window"}


def test_days_of_slos_are_asked_later(
    spec: Spec, at: datetime, evidence_of: Callable[..., Run], checklists: tuple[Checklist, ...]
) -> None:
    """A controlled rollout needs seven days of measured SLOs; with them, and all the rest, it is GO, and public lacks the rest of 14."""
    run = evidence_of(spec, engine=Engine.REAL, corpus=CLEAN)
    run[Kind.SLO] = replace(run[Kind.SLO], started_at=run[Kind.SLO].ended_at - timedelta(days=7))
    decision = decided(spec, run, at, Phase.CONTROLLED, checklists=all_signed(checklists, at))
    assert decision.readiness is Readiness.GO, decision.why
    public = decided(spec, run, at, Phase.PUBLIC, checklists=all_signed(checklists, at))
    assert public.readiness is Readiness.UNDECIDED
    assert public.next_phase is None
    assert public.blocking[0].text == "measured over 7 days so far"


# --- never GO ---


def _asked(spec: Spec, item: Item) -> bool:
    return Phase.BUILD in spec.gate(item.gate).requirements


MEASURED = tuple(kind for kind in Kind if kind is not Kind.PROVENANCE)


@pytest.mark.parametrize("kind", list(Kind))
def test_without_any_one_kind_it_is_never_go(spec: Spec, run: Run, at: datetime, kind: Kind) -> None:
    """Each kind of evidence is needed, provenance too."""
    del run[kind]
    decision = decided(spec, run, at)
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
        decision = decided(spec, {}, at, phase)
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
        decision = decided(spec, run | {kind: change(run[kind])}, at)
        assert decision.readiness is Readiness.UNDECIDED, kind
        assert said in " ".join(source.reason for source in decision.sources)


@pytest.mark.parametrize("kind", [kind for kind in MEASURED if kind is not Kind.DRILL and not kind.simulated])
def test_another_target_is_foreign(spec: Spec, run: Run, at: datetime, kind: Kind) -> None:
    """Numbers of another address say nothing about this one."""
    foreign = replace(run[kind], context=replace(run[kind].context, target="http://127.0.0.1:9999"))
    decision = decided(spec, run | {kind: foreign}, at)
    assert decision.readiness is Readiness.UNDECIDED
    assert "its target is http://127.0.0.1:9999" in decision.blocking[0].text


@pytest.mark.parametrize("engine", [Engine.EXTRACTIVE, Engine.REAL])
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.simulated])
def test_evidence_of_the_simulated_model_is_by_no_other_engine(
    spec: Spec, run: Run, at: datetime, kind: Kind, engine: Engine
) -> None:
    """What another engine wrote is no evidence of the simulated model, although the run's own engine may be that one."""
    foreign = replace(run[kind], context=replace(run[kind].context, engine=engine))
    decision = decided(spec, run | {kind: foreign}, at)
    assert decision.readiness is Readiness.UNDECIDED
    assert f"its answers came from the {engine} engine" in decision.blocking[0].text


def test_a_step_that_was_cut_short_says_why(spec: Spec, run: Run, at: datetime) -> None:
    """The reason that the step wrote down is the decision's; without one it is said that there was none."""
    kind = Kind.LATENCY_SIMULATED
    for details, said in (({"stopped": "The simulator ended with status -9"}, "status -9"), ({}, "cut short")):
        cut = replace(run[kind], complete=False, details=details)
        decision = decided(spec, run | {kind: cut}, at)
        assert decision.readiness is Readiness.UNDECIDED
        assert said in decision.blocking[0].text


def test_a_slow_simulated_model_is_no_go(spec: Spec, run: Run, at: datetime) -> None:
    """The build asks both engines: a broken limit of the simulated model is NO-GO however fast the other one is."""
    slow = remeasured(spec, run, "latency-cell-simulated", p95([4.5] * 65), role="public", complexity="complex")
    decision = decided(spec, slow, at)
    assert decision.readiness is Readiness.NO_GO
    assert decision.blocking[0].subject == "latency-cell-simulated"


def test_a_drill_has_a_stack_of_its_own(spec: Spec, run: Run, at: datetime) -> None:
    """The drill's target may differ, and the page says so."""
    assert run[Kind.DRILL].context.target != run[Kind.PROVENANCE].context.target
    assert any("stack of their own" in note for note in decided(spec, run, at).notes)


@pytest.mark.parametrize("kind", [kind for kind in MEASURED if kind is not Kind.SLO])
def test_evidence_from_before_its_run_is_foreign(spec: Spec, run: Run, at: datetime, kind: Kind) -> None:
    """What was measured an hour before the run began, or after it ended, was measured in another one."""
    hour = timedelta(hours=1)
    anchor = run[Kind.PROVENANCE]
    early = replace(run[kind], started_at=run[kind].started_at - hour, ended_at=run[kind].ended_at - hour)
    over = replace(anchor, started_at=anchor.started_at - hour, ended_at=anchor.ended_at - hour)
    for changed in ({kind: early}, {Kind.PROVENANCE: over}):
        decision = decided(spec, run | changed, at)
        assert decision.readiness is Readiness.UNDECIDED
        assert "not measured during the run" in decision.blocking[0].text


def test_without_usable_provenance_no_file_is_used(spec: Spec, run: Run, at: datetime) -> None:
    """Provenance that is cut short, or of a made-up run id, anchors nothing: not even a failure can be trusted to be of this run."""
    broken = remeasured(spec, run, "load-max", p95([20.0] * 4000))
    cut = replace(run[Kind.PROVENANCE], complete=False)
    invented = replace(
        run[Kind.PROVENANCE], context=replace(run[Kind.PROVENANCE].context, run="20261120T211700Z-fffffff")
    )
    for anchor in (cut, invented):
        decision = decided(spec, broken | {Kind.PROVENANCE: anchor}, at)
        assert decision.readiness is Readiness.UNDECIDED
        assert {row.verdict for row in decision.rows} == {Verdict.ERROR}
        assert not any(source.usable for source in decision.sources)
        assert decision.blocking[0].subject == "provenance"


def test_evidence_under_another_kind(spec: Spec, run: Run, at: datetime) -> None:
    """Load evidence in the place of latency evidence is not used."""
    decision = decided(spec, run | {Kind.LATENCY: run[Kind.LOAD]}, at)
    assert decision.readiness is Readiness.UNDECIDED
    assert "it is load evidence" in decision.blocking[0].text


def test_age_is_judged_at_the_date(spec: Spec, run: Run, at: datetime) -> None:
    """The same evidence is GO today and stale in two days."""
    assert decided(spec, run, at + timedelta(hours=20)).readiness is Readiness.GO
    assert decided(spec, run, at + timedelta(days=2)).readiness is Readiness.UNDECIDED


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


def _ends_of_gates(spec: Spec, items: Sequence[Item]) -> list[int]:
    """Where the first and the last item of each gate of the build stand: the cells of a gate differ by their labels only."""
    places: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        if _asked(spec, item):
            places.setdefault(item.gate, []).append(place)
    return sorted({end for of_gate in places.values() for end in (of_gate[0], of_gate[-1])})


@pytest.mark.parametrize("alteration", list(ALTERATIONS))
def test_altering_any_one_item_is_never_go(spec: Spec, run: Run, at: datetime, alteration: str) -> None:
    """For the first and last item of each gate of a GO run (below, any): removed, renamed, any word changed, the run is GO no more."""
    change = ALTERATIONS[alteration]
    for kind in MEASURED:
        for place in _ends_of_gates(spec, run[kind].items):
            item = run[kind].items[place]
            altered = change(item)
            items = [*run[kind].items[:place], *([altered] if altered else []), *run[kind].items[place + 1 :]]
            decision = decided(spec, run | {kind: replace(run[kind], items=tuple(items))}, at)
            assert decision.readiness is Readiness.UNDECIDED, (alteration, item.gate, item.labels)


@pytest.mark.parametrize("gate_id", ["acceptance", "load-success", "slo"])
def test_more_events_than_were_counted_are_noticed(spec: Spec, run: Run, at: datetime, gate_id: str) -> None:
    """A share with ten times its events, or with a better value, no longer has the bounds that follow from it."""
    for change in (
        lambda found: replace(found, n=found.n * 10),
        lambda found: replace(found, value=1 - 0.5 / found.n),
        lambda found: replace(found, value=1 - 1 / found.n),
    ):
        forged = swapped(
            run,
            spec.gate(gate_id).kind,
            lambda item, change=change: replace(item, measurement=change(item.measurement)),  # type: ignore[misc]  # the default binds the loop variable
            where=lambda item: item.gate == gate_id,
        )
        assert decided(spec, forged, at).readiness is not Readiness.GO


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.PROVENANCE])
def test_evidence_names_all_that_the_run_was_measured_with(spec: Spec, run: Run, at: datetime, kind: Kind) -> None:
    """Evidence that does not tell its corpus, where the provenance does, may be of another one."""
    context = run[kind].context
    silent = replace(run[kind], context=replace(context, hashes={"spec": context.hashes["spec"]}))
    decision = decided(spec, run | {kind: silent}, at)
    assert decision.readiness is Readiness.UNDECIDED
    assert any("its hash of corpus is not told" in source.reason for source in decision.sources)


def test_a_second_item_for_one_cell_is_an_error(spec: Spec, run: Run, at: datetime) -> None:
    """Two measurements of one cell: nobody knows which holds, not even when both pass."""
    for kind in MEASURED:
        for place in _ends_of_gates(spec, run[kind].items):
            doubled = replace(run[kind], items=(*run[kind].items, run[kind].items[place]))
            assert decided(spec, run | {kind: doubled}, at).readiness is Readiness.UNDECIDED


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
            decision = decided(spec, remeasured(spec, run, gate.id, bad, **dict(key)), at)
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
    assert decided(spec, broken, at).readiness is not Readiness.GO
