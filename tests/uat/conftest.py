"""A way to run a scenario that is written in the test itself, against the scripted chatbot."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from slo.evidence import RunContext
from slo.spec import Engine
from target.scripted import ScriptedTarget
from uat import runner
from uat.results import ScenarioResult, UatEvent, UatResult
from uat.scenario import Scenario, parse_scenario

AT = datetime(2026, 11, 20, 21, 17, tzinfo=UTC)
CONTEXT = RunContext(
    run="20261120T211700Z-1a2b3c4",
    target="http://127.0.0.1:1",
    deployment="courtsight",
    engine=Engine.EXTRACTIVE,
    commit="1a2b3c4",
    dirty=False,
    hashes={},
    seed=7,
)
HEAD = """\
scenario: courtsight/scenario/v1
id: percobaan
title: Percobaan
role: judge
complexity: simple
family: test
as_of: 2026-11-20
severity: major
"""


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def timer(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds = max(self.seconds, self.seconds + seconds)
        await asyncio.sleep(0)


@pytest.fixture
def scenario() -> Callable[[str], Scenario]:
    """Make a scenario from the YAML that follows the head."""

    def make(rest: str) -> Scenario:
        return parse_scenario((HEAD + textwrap.dedent(rest)).encode(), "percobaan.yaml")

    return make


@pytest.fixture
def run_all() -> Callable[..., UatResult]:
    """Run scenarios; events go to the list given as `events`."""

    def run(
        *scenarios: Scenario, target: object = None, events: list[UatEvent] | None = None, clock: Clock | None = None
    ) -> UatResult:
        time = clock or Clock()
        told = [] if events is None else events
        chatbot = target or ScriptedTarget()
        return asyncio.run(
            runner.run(scenarios, chatbot, CONTEXT, told.append, lambda: AT, timer=time.timer, sleep=time.sleep)  # type: ignore[arg-type]  # a fake clock
        )

    return run


@pytest.fixture
def run_one(run_all: Callable[..., UatResult]) -> Callable[..., ScenarioResult]:
    """Run one scenario."""
    return lambda scenario, target=None: run_all(scenario, target=target).scenarios[0]


@pytest.fixture
def clock() -> Clock:
    """Time that passes only when somebody sleeps."""
    return Clock()


@pytest.fixture
def context() -> RunContext:
    """The context of a run."""
    return CONTEXT
