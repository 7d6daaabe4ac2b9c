"""One run: the folder, the steps in their order, the provenance, and the decision at its end.

A step that fails leaves a reason, not a file: what is not measured is missing for the decision, and missing never passes.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import provenance, stolen
from harness.progress import ProgressView, StepPlan
from harness.project import Project
from harness.subject import Subject
from slo import evidence
from slo.errors import CourtSightError
from slo.evidence import Evidence, RunContext
from slo.spec import Kind, Spec
from slo.verdict import Verdict
from target.errors import StackError
from target.stack import ToolPaths

NAME_ATTEMPTS = 5
"""How many runs may begin in the seconds before ours."""


def utc_now() -> datetime:
    """The present moment; the composition root hands it to whatever needs a clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Run:
    """What the steps of a run share.

    Attributes:
        folder: `evidence/<run>`; logs lie below it.
        watched_from: When Prometheus began to watch: the window of the run's SLOs.
    """

    project: Project
    spec: Spec
    context: RunContext
    folder: Path
    tools: ToolPaths
    subject: Subject
    view: ProgressView
    watched_from: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its plan for the progress view, the kind of its evidence, and the function that measures."""

    plan: StepPlan
    kind: Kind
    measure: Callable[[Run], Evidence]


@dataclass(slots=True)
class Log:
    """What became of each step, and which simulator stood behind some of them, for the provenance."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    simulator: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, started: datetime, outcome: str) -> None:
        """Note the end of a step."""
        self.steps.append({"step": name, "started_at": started, "ended_at": utc_now(), "outcome": outcome})

    def note_simulator(self, made: Evidence) -> None:
        """Note profile and seed of the simulator behind a piece of evidence, if one was."""
        told = made.details.get("simulator")
        if isinstance(told, Mapping):
            self.simulator = {name: told.get(name) for name in ("profile", "profile_hash", "seed")}


class SubjectGone(CourtSightError):  # noqa: N818 - read as a sentence: "raise SubjectGone"
    """The chatbot under test ended in mid-run; measuring on would measure nothing."""


def make_context(project: Project, spec: Spec, subject: Subject, run: str, seed: int) -> RunContext:
    """The run's identity: id, commit, hashes of its inputs."""
    checkout = provenance.checkout(project.root)
    hashes = project.input_hashes(spec.deployment, spec.digest)
    if subject.corpus_hash:
        hashes["corpus"] = subject.corpus_hash
    return RunContext(
        run=run,
        target=subject.url,
        deployment=spec.deployment,
        engine=subject.engine,
        commit=checkout.commit,
        dirty=checkout.dirty,
        hashes=hashes,
        seed=seed,
    )


def measure_all(run: Run, steps: Sequence[Step], log: Log) -> list[Evidence]:
    """Run the steps one after the other and write their evidence.

    Returns:
        What was written; a step that failed is only in the log.

    Raises:
        SubjectGone: The chatbot under test ended; what was measured before stays written.
    """
    written = []
    for step in steps:
        started, ticks = utc_now(), stolen.ticks()
        with _noting(run, step, log, started):
            with run.view.step(step.plan.name):
                made = step.measure(run)
            taken = stolen.told(stolen.stolen_share(ticks, stolen.ticks()))
            evidence.write(made, run.folder)
            written.append(made)
            outcome = "; ".join(filter(None, (_outcome(made), taken)))
            log.add(step.plan.name, started, outcome)
            log.note_simulator(made)
            run.view.line(f"      {outcome}")
        trouble = run.subject.trouble()
        if trouble is not None:
            raise SubjectGone(trouble)
    return written


@contextlib.contextmanager
def _noting(run: Run, step: Step, log: Log, started: datetime) -> Iterator[None]:
    """Turn an explained failure of a step into a line and an entry of the log."""
    try:
        yield
    except CourtSightError as error:
        log.add(step.plan.name, started, f"not measured: {error}")
        run.view.line(f"      not measured: {error}")


def _outcome(made: Evidence) -> str:
    counts = {verdict: sum(item.verdict is verdict for item in made.items) for verdict in Verdict}
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count) or "nothing measured"
    return said if made.complete else f"{said}, incomplete"


def write_provenance(run: Run, log: Log, started: datetime, broken: str = "") -> None:
    """Write the last evidence file: where all the others come from. `broken` is why nobody can say that; it is then incomplete."""
    details = {
        "corpus": dict(run.subject.corpus),
        "machine": dict(provenance.machine()),
        "versions": dict(provenance.versions()),
        "tools": {name: str(version) for name, version in tool_versions(run.tools).items()},
        "service": {
            "version": run.subject.info.get("version"),
            **({"commit": run.subject.commit} if run.subject.commit else {}),
            "local": run.subject.local,
            "checkout_version": provenance.project_version(run.project.root),
        },
        "simulator": log.simulator,
        "steps": log.steps,
        **({"broken": broken} if broken else {}),
    }
    made = Evidence(Kind.PROVENANCE, run.context, started, utc_now(), complete=not broken, items=(), details=details)
    evidence.write(made, run.folder)


def tool_versions(tools: ToolPaths) -> dict[str, str]:
    """Version of each monitoring tool, or `missing`."""
    from harness.tools import NAMES, version_of  # noqa: PLC0415 - keeps the standard-library bootstrap apart

    found = {}
    for name in NAMES:
        path = getattr(tools, name)
        found[name] = "missing" if path is None else (version_of(path) or "unknown")
    return found


class RunExistsError(StackError):
    """Two runs began in one second; their evidence must not mix."""


def begin_run(
    project: Project, clock: Callable[[], datetime] = utc_now, sleep: Callable[[float], None] = time.sleep
) -> tuple[str, Path]:
    """Name a run that begins now, and make its evidence folder; waits a second where another run took this one.

    Raises:
        StackError: The disk refuses.
    """
    for _ in range(NAME_ATTEMPTS):
        try:
            return new_run(project, clock())
        except RunExistsError:
            sleep(1.0)
    return new_run(project, clock())


def new_run(project: Project, at: datetime) -> tuple[str, Path]:
    """Name a run that begins at `at`, and make its evidence folder.

    Raises:
        RunExistsError: There is one already (two runs in one second).
        StackError: The disk refuses.
    """
    checkout = provenance.checkout(project.root)
    run = evidence.run_id(at, checkout.commit, dirty=checkout.dirty)
    folder = project.evidence / run
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise RunExistsError(f"The run {run} exists already: start again in a second") from None
    except OSError as error:
        raise StackError(f"{folder} cannot be made: {error.strerror}") from error
    return run, folder
