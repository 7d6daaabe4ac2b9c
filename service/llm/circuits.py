"""A circuit per model: after too many failures nobody calls it for a while, then one call tries whether it is back.

closed --(share of failures in the window)--> open --(open_seconds)--> half-open --(the probe succeeds)--> closed
                                               ^------------------------(the probe fails)--'
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

State = Literal["closed", "half_open", "open"]
STATES: tuple[State, ...] = ("closed", "half_open", "open")
"""In the order of the numbers that the gauge shows: 0, 1, 2."""

_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class CircuitRules:
    """When a circuit opens: the share of failures among at least `least_calls` calls of the last `window_seconds`."""

    window_seconds: float = 30.0
    least_calls: int = 5
    failure_share: float = 0.5
    open_seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one call. It names the state in which it was given: a late answer of before says nothing about now."""

    epoch: int
    probe: bool


class Circuit:
    """The circuit of one model. Every permit is given back once: `succeeded`, `failed` or `abandoned`."""

    def __init__(self, rules: CircuitRules) -> None:
        self._rules = rules
        self._calls: deque[tuple[float, bool]] = deque(maxlen=_MOST_REMEMBERED)
        self._opened_at: float | None = None
        self._probing = False
        self._epoch = 0

    def state(self, now: float) -> State:
        """The state at an instant, in monotonic seconds."""
        if self._opened_at is None:
            return "closed"
        return "half_open" if now >= self._opened_at + self._rules.open_seconds else "open"

    def admit(self, now: float) -> Permit | None:
        """Leave to call now; None while the circuit is open, and beside a probe that is under way."""
        state = self.state(now)
        if state == "closed":
            return Permit(self._epoch, probe=False)
        if state == "open" or self._probing:
            return None
        self._probing = True
        return Permit(self._epoch, probe=True)

    def closed_in(self, now: float) -> float:
        """Seconds until the next probe is let through; 0 when calls or a probe are let through now."""
        return 0.0 if self._opened_at is None else max(0.0, self._opened_at + self._rules.open_seconds - now)

    def succeeded(self, permit: Permit, now: float) -> None:
        """The model answered."""
        if permit.epoch != self._epoch:
            return
        if permit.probe:
            self._begin(opened_at=None)
        else:
            self._calls.append((now, False))

    def failed(self, permit: Permit, now: float) -> None:
        """The model failed."""
        if permit.epoch != self._epoch:
            return
        if permit.probe:
            self._begin(opened_at=now)
            return
        self._calls.append((now, True))
        while self._calls[0][0] < now - self._rules.window_seconds:
            self._calls.popleft()
        failures = sum(failed for _, failed in self._calls)
        if len(self._calls) >= self._rules.least_calls and failures >= self._rules.failure_share * len(self._calls):
            self._begin(opened_at=now)

    def abandoned(self, permit: Permit) -> None:
        """The call ended without saying anything about the model: the reader left, or our own request was wrong."""
        if permit.probe and permit.epoch == self._epoch:
            self._probing = False

    def _begin(self, *, opened_at: float | None) -> None:
        self._opened_at = opened_at
        self._probing = False
        self._calls.clear()
        self._epoch += 1
