"""Load evidence from the generator's samples. No verdict rests on what the generator could not have measured.

A verdict that is not ERROR follows from the item's own numbers; what makes these doubtful is ERROR, with its reason.
"""

from __future__ import annotations

import gzip
import io
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pandas as pd

from benchmarks.doubt import AGAIN, excused
from benchmarks.latency_evidence import NEVER_SECONDS, p95_with_failures, samples_name
from benchmarks.load.job import COLUMNS, GeneratorOutcome
from benchmarks.workload import LoadPlan
from slo.evidence import Evidence, Item, RunContext, file_digest, judged, unmeasured, write_atomically
from slo.quantities import how_many
from slo.spec import Cell, Engine, Gate, Kind, Spec, Unit
from slo.statistics import Measurement, extreme, mean, p95, quantile, ratio
from slo.verdict import Verdict, shown
from target.chat import wrote

RATE_LIMITED: Final = 429
TIMES: Final = ("started_seconds", "duration_seconds", "ttft_seconds")
BUSY_LIMIT: Final = 0.9
"""Share of its one core from which a generator measures itself."""
LAG_LIMIT_SECONDS: Final = 0.5
"""A generator that was late for itself by more than this adds it to what it measures."""
STANDSTILL_SECONDS: Final = 1.0
"""A shorter time without any answer is not told of; ours."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a load test left: samples, how the generator ended (None when it was killed), and why it was stopped, or nothing."""

    plan: LoadPlan
    samples: pd.DataFrame
    outcome: GeneratorOutcome | None
    stopped: str
    started_at: datetime
    ended_at: datetime

    @property
    def broken(self) -> str:
        """Why the test is not whole, or nothing."""
        if self.stopped:
            return self.stopped
        return "the load generator left no outcome" if self.outcome is None else self.outcome.error

    @property
    def saturated(self) -> str:
        """Why neither times nor load are the wanted ones, or nothing."""
        if self.outcome is None or busy_ratio(self.outcome) <= BUSY_LIMIT:
            return ""
        return f"the load generator was {busy_ratio(self.outcome):.0%} busy, so it measured itself: give it a core of its own"

    @property
    def late(self) -> str:
        """Why times may be too long, or nothing; they are never too short, so a PASS stands."""
        if self.outcome is None or self.outcome.loop_lag_seconds <= LAG_LIMIT_SECONDS:
            return ""
        return f"the load generator was late for itself by {self.outcome.loop_lag_seconds:.2f} s: {AGAIN}"


def busy_ratio(outcome: GeneratorOutcome) -> float:
    """CPU seconds of the generator's process by seconds of the test."""
    return outcome.cpu_seconds / outcome.seconds if outcome.seconds > 0 else 0.0


def read_samples(path: Path) -> pd.DataFrame:
    """The generator's sample file, also the torso of a killed one; without a file, no samples."""
    if not path.is_file():
        return pd.DataFrame({name: [] for name in COLUMNS})
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]  # a generator that is killed while it writes leaves half a line
    frame = pd.read_csv(io.StringIO(whole), dtype=str, keep_default_na=False)
    for name in TIMES:
        frame[name] = [
            float(value) if value else math.nan for value in frame[name]
        ]  # exact, whatever pandas' own reader does
    frame["status"] = pd.array([int(value) if value else None for value in frame["status"]], dtype="Int64")
    return frame


def evidence_of(result: LoadResult, spec: Spec, context: RunContext, folder: Path, kind: Kind = Kind.LOAD) -> Evidence:
    """The evidence of a load test; the samples are written to `folder` first and named in it.

    Raises:
        EvidenceError: The samples cannot be written.
    """
    path = folder / samples_name(kind)
    write_atomically(path, gzip.compress(result.samples.to_csv(index=False).encode(), mtime=0))
    return Evidence(
        kind=kind,
        context=context,
        started_at=result.started_at,
        ended_at=result.ended_at,
        complete=not result.broken,
        items=tuple(items(result, spec, context, kind)),
        details=details(result),
        raw={path.name: file_digest(path)},
    )


