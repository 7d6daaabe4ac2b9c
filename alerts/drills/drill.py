"""A drill as data: which fault, which alert it must wake, and how long the whole cycle may take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from slo.errors import InvalidInput, Problem
from slo.load import Duration, Name, Text
from slo.spec import Severity
from slo.strict_yaml import Wire, load_strict

FOLDER = Path(__file__).parent

FAULTS = ("lock-database",)
"""The faults that a drill may name; `alerts.drills.stage` knows what each does."""

SCRAPE_SECONDS = 1.0
EVALUATION_SECONDS = 1.0
"""How often a drill's Prometheus looks at the service, and at its rules: the floor of scaled intervals."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Live questions: `rate` per second, asked in turn as each role; a question is given up after `timeout` seconds."""

    rate: float
    timeout: float
    roles: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill.

    Attributes:
        slo: Id of the SLO whose alert must fire.
        severity: Which of its alerts: the quickest of this severity.
        deadline: Seconds from the fault in which the alert has to fire, be delivered and resolve.
        scale: By how much every duration of rules and routes is divided.
        baseline: Seconds of synthetic good traffic before the start.
        warm_up: Seconds of live traffic before the fault, in which nothing may fire.
        database_timeout: Seconds that the service waits for its database.
    """

    id: str
    title: str
    fault: str
    slo: str
    severity: Severity
    deadline: float
    scale: int
    baseline: float
    warm_up: float
    database_timeout: float
    traffic: Traffic


class _Traffic(Wire):
    rate: Annotated[int, Field(ge=1, le=100)]
    timeout: Duration
    roles: list[Name] = Field(min_length=1)
    questions: list[Text] = Field(min_length=1)


class _Drill(Wire):
    drill: Name
    title: Text
    fault: Name
    slo: Name
    severity: Text
    deadline: Duration
    scale: Annotated[int, Field(ge=1)]
    baseline: Duration
    warm_up: Duration
    database_timeout: Duration
    traffic: _Traffic


def load_drill(path: Path) -> Drill:
    """Read a drill.

    Raises:
        InvalidInput: The file is missing or wrong, or names a fault or severity that does not exist.
    """
    wire = load_strict(path, _Drill)
    if wire.drill != path.stem:
        raise _wrong(path, "drill", f"is {wire.drill!r}, and the file is {path.name}", "give both the same name")
    if wire.fault not in FAULTS:
        raise _wrong(path, "fault", f"there is no fault {wire.fault!r}", f"known: {', '.join(FAULTS)}")
    if wire.severity not in tuple(Severity):
        raise _wrong(path, "severity", f"there is no severity {wire.severity!r}", f"known: {', '.join(Severity)}")
    traffic = Traffic(
        rate=float(wire.traffic.rate),
        timeout=float(wire.traffic.timeout),
        roles=tuple(wire.traffic.roles),
        questions=tuple(wire.traffic.questions),
    )
    return Drill(
        id=wire.drill,
        title=wire.title,
        fault=wire.fault,
        slo=wire.slo,
        severity=Severity(wire.severity),
        deadline=float(wire.deadline),
        scale=wire.scale,
        baseline=float(wire.baseline),
        warm_up=float(wire.warm_up),
        database_timeout=float(wire.database_timeout),
        traffic=traffic,
    )


def load_drills(folder: Path = FOLDER) -> tuple[Drill, ...]:
    """All drills of a folder, by name.

    Raises:
        InvalidInput: One of them is wrong, or there is none: no drill at all proves nothing.
    """
    drills = tuple(load_drill(path) for path in sorted(folder.glob("*.yaml")))
    if not drills:
        raise InvalidInput((Problem(str(folder), None, "", "holds no drill", "add one, like database-locked.yaml"),))
    return drills


def _wrong(path: Path, place: str, message: str, advice: str) -> InvalidInput:
    return InvalidInput((Problem(str(path), None, place, message, advice),))
