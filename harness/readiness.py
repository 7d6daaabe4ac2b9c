"""The commands that measure: a whole run with its decision, a quick look, or one tool alone."""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alerts.drills.runner import prepared, total_seconds
from benchmarks.workload import load_workload
from harness import inputs, run, simulated, steps
from harness.console import say, table, worst
from harness.drilling import asked_in
from harness.progress import ProgressView, StepPlan
from harness.project import Project
from harness.run import Log, Run, Step, SubjectGone, utc_now
from harness.subject import Subject, changed_since, local_subject, remote_subject, scrape_interval
from harness.tools import find_tools
from reports.files import last_go, write_report
from reports.summary import summary
from slo.errors import InvalidInput, Problem
from slo.evidence import RUN_ID, Evidence, read, to_json
from slo.load import load_spec
from slo.spec import SIMULATED_SUFFIX, Engine, Kind, Phase, Spec
from slo.verdict import EXIT_OF_READINESS, EXIT_OF_VERDICT, Readiness, Verdict
from target.courtsight import read_credentials
from target.errors import PrometheusDown
from target.private import remove_abandoned
from target.prometheus import connect as connect_prometheus
from target.stack import ToolPaths, interruptible
from uat.scenario import load_scenarios, select

START_SECONDS = 8.0
OWN_STACK = (Kind.UAT_SIMULATED, Kind.LATENCY_SIMULATED, Kind.LOAD_SIMULATED, Kind.DRILL)
"""What is measured on a stack of its own, never on a chatbot that runs elsewhere: a drill locks it, the simulator replaces its model."""
_SIMULATED = tuple(kind for kind in OWN_STACK if kind.simulated)


@dataclass(frozen=True, slots=True)
class Plan:
    """A command's work: its inputs, read before anything is started, and its steps."""

    project: Project
    spec: Spec
    steps: tuple[Step, ...]


def readiness(options: argparse.Namespace, *, tools: ToolPaths | None = None) -> int:
    """Measure everything, decide for the phase, write the report."""
    plan = _plan(options, ("uat", "latency", "load", "slo", *OWN_STACK))
    folder = _measure(options, plan, tools)
    return _report(plan.project, plan.spec, folder, options)


def quick(options: argparse.Namespace) -> int:
    """A part within a minute: acceptance, and few samples per cell. Its gates cannot all be met, so it is never GO."""
    plan = _plan(options, ("uat", "latency"), short=True)
    folder = _measure(options, plan, ToolPaths())
    made = _evidence(folder, plan)
    items = [item for entry in made for item in entry.items]
    verdicts = [item.verdict for item in items if item.verdict is not Verdict.INCONCLUSIVE]
    found = _worst(made, plan, verdicts, of_one=_of_one(folder))
    if options.json:
        print(_as_json(made))
    else:
        print(table(items))
        print(f"{found} for what was looked at; a part is never GO. Decide with: make readiness")
    return EXIT_OF_VERDICT[found]


def single(name: str, options: argparse.Namespace) -> int:
    """One tool alone: its evidence, its verdict; with `--engine simulated` on a stack whose model is the simulator."""
    engine = getattr(options, "engine", None)
    if engine is not None and options.target:
        raise InvalidInput((Problem("--engine", None, "", "is for a stack made here, not for a --target"),))
    if engine == Engine.SIMULATED and options.port is not None:
        raise InvalidInput(
            (Problem("--port", None, "", "is for the stack of the embedded engine; this one takes free ports"),)
        )
    plan = _plan(options, (f"{name}{SIMULATED_SUFFIX}" if engine == Engine.SIMULATED else name,))
    folder = _measure(options, plan, ToolPaths())
    return _tool_result(options, plan, folder)


