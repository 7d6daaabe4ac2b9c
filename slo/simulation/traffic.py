"""Made-up traffic: a constant stream, a day that swells and ebbs, a week with quiet ends. Times are UTC."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from slo.simulation.history import Floats

DAY, HOUR = 86400.0, 3600.0
EPOCH_WEEKDAY = 3
"""1 January 1970 was a Thursday; Monday is 0."""
PEAK_HOUR = 14.0


class Shape(StrEnum):
    """How traffic changes."""

    CONSTANT = "constant"
    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class Traffic:
    """A traffic shape.

    Attributes:
        per_day: Valid events of a mean day.
        quiet: Traffic of the quietest hour as a share of the busiest one.
        weekend: Traffic of Saturday and Sunday as a share of the other days.
    """

    shape: Shape
    per_day: float
    quiet: float = 0.1
    weekend: float = 0.3


def made_up(traffic: Traffic, start: float, step: float, count: int) -> Floats:
    """Valid events of each step; a whole week has seven times the mean day."""
    if traffic.shape is Shape.CONSTANT:
        return np.full(count, traffic.per_day * step / DAY)
    middle = start + step * (np.arange(count, dtype=np.float64) + 0.5)
    hour = middle % DAY / HOUR
    swell = (1 + np.cos((hour - PEAK_HOUR) / 24 * 2 * math.pi)) / 2
    weight = traffic.quiet + (1 - traffic.quiet) * swell
    mean = (1 + traffic.quiet) / 2
    if traffic.shape is Shape.WEEKLY:
        weekday = (np.floor(middle / DAY) + EPOCH_WEEKDAY) % 7
        weight = weight * np.where(weekday >= 5, traffic.weekend, 1.0)
        mean *= (5 + 2 * traffic.weekend) / 7
    return np.asarray(weight / mean * traffic.per_day * step / DAY, dtype=np.float64)


def drawn(events: Floats, share: Floats, seed: int) -> tuple[Floats, Floats]:
    """Whole events instead of expected ones: how many came, and how many were bad, drawn at random; NaN stays NaN."""
    chance = np.random.default_rng(seed)
    known = ~np.isnan(events)
    came = chance.poisson(np.where(known, events, 0.0)).astype(np.float64)
    bad = chance.binomial(came.astype(np.int64), np.clip(np.nan_to_num(share), 0.0, 1.0)).astype(np.float64)
    return np.where(known, came, np.nan), np.where(known, bad, np.nan)
