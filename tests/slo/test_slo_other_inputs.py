"""Window tables are read as strictly as specs: each mistake with file, line, path and mend, whatever stands in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.errors import InvalidInput, Problem
from slo.window_table import WINDOWS_FILE, load_policy

TEXT = WINDOWS_FILE.read_text(encoding="utf-8")


def _problems(folder: Path, text: str) -> tuple[Problem, ...]:
    path = folder / "windows.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        load_policy(path)
    return caught.value.problems


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("severity: page,", "severity: pager,", "did you mean page?"),
        ("budget_share: 2%", "budget_share: 2", "with its unit"),
        ("budget_share: 2%", "budget_share: '2,5%'", "write 2.5%"),
        ("budget_share: 2%", "budget_share: 100%", "between 0% and 100%"),
        ("long: 1h", "lnog: 1h", "did you mean 'long'?"),
        ("short: 5m", "short: 2h", "not shorter"),
        ("for: 2m", "for: 2", "with its unit"),
        ("windows:\n", "windows:\nwindows:\n", "stands twice"),
        ("highest_ratio: 80%", "highest_ratio: 0.8", "with its unit"),
        ("page: 3", "page: none", "no factor"),
        ("page: 3", "page: -3", "no factor"),
        ("page: 3", "page: .nan", "no factor"),
        ("page: 3, ", "", "'page' is missing"),
        ("ladder: [", "ladder: [never, ", "no duration"),
        ("    - {latest: 10m, factor: 6}\n", "", "another length"),
        ("factor: 6", "facter: 6", "did you mean 'factor'?"),
    ],
)
def test_a_wrong_window_table_says_where_and_mends(old: str, new: str, said: str, tmp_path: Path) -> None:
    """Each mistake names its line, and what to write instead."""
    assert old in TEXT
    problems = _problems(tmp_path, TEXT.replace(old, new, 1))
    assert any(said in str(problem) for problem in problems), problems
    assert all(problem.line is not None and problem.advice for problem in problems)


TREE = yaml.safe_load(TEXT)
STRANGE: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    float("nan"),
    "",
    "x",
    "1e9%",
    "9" * 500,
    [],
    {},
    [None],
    {"a": []},
    ["1h"] * 50,
]


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, value in below for place in _places(value, (*path, key)))]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([place for place in _places(TREE) if place]), st.sampled_from(STRANGE))
def test_any_value_anywhere_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[Any, ...], value: Any
) -> None:
    """A table in which one value is another one is a policy or `InvalidInput`, nothing else."""
    tree = yaml.safe_load(TEXT)
    inner = tree
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path = tmp_path_factory.mktemp("windows") / "windows.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    try:
        policy = load_policy(path)
    except InvalidInput as error:
        assert error.problems  # noqa: PT017 - only one of both outcomes may be looked at
    else:
        assert policy.rows
