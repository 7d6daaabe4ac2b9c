"""What runs beside a test that measures gives way to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = """
import os, pathlib, pytest

{mark}
def test_first():
    pathlib.Path("first").write_text(str(os.getpriority(os.PRIO_PROCESS, 0)))

def test_second():
    pathlib.Path("second").write_text(str(os.getpriority(os.PRIO_PROCESS, 0)))
"""


def priorities(folder: Path, mark: str) -> tuple[int, int]:
    """How nice a worker was in each of two tests, of which the first bears a mark."""
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "test_two.py").write_text(TESTS.format(mark=mark), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:courtsight-uat", "-p", "no:cacheprovider", "-o"]
    done = subprocess.run(
        [*command, "markers=measures: x"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return int((folder / "first").read_text()), int((folder / "second").read_text())


def test_what_runs_beside_a_measurement_has_the_lowest_priority(tmp_path: Path) -> None:
    """The test that measures keeps the priority that it was started with; the next one of the worker has the lowest."""
    first, second = priorities(tmp_path, "@pytest.mark.measures")
    assert first < second == 19


def test_without_a_measurement_nothing_changes(tmp_path: Path) -> None:
    """In a session in which nothing measures all tests keep the priority that they were started with."""
    first, second = priorities(tmp_path, "")
    assert first == second
