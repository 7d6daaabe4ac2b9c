"""Latency with several questions at once, as a simulated model is measured: all cells in rounds, by that model's answers alone."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from benchmarks import latency
from benchmarks.events import BenchmarkEvent, GaveUp
from benchmarks.latency import measure_latency
from benchmarks.latency_evidence import LatencyResult, Standstill, items
from benchmarks.sample import Sample
from benchmarks.workload import Workload
from slo.evidence import Evidence, RunContext
from slo.spec import Engine, Kind, Spec, cell
from slo.verdict import Verdict
from target.chat import Answer, Reply, Session, StreamedReply
from target.scripted import ScriptedTarget, scripted_answer

AT_ONCE = 7
CELL = cell({"role": "judge", "complexity": "simple"})
Bench = Callable[..., Evidence]


class Model(ScriptedTarget):
    """Answers by a simulated model that names the complexity of the question, and counts who waits at the same time."""

    def __init__(self, workload: Workload, *, foreign: int = 0, **rest: Any) -> None:
        classes = {question: name for name, questions in workload.questions.items() for question in questions}
        self.waiting = self.most = self.answered = 0
        self.order: list[str] = []

        def answer(session: Session, message: str, conversation_id: str) -> Answer:
            self.answered += 1
            self.order.append(f"{session.role}/{classes[message]}")
            model = "extractive" if foreign and self.answered % foreign == 0 else f"simulated-{classes[message]}"
            plain = scripted_answer(session, message, conversation_id)
            return replace(plain, complexity=classes[message], model=model)

        super().__init__(answer, **rest)

    async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await asyncio.sleep(0)
        self.waiting -= 1
        return await ScriptedTarget.ask(self, session, message, conversation_id)


class Refusing(Model):
    """Refuses everything, as a service does whose only provider is gone."""

    async def stream(self, session: Session, message: str, conversation_id: str | None = None) -> StreamedReply:
        await self.ask(session, message)
        return StreamedReply(Reply(502, "provider_unavailable", 0.01, None), None, 0.01, (), "")


@pytest.fixture
def asked(small: Workload) -> Workload:
    """The small workload, asked seven at once by two roles, without tools."""
    plan = replace(small.latency, concurrency=AT_ONCE, warm_up=1, json=3)
    return replace(small, latency=plan, roles=("judge", "public"), tools=())


@pytest.fixture
def bench(asked: Workload, spec: Spec, context: RunContext, clock: Callable[[], datetime]) -> Bench:
    """Measure the simulated model of a target."""

    def run(
        target: Any, workload: Workload = asked, events: list[BenchmarkEvent] | None = None, **more: Any
    ) -> Evidence:
        told = [] if events is None else events
        own = replace(context, engine=Engine.SIMULATED)
        kind = Kind.LATENCY_SIMULATED
        return asyncio.run(measure_latency(workload, target, spec, own, told.append, clock, kind=kind, **more))

    return run


def of(evidence: Evidence, gate: str, key: Any = CELL) -> Any:
    return next(item for item in evidence.items if (item.gate, item.labels) == (gate, key))


def test_every_cell_is_measured_with_as_many_at_once_as_planned(bench: Bench, asked: Workload) -> None:
    """Never more than planned wait at the same time, and each cell has its samples without the warm-up."""
    model = Model(asked)
    evidence = bench(model)
    assert model.most == AT_ONCE
    assert (evidence.kind, evidence.complete) == (Kind.LATENCY_SIMULATED, True)
    assert of(evidence, "latency-cell-simulated").measurement.n == 62
    assert of(evidence, "ttft-cell-simulated").measurement.n == 59
    assert of(evidence, "latency-cell-simulated").verdict is Verdict.PASS
    assert evidence.details["concurrency"] == AT_ONCE
    assert evidence.details["models"] == {f"simulated-{name}": 124 for name in ("simple", "medium", "complex")}


def test_the_cells_are_asked_in_rounds(bench: Bench, asked: Workload) -> None:
    """Every cell has its turn before any has its next, so that a drift of the machine meets all of them alike."""
    model = Model(asked)
    bench(model)
    first = model.order[: 6 * 10]
    assert all(abs(first.count(name) - 10) <= 2 for name in set(first))
    assert len(set(first)) == 6


def test_only_gates_of_the_simulated_model_are_judged(bench: Bench, asked: Workload, spec: Spec) -> None:
    """The evidence has the cells of its own kind and no other, those of roles that were not asked as errors."""
    evidence = bench(Model(asked))
    wanted = {(gate.id, key) for gate in spec.gates if gate.kind is Kind.LATENCY_SIMULATED for key in gate.cells}
    assert {(item.gate, item.labels) for item in evidence.items} == wanted
    assert (
        of(evidence, "latency-cell-simulated", cell({"role": "lawyer", "complexity": "simple"})).verdict
        is Verdict.ERROR
    )


def test_an_answer_of_a_fallback_belongs_into_no_cell(bench: Bench, asked: Workload) -> None:
    """One answer in a hundred by the embedded engine makes its cells errors that name it."""
    evidence = bench(Model(asked, foreign=5))
    found = of(evidence, "latency-cell-simulated")
    assert found.verdict is Verdict.ERROR
    assert "written by extractive, not by the simulated engine" in found.reason


def test_a_reason_to_stop_ends_it_incomplete(bench: Bench, asked: Workload) -> None:
    """When somebody knows that the model is gone, nothing more is asked, and the evidence is used for nothing."""
    model, events = Model(asked), []
    evidence = bench(model, events=events, why_stop=lambda: "The simulator is gone" if model.answered > 50 else None)
    assert not evidence.complete
    assert evidence.details["stopped"] == "The simulator is gone"
    assert GaveUp("The simulator is gone") in events
    assert model.answered < 50 + 10 + AT_ONCE
    assert Verdict.PASS not in {item.verdict for item in evidence.items}


def test_a_reason_that_comes_last_still_counts(bench: Bench, asked: Workload) -> None:
    """A model that died during the very last questions leaves no complete evidence either."""
    model = Model(asked)
    total = 6 * 63
    evidence = bench(model, why_stop=lambda: "gone" if model.answered >= total else None)
    assert not evidence.complete


def test_refusals_fail_their_cells(bench: Bench, asked: Workload) -> None:
    """A service that refuses all is slow beyond every limit; nothing of it passes."""
    evidence = bench(Refusing(asked))
    assert of(evidence, "ttft-cell-simulated").verdict is Verdict.FAIL
    assert "502 provider_unavailable" in of(evidence, "ttft-cell-simulated").reason


def test_time_that_is_over_shortens_all_cells_alike(bench: Bench, asked: Workload) -> None:
    """A model too slow for the workload's time leaves fewer samples of each cell, and never none of one and all of another."""
    now = iter(range(1_000_000))
    evidence = bench(Model(asked), timer=lambda: float(next(now)) * 0.4)
    assert evidence.details["short_of_time"]
    counts = [one["n"] for one in evidence.details["cells"]]
    assert len(counts) == 6
    assert 0 < min(counts) <= max(counts) <= min(counts) + 2