def report(options: argparse.Namespace) -> int:
    """Decide and render again from evidence that was measured before."""
    project = Project()
    spec = load_spec(options.spec or project.spec_file(options.deployment))
    name = options.run or project.newest_run()
    if name is None:
        raise InvalidInput((Problem("evidence", None, "", "holds no run yet", "make readiness measures one"),))
    folder = project.evidence / name
    if not RUN_ID.match(name) or not folder.is_dir():
        known = (
            ", ".join(sorted(path.parent.name for path in project.evidence.glob("*/provenance.json"))[-5:]) or "none"
        )
        raise InvalidInput((Problem("--run", None, "", f"there is no run {name!r}", f"the newest: {known}"),))
    return _report(project, spec, folder, options)


def _plan(options: argparse.Namespace, wanted: Sequence[str], *, short: bool = False) -> Plan:
    """Read every input strictly; a typo ends the command before anything is started."""
    _check_target(options)
    project = Project()
    spec = load_spec(options.spec or project.spec_file(options.deployment))
    for _, load in inputs.loaders(project, spec):
        load()
    scenarios = select(load_scenarios(project.scenarios), ids=getattr(options, "only", ()))
    workload = load_workload(project.workload(spec.deployment))
    workload = steps.shortened(workload) if short else workload
    possible: dict[str, Callable[[], Step]] = {
        "uat": lambda: steps.acceptance(scenarios),
        "latency": lambda: steps.latency(workload),
        "load": lambda: steps.load(workload),
        "slo": steps.slos,
        Kind.UAT_SIMULATED: lambda: simulated.acceptance(scenarios, workload),
        Kind.LATENCY_SIMULATED: lambda: simulated.latency(workload),
        Kind.LOAD_SIMULATED: lambda: simulated.load(workload),
        "drill": lambda: _drills(options, spec),
    }
    chosen = [name for name in wanted if name not in OWN_STACK or not options.target]
    if workload.simulated is None:
        if chosen and all(name in _SIMULATED for name in chosen):
            said = "asks nothing of a simulated model", "add 'simulated' to it, as in courtsight.yaml"
            raise InvalidInput((Problem(str(project.workload(spec.deployment)), None, "", *said),))
        chosen = [name for name in chosen if name not in _SIMULATED]
    return Plan(project, spec, tuple(possible[name]() for name in chosen))


def _measure(options: argparse.Namespace, plan: Plan, tools: ToolPaths | None) -> Path:
    """Bring the subject up, run the steps, write the provenance; give the evidence folder."""
    found = find_tools(plan.project.root, report=say) if tools is None else tools
    view = ProgressView([StepPlan("start", "Starting", START_SECONDS), *(step.plan for step in plan.steps)])
    with interruptible():
        started = utc_now()
        remove_abandoned(plan.project.evidence)
        name, folder = run.begin_run(plan.project)
        log = Log()
        with contextlib.ExitStack() as stack:
            stack.callback(_remove_if_empty, folder)
            with view.step("start"):
                subject = stack.enter_context(_subject(options, plan, folder, found))
                watched_from = _first_scrape(subject, plan.spec, view)
            context = run.make_context(plan.project, plan.spec, subject, name, options.seed)
            it = Run(plan.project, plan.spec, context, folder, found, subject, view, watched_from)
            try:
                run.measure_all(it, plan.steps, log)
            except SubjectGone as gone:
                log.add("subject", utc_now(), f"not measured further: {gone}")
                view.line(f"{gone}")
            changed = changed_since(subject)
            if changed:
                view.line(f"      {changed}")
            run.write_provenance(it, log, started, changed)
    return folder


def _drills(options: argparse.Namespace, spec: Spec) -> Step:
    chosen = asked_in(getattr(options, "phase", Phase.BUILD), spec)
    ready = prepared(chosen, spec)
    return steps.drills(chosen, total_seconds(ready), scored=any(not one.quick for one in chosen))


