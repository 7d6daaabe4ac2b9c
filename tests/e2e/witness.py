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
        """The lateness that one look in twenty exceeded."""
        return p95(self.looks).value or 0.0

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
