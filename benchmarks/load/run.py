"""Starts the crowd as a process of its own, watches it, and turns what it wrote into evidence."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from benchmarks.events import BenchmarkEvent, GaveUp, Progress
from benchmarks.load.crowd import FINISH_SECONDS, SIGN_IN_SECONDS
from benchmarks.load.evidence import LoadResult, evidence_of, read_samples
from benchmarks.load.job import Account, GeneratorJob, job_text, read_outcome
from benchmarks.load.way import CERTIFICATES, proxy_of
from benchmarks.workload import LoadPlan, Workload
from slo.errors import InvalidInput, Problem
from slo.evidence import Evidence, RunContext
from slo.spec import Kind, Spec
from target import private
from target.accounts import write_private
from target.chat import AccessToken, Login
from target.processes import ChildProcess, start
from target.stack import uninterrupted

STEP: Final = "load"
ROOT: Final = Path(__file__).resolve().parents[2]
START_SECONDS: Final = 30.0
"""What Python, gevent and Locust may need to start and to end on a busy machine."""


@dataclass(frozen=True, slots=True)
class LoadJob:
    """One load test: who asks what of whom; `folder` takes the raw samples and the generator's log, `kind` names its evidence."""

    workload: Workload
    url: str
    credentials: Mapping[str, Login]
    folder: Path
    kind: Kind = Kind.LOAD


def run_load(
    job: LoadJob,
    spec: Spec,
    context: RunContext,
    on_event: Callable[[BenchmarkEvent], None],
    *,
    clock: Callable[[], datetime],
    timer: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    why_stop: Callable[[], str | None] = lambda: None,
) -> Evidence:
    """Run the load test to its end and judge it; samples are written to the job's folder.

    A generator that was killed, could not begin, or was stopped by `why_stop` leaves evidence that is incomplete, each item
    ERROR. The generator never outlives this call, whatever ends it; call it from a thread that lasts as long.

    Raises:
        InvalidInput: A role of the workload has no credentials, or the environment's proxy is none for this client.
        EvidenceError: The samples cannot be written.
        OSError: The generator's private folder cannot be made.
        StackError: The generator's program cannot be started.
    """
    started = clock()
    accounts = tuple(_account(role, job.credentials) for role in job.workload.roles)
    # Passwords lie in it: below the run's folder, where the next run finds what a killed one left.
    with private.owned(job.folder / "logs" / private.NAME) as ours:
        told = GeneratorJob(
            url=job.url.rstrip("/"),
            accounts=accounts,
            questions=job.workload.questions,
            plan=job.workload.load,
            seed=context.seed,
            samples=str(ours / "samples.csv"),
            progress=str(ours / "progress.json"),
            outcome=str(ours / "outcome.json"),
            proxy=proxy_of(job.url),
        )
        file = write_private(ours / "job.json", job_text(told))
        log = "locust-simulated" if job.kind.simulated else "locust"
        child = _start(file, ours, job.folder, log)
        try:
            stopped = _watch(child, told, on_event, timer=timer, sleep=sleep, why_stop=why_stop)
        finally:
            with uninterrupted():
                status = child.stop()
        outcome = read_outcome(Path(told.outcome))
        if outcome is None and not stopped:
            stopped = f"the load generator ended with status {status}: {child.last_lines(1) or 'it said nothing'}"
        if stopped:
            on_event(GaveUp(stopped))
        result = LoadResult(job.workload.load, read_samples(Path(told.samples)), outcome, stopped, started, clock())
        return evidence_of(result, spec, context, job.folder, job.kind)


def _account(role: str, credentials: Mapping[str, Login]) -> Account:
    login = credentials.get(role)
    if login is None:
        known = ", ".join(sorted(credentials)) or "none"
        raise InvalidInput((Problem("credentials", None, role, "has no credentials", f"there are: {known}"),))
    if isinstance(login, AccessToken):
        return Account(role, token=login.value)
    return Account(role, login.username, login.password)


def _start(job: Path, home: Path, folder: Path, log: str) -> ChildProcess:
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        Path(__file__).with_name("locustfile.py"),
        "--headless",
    ]
    command += ["--only-summary", "--skip-log-setup", "--stop-timeout", "1", "--job", job]
    environment = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(home),  # a locust.conf of the user must not change the test
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **{name: os.environ[name] for name in CERTIFICATES if name in os.environ},
    }
    return start("locust", command, log=folder / "logs" / f"{log}.log", environment=environment, folder=ROOT)


def _watch(
    child: ChildProcess,
    job: GeneratorJob,
    on_event: Callable[[BenchmarkEvent], None],
    *,
    timer: Callable[[], float],
    sleep: Callable[[float], None],
    why_stop: Callable[[], str | None],
) -> str:
    """Wait for the generator's end and tell its progress; gives why it had to be stopped, or nothing."""
    deadline = timer() + longest_seconds(job.plan)
    told = -1
    while child.alive():
        reason = why_stop()
        if reason:
            return reason
        if timer() > deadline:
            return f"the load generator did not end within {longest_seconds(job.plan):g} s"
        requests = _requests_so_far(Path(job.progress))
        if requests > told:
            told = requests
            on_event(Progress(STEP, requests, job.plan.least_requests))
        sleep(0.2)
    return ""


def longest_seconds(plan: LoadPlan) -> float:
    """After this a generator hangs: sign-in, the longest test, the last request, and starting and ending."""
    return SIGN_IN_SECONDS + plan.longest_seconds + plan.timeout_seconds + FINISH_SECONDS + START_SECONDS


def _requests_so_far(path: Path) -> int:
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["requests"])
    except (OSError, ValueError, KeyError):  # not there yet, or half written
        return 0
