"""The latency benchmark against a scripted chatbot: what is counted, what is refused, what is never dropped."""

from __future__ import annotations

import asyncio
import csv
import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.events import BenchmarkEvent, CellMeasured, GaveUp, Progress
from benchmarks.latency import measure, measure_latency, mismatch
from benchmarks.latency_evidence import NEVER_SECONDS, p95_with_failures
from benchmarks.workload import Workload
from slo.evidence import Evidence, RunContext, read, write
from slo.spec import Phase, Spec, cell
from slo.verdict import Verdict, judge
from target.chat import Answer, Reply, Session, StreamedReply, ToolReply
from target.errors import TargetDown
from target.scripted import ScriptedTarget, scripted_answer

Clock = Callable[[], datetime]
Bench = Callable[..., Evidence]
CELL = cell({"role": "public", "complexity": "complex"})


class Classing(ScriptedTarget):
    """Classes each question as the workload does."""

    def __init__(self, workload: Workload, **rest: Any) -> None:
        classes = {
            question: complexity for complexity, questions in workload.questions.items() for question in questions
        }

        def answer(session: Session, message: str, conversation_id: str) -> Answer:
            return replace(scripted_answer(session, message, conversation_id), complexity=classes[message])

        super().__init__(answer, **rest)

    async def run_tool(self, session: Session, tool: str, query: str) -> ToolReply:
        reply = await ScriptedTarget.run_tool(self, session, tool, query)
        return replace(reply, results=reply.results * 2)


class Failing(Classing):
    """Every `every`-th question of the public fails."""

    def __init__(self, workload: Workload, every: int) -> None:
        super().__init__(workload)
        self.every, self.count = every, 0

    async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
        self.count += session.role == "public"
        if session.role == "public" and self.count % self.every == 0:
            return Reply(503, "storage_unavailable", 0.001, None)
        return await ScriptedTarget.ask(self, session, message, conversation_id)


@pytest.fixture
def bench(small: Workload, spec: Spec, context: RunContext, clock: Clock) -> Bench:
    """Run the benchmark against a target."""

    def run(
        target: Any, workload: Workload = small, events: list[BenchmarkEvent] | None = None, folder: Path | None = None
    ) -> Evidence:
        told = [] if events is None else events
        return asyncio.run(measure_latency(workload, target, spec, context, told.append, clock, folder=folder))

    return run


def agrees(evidence: Evidence, spec: Spec) -> bool:
    """Whether judging each item's numbers again gives its verdict, unless that is ERROR."""
    return all(
        item.verdict in {Verdict.ERROR, judge(spec.gate(item.gate), item.labels, Phase.BUILD, item.measurement).verdict}
        for item in evidence.items
    )


def verdicts(evidence: Evidence, gate: str) -> dict[Any, Verdict]:
    return {item.labels: item.verdict for item in evidence.items if item.gate == gate}


def item_of(evidence: Evidence, gate: str, key: Any) -> Any:
    return next(item for item in evidence.items if (item.gate, item.labels) == (gate, key))


def test_a_fast_chatbot_passes_every_gate(bench: Bench, small: Workload, spec: Spec) -> None:
    """Every cell of every latency gate has its item, each PASS with its interval."""
    evidence = bench(Classing(small))
    wanted = {(gate.id, key) for gate in spec.gates if gate.kind == "latency" for key in gate.cells}
    assert {(item.gate, item.labels) for item in evidence.items} == wanted
    assert {item.verdict for item in evidence.items} == {Verdict.PASS}
    found = item_of(evidence, "latency-cell", CELL).measurement
    assert (found.n, found.value, found.interval.upper) == (79, 0.01, 0.01)
    assert item_of(evidence, "ttft-cell", CELL).measurement.n == 59
    assert evidence.complete


def test_a_slow_role_fails(bench: Bench, small: Workload) -> None:
    """A chatbot that takes 5 s is too slow for the public and for simple questions, and fast enough for a judge's medium one."""
    found = verdicts(bench(Classing(small, seconds=5.0)), "latency-cell")
    assert found[CELL] is Verdict.FAIL
    assert found[cell({"role": "judge", "complexity": "simple"})] is Verdict.FAIL
    assert found[cell({"role": "judge", "complexity": "medium"})] is Verdict.PASS


def test_many_failures_make_the_p95_infinite_and_the_cell_fail(bench: Bench, small: Workload) -> None:
    """One request in ten failed: the p95 never came, FAIL, and no other role is touched."""
    evidence = bench(Failing(small, every=10))
    found = item_of(evidence, "latency-cell", CELL)
    assert (found.verdict, found.measurement.value) == (Verdict.FAIL, NEVER_SECONDS)
    assert "8 of 79 requests failed (8 x 503 storage_unavailable)" in found.reason
    assert verdicts(evidence, "latency-mean")[cell({"complexity": "complex"})] is Verdict.FAIL
    assert verdicts(evidence, "latency-cell")[cell({"role": "judge", "complexity": "complex"})] is Verdict.PASS


