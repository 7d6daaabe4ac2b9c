"""How a process has done in the last hour, read off its own metrics once a minute: no request pays for it."""

from __future__ import annotations

import resource
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.registry import Collector

_HOUR_SECONDS = 3600.0
_MINUTES = 60
_PROBES = frozenset({"/health", "/health/live", "/health/ready", "/health/detailed", "/metrics"})


@dataclass(frozen=True, slots=True)
class _Mark:
    at: float
    requests: float
    seconds: float
    cpu_seconds: float


class Figures:
    """Requests, their mean time, memory and CPU of this process over the last hour, or since its start when that is less."""

    def __init__(self, durations: Collector, in_flight: Callable[[], float], clock: Callable[[], float]) -> None:
        """Begin.

        Args:
            durations: the histogram of HTTP requests by route.
            in_flight: chat requests that are being answered.
            clock: monotonic seconds.
        """
        self._durations = durations
        self._in_flight = in_flight
        self._clock = clock
        self._marks: deque[_Mark] = deque(maxlen=_MINUTES + 1)
        self.started_at = clock()
        self._marks.append(_Mark(self.started_at, 0.0, 0.0, _cpu_seconds()))

    async def mark(self) -> None:
        """Note where the counts stand; to be called once a minute."""
        self._marks.append(self._here())

    def uptime(self) -> float:
        """Seconds since the process began. It reads no metric: that takes milliseconds, and probes ask every few seconds."""
        return self._clock() - self.started_at

    def now(self) -> dict[str, float]:
        """The figures. Sums, so that those of several workers can be added; `cpu_ratio` is of one core."""
        here = self._here()
        since = next((mark for mark in self._marks if here.at - mark.at <= _HOUR_SECONDS), here)
        window = max(here.at - since.at, 1e-9)
        return {
            "uptime_seconds": here.at - self.started_at,
            "requests": here.requests - since.requests,
            "response_seconds": here.seconds - since.seconds,
            "cpu_ratio": (here.cpu_seconds - since.cpu_seconds) / window,
            "memory_bytes": _memory_bytes(),
            "active": self._in_flight(),
        }

    def _here(self) -> _Mark:
        requests = seconds = 0.0
        for family in self._durations.collect():
            for sample in family.samples:
                if sample.labels.get("route") in _PROBES:
                    continue
                if sample.name.endswith("_count"):
                    requests += sample.value
                elif sample.name.endswith("_sum"):
                    seconds += sample.value
        return _Mark(self._clock(), requests, seconds, _cpu_seconds())


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory_bytes() -> float:
    """What the process occupies now; where the system does not tell, the most that it ever occupied."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return float(pages * resource.getpagesize())
    except (OSError, ValueError, IndexError):
        unit = 1 if sys.platform == "darwin" else 1024
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
