"""The decision: is this build ready for a phase? A pure function of spec, evidence, date, waivers and checklists.

NO-GO when something required is broken; else UNDECIDED when something is missing, inconclusive or wrong; else CONDITIONAL when
a waiver is active or a value lies in its warning band; else GO. Nothing that is missing, stale, partial or foreign ever helps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from reports.checklist import Checklist
from reports.decision import (
    CheckState,
    Decision,
    Demand,
    PhaseOutlook,
    Reason,
    Row,
    Source,
    Stranger,
    WaiverState,
    cell_text,
)
from reports.demands import REAL_ENGINE, check_states, demands_of, other_commit
from reports.score import score_reasons, weighted_score
from reports.trust import EvidenceSet, sources
from reports.waivers import Waiver
from slo.errors import InvalidInput, Problem
from slo.evidence import Evidence, Item
from slo.quantities import how_many
from slo.spec import Cell, Direction, Gate, Kind, Phase, Spec
from slo.statistics import NOTHING, Measurement, contradiction
from slo.verdict import Judgement, Readiness, Strength, Verdict, judge

_ORDER = (Readiness.NO_GO, Readiness.UNDECIDED, Readiness.CONDITIONAL, Readiness.GO)
_WAIVABLE = (Verdict.FAIL, Verdict.INCONCLUSIVE)


_Place = tuple[Kind, str, Cell]
"""Where an item belongs: kind of evidence, gate, cell."""


@dataclass(frozen=True, slots=True)
class _Assessment:
    readiness: Readiness
    why: str
    reasons: tuple[Reason, ...]
    rows: tuple[Row, ...]
    demands: tuple[Demand, ...]
    checks: tuple[CheckState, ...]
    waivers: tuple[WaiverState, ...]
    score: float | None


@dataclass(frozen=True, slots=True)
class _Case:
    """What a decision rests on, the same for every phase."""

    spec: Spec
    sources: Mapping[Kind, Source]
    usable: Mapping[Kind, Evidence]
    items: Mapping[_Place, list[Item]]
    at: datetime
    waivers: Sequence[Waiver]
    checklists: Sequence[Checklist]


@dataclass(frozen=True, slots=True)
class _Asked:
    gate: Gate
    key: Cell
    phase: Phase


def decide(
    spec: Spec,
    files: EvidenceSet,
    phase: Phase,
    at: datetime,
    *,
    waivers: Sequence[Waiver] = (),
    checklists: Sequence[Checklist] = (),
) -> Decision:
    """Decide for one phase, and say what the following one would lack.

    Age, waivers and signatures are judged for the time `at`, which has a time zone.

    Raises:
        InvalidInput: The spec has no phases: it is that of a service whose readiness is not decided here.
    """
    if not spec.phases or not spec.gates:
        said = f"the spec of {spec.service} has no phases and gates, so there is no readiness to decide"
        raise InvalidInput(
            (Problem("spec", None, "phases", said, "add 'phases' and 'gates', as in slo/specs/courtsight.yaml"),)
        )
    found = sources(spec, files, at)
    usable = {kind: files.evidence[kind] for kind, source in found.items() if source.usable}
    case = _Case(spec, found, usable, _placed(usable), at, waivers, checklists)
    here = _assess(case, phase)
    anchor = usable.get(Kind.PROVENANCE)
    context = None if anchor is None else anchor.context
    return Decision(
        readiness=here.readiness,
        phase=phase,
        phase_title=spec.phases[phase].title,
        service=spec.service,
        deployment=spec.deployment,
        engine=None if context is None else context.engine,
        run="" if context is None else context.run,
        commit="" if context is None else context.commit,
        dirty=None if context is None else context.dirty,
        at=at,
        why=here.why,
        blocking=here.reasons,
        rows=here.rows,
        demands=here.demands,
        checks=_all_checks(case, here),
        waivers=here.waivers,
        sources=tuple(found.values()),
        strangers=_strangers(case),
        weak=tuple(_name(row) for row in here.rows if row.verdict is Verdict.PASS and row.strength is Strength.WEAK),
        notes=_notes(case, here.rows),
        next_phase=_outlook(case, phase),
        score=here.score,
    )


def _assess(case: _Case, phase: Phase) -> _Assessment:
    judged = [row for gate in case.spec.gates for row in _rows(case, gate, phase)]
    rows = tuple(replace(row, waived=True) if _is_waived(case, row) else row for row in judged)
    asked = case.spec.phases[phase]
    checks = check_states(asked.checklists, case.checklists, rows, case.at)
    demands = demands_of(asked, case.usable.get(Kind.PROVENANCE), case.usable.get(Kind.SLO), checks)
    waivers = tuple(_waiver_state(case, waiver, rows) for waiver in case.waivers)
    score = weighted_score(case.spec, rows)
    found = [*_file_reasons(case, rows), *_row_reasons(case, rows), *map(_demand_reason, demands)]
    reasons = _in_order([*found, *score_reasons(case.spec.score, score, rows)], waivers)
    readiness = next((word for word in _ORDER if any(reason.leads_to is word for reason in reasons)), Readiness.GO)
    return _Assessment(readiness, _why(readiness, phase, rows, reasons), reasons, rows, demands, checks, waivers, score)


def _outlook(case: _Case, phase: Phase) -> PhaseOutlook | None:
    following = phase.following
    if following is None:
        return None
    there = _assess(case, following)
    return PhaseOutlook(following, case.spec.phases[following].title, there.readiness, there.why, there.reasons)


# --- rows ---


def _rows(case: _Case, gate: Gate, phase: Phase) -> list[Row]:
    if gate.requirement(phase) is None:
        return []
    return [_row(case, _Asked(gate, key, phase)) for key in gate.cells]


def _row(case: _Case, asked: _Asked) -> Row:
    gate, key = asked.gate, asked.key
    source = case.sources[gate.kind]
    if not source.usable:
        return _unjudged(asked, NOTHING, None if source.missing else Verdict.ERROR, source.reason)
    items = case.items.get((gate.kind, gate.id, key))
    if not items:
        return _unjudged(asked, NOTHING, None, f"the {gate.kind} evidence has no such item")
    item = items[0]
    if trouble := _trouble(gate, key, items):
        return _unjudged(asked, item.measurement, Verdict.ERROR, trouble)
    judgement = judge(gate, key, asked.phase, item.measurement)
    return _filled(asked, item.measurement, judgement, judgement.verdict)


def _placed(usable: Mapping[Kind, Evidence]) -> dict[_Place, list[Item]]:
    placed: dict[_Place, list[Item]] = {}
    for kind, evidence in usable.items():
        for item in evidence.items:
            placed.setdefault((kind, item.gate, item.labels), []).append(item)
    return placed


def _trouble(gate: Gate, key: Cell, items: Sequence[Item]) -> str:
    """Why the items of one cell cannot be judged; empty when they can."""
    item = items[0]
    if len(items) > 1:
        return f"measured {len(items)} times over: which holds?"
    if item.verdict is Verdict.ERROR:
        return item.reason or "could not be measured"
    return _disagreement(gate, key, item)


def _disagreement(gate: Gate, key: Cell, item: Item) -> str:
    """Where an item contradicts the spec or its own numbers; evidence is judged for the first phase that asks."""
    first = next(phase for phase in Phase if phase in gate.requirements)
    contract = float(gate.requirements[first].contract[key])
    if item.unit != gate.unit:
        return f"disagrees: measured in {item.unit}, the gate is in {gate.unit}"
    if item.objective != contract:
        return f"disagrees: judged against {item.objective}, the spec says {contract:g}"
    if broken := contradiction(item.measurement):
        return f"disagrees with itself: {broken}"
    again = judge(gate, key, first, item.measurement).verdict
    if again is not item.verdict:
        return f"disagrees: recorded as {item.verdict}, its numbers say {again}"
    return ""


def _unjudged(asked: _Asked, measurement: Measurement, verdict: Verdict | None, reason: str) -> Row:
    return _filled(asked, measurement, Judgement(Verdict.ERROR, Strength.INSUFFICIENT, reason), verdict)


def _filled(asked: _Asked, measurement: Measurement, judgement: Judgement, verdict: Verdict | None) -> Row:
    gate, key = asked.gate, asked.key
    requirement = gate.requirements[asked.phase]
    objective, value = float(requirement.contract[key]), measurement.value
    sign = 1 if gate.direction is Direction.AT_LEAST else -1
    return Row(
        gate=gate.id,
        title=gate.title,
        kind=gate.kind,
        labels=dict(key),
        verdict=verdict,
        strength=None if verdict in (None, Verdict.ERROR) else judgement.strength,
        value=value,
        unit=gate.unit,
        n=measurement.n,
        interval=measurement.interval,
        objective=objective,
        direction=gate.direction,
        margin=None if value is None else sign * (value - objective),
        least_n=requirement.least_n[key],
        more_needed=judgement.more_needed,
        reason=judgement.reason,
        in_warning_band=judgement.in_warning_band,
        waived=False,
    )


def _strangers(case: _Case) -> tuple[Stranger, ...]:
    known = {(gate.kind, gate.id, key) for gate in case.spec.gates for key in gate.cells}
    return tuple(
        Stranger(kind, gate, dict(key), "the spec has no such item in this kind of evidence")
        for kind, gate, key in case.items
        if (kind, gate, key) not in known
    )


# --- waivers ---


def _is_waived(case: _Case, row: Row) -> bool:
    if row.verdict not in _WAIVABLE or not case.spec.gate(row.gate).waivable:
        return False
    return any(waiver.covers(row.gate, row.labels) and waiver.state(case.at) == "active" for waiver in case.waivers)


def _waiver_state(case: _Case, waiver: Waiver, rows: Sequence[Row]) -> WaiverState:
    state, note = waiver.state(case.at), ""
    gates = {gate.id: gate for gate in case.spec.gates}
    covered = [row for row in rows if waiver.covers(row.gate, row.labels)]
    waived = sum(row.waived for row in covered)
    if waiver.gate not in gates:
        state, note = "refused", "the spec has no such gate"
    elif not gates[waiver.gate].waivable:
        state, note = "refused", "nobody can waive this gate"
    elif state == "active" and not covered:
        state, note = "not asked", "nothing that it speaks of is asked in this phase"
    elif state == "active" and not waived:
        note = "nothing is broken here that it could stand in for; withdraw it"
    return WaiverState(
        waiver.gate,
        dict(waiver.labels),
        waiver.reason,
        waiver.approver,
        waiver.approved_on.isoformat(),
        waiver.expires_on.isoformat(),
        state,
        note,
        waived if state == "active" else 0,
    )


# --- reasons ---


def _file_reasons(case: _Case, rows: Sequence[Row]) -> list[Reason]:
    """One reason for a whole file that cannot be used, instead of one for each of its cells."""
    made = []
    for kind, source in sorted(case.sources.items(), key=lambda pair: pair[0] is not Kind.PROVENANCE):
        lost = [row for row in rows if row.kind is kind]
        if source.usable or not (lost or kind is Kind.PROVENANCE):
            continue
        cost = f" ({how_many(len(lost), 'item')} without evidence)" if lost else ""
        made.append(Reason(kind, f"Evidence: {kind}", Readiness.UNDECIDED, source.reason + cost))
    return made


def _row_reasons(case: _Case, rows: Sequence[Row]) -> list[Reason]:
    opened = [row for row in rows if case.sources[row.kind].usable and _leads_to(row) is not Readiness.GO]
    opened.sort(key=lambda row: _group(case, row))
    return [_row_reason(list(group)) for _, group in groupby(opened, key=lambda row: _group(case, row))]


def _group(case: _Case, row: Row) -> tuple[int, int, str]:
    place = [gate.id for gate in case.spec.gates].index(row.gate)
    return _ORDER.index(_leads_to(row)), place, str(row.verdict)


def _row_reason(group: list[Row]) -> Reason:
    first = group[0]
    cells = tuple(cell_text(row.labels) for row in group if row.labels)
    word = "missing" if first.verdict is None else str(first.verdict)
    said = f"{word}: {first.reason}"
    if first.waived:
        said = f"waived {word}: {first.reason}"
    elif first.in_warning_band:
        said = f"in the warning band: {first.reason}"
    if first.more_needed:
        said += f"; {first.more_needed} more needed"
    if cells:
        said = f"{cells[0]}: {said}" if len(cells) == 1 else f"{len(cells)} cells, first {cells[0]}: {said}"
    return Reason(first.gate, first.title, _leads_to(first), said, cells)


def _leads_to(row: Row) -> Readiness:
    if row.waived:
        return Readiness.CONDITIONAL
    if row.verdict is Verdict.FAIL:
        return Readiness.NO_GO
    if row.verdict is not Verdict.PASS:
        return Readiness.UNDECIDED
    return Readiness.CONDITIONAL if row.in_warning_band else Readiness.GO


def _demand_reason(demand: Demand) -> Reason:
    if demand.verdict is Verdict.PASS:
        leads_to = Readiness.GO
    else:
        leads_to = Readiness.NO_GO if demand.verdict is Verdict.FAIL else Readiness.UNDECIDED
    return Reason(demand.id, demand.title, leads_to, demand.reason)


def _in_order(reasons: Sequence[Reason], waivers: Sequence[WaiverState]) -> tuple[Reason, ...]:
    """The most telling first: a missing real model atop, then what is broken, open, conditional."""
    all_of_them = [reason for reason in reasons if reason.leads_to is not Readiness.GO]
    active = [waiver for waiver in waivers if waiver.state == "active"]
    all_of_them += [
        Reason(
            "waivers",
            f"Waiver for {waiver.gate}",
            Readiness.CONDITIONAL,
            f"{waiver.reason} (until {waiver.expires_on})",
        )
        for waiver in active
    ]
    return tuple(sorted(all_of_them, key=lambda one: (one.subject != REAL_ENGINE, _ORDER.index(one.leads_to))))


def _why(readiness: Readiness, phase: Phase, rows: Sequence[Row], reasons: Sequence[Reason]) -> str:
    deciding = [reason for reason in reasons if reason.leads_to is readiness]
    if readiness is Readiness.GO:
        gates = len({row.gate for row in rows})
        kept = "keeps its" if len(rows) == 1 else "keep their"
        every = "The 1 item" if len(rows) == 1 else f"All {len(rows)} items"
        return f"{every} of {how_many(gates, 'gate')} {kept} contract for phase {phase}."
    first = f"{deciding[0].title}: {deciding[0].text}"
    more = f" ({len(deciding) - 1} more below)" if len(deciding) > 1 else ""
    opening = {
        Readiness.NO_GO: "A requirement is broken. ",
        Readiness.UNDECIDED: "Nothing is broken, but evidence is lacking. ",
        Readiness.CONDITIONAL: "Every contract is kept or answered for, with a reservation. ",
    }[readiness]
    said = f"{opening}{first}{more}"
    return said if said.endswith((".", "?")) else said + "."


def _all_checks(case: _Case, here: _Assessment) -> tuple[CheckState, ...]:
    """Every checklist's items for the page, also of those that this phase does not ask yet."""
    return check_states([checklist.id for checklist in case.checklists], case.checklists, here.rows, case.at)


def _notes(case: _Case, rows: Sequence[Row]) -> tuple[str, ...]:
    notes = []
    provenance = case.usable.get(Kind.PROVENANCE)
    if provenance is not None and provenance.context.dirty:
        notes.append("The checkout had local changes: this verdict is about no commit.")
    if provenance is not None and (told := other_commit(provenance)):
        notes.append(f"The verdict is not about the checkout's commit: {told}.")
    drill = case.usable.get(Kind.DRILL)
    if provenance is not None and drill is not None and drill.context.target != provenance.context.target:
        notes.append("The drills ran on a stack of their own; no SLO of this run is computed from it.")
    weak = sum(row.verdict is Verdict.PASS and row.strength is Strength.WEAK for row in rows)
    if weak:
        notes.append(
            f"Passed on weak evidence, the interval crossing the contract: {weak} of {how_many(len(rows), 'item')}."
        )
    return tuple(notes)


def _name(row: Row) -> str:
    return f"{row.gate} {cell_text(row.labels)}".strip()
