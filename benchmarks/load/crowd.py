"""What the users of a load test share: when it begins, what was measured, when it is over. No network, no Locust."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from benchmarks.load.job import COLUMNS, GeneratorOutcome
from benchmarks.workload import LoadPlan

SIGN_IN_SECONDS = 60.0
"""Longest wait for all users to sign in; passwords are slow to check on purpose."""
FINISH_SECONDS = 5.0
"""How long after the last moment a request may still be under way, beyond its own timeout."""

SILENT_ROUNDS = 10
"""After so many unanswered requests per user in a row there is nobody to load."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a user: what, in which class, streamed or not, into a new conversation or not."""

    question: str
    complexity: str
    stream: bool
    new_conversation: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of it; `failure` is empty for an answer, whatever its outcome."""

    duration_seconds: float
    complexity: str
    via: str
    ttft_seconds: float | None = None
    status: int | None = None
    outcome: str = ""
    failure: str = ""
    model: str = ""


def choose(dice: random.Random, questions: dict[str, tuple[str, ...]], plan: LoadPlan) -> Asked:
    """A question, all complexities alike often."""
    complexity = dice.choice(sorted(questions))
    return Asked(
        question=dice.choice(questions[complexity]),
        complexity=complexity,
        stream=dice.random() < plan.stream_share,
        new_conversation=dice.random() < plan.new_conversation_share,
    )


@dataclass(slots=True)
class Crowd:
    """The state of one load test. `timer` is monotonic, `cpu` the process's CPU time; both in seconds."""

    plan: LoadPlan
    timer: Callable[[], float]
    cpu: Callable[[], float]
    samples: TextIO
    created: float
    signed_in: int = 0
    began: float | None = None
    cpu_began: float = 0.0
    requests: int = 0
    in_flight: int = 0
    peak_in_flight: int = 0
    stopping_since: float | None = None
    last_answer: float = 0.0
    loop_lag_seconds: float = 0.0
    silent: int = 0
    error: str = ""
    _rows: list[tuple[object, ...]] = field(default_factory=list)

    def write_header(self) -> None:
        """Begin the sample file."""
        csv.writer(self.samples, lineterminator="\n").writerow(COLUMNS)

    def user_signed_in(self) -> bool:
        """One more is ready; the clock starts when all are. Gives whether it did."""
        self.signed_in += 1
        if self.signed_in < self.plan.users:
            return False
        self.began = self.last_answer = self.timer()
        self.cpu_began = self.cpu()
        return True

    def fail(self, reason: str) -> None:
        """The test cannot go on."""
        self.error = self.error or reason

    def begin_request(self) -> float:
        """A request is sent; gives the moment."""
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        return self.timer()

    def end_request(self, role: str, started: float, measured: Measured) -> None:
        """A request came to its end, whichever."""
        self.in_flight -= 1
        self.requests += 1
        self.last_answer = self.timer()
        self.silent = 0 if measured.status is not None else self.silent + 1
        if self.silent >= SILENT_ROUNDS * self.plan.users:
            self.fail(f"{self.silent} requests running were not answered: {measured.failure}")
        values = (
            started - (self.began or started),
            measured.duration_seconds,
            "" if measured.ttft_seconds is None else measured.ttft_seconds,
            role,
            measured.complexity,
            measured.via,
            "" if measured.status is None else measured.status,
            measured.outcome,
            measured.failure,
            measured.model,
        )
        self._rows.append(values)

    def flush(self) -> None:
        """Write what was measured since the last time; a generator that is killed leaves what it had."""
        rows, self._rows = self._rows, []
        csv.writer(self.samples, lineterminator="\n").writerows(rows)
        self.samples.flush()

    @property
    def stopping(self) -> bool:
        """Whether users should ask no more."""
        return self.stopping_since is not None

    def seconds(self) -> float:
        """Since all users were signed in."""
        return 0.0 if self.began is None else self.timer() - self.began

    def over(self) -> bool:
        """Whether the test is over. Requests under way are let to their end first: cutting them off would lose the slow ones."""
        now = self.timer()
        if self.error:
            return True
        if self.began is None:
            if now - self.created > SIGN_IN_SECONDS:
                self.fail(f"only {self.signed_in} of {self.plan.users} users signed in within {SIGN_IN_SECONDS:g} s")
            return bool(self.error)
        if self.stopping_since is None and self._enough(now - self.began):
            self.stopping_since = now
        if self.stopping_since is None:
            return False
        return self.in_flight == 0 or now - self.stopping_since > self.plan.timeout_seconds + FINISH_SECONDS

    def _enough(self, seconds: float) -> bool:
        long_enough = seconds >= self.plan.duration_seconds
        return (long_enough and self.requests >= self.plan.least_requests) or seconds >= self.plan.longest_seconds

    def outcome(self) -> GeneratorOutcome:
        """How it went."""
        seconds = 0.0 if self.began is None else self.last_answer - self.began
        error = self.error or (f"{self.in_flight} requests never ended" if self.in_flight else "")
        return GeneratorOutcome(
            requests=self.requests,
            users=self.signed_in,
            seconds=seconds,
            cpu_seconds=self.cpu() - self.cpu_began if self.began is not None else 0.0,
            peak_in_flight=self.peak_in_flight,
            loop_lag_seconds=self.loop_lag_seconds,
            error=error,
        )
