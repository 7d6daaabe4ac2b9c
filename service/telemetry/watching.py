"""Counts and traces what ran for an answer: tools, searches and the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opentelemetry.trace import Span, Tracer, set_span_in_context

from service.errors import ConfigurationError
from service.llm.extractive import MODEL as EXTRACTIVE
from service.retrieval.hits import Search
from service.retrieval.retriever import Holdings
from service.telemetry.logging import EventLog
from service.telemetry.metrics import Metrics
from service.tools.toolbox import ToolRun

_NANOSECONDS = 1_000_000_000


class Publications:
    """Notes what became of the generations that were published while the service ran."""

    def __init__(self, metrics: Metrics, log: EventLog, on_taken: Callable[[Holdings], None]) -> None:
        self._metrics = metrics
        self._log = log
        self._on_taken = on_taken

    def taken(self, generation: str, holdings: Holdings) -> None:
        """Answers come from it from now on."""
        self._metrics.generations.inc("taken")
        self._on_taken(holdings)
        self._log.write(
            "info", "generation_taken", generation=generation, corpus=holdings.hash[:12], documents=holdings.documents
        )

    def refused(self, generation: str, error: ConfigurationError) -> None:
        """It is broken or foreign; the one before it goes on answering."""
        self._metrics.generations.inc("refused")
        self._log.write("error", "generation_refused", generation=generation, reason=str(error))


class Watching:
    """Puts runs into metrics; a failure leaves a log line with the exception's type and nothing of the question.

    `source` names in the spans what searches look through: the deployment's corpus.
    """

    def __init__(
        self, metrics: Metrics, log: EventLog, tracer: Tracer, wall_clock: Callable[[], float], source: str
    ) -> None:
        self._metrics = metrics
        self._log = log
        self._tracer = tracer
        self._wall_clock = wall_clock
        self._source = source

    def guarded(self, guardrail: str, action: str) -> None:
        """Count what was done with a question before anything was written."""
        self._metrics.count_guarded(guardrail, action)

    def tool_ran(self, run: ToolRun, complexity: str) -> None:
        """Count a run and the searches in it."""
        self._metrics.tool_calls.inc(run.name, run.outcome)
        self._metrics.tool_duration.observe(run.name, complexity, value=run.seconds)
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": run.name, "outcome": run.outcome}
        span = self.trace(f"execute_tool {run.name}", run.seconds, attributes)
        for search in run.result.searches if run.result else ():
            self._searched(search, span)

    def tool_failed(self, name: str, error: Exception) -> None:
        """Note a run that raised; as far as a search was meant, it failed too."""
        self._metrics.retrieval_requests.inc("error")
        self._log.write("error", "tool_failed", tool=name, exception=type(error).__name__)

    def generated(self, model: str, seconds: float) -> None:
        """Observe the time that the engine took."""
        self._metrics.generation.observe(self._metrics.model(model), value=seconds)
        if model == EXTRACTIVE:
            # Every call of a language model has a span of its own already.
            self.trace(f"chat {model}", seconds, {"gen_ai.operation.name": "chat"})

    def trace(self, name: str, seconds: float, attributes: Mapping[str, str | int], below: Span | None = None) -> Span:
        """A span for work that has just ended, below another one or the request's."""
        ended = int(self._wall_clock() * _NANOSECONDS)
        context = set_span_in_context(below) if below else None
        span = self._tracer.start_span(
            name, context, start_time=ended - int(seconds * _NANOSECONDS), attributes=attributes
        )
        span.end(ended)
        return span

    def _searched(self, search: Search, tool: Span) -> None:
        attributes: dict[str, str | int] = {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.data_source.id": self._source,
            "outcome": search.outcome,
            "documents": len(search.hits),
        }
        self.trace(f"retrieval {self._source}", search.seconds.get("total", 0.0), attributes, tool)
        self._metrics.retrieval_requests.inc(search.outcome)
        self._metrics.retrieval_documents.observe(len(search.hits))
        for stage, seconds in search.seconds.items():
            self._metrics.retrieval_duration.observe(stage, value=seconds)
