"""Reading, writing and judging evidence: what the report does for every file and cell."""

from __future__ import annotations

import pandas as pd
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from slo.evidence import Evidence, parse, to_json
from slo.spec import Phase, Spec
from slo.statistics import p95
from slo.verdict import Verdict, judge


def test_write_evidence(benchmark: BenchmarkFixture, evidence: Evidence) -> None:
    """An evidence file's bytes, digest included."""
    assert benchmark(to_json, evidence).startswith(b"{")


def test_read_evidence(benchmark: BenchmarkFixture, evidence: Evidence) -> None:
    """The same file checked and read."""
    content = to_json(evidence)
    assert benchmark(parse, content, "latency.json").items == evidence.items


def test_judge_a_cell(benchmark: BenchmarkFixture, spec: Spec) -> None:
    """One measurement against its contract."""
    gate = spec.gate("latency-cell")
    measurement = p95([0.02] * 80)
    assert benchmark(judge, gate, gate.cells[0], Phase.BUILD, measurement).verdict is Verdict.PASS


SAMPLES = [0.01 + number % 97 / 10_000 for number in range(3000)]


@pytest.mark.benchmark(group="p95 of 3,000 samples")
def test_p95_with_its_bounds(benchmark: BenchmarkFixture) -> None:
    """Ours: nearest rank, with bounds by order statistics."""
    assert benchmark(p95, SAMPLES).interval is not None


@pytest.mark.benchmark(group="p95 of 3,000 samples")
def test_p95_by_pandas(benchmark: BenchmarkFixture) -> None:
    """Its peer: an interpolated value, and no bounds."""
    series = pd.Series(SAMPLES)
    assert benchmark(series.quantile, 0.95) > 0
