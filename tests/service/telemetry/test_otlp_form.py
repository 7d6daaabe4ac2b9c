"""What we write of spans is what OpenTelemetry's own library writes of them."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from service.telemetry.otlp_form import encoded
from service.telemetry.recording import Recording

RESOURCE = Resource({"service.name": "courtsight", "service.version": "1"})
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
VALUES = TEXTS | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.booleans()
CONTEXTS = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.booleans(),
    st.just(TraceFlags(1)),
)
TIMES = st.integers(0, 2**63 - 1)


@st.composite
def spans(draw: st.DrawFn) -> ReadableSpan:
    taken: list[Any] = []
    parent = draw(st.none() | CONTEXTS)
    kind = draw(st.sampled_from(SpanKind))
    span = Recording(draw(TEXTS), draw(CONTEXTS), parent, kind, draw(TIMES), resource=RESOURCE, give=taken.append)
    span.attributes.update(draw(st.dictionaries(TEXTS, VALUES, max_size=6)))
    if draw(st.booleans()):
        span.fail()
    span.end(draw(TIMES))
    made: ReadableSpan = taken[0]
    return made


# How long it takes to draw a batch says something about the machine alone.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(spans(), min_size=1, max_size=5))
def test_every_span_is_written_as_the_library_writes_it(batch: list[ReadableSpan]) -> None:
    """Names, ids, parents, kinds, times, attributes of every type, status and flags: read back, both requests are the same."""
    assert ExportTraceServiceRequest.FromString(encoded(batch)) == encode_spans(batch)


def test_a_span_is_given_away_once_with_what_it_held_at_its_end() -> None:
    """A name and attributes that came while it was recorded stand in what exporters take, and in its JSON."""
    taken: list[Any] = []
    context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
    span = Recording("request", context, None, SpanKind.SERVER, 10, resource=RESOURCE, give=taken.append)
    span.name = "GET /v1/models"
    span.attributes["http.response.status_code"] = 200
    assert taken == []
    span.end(30)
    (one,) = taken
    assert (one.name, one.attributes, one.start_time, one.end_time) == (
        "GET /v1/models",
        {"http.response.status_code": 200},
        10,
        30,
    )
    assert '"http.response.status_code": 200' in one.to_json()


def test_half_a_letter_costs_that_letter_and_not_the_batch() -> None:
    """Text that has no UTF-8 form, wherever it stands in a span behind the first, leaves its neighbours and the rest of itself readable."""
    taken: list[Any] = []
    for name in ("whole", "half \ud800 of one"):
        context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
        span = Recording(name, context, None, SpanKind.INTERNAL, 10, resource=RESOURCE, give=taken.append)
        span.attributes[f"key {name}"] = f"value {name}"
        span.end(20)
    sent = ExportTraceServiceRequest.FromString(encoded(taken)).resource_spans[0].scope_spans[0].spans
    assert [one.name for one in sent] == ["whole", "half ? of one"]
    assert [(one.attributes[0].key, one.attributes[0].value.string_value) for one in sent] == [
        ("key whole", "value whole"),
        ("key half ? of one", "value half ? of one"),
    ]
