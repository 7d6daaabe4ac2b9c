"""Counts requests in this process, in bounded memory: the default, and what stands in while a shared store is away."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence

from service.quotas.limits import SLOTS, Count, Decision, Demand, decide

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

    def count(self, demand: Demand, now: float) -> Count:
        """What stands here now, without what is too old to count."""
        limit, slots = demand.limit, self.slots
        width = limit.slot_seconds
        oldest = self.running = int(now // width)
        while slots and slots[0][0] < self.running - SLOTS:
            self.used -= slots.popleft()[1]
        if slots:
            oldest = slots[0][0]
        return Count(limit, self.used, max(0.0, (oldest + SLOTS + 1) * width - now))

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
        found: list[_Window] = []
        counts: list[Count] = []
        for demand in demands:
            window = self._window(demand)
            found.append(window)
            counts.append(window.count(demand, now))
        decision = decide(counts)
        if decision.allowed:
            for window in found:
                window.add()
        while len(self._windows) > self._most:
            self._windows.popitem(last=False)
        return decision

    async def forget(self, demand: Demand) -> None:
        """See `QuotaStore`."""
        self._windows.pop((demand.limit.name, demand.subject), None)

    def _window(self, demand: Demand) -> _Window:
        key = (demand.limit.name, demand.subject)
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window()
        else:
            self._windows.move_to_end(key)
        return window
