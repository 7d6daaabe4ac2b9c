"""The shipped scenarios against the running service."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from slo.evidence import RunContext
from slo.load import load_spec
from slo.spec import Engine
from target.chat import wrote
from target.courtsight import open_target
from target.simulator import SimulatorPlan
from target.stack import LocalStack, StackPlan
from uat.report import evidence_of
from uat.results import ScenarioVerdict
from uat.runner import run
from uat.scenario import load_scenarios, select

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SPEC = load_spec(ROOT / "slo" / "specs" / "courtsight.yaml")


INSTANT = SimulatorPlan(ROOT, ROOT / "simulator" / "profiles" / "instant.yaml", 7)


@pytest.mark.parametrize("simulator", [None, INSTANT], ids=["extractive", "simulated"])
def test_every_scenario_of_a_build_passes(tmp_path: Path, context: RunContext, simulator: SimulatorPlan | None) -> None:
    """What the project claims of its own service holds for both engines, scenario by scenario; a failure prints its findings."""
    with LocalStack(StackPlan(root=ROOT, folder=tmp_path / "run", simulator=simulator)) as stack:

        async def ask() -> list[str]:
            async with open_target(stack.service.url, stack.credentials()) as target:
                chosen = select(load_scenarios())
                result = await run(chosen, target, context, lambda _: None, lambda: datetime.now(UTC))
            made = evidence_of(result, SPEC, context)
            wanted = Engine.SIMULATED if simulator else Engine.EXTRACTIVE
            assert {wrote(model) for model in made.details["models"]} == {wanted}
            return [
                f"{entry.scenario.id}: {entry.verdict}\n" + "\n".join(entry.findings())
                for entry in result.scenarios
                if entry.verdict is not ScenarioVerdict.PASS
            ]

        failed = asyncio.run(ask())
    assert failed == []
