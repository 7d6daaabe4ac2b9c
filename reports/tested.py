"""What a run tested, held against what the last GO tested: a build that is asked less passes more easily, and nobody may miss that.

It is only told, in a note: a limit may be loosened and a scenario taken out for good reasons, and a decision knows none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from reports.decision import Decision, Row, cell_text
from reports.details import entries, number, text
from reports.formats import limit
from reports.trust import EvidenceSet
from slo.evidence import Evidence
from slo.quantities import how_many
from slo.spec import Direction, Gate, Kind, Phase, Spec, Unit
from slo.verdict import Verdict

BY_TIME = (Kind.LOAD, Kind.LOAD_SIMULATED, Kind.SLO)
"""Measured for so long, not so many times: their samples go up and down with the machine."""
_LOADS = (Kind.LOAD, Kind.LOAD_SIMULATED)
FEWER_BY_TIME = 0.5
SHORTER_TIME = 0.9
NAMED = 3
"""So many are named, the rest is counted."""


@dataclass(frozen=True, slots=True)
class ExtentCell:
    """One cell of one gate: what the phase asked of it, and how many samples there were.

    Attributes:
        objective: The contract, in `unit`.
        n: None where nothing could be judged, which the decision tells by itself.
        strong: Whether the interval had to keep the contract, too.
        waivable: Whether somebody could sign it away.
    """

    gate: str
    labels: Mapping[str, str]
    kind: Kind
    objective: float
    unit: Unit
    direction: Direction
    least_n: int
    n: int | None
    strong: bool
    waivable: bool


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a run tested for one phase.

    Attributes:
        demands: Titles of what the phase asked beside its gates.
        scenarios: By kind of evidence and id of the scenario, how many checks were made of its answers.
        drills: `drill alert` each; None where the file could not be used.
        users: Users at once, by kind of evidence; `seconds` is how long they asked.
    """

    run: str
    phase: Phase
    cells: tuple[ExtentCell, ...]
    demands: tuple[str, ...] = ()
    scenarios: Mapping[Kind, Mapping[str, int]] = field(default_factory=dict)
    drills: tuple[str, ...] | None = None
    users: Mapping[Kind, float | None] = field(default_factory=dict)
    seconds: Mapping[Kind, float | None] = field(default_factory=dict)


def extent_of(decision: Decision, spec: Spec, files: EvidenceSet) -> Extent:
    """What a decision rests on, as the amount that was tested for its phase."""
    usable = {source.kind: files.evidence[source.kind] for source in decision.sources if source.usable}
    drilled = usable.get(Kind.DRILL)
    drills = (f"{text(one.get('drill'))} {text(one.get('alert'))}" for one in entries(drilled, "drills"))
    return Extent(
        run=decision.run,
        phase=decision.phase,
        cells=tuple(_cell(spec.gate(row.gate), decision.phase, row) for row in decision.rows),
        demands=tuple(demand.title for demand in decision.demands),
        scenarios={kind: _checks(usable[kind]) for kind in (Kind.UAT, Kind.UAT_SIMULATED) if kind in usable},
        drills=None if drilled is None else tuple(dict.fromkeys(drills)),
        users={kind: number(usable[kind].details.get("users")) for kind in _LOADS if kind in usable},
        seconds={kind: number(usable[kind].details.get("duration_seconds")) for kind in _LOADS if kind in usable},
    )


def with_note(decision: Decision, spec: Spec, files: EvidenceSet, before: Extent | None) -> Decision:
    """The decision, with a note where less was tested than `before`; its verdict stays as it is."""
    note = "" if before is None else less_than(before, extent_of(decision, spec, files))
    return replace(decision, notes=(*decision.notes, note)) if note else decision


def less_than(before: Extent, now: Extent) -> str:
    """The note that says what was tested less than before, and how much less; empty where nothing was."""
    told = [part for part_of in (_not_asked, _asked_less, _left_out, _measured_less) for part in part_of(before, now)]
    if not told:
        return ""
    return f"Tested less than run {before.run}, the last GO for phase {before.phase}: {'; '.join(told)}."


def _cell(gate: Gate, phase: Phase, row: Row) -> ExtentCell:
    judged = row.verdict not in (None, Verdict.ERROR)
    return ExtentCell(
        gate=row.gate,
        labels=row.labels,
        kind=row.kind,
        objective=row.objective,
        unit=row.unit,
        direction=row.direction,
        least_n=row.least_n,
        n=row.n if judged else None,
        strong=gate.requirements[phase].strong,
        waivable=gate.waivable,
    )


def _checks(evidence: Evidence) -> dict[str, int]:
    """How many checks were made of each scenario's answers, by its id."""
    made = {}
    for scenario in entries(evidence, "scenarios"):
        turns = scenario.get("turns")
        checks = [turn.get("checks") for turn in turns if isinstance(turn, Mapping)] if isinstance(turns, list) else []
        made[text(scenario.get("id"))] = sum(len(own) for own in checks if isinstance(own, list))
    return made


# --- what is told ---

_Pair = tuple[ExtentCell, ExtentCell]
_Value = TypeVar("_Value")


