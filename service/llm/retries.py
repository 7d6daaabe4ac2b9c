"""When the same model is asked again: after a random wait, and only as long as retries stay a small share of all requests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryRules:
    """How often one model is tried for an answer, and how long is waited between (seconds).

    `share` is how many retries each request earns, `reserve` how many may be made at the start and after a quiet time.
    """

    tries_per_model: int = 2
    base_seconds: float = 0.25
    longest_seconds: float = 2.0
    share: float = 0.1
    reserve: float = 10.0

    def wait(self, tried: int, draw: float) -> float:
        """Seconds to wait after `tried` failures: full jitter, a uniform `draw` from [0, 1) of a bound that doubles.

        Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
        """
        return draw * min(self.longest_seconds, self.base_seconds * 2.0 ** (tried - 1))


class RetryBudget:
    """Keeps retries from multiplying an outage: each request adds a share of a retry, each retry takes a whole one."""

    def __init__(self, rules: RetryRules) -> None:
        self._rules = rules
        self._left = rules.reserve

    def asked(self) -> None:
        """A request came."""
        self._left = min(self._rules.reserve, self._left + self._rules.share)

    def take(self) -> bool:
        """Whether a retry may be made; if so, it is taken off."""
        # Ten tenths are a little less than one.
        if self._left < 1.0 - 1e-9:
            return False
        self._left -= 1.0
        return True