def items(result: LoadResult, spec: Spec, context: RunContext, kind: Kind = Kind.LOAD) -> Iterator[Item]:
    """One item per cell of every load gate."""
    foreign = written_by_others(result.samples, context.engine)
    for gate in spec.gates:
        if gate.kind is kind:
            for key in gate.cells:
                item = _item(result, gate, key, context.seed)
                doubtful = foreign and not result.broken
                yield replace(item, verdict=Verdict.ERROR, reason=f"{foreign} ({item.reason})") if doubtful else item


def written_by_others(samples: pd.DataFrame, engine: Engine) -> str:
    """Why the answers are none of this engine's, or nothing. What was refused or abstained from needs no model."""
    answered = samples[(samples["failure"] == "") & (samples["outcome"] == "ok")]
    others = Counter(name or "an unnamed model" for name in answered["model"] if wrote(name) is not engine)
    if not others:
        return ""
    named = ", ".join(name for name, _ in others.most_common(3))
    return f"{others.total()} of {len(answered)} answers were written by {named}, not by the {engine} engine"


def _item(result: LoadResult, gate: Gate, key: Cell, seed: int) -> Item:
    if result.broken:
        return unmeasured(gate, dict(key), f"not measured: {result.broken}")
    valid = result.samples[result.samples["status"].fillna(0) != RATE_LIMITED]
    if gate.measure == "load-success":
        good = int((valid["failure"] == "").sum())
        return _with_limited(judged(gate, {}, ratio(good, len(valid))), result.samples, valid)
    item = _time_item(gate, key, valid, seed)
    if item is None:
        return unmeasured(gate, dict(key), "this load test does not measure it")
    if result.saturated:
        return replace(item, verdict=Verdict.ERROR, reason=f"{result.saturated} ({item.reason})")
    return excused(item, result.late)


def _time_item(gate: Gate, key: Cell, valid: pd.DataFrame, seed: int) -> Item | None:
    """The item of a gate about times: p95 with failures infinitely slow, mean over answers, the largest over everything."""
    answered = valid[valid["failure"] == ""]
    failed = len(valid) - len(answered)
    beside = f"; {failed} failed requests are judged by load-success" if failed else ""
    if gate.measure == "load-mean":
        item = judged(gate, {}, mean(_seconds(answered), seed))
        return replace(item, reason=item.reason + beside)
    if gate.measure == "load-max":
        item = judged(gate, {}, extreme(_seconds(valid), largest=True))
        return replace(item, reason=item.reason + (f"; {failed} failed requests included" if failed else ""))
    if gate.measure == "load-p95":
        complexity = dict(key).get("complexity")
        here = valid[valid["complexity"] == complexity]
        good = _seconds(here[here["failure"] == ""])
        return _p95_item(gate, key, p95_with_failures(good, len(here) - len(good)), len(here) - len(good))
    return None


def _p95_item(gate: Gate, key: Cell, measurement: Measurement, failed: int) -> Item:
    item = judged(gate, dict(key), measurement)
    beside = f"; {failed} failed requests counted as never answered ({NEVER_SECONDS:g} s)" if failed else ""
    return replace(item, reason=item.reason + beside)


def _with_limited(item: Item, samples: pd.DataFrame, valid: pd.DataFrame) -> Item:
    limited = len(samples) - len(valid)
    if not limited:
        return item
    return replace(item, reason=f"{item.reason}; {limited} more were rate limited (429), which is no valid event")


