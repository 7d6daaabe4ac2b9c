"""`courtsight prove` and `check` that are told to stop while promtool is at work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.shop import shop

ROOT = Path(__file__).resolve().parents[2]
LONGEST_WAIT = 120.0


def wait_until_gone(pid: int) -> None:
    """Until no process bears the number."""
    ends = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < ends:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError(f"{pid} still ran")


@pytest.mark.integration
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_proof_that_is_told_to_stop_leaves_no_tool_behind(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    """SIGTERM and SIGINT to the command alone end its promtools too, with a message, its own exit status, and no scratch folder left."""
    (tmp_path / "shop.yaml").write_text(shop(), encoding="utf-8")
    scratch, bin_ = tmp_path / "scratch", tmp_path / "bin"
    scratch.mkdir()
    bin_.mkdir()
    promtool = bin_ / "promtool"
    began = tmp_path / "began"
    promtool.write_text(
        f'#!/bin/sh\ncase "$1" in --version) echo promtool, version 2.42.0;; *) echo $$ >> {began}; exec sleep 600;; esac\n',
        encoding="utf-8",
    )
    promtool.chmod(0o755)
    command = [sys.executable, "-m", "harness.cli", "prove", "--spec", str(tmp_path / "shop.yaml"), "--no-mutants"]
    environment = {**os.environ, "TMPDIR": str(scratch), "PATH": f"{bin_}:{os.environ['PATH']}"}
    proof = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        ends = time.monotonic() + LONGEST_WAIT
        while not (began.exists() and len(began.read_text(encoding="ascii").split()) == 2) and time.monotonic() < ends:
            assert proof.poll() is None, proof.communicate()
            time.sleep(0.05)
        tools = [int(pid) for pid in began.read_text(encoding="ascii").split()]
        proof.send_signal(number)
        _, said = proof.communicate(timeout=LONGEST_WAIT)
    finally:
        if proof.poll() is None:
            proof.kill()
            proof.communicate()
    for pid in tools:
        wait_until_gone(pid)
    assert proof.returncode == status
    assert "Interrupted; what was started is stopped" in said
    assert "Traceback" not in said
    assert list(scratch.iterdir()) == []
