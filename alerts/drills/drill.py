"""A drill as data: which fault, on which stack, which alerts it must wake and when, and which others it explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from slo.errors import InvalidInput, Problem
from slo.load import Duration, Name, Text
from slo.quantities import parse_ratio
from slo.strict_yaml import Wire, load_strict

FOLDER = Path(__file__).parent / "cases"

SCRAPE_SECONDS = 1.0
EVALUATION_SECONDS = 1.0
"""How often a drill's Prometheus looks at the service, and at its rules: the floor of scaled intervals."""


class Fault(StrEnum):
    """What may be done to a stack from outside; `alerts.drills.faults` knows how."""

    NOTHING = "nothing"
    LOCK_DATABASE = "lock-database"
    PAUSE_SERVICE = "pause-service"
    KILL_SERVICE = "kill-service"
    KILL_INSTANCE = "kill-instance"
    REFUSE_QUESTIONS = "refuse-questions"
    SLOW_FIRST_TOKEN = "slow-first-token"  # noqa: S105 - the token is a word of an answer
    SLOW_ANSWERS = "slow-answers"
    DRIPPING_ANSWERS = "dripping-answers"
    CUT_STREAMS = "cut-streams"
    OVERLOADED_PROVIDER = "overloaded-provider"
    KILL_REDIS = "kill-redis"
    KILL_POSTGRESQL = "kill-postgresql"
    FREEZE_POSTGRESQL = "freeze-postgresql"
    SLOW_RETRIEVAL = "slow-retrieval"
    EMPTY_INDEX = "empty-index"
    BROKEN_GENERATION = "broken-generation"
    WEAK_SECRET = "weak-secret"  # noqa: S105 - the name of a fault
    FORGET_TARGET = "forget-target"
    DROP_SERIES = "drop-series"
    EXPENSIVE_MODEL = "expensive-model"
    FLOOD = "flood"
    NEW_QUESTIONS = "new-questions"
    BAD_SCORES = "bad-scores"
    INJECTIONS = "injections"
    GUESSED_PASSWORDS = "guessed-passwords"


class Delivery(StrEnum):
    """When an expected alert reaches the receiver.

    HELD waits for the release: a page of the same SLO speaks meanwhile, and its ticket is silenced (alertmanager.yaml). SILENCED never
    comes, because an outage explains it to the end. EITHER is an alert beside louder ones of the same fault, which may silence it
    and outlast it.
    """

    AT_ONCE = "at-once"
    HELD = "held"
    SILENCED = "silenced"
    EITHER = "either"


class Database(StrEnum):
    """Where the drill's service keeps what must last."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Retrieval(StrEnum):
    """Where its passages are: the corpus that ships, a library that `ingest` made of it, or PostgreSQL."""

    EMBEDDED = "embedded"
    LIBRARY = "library"
    POSTGRESQL = "postgresql"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Live questions: `rate` per second, asked in turn as each role; a question is given up after `timeout` seconds.

    Attributes:
        stream: Whether answers are taken word by word.
        remembered: Whether the cache of answers may answer.
        scored: Whether each answer gets a score: five in the calm.
    """

    rate: float
    timeout: float
    roles: tuple[str, ...]
    questions: tuple[str, ...]
    stream: bool = False
    remembered: bool = False
    scored: bool = False

    @property
    def round(self) -> int:
        """How many questions it takes until every role has asked every one."""
        return len(self.roles) * len(self.questions)


@dataclass(frozen=True, slots=True)
class Stage:
    """What the drill's stack is made of, beside the service, Prometheus, Alertmanager and a receiver.

    Attributes:
        simulated: Whether the simulator writes the answers.
        fallback: Whether the extractive engine stands in for it.
        usd_per_million: Price of the simulator's tokens, US dollars per million.
        redis: Whether a Redis is shared.
        instances: How many services answer under one job.
        settings: Further settings of the service.
    """

    simulated: bool = False
    fallback: bool = False
    usd_per_million: int = 0
    redis: bool = False
    database: Database = Database.SQLITE
    retrieval: Retrieval = Retrieval.EMBEDDED
    instances: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Crossing:
    """Arithmetic of an alert on a rate: its limit and window, and what the fault makes of the rate.

    Attributes:
        limit: Where the alert begins, in the unit of `level`.
        level: What the expression comes to when its whole window has seen the fault.
        window: Range of its rate, unscaled, in seconds.
    """

    limit: Decimal
    level: Decimal
    window: Decimal


