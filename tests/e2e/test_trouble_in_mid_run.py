"""What breaks while a run measures ends in a reason and UNDECIDED or NO-GO, never in GO."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest

from benchmarks.workload import Workload, load_workload
from harness import readiness, simulated, steps
from harness.cli import build_parser
from harness.drilling import asked_in
from harness.progress import StepPlan
from harness.project import Project
from harness.readiness import Plan
from harness.run import Run, Step
from harness.tools import find_tools
from slo.evidence import Evidence
from slo.load import load_spec, parse_spec
from slo.spec import Kind, Phase, Spec
from slo.verdict import Readiness
from target.accounts import Credentials
from target.stack import LocalStack, StackPlan, ToolPaths
from uat.scenario import load_scenarios, select

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parents[2]
PROJECT = Project(ROOT)
NO_TOOLS = ToolPaths()


def options(*words: str) -> argparse.Namespace:
    return build_parser().parse_args(["readiness", *words])


def one_scenario() -> Step:
    return steps.acceptance(select(load_scenarios(PROJECT.scenarios))[:1])


def acting(kind: Kind, act: Callable[[Run], None]) -> Step:
    """A step that does something to the run's stack before a real step of that kind measures."""
    real = {Kind.SLO: steps.slos, Kind.UAT: one_scenario}[kind]()

    def measure(run: Run) -> Evidence:
        act(run)
        return real.measure(run)

    return Step(StepPlan(str(kind), "breaks something", 5.0), kind, measure)


Decide = Callable[..., tuple[int, dict[str, object], str]]


