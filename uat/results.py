"""What a run of scenarios came to. Frozen values; the evidence and the console both speak from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from uat.exchange import Outcome
from uat.scenario import Scenario


class ScenarioVerdict(StrEnum):
    """What a scenario came to. FLAKY: it passed, and only when it was tried again; that is no pass."""

    PASS = "PASS"  # noqa: S105 - a verdict, no password
    FAIL = "FAIL"
    FLAKY = "FLAKY"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One check of one turn, the worst over its users."""

    name: str
    outcome: Outcome
    expected: str
    got: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class TurnReport:
    """One turn with its checks; `duration_seconds` is that of its slowest user."""

    number: int
    via: str
    asked: str
    duration_seconds: float
    checks: tuple[CheckReport, ...]


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """One scenario, with the turns of its last trial (the failing one, if one failed).

    Attributes:
        attempts: Runs of the scenario, trials and retries together.
        transcripts: What was said and answered, one JSON object per exchange.
        unreachable: Whether its last attempt ended because nobody answered.
    """

    scenario: Scenario
    verdict: ScenarioVerdict
    turns: tuple[TurnReport, ...]
    duration_seconds: float
    attempts: int
    transcripts: tuple[Mapping[str, Any], ...] = ()
    unreachable: bool = False

    def findings(self) -> tuple[str, ...]:
        """A sentence for each check that did not pass, with its advice."""
        return tuple(
            f"turn {turn.number} ({turn.via}) {check.name}: {check.outcome}: expected {check.expected}; got {check.got}"
            + (f"; {check.advice}" if check.advice else "")
            for turn in self.turns
            for check in turn.checks
            if check.outcome in {Outcome.FAIL, Outcome.ERROR}
        )


@dataclass(frozen=True, slots=True)
class UatResult:
    """A whole run; `planned` scenarios were asked for, and `complete` says whether each of them was run."""

    planned: int
    scenarios: tuple[ScenarioResult, ...]
    started_at: datetime
    ended_at: datetime

    @property
    def complete(self) -> bool:
        """Whether every planned scenario was run."""
        return len(self.scenarios) == self.planned


@dataclass(frozen=True, slots=True)
class ScenarioStarted:
    """Event: a scenario begins; `number` counts from 1."""

    number: int
    total: int
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class ScenarioEnded:
    """Event: a scenario came to its verdict."""

    number: int
    total: int
    result: ScenarioResult


@dataclass(frozen=True, slots=True)
class GaveUp:
    """Event: the run stops early, because nobody answers any more."""

    reason: str


UatEvent = ScenarioStarted | ScenarioEnded | GaveUp
