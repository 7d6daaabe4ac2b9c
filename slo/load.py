"""From a YAML file to a `Spec`: the wire form, validated once, and turned into the frozen domain.

Every problem names file, line and path; a mistyped key names the nearest known one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from slo.errors import InvalidInput, Problem
from slo.quantities import parse_duration, parse_ratio
from slo.spec import (
    SIMULATED_SUFFIX,
    SLI,
    SLO,
    Cell,
    Direction,
    Gate,
    Kind,
    LatencySLI,
    Phase,
    PhaseDemands,
    RatioSLI,
    Requirement,
    Severity,
    Spec,
    Statistic,
    Unit,
    Window,
    cell,
)
from slo.strict_yaml import Wire, load_strict, parse_strict, read_bytes

WINDOWS_FILE = Path(__file__).parent / "windows.yaml"
SPECS_FOLDER = Path(__file__).parent / "specs"


def _decimal(parse: object) -> BeforeValidator:
    def validate(value: object) -> object:
        if not isinstance(value, str):
            raise ValueError(f"write {value!r} with its unit")  # noqa: TRY004 - pydantic reports ValueError
        return parse(value)  # type: ignore[operator] # one of the two parsers below

    return BeforeValidator(validate)


Ratio = Annotated[Decimal, _decimal(parse_ratio)]
Duration = Annotated[Decimal, _decimal(parse_duration)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
LabelName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")]
MetricName = Annotated[str, Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
LabelValue = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Text = Annotated[str, Field(min_length=1)]
Amount = str | int | float


def _enum(kind: type[Kind | Statistic | Unit | Phase | Severity]) -> BeforeValidator:
    def validate(value: object) -> object:
        if not isinstance(value, str) or value not in tuple(kind):
            raise ValueError(f"{value!r} is none of {', '.join(kind)}")
        return kind(value)

    return BeforeValidator(validate)


class _Window(Wire):
    severity: Annotated[Severity, _enum(Severity)]
    budget_share: Ratio
    long: Duration
    short: Duration
    for_: Duration = Field(alias="for")


class _Windows(Wire):
    windows: list[_Window] = Field(min_length=1)


class _RatioSLI(Wire):
    metric: MetricName
    label: LabelName
    good: list[LabelValue] = Field(min_length=1)
    bad: list[LabelValue] = Field(min_length=1)
    where: dict[LabelName, LabelValue] = Field(default_factory=dict)


class _LatencySLI(Wire):
    metric: MetricName
    threshold: Duration | dict[LabelValue, Duration]
    where: dict[LabelName, LabelValue] = Field(default_factory=dict)


class _SLO(Wire):
    title: Text
    objective: Ratio
    for_each: LabelName | None = None
    ratio: _RatioSLI | None = None
    latency: _LatencySLI | None = None

    @model_validator(mode="after")
    def _one_sli(self) -> _SLO:
        if (self.ratio is None) == (self.latency is None):
            raise ValueError("needs exactly one of 'ratio' and 'latency'")
        if not 0 < self.objective < 1:
            raise ValueError("objective must lie between 0% and 100%, without both: 100% leaves no error budget")
        return self


class _StricterOf(Wire):
    stricter_of: list[Name] = Field(min_length=1)


class _Requirement(Wire):
    contract: Amount | dict[LabelValue, Amount] | None = None
    least_n: int | dict[LabelValue, int] | None = None
    strong: bool | None = None


class _Gate(Wire):
    title: Text
    evidence: Annotated[Kind, _enum(Kind)]
    statistic: Annotated[Statistic, _enum(Statistic)] = Statistic.RATIO
    unit: Annotated[Unit, _enum(Unit)] | None = None
    for_each: list[LabelName] = Field(default_factory=list)
    from_slos: list[Name] = Field(default_factory=list)
    at_least: Amount | dict[LabelValue, Amount] | None = None
    at_most: Amount | _StricterOf | dict[LabelValue, Amount] | None = None
    warning_margin: Ratio = Decimal(0)
    waivable: bool = True
    phases: dict[str, _Requirement] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_side(self) -> _Gate:
        given = [self.at_least is not None, self.at_most is not None, bool(self.from_slos)]
        if sum(given) != 1:
            raise ValueError("needs exactly one of 'at_least', 'at_most' and 'from_slos'")
        return self


class _Phase(Wire):
    title: Text
    real_engine: bool | None = None
    real_documents: bool | None = None
    clean_commit: bool | None = None
    checklists: list[Name] | None = None
    slo_window: Duration | None = None


class _Spec(Wire):
    spec: Literal["courtsight/slo/v1"]
    service: Name
    deployment: Name
    owner: Name
    window: Duration
    evidence_max_age: Duration
    selector: dict[LabelName, LabelValue] = Field(default_factory=dict)
    labels: dict[LabelName, list[LabelValue]] = Field(default_factory=dict)
    slos: dict[Name, _SLO] = Field(min_length=1)
    phases: dict[str, _Phase]
    gates: dict[Name, _Gate] = Field(min_length=1)


class _Trouble(Exception):  # noqa: N818 - private control flow, never seen outside
    """A finding that only shows when parts are put together."""

    def __init__(self, path: str, message: str, advice: str = "") -> None:
        self.path, self.message, self.advice = path, message, advice
        super().__init__(message)


def load_windows(path: Path = WINDOWS_FILE) -> tuple[Window, ...]:
    """Read the window table of burn-rate alerts.

    Raises:
        InvalidInput: The file is wrong.
    """
    wire = load_strict(path, _Windows)
    return tuple(
        Window(entry.severity, entry.budget_share, entry.long, entry.short, entry.for_) for entry in wire.windows
    )


def load_spec(path: Path) -> Spec:
    """Read an SLO spec.

    Raises:
        InvalidInput: The file is missing or wrong; all problems that were found are in it.
    """
    return parse_spec(read_bytes(path), str(path))


def parse_spec(raw: bytes, name: str) -> Spec:
    """Turn the bytes of a spec file into a `Spec`; `name` is how problems call the file.

    Raises:
        InvalidInput: As `load_spec`.
    """
    wire = parse_strict(raw, name, _Spec)
    try:
        slos = _slos(wire)
        gates = tuple(_gate(gate_id, gate, wire, slos) for gate_id, gate in wire.gates.items())
        return Spec(
            service=wire.service,
            deployment=wire.deployment,
            owner=wire.owner,
            window=wire.window,
            selector=cell(wire.selector),
            labels={label: tuple(values) for label, values in wire.labels.items()},
            slos=slos,
            gates=gates,
            phases=_phases(wire),
            evidence_max_age=wire.evidence_max_age,
            digest="sha256:" + hashlib.sha256(raw).hexdigest(),
            source=raw,
        )
    except _Trouble as trouble:
        line = _line_of(raw, name, trouble.path)
        raise InvalidInput((Problem(name, line, trouble.path, trouble.message, trouble.advice),)) from None


def _line_of(raw: bytes, name: str, path: str) -> int | None:
    from slo.strict_yaml import parse_plain  # noqa: PLC0415 - only needed on the way to an error

    _, lines = parse_plain(raw, name)
    parts = tuple(path.split("."))
    return next((lines[parts[:end]] for end in range(len(parts), 0, -1) if parts[:end] in lines), None)


def _slos(wire: _Spec) -> tuple[SLO, ...]:
    made = [_slo(name, entry, value, wire) for name, entry in wire.slos.items() for value in _values(name, entry, wire)]
    ids = [slo.id for slo in made]
    for slo in made:
        if ids.count(slo.id) > 1:
            raise _Trouble(f"slos.{slo.name}", f"its id {slo.id!r} belongs to another SLO too", "rename one of them")
    return tuple(made)


def _values(name: str, entry: _SLO, wire: _Spec) -> tuple[str | None, ...]:
    if entry.for_each is None:
        return (None,)
    if entry.for_each not in wire.labels:
        raise _Trouble(f"slos.{name}.for_each", f"label {entry.for_each!r} is not among 'labels'")
    return tuple(wire.labels[entry.for_each])


def _slo(name: str, entry: _SLO, value: str | None, wire: _Spec) -> SLO:
    labels = {} if value is None or entry.for_each is None else {entry.for_each: value}
    return SLO(
        id="-".join([name, *labels.values()]),
        name=name,
        title=entry.title,
        labels=cell(labels),
        objective=entry.objective,
        window=wire.window,
        sli=_sli(name, entry, value, labels),
        service=wire.service,
        owner=wire.owner,
        selector=cell(wire.selector),
        windows=load_windows(),
    )


def _sli(name: str, entry: _SLO, value: str | None, labels: Mapping[str, str]) -> SLI:
    if entry.ratio is not None:
        both = set(entry.ratio.good) & set(entry.ratio.bad)
        if both:
            raise _Trouble(f"slos.{name}.ratio", f"{', '.join(sorted(both))} cannot be good and bad")
        where = cell({**entry.ratio.where, **labels})
        return RatioSLI(entry.ratio.metric, entry.ratio.label, tuple(entry.ratio.good), tuple(entry.ratio.bad), where)
    latency = entry.latency
    if latency is None:
        raise _Trouble(f"slos.{name}", "needs an SLI")
    where = cell({**latency.where, **labels})
    if isinstance(latency.threshold, Decimal):
        return LatencySLI(latency.metric, latency.threshold, where)
    if value is None or value not in latency.threshold:
        raise _Trouble(f"slos.{name}.latency.threshold", f"has no threshold for {value!r}")
    return LatencySLI(latency.metric, latency.threshold[value], where)


def _phases(wire: _Spec) -> Mapping[Phase, PhaseDemands]:
    unknown = set(wire.phases) - set(Phase)
    if unknown:
        raise _Trouble(f"phases.{min(unknown)}", "is no phase", f"phases are {', '.join(Phase)}")
    made: dict[Phase, PhaseDemands] = {}
    earlier = PhaseDemands(Phase.BUILD, "")
    for phase in Phase:
        if phase not in wire.phases:
            raise _Trouble("phases", f"phase {phase.value!r} is missing")
        entry = wire.phases[phase]
        earlier = PhaseDemands(
            phase=phase,
            title=entry.title,
            real_engine=earlier.real_engine if entry.real_engine is None else entry.real_engine,
            real_documents=earlier.real_documents if entry.real_documents is None else entry.real_documents,
            clean_commit=earlier.clean_commit if entry.clean_commit is None else entry.clean_commit,
            checklists=earlier.checklists if entry.checklists is None else tuple(entry.checklists),
            slo_window=earlier.slo_window if entry.slo_window is None else entry.slo_window,
        )
        made[phase] = earlier
    return made


_UNIT_OF = {Statistic.RATIO: Unit.RATIO}


def _gate(gate_id: str, entry: _Gate, wire: _Spec, slos: tuple[SLO, ...]) -> Gate:
    if entry.evidence.simulated != gate_id.endswith(SIMULATED_SUFFIX):
        advice = f"a gate is called …{SIMULATED_SUFFIX} exactly when its evidence is"
        raise _Trouble(f"gates.{gate_id}", f"rests on {entry.evidence} evidence", advice)
    unit = entry.unit or _UNIT_OF.get(entry.statistic, Unit.SECONDS)
    direction = Direction.AT_MOST if entry.at_most is not None else Direction.AT_LEAST
    cells, objective = _cells_and_objective(gate_id, entry, wire, slos, unit)
    return Gate(
        id=gate_id,
        title=entry.title,
        kind=entry.evidence,
        unit=unit,
        statistic=entry.statistic,
        direction=direction,
        cells=cells,
        requirements=_requirements(gate_id, entry, cells, objective, unit),
        warning_margin=entry.warning_margin,
        waivable=entry.waivable,
    )


def _cells_and_objective(
    gate_id: str, entry: _Gate, wire: _Spec, slos: tuple[SLO, ...], unit: Unit
) -> tuple[tuple[Cell, ...], dict[Cell, Decimal]]:
    path = f"gates.{gate_id}"
    if entry.from_slos:
        for name in entry.from_slos:
            if name not in wire.slos:
                raise _Trouble(f"{path}.from_slos", f"there is no SLO {name!r}")
        objectives = {cell({"slo": slo.id}): slo.objective for slo in slos if slo.name in entry.from_slos}
        return tuple(objectives), objectives
    cells = _product(path, entry.for_each, wire)
    limit = entry.at_most if entry.at_most is not None else entry.at_least
    if isinstance(limit, _StricterOf):
        return cells, {key: _strictest(path, key, limit.stricter_of, slos) for key in cells}
    if isinstance(limit, dict):
        if len(entry.for_each) != 1:
            raise _Trouble(path, "limits by label value need exactly one label in 'for_each'")
        label = entry.for_each[0]
        for value in limit:
            if cell({label: value}) not in cells:
                raise _Trouble(path, f"{value!r} is no {label}", f"known: {', '.join(wire.labels[label])}")
        chosen = {cell({label: value}): _amount(path, amount, unit) for value, amount in limit.items()}
        return tuple(chosen), chosen
    if limit is None:
        raise _Trouble(path, "has no limit")
    return cells, dict.fromkeys(cells, _amount(path, limit, unit))


def _product(path: str, labels: list[str], wire: _Spec) -> tuple[Cell, ...]:
    for label in labels:
        if label not in wire.labels:
            raise _Trouble(f"{path}.for_each", f"label {label!r} is not among 'labels'")
    values = [wire.labels[label] for label in labels]
    return tuple(cell(dict(zip(labels, combination, strict=True))) for combination in product(*values))


def _strictest(path: str, key: Cell, names: list[str], slos: tuple[SLO, ...]) -> Decimal:
    limits = [
        slo.sli.threshold
        for slo in slos
        if slo.name in names and isinstance(slo.sli, LatencySLI) and set(slo.labels) <= set(key)
    ]
    if len(limits) != len(names):
        raise _Trouble(f"{path}.at_most", f"not each of {', '.join(names)} is a latency SLO with a limit for {key}")
    return min(limits)


def _amount(path: str, amount: Amount, unit: Unit) -> Decimal:
    try:
        if unit is Unit.RATIO:
            return parse_ratio(str(amount))
        if unit is Unit.SECONDS:
            return parse_duration(str(amount))
        return Decimal(str(amount))
    except (ValueError, ArithmeticError) as error:
        raise _Trouble(path, str(error)) from None


def _requirements(
    gate_id: str, entry: _Gate, cells: tuple[Cell, ...], objective: Mapping[Cell, Decimal], unit: Unit
) -> Mapping[Phase, Requirement]:
    path = f"gates.{gate_id}.phases"
    unknown = set(entry.phases) - set(Phase)
    if unknown:
        raise _Trouble(f"{path}.{min(unknown)}", "is no phase", f"phases are {', '.join(Phase)}")
    made: dict[Phase, Requirement] = {}
    earlier: Requirement | None = None
    for phase in Phase:
        wanted = entry.phases.get(phase)
        if wanted is not None:
            place = f"{path}.{phase}"
            contract = _contract(place, wanted, cells, earlier.contract if earlier else objective, unit)
            least_n = _least_n(place, wanted, cells, earlier)
            strong = wanted.strong if wanted.strong is not None else bool(earlier and earlier.strong)
            earlier = Requirement(contract, least_n, strong)
        if earlier is not None:
            made[phase] = earlier
    return made


def _contract(
    path: str, wanted: _Requirement, cells: tuple[Cell, ...], before: Mapping[Cell, Decimal], unit: Unit
) -> Mapping[Cell, Decimal]:
    if wanted.contract is None:
        return before
    if isinstance(wanted.contract, dict):
        return {key: _amount(path, _by_value(path, wanted.contract, key), unit) for key in cells}
    return dict.fromkeys(cells, _amount(path, wanted.contract, unit))


def _least_n(
    path: str, wanted: _Requirement, cells: tuple[Cell, ...], earlier: Requirement | None
) -> Mapping[Cell, int]:
    if wanted.least_n is None:
        if earlier is None:
            raise _Trouble(path, "needs 'least_n': without it an empty run would pass")
        return earlier.least_n
    chosen = (
        {key: int(_by_value(path, wanted.least_n, key)) for key in cells}
        if isinstance(wanted.least_n, dict)
        else dict.fromkeys(cells, wanted.least_n)
    )
    if min(chosen.values()) < 1:
        raise _Trouble(path, "'least_n' must be at least 1: an empty run never passes")
    return chosen


def _by_value(path: str, table: Mapping[str, Amount], key: Cell) -> Amount:
    for _, value in key:
        if value in table:
            return table[value]
    if "default" in table:
        return table["default"]
    raise _Trouble(path, f"has no entry for {dict(key)} and no 'default'")
