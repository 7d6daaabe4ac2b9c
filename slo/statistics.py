"""How sure a number is: intervals, and how many samples a claim needs.

Convention: an interval is made of two one-sided bounds, each with confidence 95 %. The upper bound of a p95 then exists from
59 samples on, and 52 flawless scenarios show 95 %. A bound that the samples cannot give is None, never a guess.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

CONFIDENCE = 0.95
WILSON = "wilson"
"""Method of the bounds of a share; whoever has value and n can compute them again."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Two one-sided bounds; None where the samples cannot give one."""

    lower: float | None
    upper: float | None
    method: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value that samples became, with its interval and the number of samples behind it.

    Attributes:
        value: In the unit of its gate; None when nothing could be measured.
        n: Samples or events.
    """

    value: float | None
    n: int
    interval: Interval | None = None


NOTHING = Measurement(None, 0)


def wilson_interval(successes: int, n: int, confidence: float = CONFIDENCE, *, sides: int = 1) -> Interval:
    """Wilson's score interval of a share (Wilson 1927).

    Args:
        successes: Good events, 0 to n.
        n: Events.
        confidence: Of each bound with one side, of both together with two (`38, 40, sides=2` is 0.835 to 0.986).
        sides: 1 or 2.

    Raises:
        ValueError: The counts make no share.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no share")
    if n == 0:
        return Interval(None, None, WILSON)
    z = NormalDist().inv_cdf(1 - (1 - confidence) / sides)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    lower = 0.0 if successes == 0 else centre - reach
    upper = 1.0 if successes == n else centre + reach
    return Interval(lower, upper, WILSON)


def ratio(successes: int, n: int) -> Measurement:
    """A share of good events with its Wilson interval; no events give no value."""
    return NOTHING if n == 0 else Measurement(successes / n, n, wilson_interval(successes, n))


def contradiction(measurement: Measurement) -> str:
    """Why a measurement contradicts itself, for people; empty when it does not.

    A value lies inside its own interval, and a share of n events is a whole number of them, with the bounds that follow from it.
    """
    value, interval = measurement.value, measurement.interval
    if value is None or interval is None:
        return ""
    slack = 1e-9 * max(1.0, abs(value))
    if interval.lower is not None and value < interval.lower - slack:
        return f"its value {value:g} lies below its interval, which begins at {interval.lower:g}"
    if interval.upper is not None and value > interval.upper + slack:
        return f"its value {value:g} lies above its interval, which ends at {interval.upper:g}"
    return _broken_share(value, measurement.n, interval) if interval.method == WILSON and measurement.n else ""


def _broken_share(value: float, n: int, interval: Interval) -> str:
    events = round(value * n)
    if not 0 <= events <= n or abs(events - value * n) > 1e-6:
        return f"{value:g} of {n} events is no whole number of events"
    again = wilson_interval(events, n)
    pairs = ((interval.lower, again.lower), (interval.upper, again.upper))
    if any(one is None or other is None or abs(one - other) > 1e-9 for one, other in pairs):
        return f"its interval is not that of {events} good events of {n}"
    return ""


def quantile(samples: Sequence[float], q: float) -> Measurement:
    """An observed quantile (nearest rank) with bounds by order statistics, free of any distribution.

    The upper bound is the smallest sample that lies above the true quantile with 95 % confidence: for q = 0.95 it exists from
    59 samples on, for 0.99 from 299.

    Raises:
        ValueError: q is not inside 0 to 1, or a sample is not finite.
    """
    if not 0 < q < 1:
        raise ValueError(f"{q} is no quantile")
    if not samples:
        return NOTHING
    ordered = _finite_sorted(samples)
    n = len(ordered)
    value = ordered[math.ceil(q * n - 1e-12) - 1]
    lower_rank, upper_rank = _ranks(n, q)
    interval = Interval(
        None if lower_rank is None else ordered[lower_rank - 1],
        None if upper_rank is None else ordered[upper_rank - 1],
        "order-statistics",
    )
    return Measurement(value, n, interval)


def p95(samples: Sequence[float]) -> Measurement:
    """The 95th percentile as `quantile` gives it."""
    return quantile(samples, 0.95)


def mean(samples: Sequence[float], seed: int = 0, resamples: int = 1000) -> Measurement:
    """The mean with percentile-bootstrap bounds; a single sample has no interval.

    For more than 2,000 samples the bounds are the normal ones, which by then agree with the bootstrap and cost nothing.
    """
    if not samples:
        return NOTHING
    ordered = _finite_sorted(samples)
    n = len(ordered)
    value = fmean(ordered)
    if n == 1:
        return Measurement(value, n, Interval(None, None, "bootstrap"))
    if n > 2000:
        reach = NormalDist().inv_cdf(CONFIDENCE) * stdev(ordered) / math.sqrt(n)
        return Measurement(value, n, Interval(value - reach, value + reach, "normal"))
    dice = random.Random(seed)  # noqa: S311 - a seeded bootstrap must repeat, not surprise
    means = sorted(fmean(dice.choices(ordered, k=n)) for _ in range(resamples))
    cut = round(resamples * (1 - CONFIDENCE))
    return Measurement(value, n, Interval(means[cut], means[-cut - 1], "bootstrap"))


def extreme(samples: Sequence[float], *, largest: bool) -> Measurement:
    """The largest or smallest sample; it bounds itself on one side only."""
    if not samples:
        return NOTHING
    ordered = _finite_sorted(samples)
    value = ordered[-1] if largest else ordered[0]
    return Measurement(value, len(ordered), Interval(value, value, "observed"))


def least_n_for_quantile(q: float, confidence: float = CONFIDENCE) -> int:
    """Fewest samples that bound a quantile from above: 59 for 0.95, 299 for 0.99, 2,995 for 0.999."""
    return math.ceil(math.log(1 - confidence) / math.log(q) - 1e-9)


def least_n_flawless(objective: float, confidence: float = CONFIDENCE) -> int:
    """Fewest events, all of them good, whose Wilson lower bound reaches the objective: 52 for 0.95.

    Raises:
        ValueError: No number of events shows 100 %.
    """
    if not 0 < objective < 1:
        raise ValueError(f"no number of events shows {objective:.0%}")
    z = NormalDist().inv_cdf(confidence)
    return math.ceil(objective * z * z / (1 - objective) - 1e-9)


def _finite_sorted(samples: Sequence[float]) -> list[float]:
    if not all(math.isfinite(sample) for sample in samples):
        raise ValueError("a sample is not a finite number")
    return sorted(samples)


def _ranks(n: int, q: float) -> tuple[int | None, int | None]:
    """1-based ranks of the lower and upper bound; None where no rank has the confidence.

    The number of samples below the true quantile is binomial (n, q). X(k) lies above it with probability P(B <= k - 1),
    below or at it with probability P(B >= k).
    """
    below = 0.0
    lower: int | None = None
    upper: int | None = None
    for k in range(1, n + 1):
        below += _binomial(n, k - 1, q)
        if 1 - below >= CONFIDENCE:
            lower = k
        if upper is None and below >= CONFIDENCE:
            upper = k
            break
    return lower, upper


def _binomial(n: int, k: int, q: float) -> float:
    log = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(q) + (n - k) * math.log1p(-q)
    return math.exp(log)
