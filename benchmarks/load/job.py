"""What the load generator is told, as a JSON file that only its owner can read, and what it tells back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.workload import LoadPlan

COLUMNS: Final = (
    "started_seconds",
    "duration_seconds",
    "ttft_seconds",
    "role",
    "complexity",
    "via",
    "status",
    "outcome",
    "failure",
    "model",
)
"""Columns of the generator's sample file, in order; times unrounded, `started_seconds` since all users were signed in."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a user signs in as: a username and password, or a token."""

    role: str
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class GeneratorJob:
    """Everything that the generator needs; paths are absolute, `proxy` is empty where the chatbot is asked without one."""

    url: str
    accounts: tuple[Account, ...]
    questions: Mapping[str, tuple[str, ...]]
    plan: LoadPlan
    seed: int
    samples: str
    progress: str
    outcome: str
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class GeneratorOutcome:
    """How the generator ended; without this file it was killed.

    Attributes:
        seconds: From all users signed in to the last answer.
        cpu_seconds: Of the generator's process meanwhile; divided by `seconds` it is how busy its one core was.
        loop_lag_seconds: Longest time that the generator was late for itself: what it may have added to a measured time.
        error: Why it could not begin, or empty.
    """

    requests: int
    users: int
    seconds: float
    cpu_seconds: float
    peak_in_flight: int
    loop_lag_seconds: float
    error: str = ""


def job_text(job: GeneratorJob) -> str:
    """The job as JSON."""
    return json.dumps(asdict(job), ensure_ascii=False)


def read_job(path: Path) -> GeneratorJob:
    """Read a job that `job_text` wrote."""
    entry: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    plan = {**entry["plan"], "think_seconds": tuple(entry["plan"]["think_seconds"])}
    return GeneratorJob(
        url=entry["url"],
        accounts=tuple(Account(**account) for account in entry["accounts"]),
        questions={complexity: tuple(questions) for complexity, questions in entry["questions"].items()},
        plan=LoadPlan(**plan),
        seed=entry["seed"],
        samples=entry["samples"],
        progress=entry["progress"],
        outcome=entry["outcome"],
        proxy=entry["proxy"],
    )


def outcome_text(outcome: GeneratorOutcome) -> str:
    """The outcome as JSON."""
    return json.dumps(asdict(outcome))


def read_outcome(path: Path) -> GeneratorOutcome | None:
    """Read an outcome; None when there is none, or only a part of one."""
    try:
        return GeneratorOutcome(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
