"""What a tool says when it is not content."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.asking_tools import ToolTooSlowError, complaint

SAYING = "import os, sys; print('out'); print('err', os.environ['GOGC'], os.getcwd(), file=sys.stderr); sys.exit(int(sys.argv[1]))"


def test_a_content_tool_says_nothing(tmp_path: Path) -> None:
    """Whatever it prints: its exit status counts."""
    assert complaint([sys.executable, "-c", SAYING, "0"], tmp_path) == ""


def test_a_complaint_is_told_whole(tmp_path: Path) -> None:
    """Both of its outputs, from the folder it was asked in; one that fails without a word says so."""
    assert complaint([sys.executable, "-c", SAYING, "1"], tmp_path) == f"out\nerr 800 {tmp_path}"
    assert complaint([sys.executable, "-c", "raise SystemExit(3)"], tmp_path) == "failed without a word"


def test_a_tool_that_does_not_end_is_an_error(tmp_path: Path) -> None:
    """Too slow is no complaint, for nobody knows what it would have said; the tool is ended, and not waited for."""
    going_on = "import pathlib, time; time.sleep(5); pathlib.Path('came to its end').touch()"
    with pytest.raises(ToolTooSlowError, match=r"took longer than 0\.05 s: try again"):
        complaint([sys.executable, "-c", going_on], tmp_path, seconds=0.05)
    assert list(tmp_path.iterdir()) == []
