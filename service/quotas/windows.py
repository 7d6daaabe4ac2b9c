"""Counts requests in this process, in bounded memory: the default, and what stands in while a shared store is away."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Sequence

from service.quotas.limits import SLOTS, Count, Decision, Demand, Limit, decide

MOST_SUBJECTS = 100_000
"""Some 30 MB when all of them ask; past it, whoever asked longest ago is forgotten."""


class _Window:
    """The slots of one subject under one limit that hold requests, oldest first."""

    __slots__ = ("running", "slots", "used")

    def __init__(self) -> None:
        self.slots: deque[list[int]] = deque()
        self.used = 0
        self.running = 0
        """The slot of the clock in which it was last looked at."""

    def count(self, limit: Limit, now: float) -> int:
        """How many stand here now, without what is too old to count."""
        running = int(now // limit.slot_seconds)
        # Within one slot nothing grows too old.
        if running != self.running:
            self._move_on(running)
        return self.used

    def _move_on(self, running: int) -> None:
        """Forget what is too old to count in this slot."""
        slots = self.slots
        self.running = running
        if slots and slots[-1][0] > running + SLOTS:
            # A clock that was set back by more than the window: to wait until it is there again would shut somebody out for hours.
            slots.clear()
            self.used = 0
        while slots and slots[0][0] < running - SLOTS:
            self.used -= slots.popleft()[1]

    def reset_seconds(self, limit: Limit, now: float) -> float:
        """In how many seconds the oldest slot is forgotten; to be asked once `count` has looked."""
        oldest = self.slots[0][0] if self.slots else self.running
        return max(0.0, (oldest + SLOTS + 1) * limit.slot_seconds - now)

    def add(self) -> None:
        """Count one in the running slot."""
        slots = self.slots
        # A clock that was set back must not make slots fall: the request counts in the newest one.
        if slots and slots[-1][0] >= self.running:
            slots[-1][1] += 1
        else:
            slots.append([self.running, 1])
        self.used += 1


class SlidingWindows:
    """A `QuotaStore` of one process."""

    def __init__(self, most_subjects: int = MOST_SUBJECTS) -> None:
        self._windows: OrderedDict[tuple[str, str], _Window] = OrderedDict()
        self._most = most_subjects

    def __len__(self) -> int:
        return len(self._windows)

    async def take(self, demands: Sequence[Demand], now: float) -> Decision:
        """See `QuotaStore`; never waits."""
        windows = self._windows
        found: list[_Window] = []
        nearest, least = 0, math.inf
        for place, (limit, subject) in enumerate(demands):
            key = (limit.name, subject)
            window = windows.get(key)
            if window is None:
                window = windows[key] = _Window()
            else:
                windows.move_to_end(key)
            found.append(window)
            left = limit.requests - window.count(limit, now)
            if left < least:
                nearest, least = place, left
        if least > 0:
            for window in found:
                window.add()
        # Counts are made into values only for who is refused: everybody pays for this method twice in each request.
        decision = _allowed(demands[nearest].limit, found[nearest], now) if least > 0 else _refused(demands, found, now)
        while len(windows) > self._most:
            windows.popitem(last=False)
        return decision

    async def forget(self, demand: Demand) -> None:
        """See `QuotaStore`."""
        self._windows.pop((demand.limit.name, demand.subject), None)


def _allowed(limit: Limit, window: _Window, now: float) -> Decision:
    """The decision on a request that was counted, by the limit that is nearest to its end."""
    left = limit.requests - window.used
    return Decision(True, limit, left, window.reset_seconds(limit, now))  # noqa: FBT003 - the first member of the tuple


def _refused(demands: Sequence[Demand], found: Sequence[_Window], now: float) -> Decision:
    """The decision on a request for which one limit has no place."""
    pairs = zip(demands, found, strict=True)
    return decide([Count(limit, window.used, window.reset_seconds(limit, now)) for (limit, _), window in pairs])
