"""`make bench-micro` forgets no micro-benchmark."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks" / "micro"
BY_HAND = {"retrieval_stores", "slo_scale"}
SERVERS = {"asgi_peer", "usual_stack"}


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The programs that the target runs."""
    monkeypatch.setattr(sys, "argv", ["everything"])
    return set(runpy.run_path(str(FOLDER / "everything.py"))["PROGRAMS"])


def test_every_program_is_run(listed: set[str]) -> None:
    """Each program of the folder with a table of its own is in the list, or is said to be run by hand."""
    programs = {
        path.stem for path in FOLDER.glob("*.py") if "def main(" in path.read_text(encoding="utf-8")
    } - {"everything", *SERVERS}  # fmt: skip
    assert listed - {"generators"} == programs - BY_HAND


def test_every_program_stands_in_the_docs(listed: set[str]) -> None:
    """The table of the docs names each of them, with its goal."""
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert [name for name in sorted(listed | BY_HAND) if f"`{name}`" not in page] == []
