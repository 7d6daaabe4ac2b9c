"""The pytest plugin, run as a user runs it: a pytest of its own against a chatbot on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCENARIO = """\
scenario: courtsight/scenario/v1
id: percobaan
title: Percobaan
role: judge
complexity: simple
family: test
as_of: 2026-11-20
severity: major
turns:
  - message: Apa?
    checks:
      - icontains: {text: hukum}
      - citation-count: {min: 1}
"""


class Chatbot(BaseHTTPRequestHandler):
    """Signs everybody in and gives one answer."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body: dict[str, Any] = {"access_token": "t", "token_type": "bearer", "expires_in": 60, "role": "judge"}
        if self.path == "/v1/chat":
            body = {
                "id": "m",
                "conversation_id": "c",
                "answer": "Hukum [1]",
                "outcome": "ok",
                "citations": [{"number": 1, "id": "a", "demo": False, "verified": True}],
                "complexity": "simple",
                "role": "judge",
                "tool_calls": [],
                "reasoning_steps": [],
                "notices": [],
            }
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def chatbot() -> Iterator[str]:
    """The address of a chatbot that runs until the test ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Chatbot)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of scenarios with one in it, and credentials beside it."""
    scenarios = tmp_path / "scenarios"
    scenarios.mkdir()
    (scenarios / "percobaan.yaml").write_text(SCENARIO, encoding="utf-8")
    (tmp_path / "credentials.yaml").write_text("judge: {username: h, password: p}\n", encoding="utf-8")
    return scenarios


@cache
def plugin_options() -> tuple[str, ...]:
    """How to load the plugin: an installed clone has it by its entry point, and must not load it twice."""
    words = [sys.executable, "-m", "pytest", "--help"]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False).stdout
    return () if "--courtsight-target" in said else ("-p", "uat.plugin")


def pytest_of(folder: Path, *options: str) -> tuple[int, str]:
    """Run a pytest with the plugin and nothing else; gives its exit status and output."""
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(folder),
        "-c",
        "/dev/null",
    ]
    words += [*plugin_options(), *options, str(folder)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_scenario_passes_as_a_test(folder: Path, chatbot: str) -> None:
    """Given a target, a scenario is a test item under its id."""
    status, said = pytest_of(
        folder,
        "--courtsight-target",
        chatbot,
        "--courtsight-credentials",
        str(folder.parent / "credentials.yaml"),
        "-vv",
    )
    assert status == 0, said
    assert "percobaan.yaml::percobaan PASSED" in said


def test_a_failure_prints_findings_with_advice(folder: Path, chatbot: str) -> None:
    """What was expected, what came, and what to try; no traceback of ours."""
    file = folder / "percobaan.yaml"
    file.write_text(SCENARIO.replace("{min: 1}", "{min: 3}"), encoding="utf-8")
    status, said = pytest_of(
        folder, "--courtsight-target", chatbot, "--courtsight-credentials", str(folder.parent / "credentials.yaml")
    )
    assert status == 1
    assert "turn 1 (chat) citation-count: FAIL: expected at least 3 citations; got 1; ask LegalRetriever alone" in said
    assert "Traceback" not in said


def test_a_broken_scenario_is_an_error_with_its_place(folder: Path, chatbot: str) -> None:
    """A typo stops the collection with file, line and the nearest word."""
    (folder / "percobaan.yaml").write_text(SCENARIO.replace("citation-count", "citation-cuont"), encoding="utf-8")
    status, said = pytest_of(
        folder, "--courtsight-target", chatbot, "--courtsight-credentials", str(folder.parent / "credentials.yaml")
    )
    assert status == 2
    assert "unknown check 'citation-cuont' (did you mean 'citation-count'?)" in said


def test_without_a_target_the_plugin_does_nothing(folder: Path) -> None:
    """An ordinary pytest run collects no YAML, also a broken one."""
    (folder / "percobaan.yaml").write_text("kaputt: [", encoding="utf-8")
    status, said = pytest_of(folder)
    assert status == 5
    assert "no tests ran" in said


def test_a_target_without_credentials_is_a_usage_error(folder: Path) -> None:
    """Said before anything runs."""
    status, said = pytest_of(folder, "--courtsight-target", "http://127.0.0.1:1")
    assert status == 4
    assert "needs --courtsight-credentials FILE" in said


def test_loading_the_plugin_loads_nothing_else_of_ours() -> None:
    """It is loaded in every pytest run: coverage of other packages must not miss their first import."""
    code = "import sys, uat.plugin; print([name for name in sys.modules if name.split('.')[0] in ('slo', 'target', 'pydantic', 'httpx')])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
