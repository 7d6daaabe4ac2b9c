"""Progress of long work: a bar with the time left on a terminal, plain lines elsewhere.

The time left is the sum of what the steps still ahead are expected to take, and of what the present one has left by its own share
and pace.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

PLAIN_LINE_EVERY_SECONDS = 10.0
TRUSTED_SHARE = 0.1
"""From this share of a step on its own pace foretells its end; before, it stands for the share's part of it: a start is no pace."""


@dataclass(frozen=True, slots=True)
class StepPlan:
    """A step and how long it takes as a rule, in seconds; measured on two cores."""

    name: str
    title: str
    expected_seconds: float


class ProgressView:
    """Shows where a run stands. All steps are known beforehand, so that the time left is honest from the first second."""

    def __init__(
        self, plans: Sequence[StepPlan], stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._plans = {plan.name: plan for plan in plans}
        self._order = [plan.name for plan in plans]
        self._stream = stream or sys.stderr
        self._clock = clock
        self._console = Console(file=self._stream, highlight=False)
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._started = clock()
        self._current: str | None = None
        self._step_started = 0.0
        self._share = 0.0
        self._last_line = float("-inf")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Mark a step as running; its end is written as a line with the time it took."""
        plan = self._plans[name]
        self._current, self._share, self._step_started = name, 0.0, self._clock()
        self._last_line = self._clock()
        place = self._order.index(name) + 1
        self.line(f"[{place}/{len(self._order)}] {plan.title} (about {_minutes(self.left_seconds())} left)")
        with self._shown(plan.title):
            yield
        self._current = None

    @contextmanager
    def _shown(self, title: str) -> Iterator[None]:
        if not self._console.is_terminal:
            yield
            return
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
        )
        with Progress(*columns, console=self._console, transient=True) as bar:
            self._bar = bar
            self._task = bar.add_task(title, total=1.0, left="")
            try:
                yield
            finally:
                self._bar = self._task = None

    def advance(self, share: float, text: str = "") -> None:
        """Tell how much of the running step is done (0 to 1) and what it is doing."""
        self._share = min(1.0, max(self._share, share))
        left = f"about {_minutes(self.left_seconds())} left"
        if self._bar is not None and self._task is not None:
            if text:
                self._bar.update(self._task, description=text)
            self._bar.update(self._task, completed=self._share, left=left)
        elif self._clock() - self._last_line >= PLAIN_LINE_EVERY_SECONDS:
            self._last_line = self._clock()
            self.line(f"  {self._share:4.0%} {text} ({left})")

    def line(self, text: str) -> None:
        """Write one line that stays."""
        self._console.print(text, markup=False, soft_wrap=True)

    def left_seconds(self) -> float:
        """Expected seconds until the end of the run."""
        if self._current is None:
            return 0.0
        ahead = self._order[self._order.index(self._current) + 1 :]
        return self._left_of_this_step(self._plans[self._current]) + sum(
            self._plans[name].expected_seconds for name in ahead
        )

    def _left_of_this_step(self, plan: StepPlan) -> float:
        """As planned, or as the pace so far foretells when that is longer: a slow chatbot takes its time."""
        left, elapsed = 1 - self._share, self._clock() - self._step_started
        planned = plan.expected_seconds * left
        if not self._share:
            return max(planned - elapsed, 0.0)
        trust = min(1.0, self._share / TRUSTED_SHARE)
        return max(planned, planned * (1 - trust) + elapsed / self._share * left * trust)


def _minutes(seconds: float) -> str:
    whole = max(1, round(seconds))
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"
