"""Latency evidence from samples: each cell judged, failures never dropped.

A failed request counts as infinitely slow, written as `NEVER_SECONDS`; a mean with one of them is infinite as well. What then is
still no FAIL is ERROR all the same: a target that fails while nobody else asks was not measured in health. A sample that does not
belong (abstained, too short, classed otherwise) makes its cell ERROR too.

A verdict that is not ERROR always follows from the item's own numbers, so that whoever reads the evidence can judge it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.doubt import AGAIN, excused
from benchmarks.sample import Sample, samples_csv
from slo.evidence import Evidence, Item, RunContext, file_digest, judged, unmeasured, write_atomically
from slo.quantities import how_many
from slo.spec import Cell, Gate, Kind, Spec
from slo.statistics import NOTHING, Interval, Measurement, extreme, mean, p95, quantile
from slo.verdict import Verdict

LATE_SECONDS: Final = 0.1
"""A client that is late for itself by more than this, in a twentieth of its looks, adds it to what it measures."""
STANDSTILL_SECONDS: Final = 1.0
"""A client that is late for itself by more than this did nothing meanwhile: the machine stood still."""
STANDSTILLS_NAMED: Final = 3
NEVER_SECONDS: Final = 3600.0
"""An hour stands for an answer that never came: beyond every limit, and JSON has no infinity."""


@dataclass(frozen=True, slots=True)
class Standstill:
    """A time in which the client did nothing although it was due.

    Attributes:
        since: Seconds after the benchmark began.
        seconds: How long.
    """

    since: float
    seconds: float


@dataclass(frozen=True, slots=True)
class LatencyResult:
    """All samples of a run.

    Attributes:
        stopped: Why it was cut short, or empty.
        short_of_time: Whether the workload's time was over before all samples were taken; the rest is whole all the same.
        concurrency: Requests under way at once.
        lateness: How late the client was for itself, in seconds, as often as it looked; empty when it asked one after another.
        standstills: When it was late for itself by more than `STANDSTILL_SECONDS`, in their order.
    """

    samples: tuple[Sample, ...]
    started_at: datetime
    ended_at: datetime
    stopped: str = ""
    short_of_time: bool = False
    concurrency: int = 1
    lateness: tuple[float, ...] = ()
    standstills: tuple[Standstill, ...] = ()

    @property
    def stood_still(self) -> str:
        """When the client did nothing, the longest times first, or nothing: answers that came meanwhile were read that much later."""
        if not self.standstills:
            return ""
        longest = sorted(self.standstills, key=lambda one: -one.seconds)
        named = [f"{one.seconds:.1f} s from second {one.since:.1f} on" for one in longest[:STANDSTILLS_NAMED]]
        rest = len(longest) - len(named)
        more = f" and {how_many(rest, 'time')} more" if rest else ""
        return f"the client itself stood still: {', '.join(named)}{more}; answers that came meanwhile were read that much later"

    @property
    def late(self) -> str:
        """Why times may be too long, or nothing; they are never too short, so a PASS stands."""
        late = p95(self.lateness).value
        if late is None or late <= LATE_SECONDS:
            return ""
        return f"the client was late for itself by {late:.2f} s (p95): {AGAIN}"


def samples_name(kind: Kind) -> str:
    """Name of the file of raw samples beside the evidence of a kind."""
    return f"{kind}.samples.csv.gz"


def evidence_of(
    result: LatencyResult, spec: Spec, context: RunContext, folder: Path | None = None, kind: Kind = Kind.LATENCY
) -> Evidence:
    """The evidence of a run; with a folder, the raw samples are written there first and named in it.

    Raises:
        EvidenceError: The samples cannot be written.
    """
    raw: dict[str, str] = {}
    if folder is not None:
        path = folder / samples_name(kind)
        write_atomically(path, samples_csv(result.samples))
        raw[path.name] = file_digest(path)
    return Evidence(
        kind=kind,
        context=context,
        started_at=result.started_at,
        ended_at=result.ended_at,
        complete=not result.stopped,
        items=tuple(items(result, spec, context.seed, kind)),
        details=_details(result),
        raw=raw,
    )


def items(result: LatencyResult, spec: Spec, seed: int, kind: Kind = Kind.LATENCY) -> Iterable[Item]:
    """One item per cell of every latency gate of the spec that is ours to measure."""
    measures: Mapping[str, tuple[Callable[[Cell], list[Sample]], Callable[[Gate, Cell, list[Sample]], Item]]] = {
        "latency-cell": (lambda key: _of_cell(result, key), _whole_p95),
        "latency-mean": (lambda key: _of_complexity(result, key), lambda *given: _whole_mean(*given, seed=seed)),
        "ttft-cell": (lambda key: [sample for sample in _of_cell(result, key) if sample.via == "stream"], _ttft_p95),
        "tool-mean": (lambda key: _of_tool(result, key), lambda *given: _whole_mean(*given, seed=seed)),
        "tool-p95": (lambda key: _of_tool(result, key), _whole_p95),
        "tool-results": (lambda key: _of_tool(result, key), _fewest_results),
    }
    for gate in spec.gates:
        if gate.kind is kind:
            for key in gate.cells:
                if gate.measure not in measures:
                    yield unmeasured(gate, dict(key), "this benchmark does not measure it")
                    continue
                choose, judge = measures[gate.measure]
                item = _cell_item(gate, key, choose(key), judge, result)
                if result.stopped and item.verdict is Verdict.PASS:
                    item = replace(item, verdict=Verdict.ERROR, reason=f"{item.reason}, but the run was cut short")
                yield excused(item, result.late)


def p95_with_failures(values: Sequence[float], failures: int) -> Measurement:
    """The p95 in which each failure never came."""
    return p95([*values, *([NEVER_SECONDS] * failures)])


def _cell_item(
    gate: Gate,
    key: Cell,
    samples: list[Sample],
    judge: Callable[[Gate, Cell, list[Sample]], Item],
    result: LatencyResult,
) -> Item:
    if not samples:
        late = "the workload's time was over; the answers are too slow for it" if result.short_of_time else ""
        return unmeasured(
            gate, dict(key), f"not measured: {result.stopped or late or 'the workload does not ask for it'}"
        )
    item = judge(gate, key, samples)
    failures = Counter(sample.failure for sample in samples if sample.failure)
    if failures:
        said = (
            f"{failures.total()} of {len(samples)} requests failed ({_most(failures)}), each counted as never answered"
        )
        verdict = Verdict.ERROR if item.verdict is Verdict.PASS else item.verdict
        return replace(item, verdict=verdict, reason=f"{said}; {item.reason}; mend the failures and measure again")
    wrong = Counter(f"{sample.mismatch}: {sample.question!r}" for sample in samples if sample.mismatch)
    if wrong:
        said = f"{wrong.total()} of {len(samples)} answers do not belong here ({_most(wrong)})"
        return replace(
            item,
            verdict=Verdict.ERROR,
            reason=f"{said}; mend the question in the workload, the classing, or the fallback",
        )
    return item


def _whole_p95(gate: Gate, key: Cell, samples: list[Sample]) -> Item:
    good = [sample.duration_seconds for sample in samples if not sample.failure]
    return judged(gate, dict(key), p95_with_failures(good, len(samples) - len(good)))


def _ttft_p95(gate: Gate, key: Cell, samples: list[Sample]) -> Item:
    good = [sample.ttft_seconds for sample in samples if not sample.failure and sample.ttft_seconds is not None]
    return judged(gate, dict(key), p95_with_failures(good, len(samples) - len(good)))


def _whole_mean(gate: Gate, key: Cell, samples: list[Sample], *, seed: int) -> Item:
    if any(sample.failure for sample in samples):
        return judged(
            gate, dict(key), Measurement(NEVER_SECONDS, len(samples), Interval(NEVER_SECONDS, None, "failures"))
        )
    return judged(gate, dict(key), mean([sample.duration_seconds for sample in samples], seed))


def _fewest_results(gate: Gate, key: Cell, samples: list[Sample]) -> Item:
    counts = [float(sample.results or 0) for sample in samples]  # a run that failed brought nothing
    return judged(gate, dict(key), extreme(counts, largest=False))


def _of_cell(result: LatencyResult, key: Cell) -> list[Sample]:
    labels = dict(key)
    name = f"{labels.get('role')}/{labels.get('complexity')}"
    return [sample for sample in result.samples if sample.cell == name]


def _of_complexity(result: LatencyResult, key: Cell) -> list[Sample]:
    complexity = dict(key).get("complexity")
    return [sample for sample in result.samples if sample.via != "tool" and sample.cell.endswith(f"/{complexity}")]


def _of_tool(result: LatencyResult, key: Cell) -> list[Sample]:
    tool = dict(key).get("tool")
    return [sample for sample in result.samples if sample.via == "tool" and sample.cell == tool]


def _most(counted: Counter[str]) -> str:
    return "; ".join(f"{count} x {what}" for what, count in counted.most_common(3))


def _details(result: LatencyResult) -> Mapping[str, Any]:
    names = list(dict.fromkeys(sample.cell for sample in result.samples))
    return {
        "stopped": result.stopped,
        "short_of_time": result.short_of_time,
        "requests": len(result.samples),
        "concurrency": result.concurrency,
        "client_lateness_p95_seconds": p95(result.lateness).value,
        "client_standstills": [{"since_seconds": one.since, "seconds": one.seconds} for one in result.standstills],
        "warnings": [result.stood_still] if result.standstills else [],
        "models": dict(Counter(sample.model for sample in result.samples if sample.model)),
        "failed": sum(bool(sample.failure) for sample in result.samples),
        "cells": [_summary(name, [sample for sample in result.samples if sample.cell == name]) for name in names],
    }


def _summary(name: str, samples: list[Sample]) -> Mapping[str, Any]:
    good = [sample.duration_seconds for sample in samples if not sample.failure]
    first = [sample.ttft_seconds for sample in samples if sample.ttft_seconds is not None]
    results = [sample.results for sample in samples if sample.results is not None]
    return {
        "cell": name,
        "n": len(samples),
        "streams": sum(sample.via == "stream" for sample in samples),
        "failed": len(samples) - len(good),
        "mismatched": sum(bool(sample.mismatch) for sample in samples),
        "p50_seconds": quantile(good, 0.5).value,
        "p95_seconds": p95(good).value,
        "p99_seconds": quantile(good, 0.99).value,
        "mean_seconds": (mean(good, resamples=20) if good else NOTHING).value,
        "max_seconds": extreme(good, largest=True).value,
        "ttft_p50_seconds": quantile(first, 0.5).value,
        "ttft_p95_seconds": p95(first).value,
        "fewest_results": min(results, default=None),
    }