@dataclass(frozen=True, slots=True)
class Expected:
    """An alert that the fault must wake.

    Attributes:
        slo: Id of the SLO of a burn-rate alert; None for alerts that burn no budget.
        long: Its long window, unscaled, in seconds.
        after: Seconds (never scaled) from the fault until what the alert looks at shows it.
        crossing: For alerts on rates: how long until the rate passes the limit.
        because: Why `after` is what it is.
    """

    alert: str
    slo: str | None = None
    long: Decimal | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    after: float = 0.0
    share: Decimal = Decimal(1)
    crossing: Crossing | None = None
    delivery: Delivery = Delivery.AT_ONCE
    because: str = ""


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill.

    Attributes:
        expects: The alerts that must fire; none in a quiet phase, which only counts false alarms.
        may: Further alerts that the fault explains, each with the reason; any other page is a false alarm.
        deadline: Seconds from the fault in which the alerts have to fire, be delivered and, if pages, resolve.
        held: Least seconds that the fault lasts; it ends earlier only at the deadline.
        scale: By how much every duration of rules and routes is divided.
        baseline: Seconds of synthetic good traffic before the start.
        warm_up: Seconds of live traffic before the fault, in which nothing may fire.
        weight: How many of the two places side by side it takes: 2 runs alone.
        quick: Whether every `make readiness` runs it; the others are `make drill`'s, and those of later phases.
    """

    id: str
    title: str
    fault: Fault
    expects: tuple[Expected, ...]
    deadline: float
    scale: int
    baseline: float
    warm_up: float
    traffic: Traffic
    stage: Stage = Stage()
    may: Mapping[str, str] = field(default_factory=dict)
    held: float = 0.0
    weight: int = 1
    quick: bool = False

    @property
    def quiet(self) -> bool:
        """Whether it only listens for false alarms."""
        return not self.expects


class _Traffic(Wire):
    rate: Annotated[int, Field(ge=1, le=100)]
    timeout: Duration
    roles: list[Name] = Field(min_length=1)
    questions: list[Text] = Field(min_length=1)
    stream: bool = False
    remembered: bool = False
    scored: bool = False


class _Stage(Wire):
    simulated: bool = False
    fallback: bool = False
    usd_per_million: Annotated[int, Field(ge=0)] = 0
    redis: bool = False
    database: Text = Database.SQLITE.value
    retrieval: Text = Retrieval.EMBEDDED.value
    instances: Annotated[int, Field(ge=1, le=2)] = 1
    settings: dict[str, str] = Field(default_factory=dict)


class _Crossing(Wire):
    limit: Text
    level: Text
    window: Duration


class _Expected(Wire):
    alert: Text
    slo: Name | None = None
    long: Duration | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    after: Duration | None = None
    share: Text = "100%"
    crossing: _Crossing | None = None
    delivery: Text = Delivery.AT_ONCE.value
    because: str = ""


class _Drill(Wire):
    drill: Name
    title: Text
    fault: Text
    expects: list[_Expected] = Field(default_factory=list)
    may: dict[str, Text] = Field(default_factory=dict)
    stage: _Stage = Field(default_factory=_Stage)
    deadline: Duration
    held: Duration | None = None
    scale: Annotated[int, Field(ge=1)]
    baseline: Duration
    warm_up: Duration
    weight: Annotated[int, Field(ge=1, le=2)] = 1
    quick: bool = False
    traffic: _Traffic


def load_drill(path: Path) -> Drill:
    """Read a drill.

    Raises:
        InvalidInput: The file is missing or wrong, or names a fault, a store or a way of delivery that does not exist.
    """
    wire = load_strict(path, _Drill)
    if wire.drill != path.stem:
        raise _wrong(path, "drill", f"is {wire.drill!r}, and the file is {path.name}", "give both the same name")
    return Drill(
        id=wire.drill,
        title=wire.title,
        fault=Fault(_known(path, "fault", wire.fault, Fault)),
        expects=tuple(_expected(path, number, entry) for number, entry in enumerate(wire.expects)),
        may=dict(wire.may),
        stage=_stage(path, wire.stage),
        deadline=float(wire.deadline),
        held=float(wire.held or 0),
        scale=wire.scale,
        baseline=float(wire.baseline),
        warm_up=float(wire.warm_up),
        weight=wire.weight,
        quick=wire.quick,
        traffic=_traffic(wire.traffic),
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


def _traffic(wire: _Traffic) -> Traffic:
    return Traffic(
        rate=float(wire.rate),
        timeout=float(wire.timeout),
        roles=tuple(wire.roles),
        questions=tuple(wire.questions),
        stream=wire.stream,
        remembered=wire.remembered,
        scored=wire.scored,
    )


def _stage(path: Path, wire: _Stage) -> Stage:
    return Stage(
        simulated=wire.simulated,
        fallback=wire.fallback,
        usd_per_million=wire.usd_per_million,
        redis=wire.redis,
        database=Database(_known(path, "stage.database", wire.database, Database)),
        retrieval=Retrieval(_known(path, "stage.retrieval", wire.retrieval, Retrieval)),
        instances=wire.instances,
        settings=dict(wire.settings),
    )


def _expected(path: Path, number: int, wire: _Expected) -> Expected:
    place = f"expects[{number}]"
    if (wire.slo is None) != (wire.long is None):
        raise _wrong(path, place, "names an SLO and no long window, or the other way round", "a burn rate has both")
    return Expected(
        alert=wire.alert,
        slo=wire.slo,
        long=wire.long,
        labels=dict(wire.labels),
        after=float(wire.after or 0),
        share=_ratio(path, f"{place}.share", wire.share),
        crossing=None if wire.crossing is None else _crossing(path, place, wire.crossing),
        delivery=Delivery(_known(path, f"{place}.delivery", wire.delivery, Delivery)),
        because=wire.because,
    )


def _crossing(path: Path, place: str, wire: _Crossing) -> Crossing:
    limit, level = (_ratio(path, f"{place}.crossing", text) for text in (wire.limit, wire.level))
    if not 0 < limit < level:
        raise _wrong(path, f"{place}.crossing", "the fault does not pass the limit", "level lies above limit")
    return Crossing(limit, level, wire.window)


def _ratio(path: Path, place: str, text: str) -> Decimal:
    """A share as people write it, or a plain number."""
    try:
        return parse_ratio(text) if text.endswith("%") else Decimal(text)
    except (ValueError, ArithmeticError):
        raise _wrong(path, place, f"{text!r} is neither a percent nor a number", "write 5% or 12.5") from None


def _known(path: Path, place: str, word: str, words: type[StrEnum]) -> str:
    if word not in tuple(words):
        kind = place.rpartition(".")[2]
        raise _wrong(path, place, f"there is no {kind} {word!r}", f"known: {', '.join(words)}")
    return word


def _wrong(path: Path, place: str, message: str, advice: str) -> InvalidInput:
    return InvalidInput((Problem(str(path), None, place, message, advice),))
