"""What each part of the page shows, put together from the decision and the details of the evidence. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports import details, formats
from reports.charts import Chart, Series, line_chart
from reports.decision import CheckState, Decision, Row
from reports.details import Drill, Load, Scenario, SloWindow, Step
from reports.document import Inputs
from slo.evidence import Evidence
from slo.spec import SLO, Kind, Phase, PhaseDemands, Spec, Unit, cell
from slo.verdict import Readiness, shown

HEAT_LABELS = {"role", "complexity"}


@dataclass(frozen=True, slots=True)
class SloLine:
    """One row of the SLO table; `slo` is None when the spec lost it, `origin` when the query was not recorded."""

    row: Row
    slo: SLO | None
    origin: SloWindow | None


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A gate by role (down) and complexity (across); None where the spec has no such cell."""

    gate: str
    title: str
    columns: tuple[str, ...]
    lines: tuple[tuple[str, tuple[Row | None, ...]], ...]


@dataclass(frozen=True, slots=True)
class EnginePair:
    """One cell of one measure with each engine; None where the phase does not ask."""

    title: str
    cell: Mapping[str, str]
    own: Row | None
    simulated: Row


@dataclass(frozen=True, slots=True)
class LoadPart:
    """The load test of one engine."""

    title: str
    load: Load
    charts: tuple[Chart, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Acceptance scenarios by family (down) and role (across): passed and all of each."""

    roles: tuple[str, ...]
    lines: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]


@dataclass(frozen=True, slots=True)
class CheckGroup:
    """One checklist with its items."""

    id: str
    title: str
    asked: bool
    states: tuple[CheckState, ...]
    shown: int


@dataclass(frozen=True, slots=True)
class PhaseLine:
    """One row of the phases table; `readiness` is None for phases that were not decided here."""

    phase: Phase
    title: str
    asks: tuple[str, ...]
    readiness: Readiness | None


@dataclass(frozen=True, slots=True)
class FailedScenario:
    """A scenario that did not pass, and the engine whose answers it was about."""

    engine: str
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the template needs."""

    decision: Decision
    spec: Spec
    slos: tuple[SloLine, ...]
    heat_maps: tuple[HeatMap, ...]
    latency_warnings: tuple[str, ...]
    rows: Mapping[Kind, tuple[Row, ...]]
    engine: str
    engines: tuple[EnginePair, ...]
    simulators: Mapping[str, Mapping[str, str]]
    loads: tuple[LoadPart, ...]
    scenarios: tuple[Scenario, ...]
    failed: tuple[FailedScenario, ...]
    tally: Tally
    drills: tuple[Drill, ...]
    checklists: tuple[CheckGroup, ...]
    phases: tuple[PhaseLine, ...]
    provenance: Evidence | None
    corpus: Mapping[str, str]
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    tools: Mapping[str, str]
    service: Mapping[str, str]
    steps: tuple[Step, ...]


def page_of(decision: Decision, inputs: Inputs) -> Page:
    """The page's content. Details of evidence that may not be used are shown nowhere: they would look like results."""
    usable = {source.kind for source in decision.sources if source.usable}
    own = {kind: inputs.files.evidence[kind] for kind in usable}
    provenance = own.get(Kind.PROVENANCE)
    engine = str(decision.engine or "unknown")
    scenarios = details.scenarios(own.get(Kind.UAT))
    simulated = details.scenarios(own.get(Kind.UAT_SIMULATED))
    heat_rows = [row for row in decision.rows if set(row.labels) == HEAT_LABELS]
    return Page(
        decision=decision,
        spec=inputs.spec,
        slos=_slo_lines(decision, inputs.spec, details.slo_windows(own.get(Kind.SLO))),
        heat_maps=_heat_maps(heat_rows, inputs.spec, engine),
        latency_warnings=_latency_warnings(own, engine),
        rows={kind: _plain_rows(decision, kind) for kind in Kind},
        engine=engine,
        engines=_engine_pairs(decision, inputs.spec),
        simulators=_simulators(own),
        loads=tuple(_load_part(decision, own.get(kind), kind, engine) for kind in (Kind.LOAD, Kind.LOAD_SIMULATED)),
        scenarios=scenarios,
        failed=_failed(scenarios, engine) + _failed(simulated, "simulated"),
        tally=_tally(scenarios),
        drills=details.drills(own.get(Kind.DRILL)),
        checklists=_check_groups(decision, inputs),
        phases=_phase_lines(decision, inputs.spec),
        provenance=provenance,
        corpus=_corpus(provenance),
        machine=_machine(provenance),
        versions=details.table(provenance, "versions"),
        tools=details.table(provenance, "tools"),
        service=details.table(provenance, "service"),
        steps=details.steps(provenance),
    )


def _latency_warnings(own: Mapping[Kind, Evidence], engine: str) -> tuple[str, ...]:
    """What the latency measurements warn of, with the engine that answered."""
    measured = ((engine, own.get(Kind.LATENCY)), ("simulated", own.get(Kind.LATENCY_SIMULATED)))
    return tuple(f"With the {name} engine, {said}." for name, made in measured for said in details.warnings(made))


def _corpus(provenance: Evidence | None) -> dict[str, str]:
    """The corpus as recorded, its hash short enough to compare by eye."""
    table = details.table(provenance, "corpus")
    return {name: formats.digest(value) if name == "hash" else value for name, value in table.items()}


def _machine(provenance: Evidence | None) -> dict[str, str]:
    """The machine as recorded, its memory in GiB; `*_bytes` of 17 digits says nothing to a reader."""
    own = provenance.details.get("machine") if provenance is not None else None
    table = details.table(provenance, "machine")
    memory = details.number(own.get("memory_bytes")) if isinstance(own, Mapping) else None
    if memory is not None:
        del table["memory_bytes"]
        table["memory"] = formats.size(memory)
    return dict(sorted(table.items()))


def _slo_lines(decision: Decision, spec: Spec, origins: Mapping[str, SloWindow]) -> tuple[SloLine, ...]:
    slos = {slo.id: slo for slo in spec.slos}
    return tuple(
        SloLine(row, slos.get(row.labels["slo"]), origins.get(row.labels["slo"]))
        for row in decision.rows
        if set(row.labels) == {"slo"}
    )


def _plain_rows(decision: Decision, kind: Kind) -> tuple[Row, ...]:
    """Rows that neither the SLO table nor a heat-map shows."""
    return tuple(row for row in decision.rows if row.kind is kind and set(row.labels) not in ({"slo"}, HEAT_LABELS))


def _engine_pairs(decision: Decision, spec: Spec) -> tuple[EnginePair, ...]:
    """What was measured with both engines, cell by cell, in the order of the spec's gates."""
    rows = {(row.gate, cell(row.labels)): row for row in decision.rows}
    made = []
    for gate in spec.gates:
        for key in gate.cells if gate.kind.simulated else ():
            simulated, own = rows.get((gate.id, key)), rows.get((gate.measure, key))
            if simulated is not None:
                made.append(EnginePair(simulated.title if own is None else own.title, dict(key), own, simulated))
    return tuple(made)


def _simulators(own: Mapping[Kind, Evidence]) -> dict[str, Mapping[str, str]]:
    """The simulator behind each measurement, its profile's hash short enough to compare by eye."""
    made = {}
    for kind, evidence in own.items():
        told = details.simulator(evidence)
        if told:
            made[str(kind)] = {
                name: formats.digest(value) if name == "profile hash" else value for name, value in sorted(told.items())
            }
    return dict(sorted(made.items()))


def _load_part(decision: Decision, evidence: Evidence | None, kind: Kind, engine: str) -> LoadPart:
    load = details.load(evidence)
    named = "simulated model" if kind.simulated else f"{engine} engine"
    return LoadPart(named, load, _load_charts(load, str(kind)), _plain_rows(decision, kind))


def _heat_maps(rows: Sequence[Row], spec: Spec, engine: str) -> tuple[HeatMap, ...]:
    roles, columns = spec.labels.get("role", ()), spec.labels.get("complexity", ())
    made = []
    for gate in dict.fromkeys(row.gate for row in rows):
        cells = {(row.labels["role"], row.labels["complexity"]): row for row in rows if row.gate == gate}
        lines = tuple((role, tuple(cells.get((role, column)) for column in columns)) for role in roles)
        title = next(iter(cells.values())).title
        own = title if spec.gate(gate).kind.simulated else f"{title}, {engine} engine"
        made.append(HeatMap(gate, own, tuple(columns), lines))
    return tuple(made)


def _load_charts(load: Load, kind: str) -> tuple[Chart, ...]:
    if not load.timeline:
        return ()
    across = [one.second for one in load.timeline]
    requests = [one.requests for one in load.timeline]
    slowest = max((one.p95 for one in load.timeline if one.p95 is not None), default=None)
    said = f"between {min(requests):g} and {max(requests):g} a second, {sum(one.failures for one in load.timeline):g} failures"
    pace = line_chart(
        f"chart-{kind}-requests",
        "Requests per second",
        f"Requests over {len(across)} seconds of load: {said}.",
        across=across,
        series=[
            Series("requests", "main", requests),
            Series("failures", "bad", [one.failures for one in load.timeline]),
        ],
    )
    if slowest is None:
        return (pace,)
    # As everywhere on the page: milliseconds up to a tenth of a second.
    unit, times = (" ms", 1000.0) if slowest < 0.1 else (" s", 1.0)
    speed = line_chart(
        f"chart-{kind}-p95",
        "p95 of the whole answer, per second",
        f"The p95 of each second of load; the slowest second had {shown(slowest, Unit.SECONDS)}.",
        across=across,
        series=[Series("p95", "main", [None if one.p95 is None else one.p95 * times for one in load.timeline])],
        unit=unit,
    )
    return pace, speed


def _failed(scenarios: Sequence[Scenario], engine: str) -> tuple[FailedScenario, ...]:
    return tuple(FailedScenario(engine, one) for one in scenarios if one.verdict != "PASS")


def _tally(scenarios: Sequence[Scenario]) -> Tally:
    families = tuple(sorted({scenario.family for scenario in scenarios}))
    roles = tuple(sorted({scenario.role for scenario in scenarios}))

    def counts(role: str, family: str) -> tuple[int, int]:
        own = [one for one in scenarios if one.role == role and one.family == family]
        return sum(one.verdict == "PASS" for one in own), len(own)

    return Tally(roles, tuple((family, tuple(counts(role, family) for role in roles)) for family in families))


def _check_groups(decision: Decision, inputs: Inputs) -> tuple[CheckGroup, ...]:
    asked = inputs.spec.phases[decision.phase].checklists
    made = []
    last = inputs.spec.phases[Phase.PUBLIC].checklists
    order = {name: place for place, name in enumerate(last)}
    for checklist in sorted(inputs.checklists, key=lambda one: order.get(one.id, len(order))):
        states = tuple(state for state in decision.checks if state.checklist == checklist.id)
        shown = sum(state.verdict is not None for state in states)
        made.append(CheckGroup(checklist.id, checklist.title, checklist.id in asked, states, shown))
    return tuple(made)


def _phase_lines(decision: Decision, spec: Spec) -> tuple[PhaseLine, ...]:
    known = {decision.phase: decision.readiness}
    if decision.next_phase is not None:
        known[decision.next_phase.phase] = decision.next_phase.readiness
    made = []
    before: PhaseDemands | None = None
    for phase in Phase:
        asked = spec.phases[phase]
        made.append(PhaseLine(phase, asked.title, _asks(spec, asked, before), known.get(phase)))
        before = asked
    return tuple(made)


def _asks(spec: Spec, asked: PhaseDemands, before: PhaseDemands | None) -> tuple[str, ...]:
    """What a phase asks that the one before it did not."""
    earlier = before or PhaseDemands(asked.phase, "")
    said = []
    if asked.real_engine and not earlier.real_engine:
        said.append("answers from a real provider")
    if asked.real_documents and not earlier.real_documents:
        said.append("verified documents only")
    if asked.clean_commit and not earlier.clean_commit:
        said.append("a commit without local changes")
    said += [f"signed checklist: {name}" for name in asked.checklists if name not in earlier.checklists]
    if asked.slo_window is not None and asked.slo_window != earlier.slo_window:
        said.append(f"SLOs measured over {float(asked.slo_window) / 86400:g} days")
    return tuple(said + _gate_asks(spec, asked.phase, None if before is None else before.phase))


def _gate_asks(spec: Spec, phase: Phase, before: Phase | None) -> list[str]:
    new, strong = [], []
    for gate in spec.gates:
        now = gate.requirement(phase)
        then = None if before is None else gate.requirement(before)
        if now is not None and then is None:
            new.append(gate.id)
        elif now is not None and then is not None and now.strong and not then.strong:
            strong.append(gate.id)
    said = [f"{len(new)} gates: {', '.join(new)}" if len(new) > 1 else f"gate: {new[0]}"] if new else []
    return said + ([f"strong evidence for: {', '.join(strong)}"] if strong else [])
