"""Counts requests in this process, in bounded memory: the default, and what stands in while a shared store is away."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence

from service.quotas.limits import SLOTS, Count, Decision, Demand, Limit, decide

MOST_SUBJECTS = 100_000
"""Some 30 MB when all of them ask; past it, whoever asked longest ago is forgotten."""


class _Window:
    """The slots of one subject under one limit that hold requests, oldest first."""

    __slots__ = ("slots", "used")

    def __init__(self) -> None:
        self.slots: deque[list[int]] = deque()
        self.used = 0

    def forget_before(self, slot: int) -> None:
        while self.slots and self.slots[0][0] < slot:
            self.used -= self.slots.popleft()[1]

    def add(self, slot: int) -> None:
        # A clock that was set back must not make slots fall: the request counts in the newest one.
        if self.slots and self.slots[-1][0] >= slot:
            self.slots[-1][1] += 1
        else:
            self.slots.append([slot, 1])
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
        found = [self._window(demand) for demand in demands]
        counts = [_count(window, demand.limit, now) for window, demand in zip(found, demands, strict=True)]
        decision = decide(counts)
        if decision.allowed:
            for window, demand in zip(found, demands, strict=True):
                window.add(int(now // demand.limit.slot_seconds))
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


def _count(window: _Window, limit: Limit, now: float) -> Count:
    width = limit.slot_seconds
    window.forget_before(int(now // width) - SLOTS)
    oldest = window.slots[0][0] if window.slots else int(now // width)
    return Count(limit, window.used, max(0.0, (oldest + SLOTS + 1) * width - now))
