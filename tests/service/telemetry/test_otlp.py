"""Spans over OTLP, to a collector that is there, and to collectors that are not what they should be."""

from __future__ import annotations

import io
import socket
from dataclasses import replace
from typing import Any

import orjson
import pytest
from opentelemetry.sdk.trace import TracerProvider

from service.errors import ConfigurationError
from service.telemetry.drops import Drops
from service.telemetry.logging import EventLog
from service.telemetry.otlp import OtlpSpans, Pace, collector_of

PATIENT = Pace(waiting=64, batch=8, pause_seconds=0.02, batch_seconds=60.0, closing_seconds=120.0)
"""With a collector that answers: a machine that is slow to do so loses nothing."""


def pipeline(port: int, pace: Pace = PATIENT) -> tuple[OtlpSpans, Drops, io.BytesIO]:
    drops, output = Drops(), io.BytesIO()
    log = EventLog(output, "info", lambda: 0.0)
    return OtlpSpans(collector_of(f"http://127.0.0.1:{port}", "x-tenant=court"), drops, log, pace), drops, output


def dropped(drops: Drops) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["signal"], sample.labels["reason"]): sample.value
        for family in drops.counter.collect()
        for sample in family.samples
        if sample.value and sample.name.endswith("_total")
    }


def make_spans(spans: OtlpSpans, number: int) -> None:
    tracer = TracerProvider(shutdown_on_exit=False)
    tracer.add_span_processor(spans)
    for _ in range(number):
        tracer.get_tracer("t").start_span("s").end()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def attributes(span: Any) -> dict[str, Any]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


def test_a_collector_gets_the_whole_answer(build_house: Any, receive: Any) -> None:
    """Resource, names, parents and attributes of the request, the answer, its tool, its search and its engine arrive, once each."""
    collector = receive()
    spans, drops, _ = pipeline(collector.port)
    house = build_house(spans=spans)
    house.token("judge")
    answer = house.ask("judge", "Apa itu hukum pidana?")
    spans.shutdown()
    root, *_ = (span for span in collector.spans() if span.name == "POST /v1/chat")
    mine = {span.name: span for span in collector.spans() if span.trace_id == root.trace_id}
    assert sorted(mine) == [
        "POST /v1/chat", "chat extractive", "execute_tool LegalRetriever", "invoke_agent courtsight", "retrieval courtsight",
    ]  # fmt: skip
    agent, tool = mine["invoke_agent courtsight"], mine["execute_tool LegalRetriever"]
    assert (agent.parent_span_id, root.parent_span_id) == (root.span_id, b"")
    assert {mine["chat extractive"].parent_span_id, tool.parent_span_id} == {agent.span_id}
    assert mine["retrieval courtsight"].parent_span_id == tool.span_id
    said = attributes(root)
    assert said["courtsight.request_id"] == answer["request_id"]
    assert (said["http.route"], said["http.response.status_code"], said["outcome"]) == ("/v1/chat", 200, "ok")
    assert attributes(tool)["gen_ai.tool.name"] == "LegalRetriever"
    assert {key: collector.resource()[key] for key in ("service.name", "deployment.environment.name")} == {
        "service.name": "courtsight", "deployment.environment.name": "development",
    }  # fmt: skip
    assert (set(collector.paths), collector.headers[0]["x-tenant"]) == ({"/v1/traces"}, "court")
    assert dropped(drops) == {}


@pytest.mark.parametrize(
    ("behaviour", "reason", "lost"),
    [
        ("refuse", "refused", 8),
        ("partial", "refused", 3),
        ("garbage", "unreachable", 8),
        ("silent", "unreachable", 8),
        ("trickle", "unreachable", 8),
    ],
)
def test_what_a_bad_collector_does_not_take_is_counted(receive: Any, behaviour: str, reason: str, lost: int) -> None:
    """An error, no HTTP, silence and a byte now and then cost the batch, and a success that takes a part of it the rest: counted, and told once in the log."""
    never = behaviour in {"silent", "trickle"}
    spans, drops, output = pipeline(receive(behaviour).port, replace(PATIENT, batch_seconds=0.3) if never else PATIENT)
    make_spans(spans, 8)
    spans.shutdown()
    assert dropped(drops) == {("traces", reason): lost}
    (line,) = [orjson.loads(line) for line in output.getvalue().splitlines()]
    assert (line["event"], line["reason"]) == ("traces_not_delivered", reason)


def test_nobody_there_is_counted_and_slows_no_answer(build_house: Any) -> None:
    """With a dead collector answers come as ever, and every span is counted as lost on the page."""
    spans, drops, _ = pipeline(closed_port())
    house = build_house(spans=spans)
    assert house.ask("judge", "Apa itu hukum pidana?")["outcome"] == "ok"
    spans.shutdown()
    assert dropped(drops)["traces", "unreachable"] >= 5


def test_the_queue_has_an_end(receive: Any) -> None:
    """While a collector holds the line, no more than the queue waits; the rest is counted, and what waits at the end too."""
    collector = receive("silent")
    # Only four at once leave, and for nothing do these give way.
    pace = Pace(waiting=16, batch=4, pause_seconds=3600.0, batch_seconds=3600.0, closing_seconds=0.1)
    spans, drops, _ = pipeline(collector.port, pace)
    make_spans(spans, 4)
    collector.wait_for(1)
    make_spans(spans, 50)
    assert dropped(drops) == {("traces", "queue_full"): 34}
    spans.shutdown()
    assert dropped(drops)["traces", "closed"] == 16


def test_a_collector_that_comes_back_gets_what_comes_then(receive: Any) -> None:
    """After a failure the next batch is delivered, and the log says so once."""
    collector = receive("refuse")
    spans, drops, output = pipeline(collector.port)
    make_spans(spans, 8)
    collector.wait_for(1)
    spans.force_flush()
    collector.behaviour = "ok"
    make_spans(spans, 8)
    collector.wait_for(2)
    spans.shutdown()
    assert dropped(drops) == {("traces", "refused"): 8}
    events = [orjson.loads(line)["event"] for line in output.getvalue().splitlines()]
    assert events == ["traces_not_delivered", "traces_delivered_again"]


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://collector", "http://", "http://collector:port"])
def test_a_wrong_address_is_refused(endpoint: str) -> None:
    """What is no http address ends the start, and the line names the setting."""
    with pytest.raises(ConfigurationError, match="COURTSIGHT_OTLP_ENDPOINT"):
        collector_of(endpoint, None)


def test_wrong_headers_are_refused_without_their_values() -> None:
    """The line says which header is wrong and nothing of a secret in it."""
    with pytest.raises(ConfigurationError, match="number 2") as caught:
        collector_of("http://collector:4318", "a=b,supersecret")
    assert "supersecret" not in str(caught.value)


def test_an_address_with_a_path_keeps_it() -> None:
    """Only an address without a path gets the usual one."""
    assert collector_of("https://c.example/otlp/v1/traces", None).path == "/otlp/v1/traces"
    assert collector_of("https://c.example/", None).path == "/v1/traces"
