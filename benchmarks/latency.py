"""How long a whole answer and its first words take, per role and complexity, when nobody else asks; and each tool alone.

One request after another, because contention belongs to the load test; where a model is waited for, several at once, or it would take
half an hour: then all cells are asked in rounds, so that whatever the machine does meets each alike. Every cell is warmed up first; the
samples are kept raw. A slow chatbot must not make a run of hours: the whole has a time limit, and each cell its share of what is left of it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from benchmarks.events import BenchmarkEvent, CellMeasured, GaveUp, Progress
from benchmarks.latency_evidence import STANDSTILL_SECONDS, LatencyResult, Standstill, evidence_of
from benchmarks.sample import Sample
from benchmarks.workload import COMPLEXITIES, LatencyPlan, ToolWork, Workload
from slo.evidence import Evidence, RunContext
from slo.spec import Engine, Kind, Spec
from slo.statistics import p95
from target.chat import Answer, ChatTarget, Reply, Session, wrote
from target.errors import TargetDown

STEP = "latency"
GIVE_UP_AFTER = 3
"""Requests in a row that nobody answered."""
TELL_EVERY = 10
LOOK_SECONDS = 0.05
"""How often the loop that asks looks how late it is for itself."""
WARM_UP_SHARE = 0.3
"""Of a cell's time; a chatbot so slow that warming it up takes longer is measured as it is."""


async def measure_latency(
    workload: Workload,
    target: ChatTarget,
    spec: Spec,
    context: RunContext,
    on_event: Callable[[BenchmarkEvent], None],
    clock: Callable[[], datetime],
    *,
    folder: Path | None = None,
    timer: Callable[[], float] = time.perf_counter,
    kind: Kind = Kind.LATENCY,
    why_stop: Callable[[], str | None] = lambda: None,
) -> Evidence:
    """Measure every cell of the workload and judge it by the spec; with a folder, the raw samples are written there.

    An answer that another engine than the context's wrote belongs into no cell. As soon as `why_stop` gives a reason nothing more is
    asked, and the evidence is incomplete.

    Raises:
        TargetRefused: A role could not sign in.
        EvidenceError: The samples cannot be written.
    """
    result = await measure(workload, target, on_event, clock, engine=context.engine, timer=timer, why_stop=why_stop)
    return evidence_of(result, spec, context, folder, kind)


async def measure(
    workload: Workload,
    target: ChatTarget,
    on_event: Callable[[BenchmarkEvent], None],
    clock: Callable[[], datetime],
    *,
    engine: Engine = Engine.EXTRACTIVE,
    timer: Callable[[], float] = time.perf_counter,
    why_stop: Callable[[], str | None] = lambda: None,
) -> LatencyResult:
    """Take the samples. Stops early when nobody answers any more: the cells that are missing then are ERROR."""
    started = clock()
    plan = workload.latency
    cells = len(workload.roles) * len(COMPLEXITIES) + len(workload.tools)
    bench = _Bench(target, plan, timer, on_event, why_stop, engine, timer(), _requests(workload), cells)
    stopped = ""
    watch = asyncio.create_task(bench.watch_lateness())
    try:
        if plan.concurrency > 1:
            await bench.rounds({role: await target.login(role) for role in workload.roles}, workload.questions)
        else:
            await _one_after_another(bench, workload)
    except (TargetDown, _StoppedError) as error:
        stopped = str(error)
    finally:
        watch.cancel()
        if bench.late() > STANDSTILL_SECONDS:  # nobody looks any more, and the last answers came meanwhile
            bench.note_lateness()
    stopped = stopped or why_stop() or ""
    if stopped:
        on_event(GaveUp(stopped))
    return LatencyResult(
        tuple(bench.samples),
        started,
        clock(),
        stopped=stopped,
        short_of_time=bench.short_of_time,
        concurrency=plan.concurrency,
        lateness=tuple(bench.lateness) if plan.concurrency > 1 else (),
        standstills=tuple(bench.standstills),
    )


async def _one_after_another(bench: _Bench, workload: Workload) -> None:
    target = bench.target
    for role in workload.roles:
        session = await target.login(role)
        for complexity in COMPLEXITIES:
            await bench.cell(session, complexity, workload.questions[complexity])
    if workload.tools:
        session = await target.login(workload.latency.tool_role)
        for tool in workload.tools:
            await bench.tool(session, tool)


