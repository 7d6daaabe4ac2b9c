"""What the end-to-end tests share: running the command, a copy of the checkout to break, and a look at what was left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    "service",
    "simulator",
    "slo",
    "target",
    "alerts",
    "dashboards",
    "uat",
    "benchmarks",
    "reports",
    "harness",
    "pyproject.toml",
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said on both streams."""

    status: int
    out: str
    err: str


@pytest.fixture
def courtsight() -> Callable[..., Ended]:
    """Runs one command in a checkout, this one unless another root is given."""
    return run_courtsight


def run_courtsight(*words: str, root: Path = ROOT, seconds: float = 400) -> Ended:
    """Run `courtsight` and take its words."""
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", *words],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def broken_copy(tmp_path: Path) -> Iterator[Callable[[str, Callable[[str], str]], Path]]:
    """A copy of the checkout in which one file can be edited; gives its root. The tools' cache is shared with the original."""
    copy = tmp_path / "copy"

    def edit(path: str, change: Callable[[str], str]) -> Path:
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "out"))
            else:
                shutil.copy(source, copy / name)
        (copy / ".cache").mkdir()
        if (ROOT / ".cache" / "tools").is_dir():
            (copy / ".cache" / "tools").symlink_to(ROOT / ".cache" / "tools")
        before = (copy / path).read_text(encoding="utf-8")
        after = change(before)
        assert after != before, f"the edit of {path} changed nothing"
        (copy / path).write_text(after, encoding="utf-8")
        return copy

    yield edit
    assert processes_that_mention(str(copy)) == {}


@pytest.fixture
def pid_of() -> Callable[[str], int]:
    """Finds the one process whose command line holds a text."""

    def find(text: str) -> int:
        (pid,) = processes_that_mention(text)
        return pid

    return find


def processes_that_mention(text: str) -> dict[int, str]:
    """Running processes, but this one, whose command line holds the text."""
    listed = subprocess.run(["/bin/ps", "-axo", "pid=,args=", "-ww"], capture_output=True, text=True, check=True).stdout
    rows = (line.strip().partition(" ") for line in listed.splitlines() if text in line)
    return {int(pid): command for pid, _, command in rows if int(pid) != os.getpid()}