def test_a_client_that_was_late_excuses_a_failure_and_no_pass(spec: Spec, clock: Callable[[], datetime]) -> None:
    """Lateness of the client only makes times longer: a FAIL becomes ERROR, a PASS stands."""

    def judged(seconds: float, lateness: float) -> Verdict:
        samples = tuple(Sample("judge/simple", "stream", "Apa", 0.0, seconds, seconds / 2) for _ in range(60))
        result = LatencyResult(samples, clock(), clock(), concurrency=7, lateness=(lateness,) * 40)
        made = items(result, spec, 7, Kind.LATENCY_SIMULATED)
        return next(item.verdict for item in made if (item.gate, item.labels) == ("latency-cell-simulated", CELL))

    assert judged(1.0, 0.5) is Verdict.PASS
    assert judged(5.0, 0.01) is Verdict.FAIL
    assert judged(5.0, 0.5) is Verdict.ERROR


@pytest.mark.parametrize("concurrency", [1, AT_ONCE])
def test_a_client_that_stood_still_says_when(
    bench: Bench, asked: Workload, monkeypatch: pytest.MonkeyPatch, concurrency: int
) -> None:
    """Its clock went on and it did nothing: answers that came meanwhile look slow, and the evidence says why, of the first one and of the last."""
    monkeypatch.setattr(latency, "STANDSTILL_SECONDS", 5.0)  # however slow the machine of the test is
    workload = replace(asked, latency=replace(asked.latency, concurrency=concurrency))

    def stood(at: int) -> tuple[Evidence, int]:
        """The evidence of a client whose clock goes on by 7 s in question `at`, and how many it asked."""
        skipped: list[float] = []
        calls = itertools.count(1)

        class Still(Model):
            async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
                if next(calls) == at:
                    skipped.append(7.0)
                return await Model.ask(self, session, message, conversation_id)

        made = bench(Still(asked), workload=workload, timer=lambda: time.perf_counter() + sum(skipped))
        return made, next(calls) - 1

    nowhere, last = stood(0)
    assert nowhere.details["client_standstills"] == nowhere.details["warnings"] == []
    assert last > 2 * AT_ONCE
    for at in (2, last):
        evidence, _ = stood(at)
        assert [one["seconds"] > 5.0 for one in evidence.details["client_standstills"]] == [True]
        assert "the client itself stood still: 7." in evidence.details["warnings"][0]


def test_standstills_are_told_the_longest_first(clock: Callable[[], datetime]) -> None:
    """Three of them by their time, the rest by their number; without any there is nothing to tell."""
    times = tuple(Standstill(float(since), 1.0 + since) for since in range(1, 6))
    still = LatencyResult((), clock(), clock(), standstills=times)
    assert still.stood_still.startswith(
        "the client itself stood still: 6.0 s from second 5.0 on, 5.0 s from second 4.0 on, 4.0 s from second 3.0 on and 2 times more"
    )
    assert replace(still, standstills=()).stood_still == ""
