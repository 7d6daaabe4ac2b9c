"""What the tests of the simulation share: SLOs and histories made in a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np

from slo.load import load_windows
from slo.simulation.courses import Evaluation
from slo.simulation.history import History
from slo.simulation.replay import Replay, Simulation, simulate
from slo.spec import SLI, SLO, EventsSLI, Spec, Window

EVALUATION = Evaluation(fast=30.0, slow=120.0, slowest=240.0, base=300.0, longest_direct=3600.0, longest_dense=259200.0)
EACH_MINUTE = replace(EVALUATION, fast=60.0, slow=60.0, slowest=60.0)
EVENTS = EventsSLI(valid="asked_total", bad='asked_total{code="500"}')
DAY = 86400.0


def slo(
    objective: str = "0.999",
    *,
    window: float = 30 * DAY,
    sli: SLI = EVENTS,
    windows: tuple[Window, ...] | None = None,
    calendar: bool = False,
    least_events: int = 0,
    name: str = "asked",
) -> SLO:
    return SLO(
        id=name,
        name=name,
        title="Asked",
        labels=(),
        objective=Decimal(objective),
        window=Decimal(str(window)),
        sli=sli,
        service="shop",
        owner="shop-team",
        selector=(),
        windows=load_windows() if windows is None else windows,
        calendar=calendar,
        least_events=least_events,
    )


def spec(*slos: SLO) -> Spec:
    return Spec("shop", "shop", "shop-team", Decimal(30 * 86400), (), {}, slos, (), {}, Decimal(86400), "sha256:0")


def history(valid: Sequence[float], bad: Sequence[float], *, start: float = 0.0, step: float = 60.0) -> History:
    return History(start, step, np.array(valid, dtype=np.float64), np.array(bad, dtype=np.float64))


def minutes(total: int, *faults: tuple[int, int, float], rate: float = 100.0) -> History:
    """Even traffic, minute by minute, with faults: first minute, how many, which share fails."""
    bad = np.zeros(total)
    for first, length, share in faults:
        bad[first : first + length] = rate * share
    return History(0.0, 60.0, np.full(total, rate), bad)


def of(one: SLO, told: History, *, start: float = 0.0, significant: float | None = None) -> Simulation:
    (found,) = simulate(spec(one), one, {one.id: {(): told}}, Replay(EACH_MINUTE, start, significant))
    return found
