"""A real process: spans are flushed at SIGTERM, and a real Prometheus finds the trace behind a latency."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.tools import find_tools
from target.monitoring import PrometheusPlan, start_prometheus

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
PASSWORD = "a long enough password"
WITHIN_SECONDS = 180.0


@contextmanager
def serving(folder: Path, **changes: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A service with an account, and its address."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("COURTSIGHT_")} | {
        "COURTSIGHT_ENVIRONMENT": "development",
        "COURTSIGHT_DATABASE": str(folder / "service.db"),
        "COURTSIGHT_CORPUS": str(ROOT / "tests" / "service" / "corpus" / "fixture.jsonl"),
        "COURTSIGHT_JWT_SECRET": "Zb3kq9XwTt7uPq2LmN8vYrCs5dHgJf1KaEoQiW0",
        "COURTSIGHT_TRACE_SHARE": "1",
        **changes,
    }
    made = [sys.executable, "-m", "service", "accounts", "create", "--username", "ana", "--role", "judge"]
    subprocess.run([*made, "--password-file", "-"], cwd=ROOT, env=env, input=f"{PASSWORD}\n".encode(), check=True)
    log = folder / "log.jsonl"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "service", "serve", "--port", "0"]
        process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=output)
        try:
            yield process, f"http://127.0.0.1:{_port(log, process)}"
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def _port(log: Path, process: subprocess.Popen[bytes]) -> int:
    ends = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        for line in log.read_bytes().split(b"\n")[:-1]:
            if b'"listening"' in line:
                port: int = json.loads(line)["port"]
                return port
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def ask(url: str) -> dict[str, Any]:
    with httpx.Client(base_url=url, timeout=WITHIN_SECONDS) as client:
        ends = time.monotonic() + WITHIN_SECONDS
        while client.get("/health/ready").status_code != 200 and time.monotonic() < ends:
            time.sleep(0.05)
        login = client.post("/v1/auth/token", json={"username": "ana", "password": PASSWORD}).json()
        headers = {"Authorization": f"Bearer {login['access_token']}"}
        response = client.post("/v1/chat", json={"message": "Apa itu hukum pidana?"}, headers=headers)
        assert response.status_code == 200
        return {"trace_id": response.headers["x-trace-id"], "request_id": response.headers["x-request-id"]}


def test_sigterm_sends_what_waits(tmp_path: Path, receive: Any) -> None:
    """An answer given just before the end is traced whole, and the last log line is written."""
    collector = receive()
    with serving(tmp_path, COURTSIGHT_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.port}") as (process, url):
        ids = ask(url)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=WITHIN_SECONDS) == 0
    mine = [span for span in collector.spans() if span.trace_id.hex() == ids["trace_id"]]
    assert {span.name for span in mine} >= {"POST /v1/chat", "invoke_agent courtsight", "chat extractive"}
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["event"] == "stopped"


def test_prometheus_finds_the_trace_behind_a_latency(tmp_path: Path, receive: Any) -> None:
    """Scraped by a real Prometheus, the histogram of requests leads to the trace of the request that it timed."""
    collector = receive()
    binary = find_tools(ROOT).prometheus
    assert binary is not None, "prometheus is missing: run make setup, or install the package prometheus"
    with serving(tmp_path, COURTSIGHT_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.port}") as (_, url):
        ids = ask(url)
        plan = PrometheusPlan(
            binary=binary,
            folder=tmp_path / "prometheus",
            target=url.removeprefix("http://"),
            log=tmp_path / "prometheus.log",
            scrape_interval_seconds=1,
            evaluation_interval_seconds=1,
            extra_arguments=("--enable-feature=exemplar-storage",),
        )
        monitor = start_prometheus(plan)
        try:
            assert _exemplar(monitor.url, ids["trace_id"])
        finally:
            monitor.child.stop()


def _exemplar(url: str, trace_id: str) -> bool:
    ends = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < ends:
        now = time.time()
        query = {"query": "chatbot_request_duration_seconds_bucket", "start": now - 60, "end": now + 1}
        found = httpx.get(f"{url}/api/v1/query_exemplars", params=query, timeout=WITHIN_SECONDS).json()["data"]
        if any(one["labels"].get("trace_id") == trace_id for series in found for one in series["exemplars"]):
            return True
        time.sleep(0.3)
    return False
