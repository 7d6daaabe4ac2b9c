"""`courtsight check` lets promtool run every generated test; no other part of `make test` asks for that again."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.checks import _accepted
from harness.project import Project
from slo.verdict import Verdict
from target.stack import ToolPaths

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("status", [0, 1])
def test_every_generated_test_is_given_to_promtool(tmp_path: Path, status: int) -> None:
    """All files of alerts/generated/tests are run, and a failure is a finding that fails the check."""
    promtool = tmp_path / "promtool"
    promtool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\nexit {status}\n', encoding="utf-8")
    promtool.chmod(0o755)
    found = [finding.verdict for finding in _accepted(Project(ROOT), ToolPaths(promtool=promtool))]
    assert (Verdict.FAIL in found) == bool(status)
    said = [line.split() for line in (tmp_path / "said").read_text(encoding="utf-8").splitlines()]
    tests = {name for words in said if words[:2] == ["test", "rules"] for name in words[2:]}
    assert tests == {path.name for path in (ROOT / "alerts" / "generated" / "tests").iterdir()}
    assert len(tests) >= 4
