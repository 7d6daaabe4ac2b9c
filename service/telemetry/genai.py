"""OpenTelemetry's names for calls of models, all in this one place: the convention is still moving (GenAI, v1.41, Development).

Its buckets miss the edges of our objectives, so our own histograms stand beside these.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Histogram

from service.llm.attempt import CallRecord
from service.llm.extractive import PROVIDER
from service.telemetry.record import current_exemplar

_SECONDS = tuple(0.01 * 2.0**power for power in range(14))
_TOKENS = tuple(4.0**power for power in range(14))
_OPERATION = "chat"
UNTOLD = "_OTHER"
"""The convention's own word for what is not told apart; the reasons are told apart in llm_requests_total."""
_ERROR_TYPES = ("", "timeout", UNTOLD)
_GIVEN_UP = frozenset({"cancelled", "superseded"})
"""Calls that nobody waited for any more: no fault of anybody's."""
_LABELS = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")


class GenAiMetrics:
    """Duration, time to the first chunk and tokens of calls, under the convention's names."""

    def __init__(self, registry: CollectorRegistry, models: Mapping[str, tuple[str, str]]) -> None:
        """Make every combination; `models` gives provider and name, as they stand on the page, of each model."""
        duration = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "End minus start of a call",
            (*_LABELS, "error_type"),
            buckets=_SECONDS,
            registry=registry,
        )
        first_chunk = Histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "First text minus start of a call",
            _LABELS,
            buckets=_SECONDS,
            registry=registry,
        )
        tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of a call",
            (*_LABELS, "gen_ai_token_type"),
            buckets=_TOKENS,
            registry=registry,
        )
        named = {name: (_OPERATION, *shown) for name, shown in models.items()}
        self._duration = {
            (name, kind): duration.labels(*labels, kind) for name, labels in named.items() for kind in _ERROR_TYPES
        }
        self._first_chunk = {name: first_chunk.labels(*labels) for name, labels in named.items()}
        self._tokens = {
            (name, kind): tokens.labels(*labels, kind) for name, labels in named.items() for kind in ("input", "output")
        }

    def called(self, record: CallRecord) -> None:
        """Observe a call that has ended."""
        name = record.model.name
        kind = "" if record.status == "ok" else "timeout" if record.status == "timeout" else UNTOLD
        exemplar = current_exemplar()
        self._duration[name, kind].observe(record.seconds, exemplar)
        if record.first_token_seconds is not None:
            self._first_chunk[name].observe(record.first_token_seconds, exemplar)
        if record.usage.source != "missing":
            self._tokens[name, "input"].observe(record.usage.input_tokens, exemplar)
            self._tokens[name, "output"].observe(record.usage.output_tokens, exemplar)


def span_attributes(record: CallRecord) -> Mapping[str, str | int]:
    """What the span of a call says: who was asked and how much, where anybody counted it, and nothing of what was said."""
    attributes: dict[str, str | int] = {
        "gen_ai.operation.name": _OPERATION,
        "gen_ai.provider.name": record.model.provider,
        "gen_ai.request.model": record.model.name,
        "outcome": record.status,
    }
    if record.usage.source != "missing":
        attributes["gen_ai.usage.input_tokens"] = record.usage.input_tokens
        attributes["gen_ai.usage.output_tokens"] = record.usage.output_tokens
    return attributes


def failure_of(record: CallRecord) -> str | None:
    """The `error.type` of a call that failed, None of one that did not."""
    return None if record.status == "ok" or record.status in _GIVEN_UP else record.status


def extractive_attributes(model: str) -> Mapping[str, str]:
    """What the span of an extractive answer says: nobody outside was asked."""
    return {
        "gen_ai.operation.name": _OPERATION,
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.request.model": model,
    }
