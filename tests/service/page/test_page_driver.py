"""The browser that the page is tested with ends when its tests do, however they end."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.service.page.chromium import GUARD

pytestmark = pytest.mark.integration


def _heeds(pid: int, number: signal.Signals) -> bool:
    (ignored,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigIgn")]
    return not int(ignored.split()[1], 16) >> (number - 1) & 1


def test_a_signal_to_the_tests_leaves_no_browser() -> None:
    """Who ends the tests' whole group ends the browser's group too: its guard outlives the signal and sees the pipe break."""
    browser = subprocess.Popen(["/bin/sleep", "600"], process_group=0)
    guard = subprocess.Popen(["/bin/sh", "-c", GUARD, str(browser.pid)], stdin=subprocess.PIPE)
    try:
        ends = time.monotonic() + 30
        while any(_heeds(guard.pid, one) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)):
            assert time.monotonic() < ends, "a signal to the group would end the guard"
            time.sleep(0.05)
        guard.send_signal(signal.SIGTERM)
        assert guard.stdin
        guard.stdin.close()
        assert browser.wait(30) == -signal.SIGKILL
        guard.wait(30)
    finally:
        for one in (browser, guard):
            one.kill()
            one.wait()
