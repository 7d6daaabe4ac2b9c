"""Loading and checking scenarios: what an acceptance run spends besides waiting for answers."""

from __future__ import annotations

import pytest
import yaml
from pytest_benchmark.fixture import BenchmarkFixture

from target.chat import Session
from target.scripted import DOCUMENTS, scripted_answer
from uat.exchange import Exchange, TurnResult
from uat.judging import judge_turn
from uat.results import TurnReport
from uat.scenario import SCENARIOS_FOLDER, load_scenario

FILE = SCENARIOS_FOLDER / "judge" / "preseden-kdrt.yaml"


@pytest.mark.benchmark(group="read a scenario")
def test_load_a_scenario(benchmark: BenchmarkFixture) -> None:
    """One file, read strictly."""
    assert benchmark(load_scenario, FILE).turns


@pytest.mark.benchmark(group="read a scenario")
def test_load_a_scenario_unchecked(benchmark: BenchmarkFixture) -> None:
    """Its peer: plain YAML, which lets every typo through."""
    assert benchmark(yaml.safe_load, FILE.read_bytes())["turns"]


def test_check_a_turn(benchmark: BenchmarkFixture) -> None:
    """All checks of the judge's first question."""
    turn = load_scenario(FILE).turns[0]
    answer = scripted_answer(Session("judge", ""), turn.message, "c1")
    exchange = Exchange(
        "chat", "judge", turn.message, 200, 0.02, conversation_id="c1", answer=answer, sources=DOCUMENTS
    )
    users = [TurnResult(exchange, (), (exchange,), 0.1)]
    report: TurnReport = benchmark(judge_turn, 1, turn, users)
    assert len(report.checks) == len(turn.checks)
