"""Counts and traces what ran for an answer: tools, searches and the engine."""

from __future__ import annotations

from collections.abc import Callable

import orjson
from opentelemetry.trace import SpanKind

from service.errors import ConfigurationError
from service.llm.extractive import MODEL as EXTRACTIVE
from service.llm.extractive import PROVIDER as EMBEDDED
from service.retrieval.hits import Search
from service.retrieval.retriever import Holdings
from service.telemetry.genai import UNTOLD, extractive_attributes
from service.telemetry.logging import EventLog
from service.telemetry.metrics import Metrics
from service.telemetry.record import CURRENT, current_exemplar
from service.telemetry.recording import Attributes, Recording
from service.telemetry.tracing import Tracing
from service.tools.toolbox import ToolRun

_NANOSECONDS = 1_000_000_000
_FAILED = {"timeout": "timeout", "error": UNTOLD}
"""Outcomes of tools and searches that are faults, by the convention's `error.type`."""


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
        self, metrics: Metrics, log: EventLog, tracing: Tracing, wall_clock: Callable[[], float], source: str
    ) -> None:
        self._metrics = metrics
        self._log = log
        self._tracing = tracing
        self._wall_clock = wall_clock
        self._source = source

    def asked(self, question: str) -> None:
        """Open the span of an answer, below which its tools and models stand; the text only where development wants it."""
        record = CURRENT.get()
        if record is None or record.span is None:
            return
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": EMBEDDED,
            "gen_ai.agent.name": self._source,
        }
        if record.conversation:
            attributes["gen_ai.conversation.id"] = record.conversation
        if self._tracing.content:
            attributes["gen_ai.input.messages"] = _message("user", question)
        record.agent = self._tracing.child(f"invoke_agent {self._source}", record.span, attributes)

    def answered(self, outcome: str | None, text: str) -> None:
        """End the span of an answer; without an outcome it came to nothing."""
        record = CURRENT.get()
        if record is None or record.agent is None:
            return
        agent, record.agent = record.agent, None
        agent.attributes["outcome"] = outcome or "unfinished"
        if self._tracing.content:
            agent.attributes["gen_ai.output.messages"] = _message("assistant", text)
        self._tracing.end(agent)

    def guarded(self, guardrail: str, action: str) -> None:
        """Count what was done with a question before anything was written."""
        self._metrics.count_guarded(guardrail, action)

    def tool_ran(self, run: ToolRun, complexity: str) -> None:
        """Count a run and the searches in it."""
        self._metrics.tool_calls.inc(run.name, run.outcome)
        self._metrics.tool_duration.observe(run.name, complexity, value=run.seconds)
        span = None
        if _is_recorded():
            attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": run.name, "outcome": run.outcome}
            span = self.trace(f"execute_tool {run.name}", run.seconds, attributes, failed=_FAILED.get(run.outcome))
        for search in run.result.searches if run.result else ():
            self._searched(search, span)

    def tool_failed(self, name: str, error: Exception) -> None:
        """Note a run that raised; as far as a search was meant, it failed too."""
        self._metrics.retrieval_requests.inc("error")
        self._log.write("error", "tool_failed", tool=name, exception=type(error).__name__)

    def generated(self, model: str, seconds: float) -> None:
        """Observe the time that the engine took."""
        self._metrics.generation.observe(self._metrics.model(model), value=seconds, exemplar=current_exemplar())
        if model == EXTRACTIVE and _is_recorded():
            self.wrote(EMBEDDED)
            # Every call of a language model has a span of its own already.
            self.trace(f"chat {model}", seconds, extractive_attributes(model))

    def wrote(self, provider: str) -> None:
        """Say on the span of the answer whose model wrote last; as it begins it is our own engine, which also writes whatever no model is asked for."""
        record = CURRENT.get()
        if record is not None and record.agent is not None:
            record.agent.attributes["gen_ai.provider.name"] = provider

    def trace(
        self,
        name: str,
        seconds: float,
        attributes: Attributes,
        below: Recording | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        failed: str | None = None,
    ) -> Recording | None:
        """A span for work that has just ended, below another one or the request's; None where nothing is recorded.

        `failed` is the convention's `error.type` of work that came to nothing by a fault.
        """
        record = CURRENT.get()
        parent = below if below is not None else record.agent or record.span if record is not None else None
        if parent is None:
            return None
        ended = int(self._wall_clock() * _NANOSECONDS)
        begun = ended - int(seconds * _NANOSECONDS)
        span = self._tracing.child(name, parent, attributes, kind, begun)
        if failed:
            span.attributes["error.type"] = failed
            span.fail()
        span.end(ended)
        return span

    def _searched(self, search: Search, tool: Recording | None) -> None:
        if tool is not None:
            attributes: dict[str, str | int] = {
                "gen_ai.operation.name": "retrieval",
                "gen_ai.data_source.id": self._source,
                "outcome": search.outcome,
                "documents": len(search.hits),
            }
            seconds, failed = search.seconds.get("total", 0.0), _FAILED.get(search.outcome)
            self.trace(f"retrieval {self._source}", seconds, attributes, tool, failed=failed)
        self._metrics.count_search(search.outcome, len(search.hits), search.seconds)


def _is_recorded() -> bool:
    record = CURRENT.get()
    return record is not None and record.span is not None


def _message(role: str, text: str) -> str:
    """One message in the form of OpenTelemetry's GenAI conventions."""
    return orjson.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}]).decode()
