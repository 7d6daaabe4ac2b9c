"""The watch over a process's system calls, held to a process that does little else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.store.system_calls import Watch

pytestmark = pytest.mark.integration
WRITING = "import os, time\nwhile True:\n    os.write(1, b'x')\n    time.sleep(0.01)\n"


def test_a_call_that_has_begun_is_noted_to_its_end(tmp_path: Path) -> None:
    """Its effect is seen by others before it ends: who stops watching then has still seen it."""
    with (
        (tmp_path / "out").open("wb") as out,
        subprocess.Popen([sys.executable, "-c", WRITING], stdout=out) as process,
    ):
        try:
            watch = Watch(process.pid)
            begun: list[bool] = []

            def seen() -> bool:
                """Whether a call has begun until now: from then on its effect is there."""
                begun.append(watch.began is not None)
                return any(begun)

            calls = watch.until(seen)
        finally:
            process.kill()
    assert [(call.kind, Path(call.target).name) for call in calls] == [("write", "out")]
