"""Acceptance, latency and load with the simulated model: the same service, on a stack of its own whose only provider is the simulator.

No fallback is allowed, so each answer is the model's or a failure; nothing of it is scraped by the run's Prometheus, so no SLO of the
run counts these answers. What the stack says of itself is held against what came: the engine at `/health/ready`, the model that each
answer names, the answers that the simulator wrote and how late its tokens left, the hits of the cache.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.doubt import doubts_of_cache, doubts_of_simulator, excuse, lateness_of_simulator, void
from benchmarks.latency import measure_latency
from benchmarks.load.run import LoadJob, run_load
from benchmarks.truth import TruthError, read_truth
from benchmarks.workload import COMPLEXITIES, SimulatedPlan, Workload
from harness.progress import StepPlan
from harness.run import Run, Step, utc_now
from harness.steps import ask_scenarios, benchmark_teller, cache_hits
from harness.subject import Subject
from slo.evidence import Evidence, RunContext
from slo.quantities import how_many
from slo.spec import Engine, Kind
from target.chat import Session, wrote
from target.courtsight import CourtSightTarget, open_target
from target.errors import StackError, TargetDown
from target.ready import engine_said, ready_info
from target.simulator import RunningSimulator, SimulatorPlan
from target.stack import LocalStack, StackPlan, service_program, uninterrupted
from uat.report import evidence_of as acceptance_evidence
from uat.scenario import Scenario

START_SECONDS = 7.0
SECONDS_PER_ANSWER = 2.2
SECONDS_PER_SCENARIO = 2.1
"""On average, by the published profile; only the time left that is shown rests on these three."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stack that answers by the simulated model: the chatbot as a subject, and the simulator behind it."""

    subject: Subject
    simulator: RunningSimulator


def acceptance(scenarios: Sequence[Scenario], workload: Workload, program: tuple[str, ...] | None = None) -> Step:
    """Ask every scenario of the simulated model; `program` replaces our own service.

    An answer may come from the cache here: the model wrote it for somebody else who asked the same, and it is checked no less.
    """

    def ask(run: Run, stage: Stage, context: RunContext) -> Evidence:
        result = ask_scenarios(scenarios, run, stage.subject)
        return acceptance_evidence(result, run.spec, context, run.folder, kind=Kind.UAT_SIMULATED)

    title = f"Acceptance with a simulated model: {how_many(len(scenarios), 'scenario')}"
    expected = START_SECONDS + SECONDS_PER_SCENARIO * len(scenarios)
    return _step(
        StepPlan(str(Kind.UAT_SIMULATED), title, expected),
        Kind.UAT_SIMULATED,
        _Wish(_simulated(workload), program, cached=True),
        ask,
    )


def doubts_of_models(models: Mapping[str, int]) -> list[str]:
    """Why answers are not all the simulated model's: how many each other model wrote; none at all is no proof either."""
    if not models:
        return ["no answer names the model that wrote it"]
    others = Counter({name: count for name, count in models.items() if wrote(name) is not Engine.SIMULATED})
    named = ", ".join(name or "an unnamed model" for name in sorted(others))
    return [f"{others.total()} answers were written by {named}, not by the simulated engine"] if others else []


def latency(workload: Workload, program: tuple[str, ...] | None = None) -> Step:
    """Measure each role and complexity with the simulated model, several questions at once; `program` replaces our own service."""
    plan, asked = _simulated(workload), workload.with_simulated_model()
    cells = len(asked.roles) * len(COMPLEXITIES)
    answers = cells * (asked.latency.warm_up + asked.latency.streams + asked.latency.json)

    def ask(run: Run, stage: Stage, context: RunContext) -> Evidence:
        async def asking() -> Evidence:
            async with open_target(stage.subject.url, stage.subject.credentials) as target:
                return await measure_latency(
                    asked,
                    target,
                    run.spec,
                    context,
                    benchmark_teller(run),
                    utc_now,
                    folder=run.folder,
                    kind=Kind.LATENCY_SIMULATED,
                    why_stop=stage.subject.trouble,
                )

        return asyncio.run(asking())

    title = f"Latency with a simulated model: {asked.latency.concurrency} questions at once"
    expected = START_SECONDS + SECONDS_PER_ANSWER * answers / asked.latency.concurrency
    return _step(
        StepPlan(str(Kind.LATENCY_SIMULATED), title, expected), Kind.LATENCY_SIMULATED, _Wish(plan, program), ask
    )


def load(workload: Workload, program: tuple[str, ...] | None = None) -> Step:
    """Many users at once with the simulated model, after a warm-up; `program` replaces our own service."""
    plan, asked = _simulated(workload), workload.with_simulated_model()

    def ask(run: Run, stage: Stage, context: RunContext) -> Evidence:
        asyncio.run(_warm_up(asked, stage.subject))
        return run_load(
            LoadJob(asked, stage.subject.url, stage.subject.credentials, run.folder, Kind.LOAD_SIMULATED),
            run.spec,
            context,
            benchmark_teller(run),
            clock=utc_now,
            why_stop=stage.subject.trouble,
        )

    title = f"Load with a simulated model: {asked.load.users} users at once"
    expected = START_SECONDS + asked.load.duration_seconds + 10
    return _step(StepPlan(str(Kind.LOAD_SIMULATED), title, expected), Kind.LOAD_SIMULATED, _Wish(plan, program), ask)