def details(result: LoadResult) -> Mapping[str, Any]:
    """The whole, its stages, timeline, and the state of the generator; no verdict rests on these."""
    samples, plan, outcome = result.samples, result.plan, result.outcome
    seconds = outcome.seconds if outcome is not None else _last(samples)
    warnings = [warning for warning in (result.saturated, result.late, _standstill(samples)) if warning]
    if len(samples) < plan.least_requests:
        warnings.append(
            f"{how_many(len(samples), 'request')} {'is' if len(samples) == 1 else 'are'} fewer than the {plan.least_requests} that the workload wants"
        )
    limited = int((samples["status"].fillna(0) == RATE_LIMITED).sum())
    if limited:
        warnings.append(
            f"{limited} of {how_many(len(samples), 'request')} were rate limited (429): no gate counts them; "
            "give the users quotas that fit such a load"
        )
    whole = _summary(samples, seconds)
    return {
        "users": plan.users,
        "duration_seconds": seconds,
        **whole,
        "rate_limited": limited,
        "generator_cpu_share": None if outcome is None else busy_ratio(outcome),
        "generator_loop_lag_seconds": None if outcome is None else outcome.loop_lag_seconds,
        "peak_in_flight": None if outcome is None else outcome.peak_in_flight,
        "broken": result.broken,
        "warnings": warnings,
        "stages": [{"name": how_many(plan.users, "user"), "duration_seconds": seconds, **whole}],
        "by_complexity": [
            {"complexity": str(name), **_summary(part, seconds)} for name, part in samples.groupby("complexity")
        ],
        "by_role": [{"role": str(name), **_summary(part, seconds)} for name, part in samples.groupby("role")],
        "outcomes": {str(name): int(count) for name, count in samples["outcome"].value_counts().items() if name != ""},
        "models": {str(name): int(count) for name, count in samples["model"].value_counts().items() if name != ""},
        "errors": {str(name): int(count) for name, count in samples["failure"].value_counts().items() if name != ""},
        "timeline": list(_timeline(samples)),
    }


def _summary(samples: pd.DataFrame, seconds: float) -> Mapping[str, Any]:
    answered = samples[samples["failure"] == ""]
    times = _seconds(answered)
    first = [float(value) for value in answered["ttft_seconds"].dropna()]
    return {
        "requests": len(samples),
        "failures": len(samples) - len(answered),
        "throughput_per_second": len(answered) / seconds if seconds > 0 else None,
        "mean_seconds": math.fsum(times) / len(times) if times else None,
        "p50_seconds": quantile(times, 0.5).value,
        "p95_seconds": p95(times).value,
        "p99_seconds": quantile(times, 0.99).value,
        "max_seconds": extreme(times, largest=True).value,
        "ttft_p95_seconds": p95(first).value,
    }


def _timeline(samples: pd.DataFrame) -> Iterator[Mapping[str, Any]]:
    """Per second of the test, by the moment a request began; a second in which nobody asked is told too, for it looks like none else."""
    if samples.empty:
        return
    seconds = samples["started_seconds"].astype(float).astype(int)
    began = {int(str(second)): part for second, part in samples.groupby(seconds)}
    nobody = samples.iloc[:0]
    for second in range(min(began), max(began) + 1):
        part = began.get(second, nobody)
        times = _seconds(part[part["failure"] == ""])
        yield {
            "second": second,
            "requests": len(part),
            "failures": len(part) - len(times),
            "p95_seconds": p95(times).value,
        }


def _standstill(samples: pd.DataFrame) -> str:
    """The longest time in which no request ended, where it stands out; empty where it does not.

    Users who wait ask nothing, so however long a chatbot stands still, mean and percentiles hold one slow request of each user:
    "coordinated omission". What stands out is longer than a second, and than the slowest twentieth of the answers took.
    """
    ended = sorted({0.0, *(samples["started_seconds"] + samples["duration_seconds"]).astype(float)})
    length, since = max(((later - one, one) for one, later in pairwise(ended)), default=(0.0, 0.0))
    usual = p95(_seconds(samples[samples["failure"] == ""])).value
    if length <= max(STANDSTILL_SECONDS, usual or 0.0):
        return ""
    return (
        f"for {shown(length, Unit.SECONDS)}, from second {since:.1f} on, nobody was answered; users who wait ask nothing, so mean and "
        "percentiles hold such a standstill once for each user, the slowest answer and the timeline show it"
    )


def _seconds(samples: pd.DataFrame) -> list[float]:
    return [float(value) for value in samples["duration_seconds"]]


def _last(samples: pd.DataFrame) -> float:
    return 0.0 if samples.empty else float((samples["started_seconds"] + samples["duration_seconds"]).max())