@pytest.fixture
def decide(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Decide:
    """Runs steps on a real stack and decides; gives exit status, decision and what was said. Its runs lie apart."""
    project = Project(ROOT, output=tmp_path)

    def run(
        chosen: tuple[Step, ...], tools: ToolPaths = NO_TOOLS, spec: Spec | None = None, extra: tuple[str, ...] = ()
    ) -> tuple[int, dict[str, object], str]:
        words = options("--json", *extra)
        known = spec or load_spec(project.spec_file("courtsight"))
        folder = readiness._measure(words, Plan(project, known, chosen), tools)
        status = readiness._report(project, known, folder, words)
        said = capsys.readouterr()
        return status, json.loads(said.out)["decision"], said.err

    return run


@pytest.fixture(scope="module")
def tools() -> ToolPaths:
    return find_tools(ROOT, report=lambda _: None)


def test_a_killed_service_ends_the_run_undecided(decide: Decide, pid_of: Callable[[str], int]) -> None:
    """A service that dies in mid-run is named with its status; later steps do not run, and nothing is GO."""

    def kill(run: Run) -> None:
        port = run.subject.url.rpartition(":")[2]
        os.kill(pid_of(f"-m service serve --host 127.0.0.1 --port {port}"), signal.SIGKILL)

    later = one_scenario()
    status, decision, said = decide((one_scenario(), acting(Kind.UAT, kill), later))
    assert (status, decision["readiness"]) in {(3, Readiness.UNDECIDED), (1, Readiness.NO_GO)}
    assert "The service ended with status -9" in said


def test_a_prometheus_that_dies_leaves_the_slos_unmeasured(
    decide: Decide, tools: ToolPaths, pid_of: Callable[[str], int]
) -> None:
    """Counts that cannot be read are errors with the reason, and the decision is UNDECIDED."""

    def kill(run: Run) -> None:
        port = (run.subject.prometheus or "").rpartition(":")[2]
        os.kill(pid_of(f"--web.listen-address=127.0.0.1:{port}"), signal.SIGKILL)

    status, decision, _ = decide((one_scenario(), acting(Kind.SLO, kill)), tools)
    assert (status, decision["readiness"]) == (3, Readiness.UNDECIDED)
    reasons = [row["reason"] for row in decision["rows"] if row["gate"] == "slo"]
    assert all("does not answer" in reason for reason in reasons)
    assert reasons


def test_without_prometheus_the_run_is_undecided_with_the_reason(decide: Decide) -> None:
    """A machine without Prometheus and Alertmanager measures what it can, and says why it cannot decide."""
    drills = asked_in(Phase.BUILD, load_spec(PROJECT.spec_file("courtsight")))
    status, decision, said = decide((one_scenario(), steps.slos(), steps.drills(drills, 60.0)))
    assert (status, decision["readiness"]) == (3, Readiness.UNDECIDED)
    assert "Prometheus is not installed" in said
    verdicts = {row["gate"]: row["verdict"] for row in decision["rows"] if row["gate"] in {"slo", "drill-cycle"}}
    assert verdicts == {"slo": "ERROR", "drill-cycle": "ERROR"}


def slow_model(folder: Path, ttft: str, streams: int) -> Workload:
    """The shipped questions, asked by the judge so many times of a model with another time to first token."""
    published = (ROOT / "simulator/profiles/published.yaml").read_text(encoding="utf-8")
    profile = folder / "slow.yaml"
    slow = published.replace(
        "{shape: lognormal, median_seconds: 0.5, sigma: 0.4}", f"{{shape: constant, seconds: {ttft}}}"
    )
    assert slow != published
    profile.write_text(slow, encoding="utf-8")
    workload = load_workload(PROJECT.workload("courtsight"))
    plan = workload.simulated
    assert plan is not None
    latency = replace(plan.latency, streams=streams, json=1, longest_seconds=300.0)
    simulated = replace(plan, profile=str(profile), longest_lateness_seconds=60.0, latency=latency)
    return replace(workload, roles=("judge",), simulated=simulated)


def test_a_model_too_slow_for_the_contract_is_no_go(
    decide: Decide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First words of a simulated model after 2.3 s break the limit of 2 s, whatever else is missing; no lateness of this machine excuses it."""
    monkeypatch.setattr("benchmarks.latency_evidence.LATE_SECONDS", 60.0)
    status, decision, _ = decide((one_scenario(), simulated.latency(slow_model(tmp_path, "2.3", 4))))
    assert (status, decision["readiness"]) == (1, Readiness.NO_GO)
    first = [
        row for row in decision["rows"] if row["gate"] == "ttft-cell-simulated" and row["labels"]["role"] == "judge"
    ]
    assert {row["verdict"] for row in first} == {"FAIL"}


def test_a_killed_simulator_leaves_the_run_undecided(
    decide: Decide, pid_of: Callable[[str], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What failed after the model's provider died is not held against the service: the file is incomplete, with the reason."""
    step = simulated.latency(slow_model(tmp_path, "0.5", 59))
    began = simulated.ready_info

    def kill() -> None:
        os.kill(pid_of(f"-m simulator serve --profile {tmp_path / 'slow.yaml'}"), signal.SIGKILL)

    def ready(url: str) -> Mapping[str, object]:
        """The stack is up: in the middle of what follows its simulator goes."""
        threading.Timer(1.5, kill).start()
        return began(url)

    monkeypatch.setattr(simulated, "ready_info", ready)
    status, decision, _ = decide((one_scenario(), step))
    assert (status, decision["readiness"]) == (3, Readiness.UNDECIDED)
    reasons = {source["kind"]: source["reason"] for source in decision["sources"]}
    assert "The simulator ended with status -9" in reasons["latency-simulated"]


class SlowProxy:
    """Passes bytes between a client and a server, and holds each answer's first bytes back."""

    def __init__(self, port: int, delay: float) -> None:
        self._port, self._delay = port, delay
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self.port = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            upstream, downstream = await asyncio.open_connection("127.0.0.1", self._port)
            await asyncio.gather(self._pass(reader, downstream, 0.0), self._pass(upstream, writer, self._delay))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while content := await reader.read(65536):
                await asyncio.sleep(delay)
                writer.write(content)
                await writer.drain()
            writer.close()


def tightened(limit: str) -> Spec:
    """The spec with every whole-answer limit at `limit`, so that a test need not wait for seconds."""
    text = (ROOT / "slo/specs/courtsight.yaml").read_text()
    text = text.replace(
        "{simple: 4s, medium: 6s, complex: 10s}", f"{{simple: {limit}, medium: {limit}, complex: {limit}}}"
    )
    text = text.replace(
        "judge: 8s, lawyer: 6s, public: 4s, admin: 8s, researcher: 8s",
        ", ".join(f"{role}: {limit}" for role in ("judge", "lawyer", "public", "admin", "researcher")),
    )
    return parse_spec(text.encode(), "tightened.yaml")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[LocalStack]:
    with LocalStack(StackPlan(root=ROOT, folder=tmp_path / "stack")) as stack:
        yield stack


def test_a_service_slowed_beyond_its_limit_is_no_go(decide: Decide, running: LocalStack, tmp_path: Path) -> None:
    """Answers that take longer than the limit fail their cells, and a failed gate is NO-GO whatever else is missing."""
    spec = tightened("250ms")
    workload = load_workload(PROJECT.workload("courtsight"))
    workload = replace(workload, roles=("judge",), tools=(), latency=replace(workload.latency, longest_seconds=15.0))
    port = int(running.service.url.rpartition(":")[2])
    credentials = tmp_path / "roles.json"
    known: dict[str, Credentials] = dict(running.credentials())
    credentials.write_text(
        json.dumps({role: {"username": c.username, "password": c.password} for role, c in known.items()})
    )
    with SlowProxy(port, 0.3) as proxy:
        extra = ("--target", f"http://127.0.0.1:{proxy.port}", "--target-credentials", str(credentials))
        status, decision, _ = decide((steps.latency(workload),), spec=spec, extra=extra)
    assert (status, decision["readiness"]) == (1, Readiness.NO_GO)
    judged = [row for row in decision["rows"] if row["gate"] == "latency-cell" and row["labels"]["role"] == "judge"]
    assert {row["verdict"] for row in judged} == {"FAIL"}
