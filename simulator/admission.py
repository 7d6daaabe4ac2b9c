"""How many answers run at once: a gate with a queue, first come, first served."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from simulator.profile import Concurrency


class Gate:
    """Admits up to `limit` at once and lets `queue` more wait; without limits everybody is admitted."""

    def __init__(self, limits: Concurrency | None) -> None:
        self._limits = limits
        self._running = 0
        self._waiting: OrderedDict[int, Callable[[], None]] = OrderedDict()

    @property
    def running(self) -> int:
        """Answers under way."""
        return self._running

    @property
    def waiting(self) -> int:
        """Answers in the queue."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether the next one is turned away."""
        limits = self._limits
        return limits is not None and self._running >= limits.limit and len(self._waiting) >= limits.queue

    @property
    def must_wait(self) -> bool:
        """Whether the next one finds no free place."""
        return self._limits is not None and self._running >= self._limits.limit

    def enter(self, ticket: int, start: Callable[[], None]) -> None:
        """Call `start` now or when a place is free; who enters a full gate waits all the same."""
        if self.must_wait:
            self._waiting[ticket] = start
        else:
            self._running += 1
            start()

    def leave(self, ticket: int) -> None:
        """Give the place back, in the gate or in the queue; the next in the queue starts."""
        if self._waiting.pop(ticket, None) is not None:
            return
        self._running -= 1
        if self._waiting:
            _, start = self._waiting.popitem(last=False)
            self._running += 1
            start()
