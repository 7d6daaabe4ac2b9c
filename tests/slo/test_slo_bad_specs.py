"""Every kind of mistake in a spec has a file in `bad_specs/`, with what must be said of it in its first comment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from slo.load import examine_spec

FOLDER = Path(__file__).parent / "bad_specs"
CASES = sorted(FOLDER.glob("*.yaml"))
EXPECTED = re.compile(r'^# expect: line (\d+), path (\S+), "(.*)"$', re.MULTILINE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_bad_spec_is_told_by_line_path_and_mend(case: Path) -> None:
    """All problems of the file are told at once, and no others: each with its line, its path, the expected words and a mend."""
    expected = EXPECTED.findall(case.read_text(encoding="utf-8"))
    assert expected, "the file says nothing about what to expect"
    examined = examine_spec(case.read_bytes(), case.name)
    assert examined.spec is None
    assert len(examined.problems) == len(expected), examined.problems
    for line, path, words in expected:
        found = [problem for problem in examined.problems if words in str(problem)]
        assert (line, path) in [(str(problem.line), problem.path or "-") for problem in found], examined.problems
    assert all(problem.file == case.name and problem.advice for problem in examined.problems)


def test_there_are_many_kinds() -> None:
    """At least two hundred and fifty kinds of mistakes are known."""
    assert len(CASES) >= 250
