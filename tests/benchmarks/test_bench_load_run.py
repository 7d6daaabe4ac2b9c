"""The load generator as a process of its own, against a chatbot on loopback: whole runs, faults, and being stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.events import BenchmarkEvent, GaveUp, Progress
from benchmarks.load.run import LoadJob, run_load
from benchmarks.workload import Workload
from slo.errors import InvalidInput
from slo.evidence import Evidence, RunContext
from slo.spec import Spec
from slo.verdict import Verdict
from target.accounts import Credentials
from target.private import NAME, remove_abandoned

pytestmark = pytest.mark.integration

CREDENTIALS = {role: Credentials(f"u-{role}", "p") for role in ("admin", "judge", "lawyer", "researcher", "public")}
Run = Callable[..., Evidence]
SLOW_SECONDS = 3.0
"""A second more than whoever is impatient waits."""


@pytest.fixture
def run(small: Workload, spec: Spec, context: RunContext, clock: Callable[[], datetime], tmp_path: Path) -> Run:
    """Run a load test against an address."""

    def start(
        url: str, events: list[BenchmarkEvent] | None = None, workload: Workload = small, **rest: Any
    ) -> Evidence:
        told = [] if events is None else events
        job = LoadJob(workload, url, rest.pop("credentials", CREDENTIALS), tmp_path)
        return run_load(job, spec, context, rest.pop("tell", told.append), clock=clock, **rest)

    return start


def generators() -> list[int]:
    """Ids of the load generators that this test process started and that still run; nobody else's process is among them."""
    if not Path("/proc").is_dir():
        words = ["ps", "-axo", "pid=,ppid=,command="]
        lines = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout.splitlines()
        split = [line.split(None, 2) for line in lines if "locustfile.py" in line]
        return [int(pid) for pid, parent, _ in split if int(parent) == os.getpid()]
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            ours = parent == os.getpid() and b"locustfile.py" in (entry / "cmdline").read_bytes()
        except OSError:  # it ended while we looked
            continue
        if ours:
            found.append(int(entry.name))
    return found


def test_a_whole_run_measures_everybody(run: Run, serving: Any, replies: Mapping[str, Any], tmp_path: Path) -> None:
    """All users ask, streamed and whole; every request is a sample, and nothing is left running."""
    events: list[BenchmarkEvent] = []
    with serving(replies["good"]) as url:
        evidence = run(url, events)
    details = evidence.details
    assert evidence.complete, details
    assert (tmp_path / "load.samples.csv.gz").is_file()
    assert details["stages"][0]["requests"] >= 20
    assert details["errors"] == {}
    assert details["users"] == 4
    assert details["stages"][0]["ttft_p95_seconds"] is not None
    assert any(isinstance(event, Progress) and event.done > 0 for event in events)
    assert generators() == []


def test_the_passwords_of_a_killed_run_are_found_by_the_next_one(
    run: Run, serving: Any, replies: Mapping[str, Any], tmp_path: Path
) -> None:
    """They lie where abandoned private folders are looked for, are held while the test lives, and are gone with it."""
    told = tmp_path / "logs" / NAME / "job.json"
    seen: list[tuple[int, tuple[Path, ...]]] = []
    with serving(replies["good"]) as url:
        run(url, tell=lambda _: seen.append((told.stat().st_mode & 0o777, remove_abandoned(tmp_path))))
    assert set(seen) == {(0o600, ())}
    assert not told.parent.exists()


def test_every_fault_of_an_answer_is_a_failed_request(
    run: Run, small: Workload, serving: Any, replies: Mapping[str, Any]
) -> None:
    """Cut streams, error events, problems, malformed bodies and slow answers are each counted under their name."""

    def faulty(body: dict[str, Any], number: int, *, stream: bool) -> Any:
        kind = number % 4
        if kind == 0:
            return replies["good"](body, number, stream=stream)
        if stream:
            cut = (200, "text/event-stream", b'event: delta\ndata: {"text": "x"}\n\nCUT\n\n')
            ended = replies["stream"](("delta", {"text": "x"}))
            error = replies["stream"](("error", {"status": 504, "code": "timeout"}))
            return (cut, ended, error)[kind - 1]
        if kind == 1:
            return replies["json"]({"code": "rate_limited"}, 429)
        if kind == 2:
            return replies["json"]({"answer": "ohne Unterhaltung"})
        time.sleep(SLOW_SECONDS)
        return replies["good"](body, number, stream=False)

    # So many that each kind is met, also where a second holds few requests.
    impatient = replace(small, load=replace(small.load, timeout_seconds=SLOW_SECONDS - 1, least_requests=60))
    with serving(faulty) as url:
        evidence = run(url, workload=impatient)
    failures = evidence.details["errors"]
    assert evidence.complete, evidence.details
    assert {"429 rate_limited", "malformed_reply", "504 timeout", "the stream ended without done or error"} <= set(
        failures
    )
    assert any("imed out" in reason or "imeout" in reason for reason in failures if not reason.startswith("504"))
    assert evidence.details["rate_limited"] == failures["429 rate_limited"]
    assert evidence.details["stages"][0]["failures"] == sum(failures.values())


