"""The storage drill, a few kills long: green on the service as it is, red on one that acknowledges before it commits."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks.durability.stage import Stage, run_stage

pytestmark = pytest.mark.integration
_HASTY = Path(__file__).with_name("acknowledging_first.py")


def test_nothing_acknowledged_is_lost_in_a_sqlite_file(tmp_path: Path) -> None:
    """After kills under load every acknowledged answer is there once, and the file is whole."""
    outcome = asyncio.run(run_stage(Stage("sqlite", 4, 7, tmp_path)))
    assert outcome.passed, outcome.findings
    assert outcome.kept_messages >= 2 * outcome.acknowledged
    assert outcome.tries > outcome.questions, "no kill met a question on its way"


def test_the_drill_turns_red_when_acknowledging_moves_before_the_commit(tmp_path: Path) -> None:
    """A writer that says "done" first loses acknowledged answers in a kill, and the drill says so."""
    outcome = asyncio.run(run_stage(Stage("sqlite", 4, 7, tmp_path, preludes=(_HASTY,))))
    assert not outcome.passed
    assert "acknowledged and lost" in {finding.name for finding in outcome.findings}


def test_nothing_is_lost_when_postgresql_and_redis_go_away(tmp_path: Path) -> None:
    """Each is frozen, killed and stopped under load, the service is killed in between; everything acknowledged is there once."""
    outcome = asyncio.run(run_stage(Stage("postgresql", 2, 7, tmp_path)))
    assert outcome.passed, outcome.findings
    assert outcome.faults == {f"{name} {fault}": 1 for name in ("postgresql", "redis") for fault in ("frozen", "killed", "stopped")}  # fmt: skip
