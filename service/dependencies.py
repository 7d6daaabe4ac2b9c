"""What the service leans on, and how it does: looked at on demand and every few seconds, never by a call that costs money."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

_CHECK_SECONDS = 2.0

Check = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something that the service leans on; without an `essential` one it cannot answer at all."""

    name: str
    check: Check
    essential: bool


@dataclass(frozen=True, slots=True)
class Found:
    """How a dependency did: `ok` and after how many seconds that was known."""

    name: str
    ok: bool
    essential: bool
    latency_seconds: float


Told = Callable[[str, bool, float], None]
"""Told each finding: name, whether it is up, seconds."""


class Dependencies:
    """All of them, checked side by side; one that does not answer within two seconds is down."""

    def __init__(self, dependencies: Sequence[Dependency], clock: Callable[[], float], told: Told) -> None:
        self._dependencies = tuple(dependencies)
        self._clock = clock
        self._told = told

    async def look(self) -> list[Found]:
        """Check each of them now."""
        return list(await asyncio.gather(*(self._look_at(one) for one in self._dependencies)))

    async def watch(self) -> None:
        """Check each of them, for the metrics alone."""
        await self.look()

    async def _look_at(self, dependency: Dependency) -> Found:
        began = self._clock()
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                await dependency.check()
            ok = True
        except Exception:  # noqa: BLE001 - whatever it is, it is down, and its words may name addresses
            ok = False
        seconds = self._clock() - began
        self._told(dependency.name, ok, seconds)
        return Found(dependency.name, ok, dependency.essential, seconds)


def health(found: Sequence[Found]) -> str:
    """`unhealthy` when something essential is down, `degraded` when only something else is, else `healthy`."""
    if any(not one.ok and one.essential for one in found):
        return "unhealthy"
    return "healthy" if all(one.ok for one in found) else "degraded"


def performance(figures: Sequence[Mapping[str, float]]) -> dict[str, float | None]:
    """The last hour of all workers together; the mean is None while nothing was answered."""
    requests = sum(one["requests"] for one in figures)
    seconds = sum(one["response_seconds"] for one in figures)
    return {
        "requests": requests,
        "mean_response_seconds": seconds / requests if requests else None,
        "memory_bytes": sum(one["memory_bytes"] for one in figures),
        "cpu_ratio": sum(one["cpu_ratio"] for one in figures),
        "active_requests": sum(one["active"] for one in figures),
        "workers": len(figures),
    }