def _remove_if_empty(folder: Path) -> None:
    """A run that could not even begin leaves nothing behind."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def _check_target(options: argparse.Namespace) -> None:
    """Refuse options that contradict each other; one that is silently ignored would measure something else than meant."""
    if options.target:
        if options.target_credentials is None:
            raise InvalidInput((Problem("--target", None, "", "needs --target-credentials", "a YAML file by role"),))
        if options.port is not None:
            raise InvalidInput((Problem("--port", None, "", "is for a stack made here, not for a --target"),))
        read_credentials(options.target_credentials)
        return
    for name in ("--target-credentials", "--prometheus"):
        if getattr(options, name.removeprefix("--").replace("-", "_")) is not None:
            raise InvalidInput((Problem(name, None, "", "needs --target", "the chatbot that it belongs to"),))


def _nobody(engine: Engine) -> Subject:
    """Stands where a subject would, for steps that make stacks of their own."""
    return Subject("", {"engine": engine}, {}, None, "", lambda: None, local=True)


@contextlib.contextmanager
def _subject(options: argparse.Namespace, plan: Plan, folder: Path, tools: ToolPaths) -> Iterator[Subject]:
    if options.target:
        credentials = read_credentials(options.target_credentials)
        with remote_subject(options.target, credentials, options.prometheus, plan.spec.deployment) as subject:
            yield subject
        return
    if all(step.kind in OWN_STACK for step in plan.steps):
        yield _nobody(Engine.SIMULATED)
        return
    watched = any(step.kind is Kind.SLO for step in plan.steps)
    with local_subject(
        plan.project.root, folder, tools, plan.spec.deployment, watched=watched, port=options.port
    ) as subject:
        yield subject


def _first_scrape(subject: Subject, spec: Spec, view: ProgressView) -> datetime:
    """When Prometheus saw the subject first; counts of the run begin there."""
    now = utc_now()
    if subject.prometheus is None:
        return now
    prometheus = connect_prometheus(subject.prometheus)
    try:
        prometheus.await_scrape(
            spec.selector,
            now.timestamp(),
            deadline_seconds=5 * scrape_interval(prometheus, spec.selector),
            clock=time.time,
            sleep=time.sleep,
        )
    except PrometheusDown as error:
        view.line(f"      {error}")
    return utc_now()


def _report(project: Project, spec: Spec, folder: Path, options: argparse.Namespace) -> int:
    phase: Phase = options.phase
    before = last_go(project.reports, folder.name, spec, phase)
    decision, paths = write_report(folder, spec, phase, utc_now(), project.reports / folder.name, before=before)
    if options.json:
        print(paths.json.read_text(encoding="utf-8"), end="")
        say(summary(decision, project.shown(paths.html)).rstrip())
    else:
        print(summary(decision, project.shown(paths.html)), end="")
    accepted = getattr(options, "accept", None) == "conditional" and decision.readiness is Readiness.CONDITIONAL
    return 0 if accepted else EXIT_OF_READINESS[decision.readiness]


def _tool_result(options: argparse.Namespace, plan: Plan, folder: Path) -> int:
    made = _evidence(folder, plan)
    items = [item for entry in made for item in entry.items]
    found = _worst(made, plan, [item.verdict for item in items], of_one=_of_one(folder))
    if options.json:
        print(_as_json(made))
    else:
        print(table(items))
        print(f"{found}; evidence: {plan.project.shown(folder)}")
    return EXIT_OF_VERDICT[found]


def _of_one(folder: Path) -> bool:
    """Whether all that was measured was measured of one chatbot, as far as the run can say."""
    return read(folder / f"{Kind.PROVENANCE}.json").complete


def _worst(made: Sequence[Evidence], plan: Plan, verdicts: Sequence[Verdict], *, of_one: bool) -> Verdict:
    """The verdict of what was measured; at best ERROR when a step left no evidence, or only a part of it, or it is not of one chatbot."""
    whole = of_one and len(made) == len(plan.steps) and all(entry.complete for entry in made)
    return worst(verdicts if whole else [*verdicts, Verdict.ERROR])


def _as_json(made: Sequence[Evidence]) -> str:
    return json.dumps([json.loads(to_json(entry)) for entry in made], ensure_ascii=False, indent=1)


def _evidence(folder: Path, plan: Plan) -> list[Evidence]:
    return [read(path) for step in plan.steps if (path := folder / f"{step.kind}.json").exists()]
