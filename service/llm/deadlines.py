"""The time limits of one attempt, at the cost of one timer: moving a limit is an assignment, no task and no timer for each chunk."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from service.llm.calls import AttemptLimits
from service.llm.failures import Phase, TooSlow


class Deadlines:
    """Calls `on_late` once when a limit passes. Times are the loop's, in seconds.

    The timer sleeps until the earliest limit as it was when it was set; awake, it looks whether that limit has moved on since.
    """

    def __init__(self, limits: AttemptLimits, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._limits = limits
        begun = loop.time()
        self._attempt = begun + limits.attempt_seconds
        self._progress = begun + limits.first_token_seconds
        self._phase: Phase = "first_token"
        self._on_late: Callable[[TooSlow], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def head(self) -> tuple[float, TooSlow]:
        """When the head of the answer must have come, and what to raise if it has not."""
        return self._nearest()

    def watch(self, on_late: Callable[[TooSlow], None]) -> None:
        """Begin to watch: `on_late` is called at most once."""
        self._on_late = on_late
        self._set()

    def token(self) -> None:
        """A piece of the answer came and we wait for the next: from here on the limit between tokens holds."""
        self._progress = self._loop.time() + self._limits.between_tokens_seconds
        self._phase = "between_tokens"

    def rest(self) -> None:
        """The reader of the answer has the word: how long it takes is not the provider's fault. The whole attempt's limit stays."""
        self._progress = math.inf

    def cancel(self) -> None:
        """Watch no more."""
        self._on_late = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _nearest(self) -> tuple[float, TooSlow]:
        if self._attempt <= self._progress:
            return self._attempt, TooSlow("attempt", self._limits.attempt_seconds)
        if self._phase == "first_token":
            return self._progress, TooSlow("first_token", self._limits.first_token_seconds)
        return self._progress, TooSlow("between_tokens", self._limits.between_tokens_seconds)

    def _set(self) -> None:
        at = min(self._attempt, self._progress)
        # A limit between tokens may be shorter than the one before the first: then the first sets the timer too late.
        at = min(at, self._loop.time() + self._limits.between_tokens_seconds)
        self._timer = self._loop.call_at(at, self._awake)

    def _awake(self) -> None:
        at, late = self._nearest()
        if self._loop.time() < at:
            self._set()
        elif self._on_late is not None:
            on_late, self._on_late = self._on_late, None
            on_late(late)
