"""What is simulated: traffic, incidents, how long; from a YAML file, or from the words of a command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BeforeValidator, Field

from slo.quantities import QuantityError, plain_number
from slo.simulation.history import Floats, History
from slo.simulation.incidents import Incident, fate, instant, parse_incident
from slo.simulation.traffic import Shape, Traffic, drawn, made_up
from slo.spec import SLO
from slo.strict_yaml import Wire, load_strict
from slo.wire import Duration, Ratio

DEFAULT_START = 1_704_067_200.0
"""Monday 1 January 2024, 0:00 UTC, the begin of a month of 31 days: where nobody says when, day 1 is a Monday."""
DEFAULT_TRAFFIC = Traffic(Shape.CONSTANT, 20_000.0)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A made-up story.

    Attributes:
        start: Seconds since the epoch; None where only days are counted.
        length: Seconds; None for the SLO's own window.
        errors: Share of the events that goes wrong at any time.
        seed: Whole events are drawn at random with it; None reckons with expected ones, in fractions.
    """

    title: str = ""
    start: float | None = None
    length: float | None = None
    traffic: Traffic = DEFAULT_TRAFFIC
    errors: float = 0.0
    seed: int | None = None
    incidents: tuple[Incident, ...] = field(default=())


def _events(value: object) -> float:
    found = plain_number(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if found is None or found <= 0:
        raise QuantityError(f"{str(value)[:60]!r} is no number of events", "write one over zero, such as 20000")
    return float(found)


def _shape(value: object) -> Shape:
    if value not in tuple(Shape):
        raise QuantityError(f"{str(value)[:60]!r} is no traffic shape", f"write one of {', '.join(Shape)}")
    return Shape(str(value))


def _incident(value: object) -> Incident:
    if not isinstance(value, str):
        raise QuantityError("is no incident", 'write it as text, like "2h at 5% from day 3 14:00"')
    return parse_incident(value)


def _instant(value: object) -> float:
    return instant(str(value))


class _TrafficWire(Wire):
    shape: Annotated[Shape, BeforeValidator(_shape)] = Shape.CONSTANT
    per_day: Annotated[float, BeforeValidator(_events)] = DEFAULT_TRAFFIC.per_day
    quiet: Ratio = Decimal("0.1")
    weekend: Ratio = Decimal("0.3")


class _ScenarioWire(Wire):
    title: str = Field(default="", max_length=200)
    start: Annotated[float, BeforeValidator(_instant)] | None = None
    length: Duration | None = None
    traffic: _TrafficWire = Field(default_factory=_TrafficWire)
    errors: Ratio = Decimal(0)
    seed: Annotated[int, Field(ge=0)] | None = None
    incidents: list[Annotated[Incident, BeforeValidator(_incident)]] = Field(default_factory=list, max_length=1000)


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        InvalidInput: It is missing or wrong; every problem names line and mend.
    """
    wire = load_strict(path, _ScenarioWire)
    traffic = wire.traffic
    return Scenario(
        title=wire.title,
        start=wire.start,
        length=None if wire.length is None else float(wire.length),
        traffic=Traffic(traffic.shape, traffic.per_day, float(traffic.quiet), float(traffic.weekend)),
        errors=float(wire.errors),
        seed=wire.seed,
        incidents=tuple(wire.incidents),
    )


def told(scenario: Scenario, slo: SLO, start: float, end: float, *, step: float, lead: float) -> History:
    """The history of an SLO in this story.

    Args:
        scenario: The story.
        slo: Whose history.
        start: Begin of the simulated time, seconds since the epoch.
        end: Its end.
        step: Length of a step in seconds.
        lead: Seconds of the same traffic without any errors that go before it, so that no window begins empty.
    """
    before = int(np.ceil(lead / step))
    count = before + int(np.ceil((end - start) / step - 1e-9))
    events = made_up(scenario.traffic, start - before * step, step, count)
    base = History(start - before * step, step, events, np.zeros(count))
    return hit(scenario, slo, base, start, end)


def hit(scenario: Scenario, slo: SLO, history: History, start: float, end: float) -> History:
    """A history with the errors and incidents of a story on top of its own."""
    edges = history.start + history.step * np.arange(len(history.valid) + 1, dtype=np.float64)
    mine = [incident for incident in scenario.incidents if incident.hits(slo.id, slo.name)]
    happened = fate(mine, start, end, edges)
    during: Floats = (edges[:-1] >= start - 1e-6).astype(np.float64)
    share = 1 - (1 - happened.bad) * (1 - scenario.errors * during)
    there = 1 - happened.missing
    valid = np.where(happened.unseen > 0, np.nan, history.valid * there)
    bad = history.bad * there
    if scenario.seed is None:
        return History(history.start, history.step, valid, bad + (valid - bad) * share)
    own = np.divide(bad, valid, out=np.zeros_like(bad), where=np.nan_to_num(valid) > 0)
    seed = scenario.seed * 1_000_003 + sum(ord(letter) * 31**place for place, letter in enumerate(slo.id)) % 1_000_003
    return History(history.start, history.step, *drawn(valid, 1 - (1 - own) * (1 - share), seed))
