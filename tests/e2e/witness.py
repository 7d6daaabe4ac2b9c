"""Somebody beside a measurement who says whether this machine was fit for one, by other means than the measurement itself."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Final, Self

from harness.stolen import WORTH_TELLING, Ticks, stolen_share, ticks
from slo.statistics import p95

LOOK_SECONDS: Final = 0.02
LATE_SECONDS: Final = 0.02
"""A sleep of a fiftieth of a second that takes twice as long, one time in twenty, is none of a machine that has time."""
RARE: Final = 0.05
"""A share of the time or of the sleeps: beyond it, a 95th percentile is another."""


class Witness:
    """Sleeps and looks how late it wakes while it is entered, and how much of the processors' time the host took."""

    def __init__(self) -> None:
        self.looks: list[float] = []
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)
        self._before: Ticks | None = None
        self.stolen: float | None = None

    def __enter__(self) -> Self:
        self._before = ticks()
        self._looking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._looking.join()
        self.stolen = stolen_share(self._before, ticks())

    @property
    def late_seconds(self) -> float:
        """The lateness that one look in twenty exceeded, or one moment in twenty; the greater one.

        A machine that stands still for two seconds of every ten makes a fifth of what was due then late, and one look in four hundred.
        """
        return max(p95(self.looks).value or 0.0, self._late_at_moments())

    def _late_at_moments(self) -> float:
        """What was due at any moment of a stretch of L seconds without a look is late by what is left of it: by more than x for L - x of them."""
        allowed = RARE * sum(LOOK_SECONDS + late for late in self.looks)
        longest = sorted(self.looks, reverse=True)
        beyond = 0.0
        for count, late in enumerate(longest, 1):
            beyond += late
            shorter = longest[count] if count < len(longest) else 0.0
            if beyond - count * shorter >= allowed:
                return (beyond - allowed) / count
        return 0.0

    @property
    def busy(self) -> bool:
        """Whether the machine was too busy for measurements, for whatever reason."""
        return self.late_seconds > LATE_SECONDS or (self.stolen or 0.0) >= WORTH_TELLING

    def __str__(self) -> str:
        taken = "an unknown share" if self.stolen is None else f"{self.stolen:.0%}"
        return f"the host took {taken} of the processors' time, and a sleep woke {self.late_seconds * 1000:.0f} ms late (p95)"

    def _look(self) -> None:
        while not self._over.is_set():
            before = time.perf_counter()
            time.sleep(LOOK_SECONDS)
            self.looks.append(max(0.0, time.perf_counter() - before - LOOK_SECONDS))
