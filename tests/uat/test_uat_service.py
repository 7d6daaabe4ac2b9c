"""The shipped scenarios against the running service."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from slo.evidence import RunContext
from target.courtsight import open_target
from target.stack import LocalStack, StackPlan
from uat.results import ScenarioVerdict
from uat.runner import run
from uat.scenario import load_scenarios, select

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def test_every_scenario_of_a_build_passes(tmp_path: Path, context: RunContext) -> None:
    """What the project claims of its own service holds, scenario by scenario; a failure prints its findings."""
    with LocalStack(StackPlan(root=ROOT, folder=tmp_path / "run")) as stack:

        async def ask() -> list[str]:
            async with open_target(stack.service.url, stack.credentials()) as target:
                chosen = select(load_scenarios())
                result = await run(chosen, target, context, lambda _: None, lambda: datetime.now(UTC))
            return [
                f"{entry.scenario.id}: {entry.verdict}\n" + "\n".join(entry.findings())
                for entry in result.scenarios
                if entry.verdict is not ScenarioVerdict.PASS
            ]

        failed = asyncio.run(ask())
    assert failed == []
