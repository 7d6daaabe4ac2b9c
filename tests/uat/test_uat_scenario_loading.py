"""Scenario files are read strictly: a typo is found before a run, not after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from slo.errors import InvalidInput
from uat.scenario import Scenario, load_scenarios, select

Make = Callable[[str], Scenario]
TURN = """
    turns:
      - message: Apa itu hukum pidana?
        checks: [disclaimer-present]
"""


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (
            "turns:\n  - message: x\n    cheks: [abstains]\n",
            r"percobaan\.yaml:\d+: turns\.0\.cheks: unknown key 'cheks' \(did you mean 'checks'",
        ),
        ("turns:\n  - message: x\n    checks: [abstain]\n", "unknown check 'abstain' \\(did you mean 'abstains'"),
        ("turns:\n  - message: x\n    checks: [not-abstain]\n", "unknown check 'not-abstain'"),
        (
            "turns:\n  - message: x\n    checks:\n      - latency: {bellow: 8s}\n",
            r"checks\.0\.latency\.bellow: unknown key 'bellow' \(did you mean 'below'",
        ),
        ("turns:\n  - message: x\n    checks:\n      - latency: {below: 8}\n", "write 8 with its unit"),
        ("turns:\n  - message: x\n    checks:\n      - citation-count: {}\n", "needs 'min' or 'max'"),
        ("turns:\n  - message: x\n    checks:\n      - citation-count: {min: 4, max: 3}\n", "'min' is larger"),
        (
            "turns:\n  - message: x\n    checks:\n      - abstains: {}\n        is-refusal: {}\n",
            "several checks in one entry",
        ),
        ("turns:\n  - message: x\n    checks: []\n", "at least 1 item"),
        ("turns:\n  - via: tool\n    message: x\n    checks: [abstains]\n", "via: tool needs tool"),
        ("turns:\n  - via: history\n    message: x\n    checks: [abstains]\n", "via: history takes no message"),
        ("turns:\n  - message: x\n    role: nobody\n    checks: [abstains]\n", "role nobody needs via: raw"),
        (
            "turns:\n  - via: raw\n    request: {method: GET, path: //elsewhere.example}\n    checks: [status: {is: 401}]\n",
            "path",
        ),
        ("turns: []\n", "at least 1 item"),
        ("users: 0\nturns:\n  - message: x\n    checks: [abstains]\n", "users"),
        ("pause: {min: 3s, max: 1s}\nturns:\n  - message: x\n    checks: [abstains]\n", "longer than"),
    ],
)
def test_a_mistake_is_named_with_its_place(scenario: Make, rest: str, said: str) -> None:
    """File, line, path and the nearest word: everything to mend it without reading our code."""
    with pytest.raises(InvalidInput, match=said):
        scenario(rest)


def test_a_turn_without_a_status_check_must_be_answered(scenario: Make) -> None:
    """A check on the words alone would not notice that a refusal came; `answered` is added."""
    assert [check.name for check in scenario(TURN).turns[0].checks] == ["answered", "disclaimer-present"]
    raw = scenario(
        "turns:\n  - via: raw\n    request: {method: GET, path: /v1/tools}\n    checks: [status: {is: 401}]\n"
    )
    assert [check.name for check in raw.turns[0].checks] == ["status"]


def test_the_first_turn_opens_a_conversation_and_the_others_stay(scenario: Make) -> None:
    """Unless told otherwise; with a title the conversation is there before the first turn."""
    two = "turns:\n  - {message: a, checks: [abstains]}\n  - {message: b, checks: [abstains]}\n"
    assert [turn.conversation for turn in scenario(two).turns] == ["new", "same"]
    assert [turn.conversation for turn in scenario("conversation_title: T\n" + two).turns] == ["same", "same"]


def test_all_broken_files_are_named_at_once(tmp_path: Path) -> None:
    """One run shows every mistake of every file."""
    (tmp_path / "a.yaml").write_text("scenario: x\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("- 1\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        load_scenarios(tmp_path)
    assert {Path(problem.file).name for problem in caught.value.problems} == {"a.yaml", "b.yaml"}


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    """No scenario is no run: it must not end green."""
    with pytest.raises(InvalidInput, match="holds no scenario"):
        load_scenarios(tmp_path)


def test_an_id_stands_once(tmp_path: Path, scenario: Make) -> None:
    """Two files with one id would overwrite each other in the evidence."""
    shipped = Path(__file__).parents[2] / "uat" / "scenarios" / "public" / "waktu-tanggap-ktp.yaml"
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_bytes(shipped.read_bytes())
    with pytest.raises(InvalidInput, match=r"stands in .*a\.yaml too"):
        load_scenarios(tmp_path)


def test_a_selection_that_leaves_nothing_is_an_error() -> None:
    """A filter that matches no scenario proves nothing; an unknown id names the nearest."""
    every = load_scenarios()
    with pytest.raises(InvalidInput, match="leaves no scenario"):
        select(every, roles=["nobody"])
    with pytest.raises(InvalidInput, match="did you mean 'hakim-aliran'"):
        select(every, ids=["hakim-alirann"])


def test_slow_scenarios_wait_to_be_asked_for() -> None:
    """A build leaves them out; asked for by flag or by id they run."""
    every = load_scenarios()
    slow = [scenario.id for scenario in every if "slow" in scenario.tags]
    assert slow
    assert not set(slow) & {scenario.id for scenario in select(every)}
    assert set(slow) <= {scenario.id for scenario in select(every, slow=True)}
    assert [scenario.id for scenario in select(every, ids=slow)] == slow
