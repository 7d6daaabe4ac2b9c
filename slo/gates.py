"""From the gates and phases of a spec as written to the domain's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product

from slo.findings import Findings, Lost, Path
from slo.quantities import parse_duration, parse_ratio, plain_number
from slo.spec import (
    SIMULATED_SUFFIX,
    SLO,
    Cell,
    Direction,
    Gate,
    LatencySLI,
    Phase,
    PhaseDemands,
    Requirement,
    Score,
    Statistic,
    Unit,
    cell,
)
from slo.wire import DEFAULT, GateWire, PhaseWire, RequirementWire, SpecWire, StricterOfWire

Limits = Mapping[Cell, Decimal]


class _Unsaid(Exception):  # noqa: N818 - private control flow: the findings hold what is wrong
    """A gate is given up; the rest of the spec goes on."""


class Gates:
    """Puts the gates and phases of one spec together; what is wrong goes to the findings, and the rest goes on.

    Args:
        lost: What could not be read; it may still be spoken of.
    """

    def __init__(self, wire: SpecWire, slos: Sequence[SLO], lost: Lost, findings: Findings) -> None:
        self._wire = wire
        self._slos = slos
        self._lost = lost
        self._broken = lost.names("slos") | (set(wire.slos) - {slo.name for slo in slos})
        self._findings = findings

    def phases(self) -> Mapping[Phase, PhaseDemands]:
        """What each phase asks beside its gates; each keeps what the earlier ones asked."""
        given = self._wire.phases
        if given is None:
            if self._wire.gates:
                self._findings.wrong(("gates",), "need 'phases'", f"name all of {', '.join(Phase)}")
            return {}
        for word in given:
            if word not in tuple(Phase):
                self._findings.wrong(("phases", word), "is no phase", f"phases are {', '.join(Phase)}")
        made: dict[Phase, PhaseDemands] = {}
        earlier = PhaseDemands(Phase.BUILD, "")
        for phase in Phase:
            if phase not in given:
                self._findings.wrong(("phases",), f"phase {phase.value!r} is missing", "name all four, with a title")
                continue
            earlier = _following(phase, given[phase], earlier)
            made[phase] = earlier
        return made

    def gates(self) -> tuple[Gate, ...]:
        """Every gate that can be made."""
        made = []
        for gate_id, entry in (self._wire.gates or {}).items():
            try:
                made.append(self._gate(gate_id, entry))
            except _Unsaid:
                continue
        return tuple(made)

    def score(self) -> Score | None:
        """What the weighted score of the gates means, where the spec says it."""
        wire = self._wire.score
        if wire is None:
            return None
        if not self._wire.gates:
            self._findings.wrong(("score",), "there are no gates to score", "take it away, or add gates")
        if wire.warning is not None and wire.warning > wire.pass_:
            self._findings.wrong(("score", "warning"), "lies over 'pass'", "below 'warning' nothing passes: lower it")
        return Score(wire.pass_, wire.pass_ if wire.warning is None else wire.warning)

    def _gate(self, gate_id: str, entry: GateWire) -> Gate:
        path = ("gates", gate_id)
        if entry.evidence.simulated != gate_id.endswith(SIMULATED_SUFFIX):
            advice = f"a gate is called …{SIMULATED_SUFFIX} exactly when its evidence is"
            self._findings.wrong(path, f"rests on {entry.evidence} evidence", advice)
        given = [entry.at_least is not None, entry.at_most is not None, bool(entry.from_slos)]
        if sum(given) != 1:
            said = "needs exactly one of 'at_least', 'at_most' and 'from_slos'"
            raise self._given_up(path, said, "say which side is good, once")
        unit = entry.unit or (Unit.RATIO if entry.statistic is Statistic.RATIO else Unit.SECONDS)
        direction = Direction.AT_MOST if entry.at_most is not None else Direction.AT_LEAST
        cells, objective = self._cells_and_objective(path, entry, unit)
        if entry.key and entry.waivable:
            self._findings.wrong((*path, "waivable"), "a key gate can never be waived", "take one of both away")
        return Gate(
            id=gate_id,
            title=entry.title,
            kind=entry.evidence,
            unit=unit,
            statistic=entry.statistic,
            direction=direction,
            cells=cells,
            requirements=self._requirements(path, entry, cells, objective, unit),
            warning_margin=Decimal(0) if entry.warning_margin is None else entry.warning_margin,
            waivable=entry.waivable is not False and not entry.key,
            warning=self._warning(path, entry, objective, unit, direction),
            weight=self._weight(path, entry),
            key=entry.key,
        )

    def _weight(self, path: Path, entry: GateWire) -> Decimal:
        weight = plain_number(str(entry.weight))
        if weight is None or weight < 0:
            raise self._given_up((*path, "weight"), f"{entry.weight!r} is no weight", "write 0, or a number over it")
        return weight

    def _warning(
        self, path: Path, entry: GateWire, objective: Limits, unit: Unit, direction: Direction
    ) -> Mapping[Cell, Decimal]:
        """Where each cell's warning band begins; it has to lie on the good side of the limit, else nothing would warn."""
        if entry.warning is None:
            return {}
        place = (*path, "warning")
        if entry.warning_margin is not None:
            self._findings.wrong(place, "and 'warning_margin' say the same", "keep one of both")
        made = {}
        for key, limit in objective.items():
            given = self._by_value(place, entry.warning, key) if isinstance(entry.warning, dict) else entry.warning
            made[key] = self._amount(place, given, unit)
            if made[key] < limit if direction is Direction.AT_LEAST else made[key] > limit:
                said = f"lies on the bad side of the limit {limit}: what breaks the limit fails"
                self._findings.wrong(place, said, "move it to the good side")
        return made

    def _cells_and_objective(self, path: Path, entry: GateWire, unit: Unit) -> tuple[tuple[Cell, ...], Limits]:
        if entry.from_slos:
            return self._from_slos(path, entry)
        cells = self._product(path, entry.for_each)
        side = "at_most" if entry.at_most is not None else "at_least"
        limit = entry.at_most if entry.at_most is not None else entry.at_least
        place = (*path, side)
        if isinstance(limit, StricterOfWire):
            return cells, {key: self._strictest(place, key, limit.stricter_of) for key in cells}
        if not isinstance(limit, dict):
            return cells, dict.fromkeys(cells, self._amount(place, limit, unit))
        if len(entry.for_each) != 1:
            raise self._given_up(path, "limits by label value need exactly one label in 'for_each'", "name one label")
        label = entry.for_each[0]
        for value in limit:
            if cell({label: value}) not in cells:
                known = f"known: {', '.join(self._wire.labels[label])}"
                self._findings.wrong((*place, value), f"{value!r} is no {label}", known)
        made = {cell({label: value}): self._amount((*place, value), amount, unit) for value, amount in limit.items()}
        return tuple(made), made

    def _from_slos(self, path: Path, entry: GateWire) -> tuple[tuple[Cell, ...], Limits]:
        names = set(self._wire.slos) | self._broken
        for name in sorted({name for name in entry.from_slos if entry.from_slos.count(name) > 1}):
            self._findings.wrong((*path, "from_slos"), f"{name!r} stands twice", "keep one of them")
        for name in entry.from_slos:
            if name not in names:
                known = f"known: {', '.join(sorted(names))}"
                self._findings.wrong((*path, "from_slos"), f"there is no SLO {name!r}", known)
        objectives = {cell({"slo": slo.id}): slo.objective for slo in self._slos if slo.name in entry.from_slos}
        return tuple(objectives), objectives

    def _product(self, path: Path, labels: Sequence[str]) -> tuple[Cell, ...]:
        known = self._wire.labels
        missing = [label for label in labels if label not in known]
        for label in missing:
            if self._lost.holds("labels", label):
                continue
            advice = f"known: {', '.join(known)}" if known else "add 'labels' with its values"
            self._findings.wrong((*path, "for_each"), f"label {label!r} is not among 'labels'", advice)
        if missing:
            raise _Unsaid
        values = [known[label] for label in labels]
        return tuple(cell(dict(zip(labels, combination, strict=True))) for combination in product(*values))

    def _strictest(self, path: Path, key: Cell, names: Sequence[str]) -> Decimal:
        limits = [
            slo.sli.threshold
            for slo in self._slos
            if slo.name in names and isinstance(slo.sli, LatencySLI) and set(slo.labels) <= set(key)
        ]
        if len(limits) == len(names):
            return min(limits)
        if not self._broken.isdisjoint(names):
            raise _Unsaid  # their own problems are told where they stand
        here = ", ".join(value for _, value in key) or "all"
        said = f"not each of {', '.join(names)} is a latency SLO with a limit for {here}"
        raise self._given_up(path, said, "name latency SLOs of this spec")

    def _amount(self, path: Path, amount: object, unit: Unit) -> Decimal:
        text = str(amount)
        try:
            if unit is Unit.RATIO:
                return parse_ratio(text)
            if unit is Unit.SECONDS:
                return parse_duration(text)
        except ValueError as error:
            raise self._given_up(path, str(error), getattr(error, "advice", "")) from None
        number = plain_number(text)
        if number is None:
            raise self._given_up(path, f"{text[:60]!r} is no {unit}", "write a plain number")
        return number

    def _requirements(
        self, path: Path, entry: GateWire, cells: tuple[Cell, ...], objective: Limits, unit: Unit
    ) -> Mapping[Phase, Requirement]:
        for word in entry.phases:
            if word not in tuple(Phase):
                self._findings.wrong((*path, "phases", word), "is no phase", f"phases are {', '.join(Phase)}")
        made: dict[Phase, Requirement] = {}
        earlier: Requirement | None = None
        for phase in Phase:
            wanted = entry.phases.get(phase)
            if wanted is not None:
                place = (*path, "phases", phase.value)
                contract = self._contract(place, wanted, cells, earlier.contract if earlier else objective, unit)
                least_n = self._least_n(place, wanted, cells, earlier)
                strong = wanted.strong if wanted.strong is not None else bool(earlier and earlier.strong)
                earlier = Requirement(contract, least_n, strong)
            if earlier is not None:
                made[phase] = earlier
        return made

    def _contract(
        self, path: Path, wanted: RequirementWire, cells: tuple[Cell, ...], before: Limits, unit: Unit
    ) -> Limits:
        place, given = (*path, "contract"), wanted.contract
        if given is None:
            return before
        if isinstance(given, dict):
            return {key: self._amount(place, self._by_value(place, given, key), unit) for key in cells}
        return dict.fromkeys(cells, self._amount(place, given, unit))

    def _least_n(
        self, path: Path, wanted: RequirementWire, cells: tuple[Cell, ...], earlier: Requirement | None
    ) -> Mapping[Cell, int]:
        place, given = (*path, "least_n"), wanted.least_n
        if given is None:
            if earlier is None:
                raise self._given_up(path, "needs 'least_n': without it an empty run would pass", "write at least 1")
            return earlier.least_n
        chosen: dict[Cell, int] = (
            {key: int(self._by_value(place, given, key)) for key in cells}
            if isinstance(given, dict)
            else dict.fromkeys(cells, int(given))
        )
        if min(chosen.values(), default=1) < 1:
            raise self._given_up(place, "must be at least 1: an empty run never passes", "write at least 1")
        return chosen

    def _by_value(self, path: Path, table: Mapping[str, object], key: Cell) -> int | str | float:
        for word in (*(value for _, value in key), DEFAULT):
            if word in table:
                found: int | str | float = table[word]  # type: ignore[assignment] # the wire lets in nothing else
                return found
        here = ", ".join(value for _, value in key) or "all"
        raise self._given_up(path, f"has no entry for {here} and no 'default'", "add one of both")

    def _given_up(self, path: Path, message: str, advice: str) -> _Unsaid:
        self._findings.wrong(path, message, advice)
        return _Unsaid()


def _following(phase: Phase, entry: PhaseWire, earlier: PhaseDemands) -> PhaseDemands:
    return PhaseDemands(
        phase=phase,
        title=entry.title,
        real_engine=earlier.real_engine if entry.real_engine is None else entry.real_engine,
        real_documents=earlier.real_documents if entry.real_documents is None else entry.real_documents,
        clean_commit=earlier.clean_commit if entry.clean_commit is None else entry.clean_commit,
        checklists=earlier.checklists if entry.checklists is None else tuple(entry.checklists),
        slo_window=earlier.slo_window if entry.slo_window is None else entry.slo_window,
    )
