"""Traces show what ran, under the request it ran for, without a word of the question."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.tools.law_lookup import LawLookup


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
    """A path that a client made up does not name a span, and stands for no route."""
    traced.send("GET", "/junk/1")
    (span,) = exporter.get_finished_spans()
    said = dict(span.attributes or {})
    assert (span.name, said["http.request.method"]) == ("GET", "GET")
    assert "http.route" not in said
    assert "http.request.method_original" not in said


@pytest.mark.parametrize(("method", "known"), [("TRACE", "TRACE"), ("PROPFIND", "_OTHER")])
def test_methods_that_the_conventions_do_not_know_are_one(
    traced: Any, exporter: InMemorySpanExporter, method: str, known: str
) -> None:
    """`http.request.method` is `_OTHER` for them, and what was sent stands beside it; the span's name says HTTP alone."""
    traced.send(method, "/v1/chat")
    (span,) = exporter.get_finished_spans()
    said = dict(span.attributes or {})
    assert said["http.request.method"] == known
    assert said.get("http.request.method_original") == (method if known == "_OTHER" else None)
    assert span.name == ("HTTP" if known == "_OTHER" else method)


@pytest.mark.parametrize("path", ["/v1/chat", "/v1/chat/completions"])
def test_an_answer_says_its_provider_and_its_conversation_under_a_hash(
    traced: Any, exporter: InMemorySpanExporter, path: str
) -> None:
    """Answers of one conversation share an id that is neither the conversation's own nor the person's, and no other conversation has it."""
    begun = [traced.ask("judge", "Apa itu hukum pidana?")["conversation_id"] for _ in range(2)]
    asked = (
        {"model": "courtsight", "messages": [{"role": "user", "content": "Apa sanksinya?"}]} if "comp" in path else {}
    )
    body = {"message": "Apa sanksinya?", **asked, "conversation_id": begun[0]}
    assert traced.send("POST", path, "judge", json=body).status_code == 200
    agents = [span for span in exporter.get_finished_spans() if span.name == "invoke_agent courtsight"]
    said = [dict(span.attributes or {}) for span in agents]
    assert {one["gen_ai.provider.name"] for one in said} == {"embedded"}
    first, second, again = (str(one["gen_ai.conversation.id"]) for one in said)
    assert (first == again, first == second) == (True, False)
    told = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert not [name for name in (*begun, "id-judge", "a-judge") if name in told]


def test_a_tool_that_fails_is_seen_in_the_trace(
    traced: Any, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its span has the status of an error and its kind; the others, and the answer that was given all the same, have not."""

    async def broken(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(LawLookup, "run", broken)
    answer = traced.ask("judge", "Apa bunyi Pasal 603 KUHP 2023 tentang korupsi?")
    outcomes = {one["tool_name"]: one["outcome"] for one in answer["tool_calls"]}
    assert outcomes["LawLookup"] == "error"
    spans = exporter.get_finished_spans()
    failed = {span.name: dict(span.attributes or {})["error.type"] for span in spans if not span.status.is_unset}
    assert failed == {"execute_tool LawLookup": "_OTHER"}
