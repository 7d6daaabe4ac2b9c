"""The shipped workload against the running service: its questions are classed as it says, and both benchmarks work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from benchmarks.latency import measure_latency
from benchmarks.load.run import LoadJob, run_load
from benchmarks.workload import LatencyPlan, Workload
from slo.evidence import RunContext
from slo.spec import Spec
from slo.verdict import Verdict
from target.courtsight import open_target
from target.stack import LocalStack, StackPlan

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
Clock = Callable[[], datetime]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The service with its accounts."""
    with LocalStack(StackPlan(root=ROOT, folder=tmp_path_factory.mktemp("stack") / "run")) as running:
        yield running


def test_each_question_is_a_sample_of_its_cell(
    stack: LocalStack, shipped: Workload, spec: Spec, context: RunContext, clock: Clock
) -> None:
    """Every shipped question is answered, long enough, in the class that the workload says, streamed and whole."""
    longest = max(len(questions) for questions in shipped.questions.values())
    plan = LatencyPlan(
        warm_up=0,
        streams=longest,
        json=longest,
        tool_runs=2,
        least_characters=100,
        tool_role="judge",
        longest_seconds=120.0,
    )

    async def ask() -> list[str]:
        async with open_target(stack.service.url, stack.credentials()) as target:
            workload = replace(shipped, latency=plan)
            evidence = await measure_latency(workload, target, spec, context, lambda _: None, clock)
        assert evidence.complete
        return [
            f"{item.gate} {dict(item.labels)}: {item.reason}"
            for item in evidence.items
            if item.verdict is Verdict.ERROR
        ]

    assert asyncio.run(ask()) == []


def test_a_crowd_is_answered_by_the_service(
    stack: LocalStack, small: Workload, spec: Spec, context: RunContext, clock: Clock
) -> None:
    """Locust's users sign in, ask streamed and whole, and every request is answered."""
    job = LoadJob(small, stack.service.url, stack.credentials(), stack.plan.folder)
    evidence = run_load(job, spec, context, lambda _: None, clock=clock)
    assert evidence.complete, evidence.details["broken"]
    assert evidence.details["errors"] == {}
    assert evidence.details["stages"][0]["requests"] >= small.load.least_requests