def test_a_problem_that_nests_without_end_is_a_failed_request(run: Run, serving: Any) -> None:
    """Whatever came, it came: such requests "never ended", and what the chatbot answered was told nowhere."""

    def nested(_body: dict[str, Any], _number: int, *, stream: bool) -> Any:
        return 503, "application/json", b"[" * 200_000

    with serving(nested) as url:
        evidence = run(url)
    assert evidence.complete, evidence.details
    assert set(evidence.details["errors"]) == {"503"}


def test_a_token_that_cannot_stand_in_a_header_is_said(run: Run, serving: Any, replies: Mapping[str, Any]) -> None:
    """The run ends at once: no question could be sent with it, and all of them "never ended"."""
    odd = {**CREDENTIALS, "judge": Credentials("two words", "p")}
    with serving(replies["good"]) as url:
        evidence = run(url, credentials=odd)
    assert {item.verdict for item in evidence.items} == {Verdict.ERROR}
    assert "signing in as judge failed with status 200: the token that came cannot" in evidence.items[0].reason


def test_a_wrong_password_is_said_and_nothing_passes(run: Run, serving: Any, replies: Mapping[str, Any]) -> None:
    """The run ends at once, each item ERROR with the role that could not sign in."""
    wrong = {**CREDENTIALS, "judge": Credentials("u-judge", "wrong")}
    with serving(replies["good"]) as url:
        evidence = run(url, credentials=wrong)
    assert {item.verdict for item in evidence.items} == {Verdict.ERROR}
    assert "signing in as judge failed" in evidence.items[0].reason
    assert not evidence.complete


def test_a_service_that_is_not_there_is_an_error(run: Run) -> None:
    """Nobody listens: ERROR as soon as the first signs in, with that reason, and never a run without samples that passes."""
    evidence = run("http://127.0.0.1:9")
    assert {item.verdict for item in evidence.items} == {Verdict.ERROR}
    assert "failed with status 0" in evidence.items[0].reason


def test_a_killed_generator_leaves_incomplete_evidence(
    run: Run, small: Workload, serving: Any, replies: Mapping[str, Any]
) -> None:
    """Killed in mid-run: ERROR, incomplete, and the reason names the signal."""
    long = replace(small, load=replace(small.load, duration_seconds=30.0, longest_seconds=30.0))

    def kill_when_under_way(event: BenchmarkEvent) -> None:
        if isinstance(event, Progress) and event.done > 0:
            for pid in generators():
                os.kill(pid, signal.SIGKILL)

    with serving(replies["good"]) as url:
        evidence = run(url, workload=long, tell=kill_when_under_way)
    assert not evidence.complete
    assert {item.verdict for item in evidence.items} == {Verdict.ERROR}
    assert "status -9" in evidence.items[0].reason
    assert evidence.details["stages"][0]["requests"] > 0


@pytest.mark.parametrize("by", ["reason", "interrupt"])
def test_stopping_it_leaves_nothing_running(
    run: Run, small: Workload, serving: Any, replies: Mapping[str, Any], by: str
) -> None:
    """By a reason it gives incomplete evidence, by Ctrl-C the interrupt goes on; the generator is gone both times."""
    long = replace(small, load=replace(small.load, duration_seconds=30.0, longest_seconds=30.0))
    events: list[BenchmarkEvent] = []

    def interrupted(event: BenchmarkEvent) -> None:
        events.append(event)
        if by == "interrupt" and isinstance(event, Progress) and event.done > 0:
            raise KeyboardInterrupt

    def gone_meanwhile() -> str | None:
        return (
            "the chatbot is gone" if any(isinstance(event, Progress) and event.done > 0 for event in events) else None
        )

    with serving(replies["good"]) as url:
        if by == "interrupt":
            with pytest.raises(KeyboardInterrupt):
                run(url, workload=long, tell=interrupted)
        else:
            evidence = run(url, workload=long, tell=interrupted, why_stop=gone_meanwhile)
            assert not evidence.complete
            assert events[-1] == GaveUp("the chatbot is gone")
    assert generators() == []


def test_a_role_without_credentials_is_invalid_input(run: Run) -> None:
    """Said before a process is started."""
    with pytest.raises(InvalidInput, match="judge"):
        run("http://127.0.0.1:9", credentials={"admin": CREDENTIALS["admin"]})
