"""Traces show what ran, under the request it ran for, without a word of the question."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(build_house: Any, exporter: InMemorySpanExporter) -> Any:
    return build_house(spans=SimpleSpanProcessor(exporter))


def test_tools_and_engine_are_spans_below_the_request(traced: Any, exporter: InMemorySpanExporter) -> None:
    """One trace holds the request, below it the answer, below that each tool and the engine, and each search below its tool."""
    traced.token("judge")
    exporter.clear()
    answer = traced.ask("judge", "Apa preseden terkuat untuk membuktikan KDRT dalam perkara perceraian?")
    spans = {span.name: span for span in exporter.get_finished_spans()}
    used = {f"execute_tool {call['tool_name']}" for call in answer["tool_calls"]}
    agent = "invoke_agent courtsight"
    assert set(spans) == {"POST /v1/chat", agent, "chat extractive", "retrieval courtsight", *used}
    root, search = spans.pop("POST /v1/chat"), spans.pop("retrieval courtsight")
    assert spans[agent].parent.span_id == root.context.span_id
    above = spans.pop(agent).context.span_id
    assert search.parent.span_id in {spans[name].context.span_id for name in used}
    assert search.attributes["gen_ai.data_source.id"] == "courtsight"
    assert all(span.parent.span_id == above for span in spans.values())
    assert root.attributes["http.response.status_code"] == 200


def test_streams_are_traced_alike(traced: Any, exporter: InMemorySpanExporter) -> None:
    """A streamed answer has the same spans, one per answer and none per piece."""
    traced.token("judge")
    exporter.clear()
    traced.stream("judge", "Apa itu hukum pidana?")
    names = sorted(span.name for span in exporter.get_finished_spans())
    assert names == [
        "POST /v1/chat", "chat extractive", "execute_tool LegalRetriever", "invoke_agent courtsight", "retrieval courtsight",
    ]  # fmt: skip


def test_spans_hold_no_question(traced: Any, exporter: InMemorySpanExporter) -> None:
    """Neither names nor attributes carry what was asked."""
    traced.ask("judge", "Apa itu hukum pidana zebracrossing?")
    assert "zebracrossing" not in "".join(span.to_json() for span in exporter.get_finished_spans())


def test_unknown_paths_are_one_name(traced: Any, exporter: InMemorySpanExporter) -> None:
    """A path that a client made up does not name a span."""
    traced.send("GET", "/junk/1")
    (span,) = exporter.get_finished_spans()
    assert span.name == "GET unmatched"
