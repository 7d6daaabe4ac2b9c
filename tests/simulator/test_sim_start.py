"""The real process from its start to its end: signals, the whole truth, and starts that cannot be."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def test_sigterm_lets_an_answer_finish_and_writes_all_of_the_truth(tmp_path: Path, starting: Any) -> None:
    """Status 0; the file has its anchor and one line for each request, the last one complete."""
    with starting(tmp_path) as one:
        one.ask()
        going = one.send(
            "POST",
            "/v1/chat/completions",
            {"model": "sim", "stream": True, "messages": [{"role": "user", "content": one.prompt}]},
        )
        assert going.recv(1, socket.MSG_PEEK) == b"H"
        assert one.stop() == 0
        assert one.read(going).whole
    anchor, *records = map(json.loads, one.truth.read_text(encoding="utf-8").splitlines())
    assert set(anchor["anchor"]) == {"monotonic", "wall"}
    assert [record["ended"] for record in records] == ["complete", "complete"]
    summary = subprocess.run(
        [sys.executable, "-m", "simulator", "truth", str(one.truth)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "complete 2" in summary


def test_an_answer_beyond_the_grace_is_cut_and_said_so(tmp_path: Path, starting: Any) -> None:
    """After the grace the connection closes, and the truth says shutdown. Ctrl-C ends with 130."""
    with starting(tmp_path, "--grace-seconds", "0") as one:
        going = one.send(
            "POST",
            "/v1/chat/completions",
            {"model": "sim:many", "stream": True, "messages": [{"role": "user", "content": one.prompt}]},
        )
        assert going.recv(1, socket.MSG_PEEK) == b"H"
        assert one.stop(signal.SIGINT) == 130
        assert not one.read(going).whole
    assert json.loads(one.truth.read_text(encoding="utf-8").splitlines()[-1])["ended"] == "shutdown"


def test_a_closed_door_does_not_hold_up_the_end(tmp_path: Path, starting: Any) -> None:
    """SIGTERM while connections are refused ends the process with 0."""
    with starting(tmp_path) as one:
        one.fault(kind="refused", for_seconds=600)
        assert one.stop() == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--profile", "publisht"), "publisht: no such profile"),
        (("--profile", "{folder}/bad.yaml"), "bad.yaml: tfft: unknown key, did you mean 'ttft'?"),
        (("--truth", "{folder}/none/truth.jsonl"), "cannot write the truth"),
        (("--admin-token-file", "{folder}/short"), "at least 16 ASCII characters"),
        (("--api-key-file", "{folder}/none"), "--api-key-file: "),
        (("--host", "127.0.0.1", "--port", "99999"), "cannot listen on 127.0.0.1:99999"),
    ],
)
def test_a_start_that_cannot_be_is_one_line_and_status_two(tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    """Bad profiles, files and ports end the start with one line, no traceback."""
    (tmp_path / "bad.yaml").write_text("name: bad\ntfft: {shape: constant, seconds: 1}\n", encoding="utf-8")
    (tmp_path / "short").write_text("short\n", encoding="utf-8")
    ended = started([word.replace("{folder}", str(tmp_path)) for word in options])
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert told in ended.stderr


def test_a_taken_port_is_one_line_and_status_two() -> None:
    """Who wants a port that somebody has is told so."""
    with closing(socket.create_server(("127.0.0.1", 0))) as holder:
        port = holder.getsockname()[1]
        ended = started(["--port", str(port)])
    assert ended.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_help_shows_examples() -> None:
    """--help has commands that can be pasted."""
    ended = started(["--help"])
    assert ended.returncode == 0
    assert "--truth" in ended.stdout
    command = [sys.executable, "-m", "simulator", "--help"]
    assert "examples:" in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def started(options: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator", "serve", *options]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False, env=dict(os.environ)
    )
