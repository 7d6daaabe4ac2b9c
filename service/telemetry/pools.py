"""Gauge `chatbot_pool_connections`: the connections that this process holds, read when the page is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields

from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class PoolUse:
    """Connections of a pool: at work, open and free, and how many there may be in all."""

    used: int
    idle: int
    max: int


class PoolConnections(Collector):
    """Pools by name. What has no pool (SQLite, an installation without Redis) has no series: none is not zero."""

    def __init__(self) -> None:
        self._pools: dict[str, Callable[[], PoolUse]] = {}

    def watch(self, name: str, look: Callable[[], PoolUse]) -> None:
        """Show a pool from now on; `look` only reads, for the page is made in a thread."""
        self._pools[name] = look

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Look at every pool. Unit: connections."""
        if not self._pools:
            return
        family = GaugeMetricFamily(
            "chatbot_pool_connections", "Connections of a pool: at work, free, at most", labels=["pool", "state"]
        )
        for name, look in sorted(self._pools.items()):
            use = look()
            for state, count in zip(fields(use), astuple(use), strict=True):
                family.add_metric([name, state.name], count)
        yield family