def _requests(workload: Workload) -> int:
    plan = workload.latency
    per_cell, per_tool = plan.warm_up + plan.streams + plan.json, plan.warm_up + plan.tool_runs
    return len(workload.roles) * len(COMPLEXITIES) * per_cell + len(workload.tools) * per_tool


class _StoppedError(Exception):
    """Nobody answered several times running, or somebody knows why nobody will."""


@dataclass(slots=True)
class _Bench:
    """One run: what it has asked so far."""

    target: ChatTarget
    plan: LatencyPlan
    timer: Callable[[], float]
    on_event: Callable[[BenchmarkEvent], None]
    why_stop: Callable[[], str | None]
    engine: Engine
    began: float
    total: int
    cells_left: int
    samples: list[Sample] = field(default_factory=list)
    done: int = 0
    silent: int = 0
    short_of_time: bool = False
    stopped: str = ""
    lateness: list[float] = field(default_factory=list)
    standstills: list[Standstill] = field(default_factory=list)
    looked: float = math.inf

    async def rounds(self, sessions: Mapping[str, Session], questions: Mapping[str, tuple[str, ...]]) -> None:
        """Warm up and measure every role and complexity together, a round of all cells after the other, several requests at once."""
        ways = list(_ways(self.plan))
        cells = [(session, complexity) for session in sessions.values() for complexity in COMPLEXITIES]
        turns = iter([(number, *cell) for number in range(len(ways)) for cell in cells])
        async with asyncio.TaskGroup() as group:
            for _ in range(self.plan.concurrency):
                group.create_task(self._take_turns(turns, ways, questions))
        if self.stopped:
            raise _StoppedError(self.stopped)
        for session, complexity in cells:
            name = f"{session.role}/{complexity}"
            kept = [sample for sample in self.samples if sample.cell == name]
            self._tell({"role": session.role, "complexity": complexity}, kept)

    async def _take_turns(
        self,
        turns: Iterator[tuple[int, Session, str]],
        ways: Sequence[str],
        questions: Mapping[str, tuple[str, ...]],
    ) -> None:
        """One of those who ask at once: whoever is free takes the next turn."""
        for number, session, complexity in turns:
            if self.stopped:
                return
            if self.timer() - self.began > self.plan.longest_seconds:
                self.short_of_time = True
                return
            asked = questions[complexity]
            sample = await self._ask(session, complexity, asked[number % len(asked)], ways[number])
            try:
                self._count(sample)
            except _StoppedError as error:
                self.stopped = str(error)
                return
            if number >= self.plan.warm_up:
                self.samples.append(sample)

    async def watch_lateness(self) -> None:
        """Note how late this loop is for itself, and when it stood still, until it is cancelled."""
        while True:
            self.looked = self.timer()
            await asyncio.sleep(LOOK_SECONDS)
            self.note_lateness()

    def late(self) -> float:
        """Seconds by which the next look is overdue."""
        return max(0.0, self.timer() - self.looked - LOOK_SECONDS)

    def note_lateness(self) -> None:
        """Take down how late this look comes."""
        late = self.late()
        self.lateness.append(late)
        if late > STANDSTILL_SECONDS:
            self.standstills.append(Standstill(self.looked + LOOK_SECONDS - self.began, late))

    async def cell(self, session: Session, complexity: str, questions: tuple[str, ...]) -> None:
        """Warm up and measure one role and complexity."""

        def ask(number: int, via: str) -> Awaitable[Sample]:
            return self._ask(session, complexity, questions[number % len(questions)], via)

        await self._measure({"role": session.role, "complexity": complexity}, list(_ways(self.plan)), ask)

    async def tool(self, session: Session, work: ToolWork) -> None:
        """Warm up and measure one tool alone."""

        def ask(number: int, _via: str) -> Awaitable[Sample]:
            return self._run_tool(session, work.tool, work.queries[number % len(work.queries)])

        await self._measure({"tool": work.tool}, ["tool"] * (self.plan.warm_up + self.plan.tool_runs), ask)

    async def _measure(
        self, labels: dict[str, str], ways: list[str], ask: Callable[[int, str], Awaitable[Sample]]
    ) -> None:
        """Take the samples of one cell, as many as its share of the time allows; none when there is no time left."""
        began = self.timer()
        share = (self.plan.longest_seconds - (began - self.began)) / self.cells_left
        self.cells_left -= 1
        kept: list[Sample] = []
        for number, via in enumerate(ways):
            used = self.timer() - began
            warming = number < self.plan.warm_up
            if warming and used > share * WARM_UP_SHARE:
                continue
            if used > share and (kept or share <= 0):
                self.short_of_time = True
                break
            sample = await ask(number, via)
            self._count(sample)
            if not warming:
                kept.append(sample)
                self.samples.append(sample)
        self._tell(labels, kept)

    async def _ask(self, session: Session, complexity: str, question: str, via: str) -> Sample:
        name, started = f"{session.role}/{complexity}", self.timer()
        try:
            if via == "json":
                reply, ttft, words = await self.target.ask(session, question), None, None
            else:
                streamed = await self.target.stream(session, question)
                reply, ttft, words = streamed.reply, streamed.ttft_seconds, streamed.text
        except TargetDown as error:
            return Sample(
                name, via, question, started - self.began, self.timer() - started, failure=f"no answer: {error}"
            )
        return Sample(
            cell=name,
            via=via,
            question=question,
            started_seconds=started - self.began,
            duration_seconds=reply.duration_seconds,
            ttft_seconds=ttft,
            status=reply.status,
            outcome="" if reply.answer is None else reply.answer.outcome,
            failure=_failure(reply, via, ttft),
            model="" if reply.answer is None else reply.answer.model,
            mismatch=""
            if reply.answer is None
            else mismatch(reply.answer, complexity, words, self.plan.least_characters, self.engine),
        )

    async def _run_tool(self, session: Session, tool: str, query: str) -> Sample:
        started = self.timer()
        try:
            reply = await self.target.run_tool(session, tool, query)
        except TargetDown as error:
            return Sample(
                tool, "tool", query, started - self.began, self.timer() - started, failure=f"no answer: {error}"
            )
        return Sample(
            cell=tool,
            via="tool",
            question=query,
            started_seconds=started - self.began,
            duration_seconds=reply.duration_seconds,
            status=reply.status,
            outcome=reply.outcome,
            results=None if reply.code else len(reply.results),
            failure=f"{reply.status} {reply.code}" if reply.code or reply.outcome == "error" else "",
        )

    def _count(self, sample: Sample) -> None:
        self.done += 1
        self.silent = self.silent + 1 if sample.failure and sample.status is None else 0
        if self.done % TELL_EVERY == 0:
            self.on_event(Progress(STEP, self.done, self.total))
            reason = self.why_stop()
            if reason:
                raise _StoppedError(reason)
        if self.silent >= GIVE_UP_AFTER:
            self.samples.append(sample)
            raise _StoppedError(f"{self.silent} requests running were not answered: {sample.failure}")

    def _tell(self, labels: dict[str, str], kept: list[Sample]) -> None:
        good = [sample.duration_seconds for sample in kept if not sample.failure]
        self.on_event(CellMeasured(labels, len(kept), len(kept) - len(good), p95(good).value))


