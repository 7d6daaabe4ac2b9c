"""Shows how what the service leans on does, and leaves a line in the log for each change."""

from __future__ import annotations

from service.telemetry.logging import EventLog
from service.telemetry.metrics import Metrics


class DependencyNotes:
    """Is told each finding, from whoever looks first. Before it is told anything, everything counts as up: that is no news."""

    def __init__(self, metrics: Metrics, log: EventLog) -> None:
        self._metrics = metrics
        self._log = log
        self._down: set[str] = set()

    def found(self, name: str, up: bool, seconds: float) -> None:
        """Note what a look found, and how long it took."""
        self._metrics.dependency_latency(name, seconds)
        self.noted(name, up)

    def noted(self, name: str, up: bool) -> None:
        """Note whether it is there; neither address nor reason is written, for the words of a failure may name them."""
        self._metrics.dependency_up(name, up)
        if up is (name not in self._down):
            return
        if up:
            self._down.discard(name)
            self._log.write("info", "dependency_up", dependency=name)
        else:
            self._down.add(name)
            self._log.write("warning", "dependency_down", dependency=name)
