"""Distributions of seconds, as quantile functions: one share in (0, 1) gives one value, so a draw costs exactly one number.

A sequence of draws therefore never shifts when a distribution is exchanged for another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

_STANDARD = NormalDist()


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same."""

    seconds: float

    def quantile(self, share: float) -> float:  # noqa: ARG002 - the three shapes are called alike
        """The value in seconds below which `share` of all draws lie."""
        return self.seconds


@dataclass(frozen=True, slots=True)
class Lognormal:
    """The logarithm is normal: half of the draws lie below `median_seconds`, `sigma` is the spread of the logarithm."""

    median_seconds: float
    sigma: float

    def quantile(self, share: float) -> float:
        """The value in seconds below which `share` of all draws lie."""
        return self.median_seconds * math.exp(self.sigma * _STANDARD.inv_cdf(share))


@dataclass(frozen=True, slots=True)
class Empirical:
    """Measured values, each as likely as it was in the file; nothing between two of them is ever drawn."""

    ordered_seconds: tuple[float, ...]

    def quantile(self, share: float) -> float:
        """The measured value in seconds that `share` of them do not exceed."""
        return self.ordered_seconds[int(share * len(self.ordered_seconds))]


Distribution = Constant | Lognormal | Empirical


def instants(first: Distribution, gap: Distribution, shares: Iterable[float]) -> list[float]:
    """When each token leaves, in seconds after the request began: the first draw is the first token, each further one a gap."""
    found: list[float] = []
    now = 0.0
    for number, share in enumerate(shares):
        now += (gap if number else first).quantile(share)
        found.append(now)
    return found
