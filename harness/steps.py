"""The steps of a run: each asks one tool to measure, and translates its events into progress."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from alerts.drills.drill import Drill
from alerts.drills.runner import DrillProgress, run_drills
from benchmarks.doubt import doubts_of_cache, void
from benchmarks.events import BenchmarkEvent, CellMeasured, GaveUp, Progress
from benchmarks.latency import measure_latency
from benchmarks.load.run import LoadJob, run_load
from benchmarks.workload import Workload
from harness.measured_slos import measure_slos
from harness.progress import StepPlan
from harness.run import Run, Step, utc_now
from harness.subject import SCRAPE_INTERVAL_SECONDS, Subject, scrape_interval
from slo import names
from slo.evidence import Evidence
from slo.quantities import how_many
from slo.spec import Kind
from target.counters import counter_total
from target.courtsight import open_target
from target.errors import PrometheusDown
from target.prometheus import connect as connect_prometheus
from uat.report import evidence_of as acceptance_evidence
from uat.results import GaveUp as ScenariosGaveUp
from uat.results import ScenarioEnded, ScenarioVerdict, UatEvent, UatResult
from uat.runner import run as run_scenarios
from uat.scenario import Scenario

SCRAPE_DEADLINE_SECONDS = 10.0
SECONDS_PER_SCENARIO = 0.6
CACHE_RESULTS = ("hit", "shared")
"""An answer of before, and one that was written for somebody else at the same time."""
SECONDS_PER_REQUEST = 0.02
"""Measured on two cores with the extractive engine; only the time left that is shown rests on these two."""
MANY_DRILLS = 4
"""From so many on they are counted instead of named."""


def acceptance(scenarios: Sequence[Scenario]) -> Step:
    """Ask every scenario."""

    def measure(run: Run) -> Evidence:
        result = ask_scenarios(scenarios, run, run.subject)
        return acceptance_evidence(result, run.spec, run.context, run.folder)

    expected = 2 + SECONDS_PER_SCENARIO * len(scenarios)
    return Step(StepPlan("uat", f"Acceptance: {how_many(len(scenarios), 'scenario')}", expected), Kind.UAT, measure)


def ask_scenarios(scenarios: Sequence[Scenario], run: Run, subject: Subject) -> UatResult:
    """The scenarios, asked of a subject: the run's own, or one on another stack."""

    async def ask() -> UatResult:
        async with open_target(subject.url, subject.credentials) as target:
            return await run_scenarios(scenarios, target, run.context, _scenario_teller(run), utc_now)

    return asyncio.run(ask())


def _scenario_teller(run: Run) -> Callable[[UatEvent], None]:
    def tell(event: UatEvent) -> None:
        if isinstance(event, ScenariosGaveUp):
            run.view.line(f"      {event.reason}")
        if isinstance(event, ScenarioEnded):
            run.view.advance(event.number / event.total, event.result.scenario.title)
            if event.result.verdict is not ScenarioVerdict.PASS:
                run.view.line(f"      {event.result.verdict} {event.result.scenario.id}")
                for finding in event.result.findings():
                    run.view.line(f"        {finding}")

    return tell


def latency(workload: Workload) -> Step:
    """Measure each role and complexity alone, and each tool."""
    plan = workload.latency
    requests = len(workload.roles) * len(workload.questions) * (plan.warm_up + plan.streams + plan.json)
    requests += len(workload.tools) * (plan.warm_up + plan.tool_runs)

    def measure(run: Run) -> Evidence:
        async def ask() -> Evidence:
            async with open_target(run.subject.url, run.subject.credentials) as target:
                tell = benchmark_teller(run)
                return await measure_latency(workload, target, run.spec, run.context, tell, utc_now, folder=run.folder)

        return uncached(run, lambda: asyncio.run(ask()))

    title = f"Latency: {len(workload.roles)} roles x {len(workload.questions)} complexities"
    return Step(StepPlan("latency", title, 2 + SECONDS_PER_REQUEST * requests), Kind.LATENCY, measure)


