"""The broken lines of tests/security_mutations.py still fit the code, and no control of docs/security.md is without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security_mutations import ROOT, ROWS, Mutation, broken, main, mutations
from tests.service.security.test_security_page import NAMED

EVERY = mutations(ROWS.read_text(encoding="utf-8"))
WITHOUT = {
    "test_a_bomb_costs_one_refusal": "no line holds it alone: limits of memory, of time and the look for entities stand for each other",
    "test_nothing_unknown_runs_when_python_starts": "it looks at the environment and not at the tree; a planted file is seen by the test behind it",
}
"""Tests that no broken line turns red, and why."""


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row.control)
def test_each_line_to_break_stands_there_once(row: Mutation) -> None:
    """Code that moved on leaves no row behind that breaks nothing; its test is there, too."""
    assert broken((ROOT / row.file).read_text(encoding="utf-8"), row) != (ROOT / row.file).read_text(encoding="utf-8")
    file, _, name = row.test.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")


def test_every_control_has_a_line_to_break() -> None:
    """Each test that the page names is that of a row, or its reason stands here."""
    held = {row.test.rpartition("::")[2] for row in EVERY}
    named = {name for _, name in NAMED}
    assert named - held - set(WITHOUT) == set()
    assert set(WITHOUT) <= named - held


def test_a_line_that_is_gone_or_not_alone_is_an_error() -> None:
    """A mutation that changes nothing, or more than one place, proves nothing."""
    for find in ("gone", "twice"):
        with pytest.raises(ValueError, match="mend the row"):
            broken("twice twice", Mutation("x", "x.py", find, "", "x"))
    assert broken("a twice", Mutation("x", "x.py", "twice", "b", "x")) == "a b"


def test_the_page_says_how_to_see_them_red() -> None:
    """Whoever doubts a row of the page finds the command there."""
    assert "make security-mutations" in (Path(ROOT) / "docs" / "security.md").read_text(encoding="utf-8")


def test_a_word_that_no_row_holds_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Who asks for rows that are not there learns so, and how to see those that are."""
    assert main(["--only", "no row holds this"]) == 2
    assert "--list" in capsys.readouterr().err