def _not_asked(before: Extent, now: Extent) -> list[str]:
    """Gates, roles and other values of labels, cells and demands that nobody asks any more."""
    asked = {_place(cell) for cell in now.cells}
    gone = [cell for cell in before.cells if _place(cell) not in asked]
    gates = {cell.gate for cell in now.cells}
    told = [f"gate {gate} is not asked" for gate in _each(cell.gate for cell in gone) if gate not in gates]
    gone = [cell for cell in gone if cell.gate in gates]
    left = {label for cell in now.cells for label in cell.labels.items()}
    for label in _each(label for cell in gone for label in cell.labels.items() if label not in left):
        own = [cell for cell in gone if label in cell.labels.items()]
        gone = [cell for cell in gone if cell not in own]
        if own:
            told.append(f"{' '.join(label)} is left out ({how_many(len(own), 'cell')})")
    for gate in _each(cell.gate for cell in gone):
        names = [cell_text(cell.labels) for cell in gone if cell.gate == gate]
        told.append(f"{gate} is not asked of {_named(names)}")
    return told + [f"not demanded: {title}" for title in before.demands if title not in now.demands]


def _asked_less(before: Extent, now: Extent) -> list[str]:
    """Contracts that were loosened, by gate."""
    told = []
    for gate, pairs in _pairs(before, now):
        looser = [(old, new) for old, new in pairs if _is_looser(old, new)]
        if looser:
            old, new = looser[0]
            side = "at least" if new.direction is Direction.AT_LEAST else "at most"
            said = f"{side} {limit(new.objective, new.unit)} instead of {limit(old.objective, old.unit)}"
            told.append(f"{_of(gate, [new for _, new in looser])} {said}")
        fewer = [(old, new) for old, new in pairs if new.least_n < old.least_n]
        if fewer:
            old, new = fewer[0]
            told.append(f"{_of(gate, [new for _, new in fewer])} n >= {new.least_n} asked instead of {old.least_n}")
        if any(old.strong and not new.strong for old, new in pairs):
            told.append(f"{gate}: weak evidence is enough")
        if any(new.waivable and not old.waivable for old, new in pairs):
            told.append(f"{gate}: may be waived")
    return told


def _measured_less(before: Extent, now: Extent) -> list[str]:
    """Samples by gate, then users and seconds under load."""
    told = []
    for gate, pairs in _pairs(before, now):
        fewer = [(old, new) for old, new in pairs if _has_fewer(old, new)]
        if fewer:
            old, new = fewer[0]
            told.append(f"{_of(gate, [new for _, new in fewer])} {new.n} samples instead of {old.n}")
    for kind, users, users_now in _both(before.users, now.users):
        if users is not None and users_now is not None and users_now < users:
            told.append(f"{kind}: {users_now:g} users at once instead of {users:g}")
    for kind, seconds, seconds_now in _both(before.seconds, now.seconds):
        if seconds is not None and seconds_now is not None and seconds_now < seconds * SHORTER_TIME:
            told.append(f"{kind}: {seconds_now:.3g} s instead of {seconds:.3g} s")
    return told


def _left_out(before: Extent, now: Extent) -> list[str]:
    """Scenarios, checks of scenarios that are still asked, drills."""
    told = []
    for kind, ours, theirs in _both(before.scenarios, now.scenarios):
        missing = [name for name in ours if name not in theirs]
        if missing:
            told.append(f"{kind}: {how_many(len(missing), 'scenario')} left out ({_named(missing)})")
        fewer = [name for name in ours if name in theirs and theirs[name] < ours[name]]
        if fewer:
            lost = sum(ours[name] - theirs[name] for name in fewer)
            told.append(f"{kind}: {how_many(lost, 'check')} left out of {_named(fewer)}")
    undrilled = [] if now.drills is None else [name for name in before.drills or () if name not in now.drills]
    if undrilled:
        told.append(f"{how_many(len(undrilled), 'drill')} left out ({_named(undrilled)})")
    return told


def _is_looser(old: ExtentCell, new: ExtentCell) -> bool:
    if old.unit is not new.unit or old.direction is not new.direction:
        return True  # another question: nobody can say that it asks as much
    return new.objective < old.objective if new.direction is Direction.AT_LEAST else new.objective > old.objective


def _has_fewer(old: ExtentCell, new: ExtentCell) -> bool:
    if old.n is None or new.n is None:
        return False
    return new.n < (old.n * FEWER_BY_TIME if new.kind in BY_TIME else old.n)


def _pairs(before: Extent, now: Extent) -> list[tuple[str, list[_Pair]]]:
    """The cells that both were asked, by gate."""
    after = {_place(cell): cell for cell in now.cells}
    both = [(cell, after[_place(cell)]) for cell in before.cells if _place(cell) in after]
    return [(gate, [pair for pair in both if pair[0].gate == gate]) for gate in _each(old.gate for old, _ in both)]


def _both(before: Mapping[Kind, _Value], now: Mapping[Kind, _Value]) -> list[tuple[Kind, _Value, _Value]]:
    return [(kind, before[kind], now[kind]) for kind in before if kind in now]


def _place(cell: ExtentCell) -> tuple[str, frozenset[tuple[str, str]]]:
    return cell.gate, frozenset(cell.labels.items())


def _of(gate: str, cells: Sequence[ExtentCell]) -> str:
    """`latency-cell (3 cells, first judge · simple):`, or the gate alone where it has no cells."""
    first = cell_text(cells[0].labels)
    if not first:
        return f"{gate}:"
    return f"{gate} ({first}):" if len(cells) == 1 else f"{gate} ({len(cells)} cells, first {first}):"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _each(values: Iterable[_Value]) -> list[_Value]:
    """Each value once, in the order in which they come."""
    return list(dict.fromkeys(values))
