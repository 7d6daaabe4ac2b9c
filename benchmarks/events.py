"""What a benchmark tells while it runs; the harness draws progress from these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """So many of `total` units of a step are done; a load test counts requests and may go beyond its total."""

    step: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class CellMeasured:
    """One cell is done: its labels, the samples, how many failed, and the p95 in seconds where there is one."""

    labels: Mapping[str, str]
    n: int
    failed: int
    p95_seconds: float | None


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The benchmark stops early; what is missing will be ERROR."""

    reason: str


BenchmarkEvent = Progress | CellMeasured | GaveUp