def _simulated(workload: Workload) -> SimulatedPlan:
    workload.with_simulated_model()
    assert workload.simulated is not None  # noqa: S101 - the line above raises otherwise; this tells the type checker
    return workload.simulated


@dataclass(frozen=True, slots=True)
class _Wish:
    """What to stage: the plan, the program to run as the service, our own for None, and whether its cache may answer."""

    plan: SimulatedPlan
    program: tuple[str, ...] | None
    cached: bool = False


def _step(plan: StepPlan, kind: Kind, wish: _Wish, ask: Callable[[Run, Stage, RunContext], Evidence]) -> Step:
    def measure(run: Run) -> Evidence:
        with _staged(run, wish, plan.name) as stage:
            return _held_against(run, stage, wish, ask)

    return Step(plan, kind, measure)


@contextlib.contextmanager
def _staged(run: Run, wish: _Wish, name: str) -> Iterator[Stage]:
    """The stack, up while this is entered; its logs lie in a folder of that name.

    Raises:
        StackError: It does not come up, or the service does not answer by its provider.
    """
    project = run.project
    simulator = SimulatorPlan(project.root, project.profile(wish.plan.profile), run.context.seed)
    plan = StackPlan(
        root=project.root,
        folder=run.folder / name,
        deployment=run.spec.deployment,
        program=wish.program or service_program(),
        simulator=simulator,
    )
    with LocalStack(plan) as stack:
        running = stack.simulator
        if running is None:
            raise StackError("The stack came up without the simulator")
        url = stack.service.url
        info = ready_info(url)
        if engine_said(info) is Engine.EXTRACTIVE:
            raise StackError(
                "The service has the simulator as its provider, and says that its answers are extractive: see COURTSIGHT_PROVIDERS "
                f"in docs/settings.md, and its log {stack.service.log}"
            )
        trouble = _trouble(stack, running)
        subject = Subject(url, info, stack.credentials(), None, "its own stack has none", trouble, local=True)
        yield Stage(subject, running)


def _trouble(stack: LocalStack, simulator: RunningSimulator) -> Callable[[], str | None]:
    service = stack.service

    def said() -> str | None:
        if not simulator.child.alive():
            status = simulator.child.exit_status()
            return f"The simulator ended with status {status}; its log: {simulator.child.log}"
        if not service.child.alive():
            return f"The service ended with status {service.child.exit_status()}; its log: {service.log}"
        return None

    return said


def _held_against(run: Run, stage: Stage, wish: _Wish, ask: Callable[[Run, Stage, RunContext], Evidence]) -> Evidence:
    """Measure, then hold the numbers against what simulator and service say of them."""
    plan = wish.plan
    context = _context(run, stage)
    before, since = cache_hits(stage.subject.url), time.monotonic()
    made = ask(run, stage, context)
    if not made.complete:
        return void(made, (), {"simulator": _told(run, stage, plan, {})})
    after = cache_hits(stage.subject.url)
    with uninterrupted():
        stage.simulator.child.stop()  # so that its truth is whole
    doubts = doubts_of_models(made.details["models"]) if wish.cached else doubts_of_cache(before, after)
    remembered = int((after or 0.0) - (before or 0.0)) if wish.cached else 0
    figures: Mapping[str, Any] = {}
    late = ""
    try:
        truth = read_truth(stage.simulator.truth, since)
    except TruthError as error:
        doubts.append(str(error))
    else:
        figures = truth.details()
        doubts += doubts_of_simulator(truth, _answered(made) - remembered)
        late = lateness_of_simulator(truth, plan.longest_lateness_seconds)
    for doubt in filter(None, (*doubts, late)):
        run.view.line(f"      {doubt}")
    return void(excuse(made, late), doubts, {"simulator": _told(run, stage, plan, figures), "cache_hits": after})


def _context(run: Run, stage: Stage) -> RunContext:
    """The run's identity, with this stack's address, engine and corpus, and the profile of the model."""
    hashes = {**run.context.hashes, "simulator_profile": stage.simulator.profile_hash}
    corpus = stage.subject.corpus_hash
    if corpus:
        hashes["corpus"] = corpus
    return replace(run.context, target=stage.subject.url, engine=Engine.SIMULATED, hashes=hashes)


def _told(run: Run, stage: Stage, plan: SimulatedPlan, figures: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "profile": plan.profile,
        "profile_hash": stage.simulator.profile_hash,
        "seed": run.context.seed,
        "longest_lateness_seconds": plan.longest_lateness_seconds,
        **figures,
    }


def _answered(made: Evidence) -> int:
    """Answers that came: of scenarios those that name a model, of a benchmark its requests without those that failed."""
    if made.kind is Kind.UAT_SIMULATED:
        return sum(made.details["models"].values())
    counts = (made.details.get(name) for name in ("failed", "failures"))
    failed = next((count for count in counts if isinstance(count, int)), 0)
    return int(made.details["requests"]) - failed


async def _warm_up(workload: Workload, subject: Subject) -> None:
    """A question of each complexity by each role, before anything is timed; whatever fails here fails again where it counts."""

    async def greet(target: CourtSightTarget, session: Session, complexity: str) -> None:
        with contextlib.suppress(TargetDown):
            await target.ask(session, workload.questions[complexity][0])

    async with open_target(subject.url, subject.credentials) as target:
        asked: list[Awaitable[None]] = []
        for role in workload.roles:
            session = await target.login(role)
            asked += [greet(target, session, complexity) for complexity in COMPLEXITIES]
        await asyncio.gather(*asked)