def test_few_failures_leave_a_p95_but_no_pass(bench: Bench, small: Workload) -> None:
    """Two of seventy-nine failed: the p95 is finite, and the cell is ERROR, not PASS."""
    found = item_of(bench(Failing(small, every=30)), "latency-cell", CELL)
    assert (found.verdict, found.measurement.value) == (Verdict.ERROR, 0.01)
    assert "requests failed" in found.reason


def test_a_cell_classed_otherwise_is_an_error_with_advice(bench: Bench, small: Workload) -> None:
    """A question that the chatbot classes as simple is no sample of the complex cell."""
    found = item_of(bench(ScriptedTarget()), "latency-cell", CELL)
    assert found.verdict is Verdict.ERROR
    assert "classed simple instead of complex" in found.reason
    assert "mend the question" in found.reason


@pytest.mark.parametrize(
    ("changed", "words", "said"),
    [
        ({}, None, ""),
        ({"outcome": "abstained"}, None, "outcome abstained instead of ok"),
        ({"text": "x" * 100}, None, "100 characters"),
        ({"text": "x" * 101}, None, ""),
        ({"complexity": "medium"}, None, "classed medium instead of simple"),
        ({}, "andere Worte", "streamed words differ"),
    ],
)
def test_only_a_right_answer_is_a_sample(changed: dict[str, Any], words: str | None, said: str) -> None:
    """The time of an answer that abstains, is too short or belongs elsewhere says nothing of its cell."""
    answer = replace(scripted_answer(Session("judge", ""), "Apa?", "c1"), **changed)
    assert said in mismatch(answer, "simple", words, 100)
    assert bool(said) == bool(mismatch(answer, "simple", words, 100))


@pytest.mark.parametrize("every", [1, 2, 10, 30, 1000])
def test_verdicts_follow_from_the_items_numbers(bench: Bench, small: Workload, spec: Spec, every: int) -> None:
    """Whoever reads the evidence and judges it again comes to the same verdicts, however many requests failed."""
    assert agrees(bench(Failing(small, every=every)), spec)


def test_a_tool_that_fails_brought_nothing(bench: Bench, small: Workload) -> None:
    """One failed run among fifty-nine: no result, and no p95 that passes."""

    class Stumbling(Classing):
        count = 0

        async def run_tool(self, session: Session, tool: str, query: str) -> ToolReply:
            self.count += 1
            failed = ToolReply(500, "internal", 0.001)
            return failed if self.count == 30 else await Classing.run_tool(self, session, tool, query)

    evidence = bench(Stumbling(small))
    key = cell({"tool": small.tools[0].tool})
    assert item_of(evidence, "tool-results", key).measurement.value == 0
    assert verdicts(evidence, "tool-results")[key] is Verdict.FAIL
    assert verdicts(evidence, "tool-p95")[key] is Verdict.ERROR
    assert verdicts(evidence, "tool-mean")[key] is Verdict.FAIL


def test_warm_up_is_asked_and_not_counted(bench: Bench, small: Workload) -> None:
    """The first requests of a cell are thrown away: a slow start is no sample."""

    class Cold(Classing):
        async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
            reply = await ScriptedTarget.ask(self, session, message, conversation_id)
            number = sum(role == session.role for role, _ in self.asked)
            return replace(reply, duration_seconds=60.0) if number <= small.latency.warm_up else reply

    assert set(verdicts(bench(Cold(small)), "latency-cell").values()) == {Verdict.PASS}


def test_a_stream_without_words_has_failed(bench: Bench, small: Workload) -> None:
    """An answer that brings no delta has no time to its first words: the cell fails instead of losing the sample."""

    class Mute(Classing):
        async def stream(self, session: Session, message: str, conversation_id: str | None = None) -> StreamedReply:
            return replace(await ScriptedTarget.stream(self, session, message, conversation_id), ttft_seconds=None)

    found = item_of(bench(Mute(small)), "ttft-cell", CELL)
    assert found.verdict is Verdict.FAIL
    assert "the stream brought no words" in found.reason


def test_too_few_results_of_a_tool_fail(bench: Bench, small: Workload) -> None:
    """One run with one result less than wanted decides: the fewest counts."""

    class Poor(Classing):
        async def run_tool(self, session: Session, tool: str, query: str) -> ToolReply:
            reply = await ScriptedTarget.run_tool(self, session, tool, query)
            return replace(reply, results=reply.results[:2]) if tool == "PrecedentExplorer" else reply

    found = verdicts(bench(Poor(small)), "tool-results")
    assert found[cell({"tool": "PrecedentExplorer"})] is Verdict.FAIL
    assert found[cell({"tool": "CaseComparator"})] is Verdict.PASS


