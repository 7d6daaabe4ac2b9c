"""One timer for all streams: a heap of instants, instead of a sleeping task for each stream."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable
from typing import Protocol

_RESOLUTION = 0.001  # seconds; the event loop counts in whole milliseconds


class Timed(Protocol):
    """Something that has work at known instants."""

    def advance(self, now: float) -> float | None:
        """Do all that is due at `now`; returns the next instant in monotonic seconds, None when there is none."""
        ...


class Clockwork:
    """Calls each entry at its instants, never before them. An entry that is no longer wanted says None when it is called."""

    def __init__(self, loop: asyncio.AbstractEventLoop, now: Callable[[], float]) -> None:
        self._loop = loop
        self._now = now
        self._heap: list[tuple[float, int, Timed]] = []
        self._serial = 0
        self._armed: asyncio.TimerHandle | None = None
        self._armed_for = math.inf

    def add(self, at: float, entry: Timed) -> None:
        """Call `entry.advance` at `at`, in monotonic seconds; at once in the next turn of the loop if that is past."""
        self._serial += 1
        heapq.heappush(self._heap, (at, self._serial, entry))
        if at < self._armed_for:
            self._arm(at)

    def _arm(self, at: float) -> None:
        if self._armed is not None:
            self._armed.cancel()
        delay = at - self._now()
        self._armed_for = at
        # Rounded up: a timer that fires early would find nothing to do and burn the processor until it is time.
        steps = math.ceil(delay / _RESOLUTION) if delay > 0 else 0
        self._armed = self._loop.call_later(steps * _RESOLUTION, self._fire)

    def _fire(self) -> None:
        self._armed = None
        self._armed_for = math.inf
        heap = self._heap
        now = self._now()  # once: what falls due meanwhile waits for the next turn, so that reading never starves
        try:
            while heap and heap[0][0] <= now:
                _, serial, entry = heapq.heappop(heap)
                following = entry.advance(now)
                if following is not None:
                    heapq.heappush(heap, (following, serial, entry))
        finally:  # an entry that fails must not stop the others
            if heap:
                self._arm(heap[0][0])