def load(workload: Workload) -> Step:
    """Many users at once, by Locust in a process of its own."""

    def measure(run: Run) -> Evidence:
        job = LoadJob(workload, run.subject.url, run.subject.credentials, run.folder)
        tell = benchmark_teller(run)
        return uncached(
            run,
            lambda: run_load(job, run.spec, run.context, tell, clock=utc_now, why_stop=run.subject.trouble),
        )

    expected = workload.load.duration_seconds + 8
    return Step(StepPlan("load", f"Load: {workload.load.users} users at once", expected), Kind.LOAD, measure)


def cache_hits(url: str) -> float | None:
    """How many answers were not written for their own question so far, remembered or shared; None when the service counts none."""
    counts = [
        counter_total(url, names.CACHE_REQUESTS_TOTAL, {names.CACHE: "answers", names.RESULT: result})
        for result in CACHE_RESULTS
    ]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def uncached(run: Run, measure: Callable[[], Evidence]) -> Evidence:
    """Measure, and void what was measured if answers came from the cache meanwhile; of a target with other users nobody can say."""
    if not run.subject.local:
        return measure()
    before = cache_hits(run.subject.url)
    made = measure()
    if run.subject.trouble() is not None:
        return made
    after = cache_hits(run.subject.url)
    return void(made, doubts_of_cache(before, after), {"cache_hits": after})


def benchmark_teller(run: Run) -> Callable[[BenchmarkEvent], None]:
    """Turns a benchmark's events into progress and lines."""

    def tell(event: BenchmarkEvent) -> None:
        match event:
            case Progress(step, done, total):
                run.view.advance(done / total if total else 0.0, step)
            case CellMeasured(labels, n, failed, _) if failed:
                run.view.line(f"      {' '.join(labels.values())}: {failed} of {how_many(n, 'request')} failed")
            case GaveUp(reason):
                run.view.line(f"      {reason}")
            case _:
                pass

    return tell


def slos() -> Step:
    """Count the SLOs out of Prometheus, from the run's first scrape to one after the last request."""

    def measure(run: Run) -> Evidence:
        started, ended, interval = run.watched_from, utc_now(), SCRAPE_INTERVAL_SECONDS
        prometheus = None if run.subject.prometheus is None else connect_prometheus(run.subject.prometheus)
        if prometheus is not None:
            interval = scrape_interval(prometheus, run.spec.selector)
            try:
                prometheus.await_scrape(
                    run.spec.selector,
                    ended.timestamp(),
                    deadline_seconds=max(SCRAPE_DEADLINE_SECONDS, 2 * interval),
                    clock=time.time,
                    sleep=time.sleep,
                )
            except PrometheusDown as error:
                run.view.line(f"      {error}")
        else:
            run.view.line(f"      {run.subject.why_no_prometheus}")
        ended = utc_now()
        items, details = measure_slos(prometheus, run.spec, started, ended, interval)
        return Evidence(Kind.SLO, run.context, started, ended, complete=True, items=items, details=details)

    return Step(StepPlan("slo", "SLOs: counts out of Prometheus", 3.0), Kind.SLO, measure)


def drills(chosen: Sequence[Drill], expected_seconds: float, *, scored: bool = False) -> Step:
    """Inject faults on stacks of their own; no SLO of the run is computed from them. `scored`: these are all there are."""

    def measure(run: Run) -> Evidence:
        def tell(event: DrillProgress) -> None:
            run.view.advance(event.share, event.text)

        # The drill's evidence belongs to this run, and was measured on another address: its own details name it.
        folder = run.folder / "drills"
        return run_drills(chosen, run.spec, run.tools, run.context, folder, on_event=tell, clock=utc_now, scored=scored)

    listed = ", ".join(drill.id for drill in chosen) if len(chosen) < MANY_DRILLS else f"{len(chosen)} of them"
    return Step(StepPlan("drill", f"Drill: {listed}", expected_seconds), Kind.DRILL, measure)


def shortened(workload: Workload) -> Workload:
    """The workload of `courtsight quick`: enough to see that it works, too little to decide anything."""
    return replace(workload, latency=replace(workload.latency, warm_up=1, streams=6, json=4, tool_runs=10))