def _ways(plan: LatencyPlan) -> Iterator[str]:
    """Streams and whole answers of a cell, spread evenly, so that a drift of the machine meets both alike."""
    measured = plan.streams + plan.json
    yield from ("json" if number % 2 else "stream" for number in range(plan.warm_up))
    for number in range(measured):
        yield "json" if (number + 1) * plan.json // measured > number * plan.json // measured else "stream"


def _failure(reply: Reply, via: str, ttft: float | None) -> str:
    if reply.failure:
        return f"{reply.failure} {reply.detail}".rstrip()
    return "the stream brought no words" if via == "stream" and ttft is None else ""


def mismatch(
    answer: Answer, complexity: str, words: str | None, least_characters: int, engine: Engine = Engine.EXTRACTIVE
) -> str:
    """Why an answer is no sample of its cell, or nothing: the time of a wrong answer says nothing of a right one's."""
    if wrote(answer.model) is not engine:
        return f"written by {answer.model or 'an unnamed model'}, not by the {engine} engine"
    if answer.outcome != "ok":
        return f"outcome {answer.outcome} instead of ok"
    if len(answer.text) <= least_characters:
        return f"the answer has {len(answer.text)} characters, not more than {least_characters}"
    if answer.complexity != complexity:
        return f"classed {answer.complexity} instead of {complexity}"
    if words is not None and words != answer.text:
        return "the streamed words differ from the answer"
    return ""