def test_a_service_that_dies_ends_the_run(bench: Bench, small: Workload) -> None:
    """After three requests without any answer it stops; what was not measured is ERROR, and the evidence incomplete."""

    class Dying(Classing):
        async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
            if len(self.asked) >= 200:
                raise TargetDown("http://127.0.0.1:1: no answer")
            return await ScriptedTarget.ask(self, session, message, conversation_id)

    events: list[BenchmarkEvent] = []
    evidence = bench(Dying(small), events=events)
    assert not evidence.complete
    assert isinstance(events[-1], GaveUp)
    assert item_of(evidence, "latency-cell", CELL).verdict is Verdict.ERROR
    assert Verdict.PASS not in verdicts(evidence, "latency-mean").values()
    assert set(verdicts(evidence, "tool-p95").values()) == {Verdict.ERROR}


def test_fewer_samples_than_the_gate_wants_are_inconclusive(bench: Bench, small: Workload) -> None:
    """Fifty samples bound no p95."""
    few = replace(small, latency=replace(small.latency, streams=40, json=10))
    assert set(verdicts(bench(Classing(few), workload=few), "latency-cell").values()) == {Verdict.INCONCLUSIVE}


class Clocked(Classing):
    """A chatbot whose answers make a clock advance."""

    def __init__(self, workload: Workload, seconds: float) -> None:
        super().__init__(workload, seconds=seconds)
        self.now = 0.0

    def timer(self) -> float:
        return self.now

    async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
        self.now += self.seconds
        return await ScriptedTarget.ask(self, session, message, conversation_id)

    async def run_tool(self, session: Session, tool: str, query: str) -> ToolReply:
        self.now += self.seconds
        return await Classing.run_tool(self, session, tool, query)


def test_a_slow_chatbot_is_shown_slow_within_the_time(
    small: Workload, spec: Spec, context: RunContext, clock: Clock
) -> None:
    """With answers of 9 s the benchmark ends near its limit of 120 s, not after hours; what it saw is FAIL, the rest is ERROR."""
    target = Clocked(small, 9.0)
    evidence = asyncio.run(measure_latency(small, target, spec, context, lambda _: None, clock, timer=target.timer))
    found = verdicts(evidence, "latency-cell")
    assert 120 <= target.now <= 240
    assert evidence.complete
    assert found[cell({"role": "admin", "complexity": "simple"})] is Verdict.FAIL
    assert found[cell({"role": "public", "complexity": "complex"})] is Verdict.ERROR
    assert Verdict.PASS not in found.values()
    assert "the workload's time was over" in item_of(evidence, "latency-cell", CELL).reason
    assert agrees(evidence, spec)


def test_a_healthy_chatbot_never_meets_the_time_limit(
    small: Workload, spec: Spec, context: RunContext, clock: Clock
) -> None:
    """With answers of 50 ms every planned sample is taken."""
    target = Clocked(small, 0.05)
    evidence = asyncio.run(measure_latency(small, target, spec, context, lambda _: None, clock, timer=target.timer))
    assert {item.verdict for item in evidence.items} == {Verdict.PASS}
    assert not evidence.details["short_of_time"]


def test_raw_samples_are_kept_unrounded(bench: Bench, small: Workload, tmp_path: Path) -> None:
    """Every sample is in the file, to the last digit, and the evidence names the file by its digest."""
    write(bench(Classing(small, seconds=1 / 3), folder=tmp_path), tmp_path)
    assert set(read(tmp_path / "latency.json").raw) == {"latency.samples.csv.gz"}
    rows = list(
        csv.DictReader(gzip.decompress((tmp_path / "latency.samples.csv.gz").read_bytes()).decode().splitlines())
    )
    assert len(rows) == 15 * 79 + 3 * 59
    assert {row["duration_seconds"] for row in rows} == {repr(1 / 3)}


def test_progress_reaches_its_total(small: Workload, clock: Clock) -> None:
    """Progress never goes beyond what was announced, and every cell and tool reports once."""
    events: list[BenchmarkEvent] = []
    asyncio.run(measure(small, Classing(small), events.append, clock))
    told = [event for event in events if isinstance(event, Progress)]
    cells = [event for event in events if isinstance(event, CellMeasured)]
    assert told[-1].done <= told[-1].total == 15 * 81 + 3 * 61
    assert len(cells) == 18
    assert all(earlier.done <= later.done for earlier, later in pairwise(told))


@settings(deadline=None)
@given(
    values=st.lists(st.floats(min_value=0.001, max_value=60), min_size=1, max_size=150),
    failures=st.integers(min_value=0, max_value=20),
)
def test_a_failure_never_makes_a_quantile_smaller(values: list[float], failures: int) -> None:
    """Counted as never answered, failures only push a p95 up, at last to never."""
    without, with_them = p95_with_failures(values, 0), p95_with_failures(values, failures)
    assert with_them.n == len(values) + failures
    assert without.value is not None
    assert with_them.value is not None
    assert with_them.value >= without.value
    if failures > 0.05 * with_them.n + 1:
        assert with_them.value == NEVER_SECONDS
