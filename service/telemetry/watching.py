"""Counts what ran for an answer: tools, searches and the engine."""

from __future__ import annotations

from service.retrieval.hits import Search
from service.telemetry.logging import EventLog
from service.telemetry.metrics import Metrics
from service.tools.toolbox import ToolRun


class Watching:
    """Puts runs into metrics; a failure leaves a log line with the exception's type and nothing of the question."""

    def __init__(self, metrics: Metrics, log: EventLog) -> None:
        self._metrics = metrics
        self._log = log

    def tool_ran(self, run: ToolRun, complexity: str) -> None:
        """Count a run and the searches in it."""
        self._metrics.tool_calls.inc(run.name, run.outcome)
        self._metrics.tool_duration.observe(run.name, complexity, value=run.seconds)
        for search in run.result.searches if run.result else ():
            self._searched(search)

    def tool_failed(self, name: str, error: Exception) -> None:
        """Note a run that raised; as far as a search was meant, it failed too."""
        self._metrics.retrieval_requests.inc("error")
        self._log.write("error", "tool_failed", tool=name, exception=type(error).__name__)

    def generated(self, model: str, seconds: float) -> None:
        """Observe the time that the engine took."""
        self._metrics.generation.observe(self._metrics.model(model), value=seconds)

    def _searched(self, search: Search) -> None:
        self._metrics.retrieval_requests.inc(search.outcome)
        self._metrics.retrieval_documents.observe(len(search.hits))
        for stage, seconds in search.seconds.items():
            self._metrics.retrieval_duration.observe(stage, value=seconds)
