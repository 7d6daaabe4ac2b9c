"""Which requests are traced, decided before anything of a trace exists."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.telemetry.tracing import Allowance, Sampling, Tracing

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"


class Still:
    """A clock that stands until somebody moves it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def tracing(share: float, clock: Any = None, draw: Any = None) -> tuple[Tracing, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    options = {"draw": draw} if draw else {}
    return Tracing({}, SimpleSpanProcessor(exporter), Sampling(share), clock or Still(), **options), exporter


@pytest.mark.parametrize(("drawn", "recorded"), [(0, True), (2**53 // 100 - 1, True), (2**53 // 100 + 1, False)])
def test_the_share_decides(drawn: int, recorded: bool) -> None:
    """What is drawn below the share is recorded; above it there are ids and no span."""
    one, _ = tracing(0.01, draw=lambda bits: drawn if bits == 53 else 7)
    trace_id, span = one.begin(None)
    assert (span is not None) == recorded
    assert len(trace_id) == 32
    assert int(trace_id, 16) > 0


def test_without_anybody_to_take_spans_none_is_made() -> None:
    """Neither the share nor a caller makes a span that nobody would get."""
    alone = Tracing({}, None, Sampling(1.0), Still())
    assert alone.begin(None)[1] is None
    assert alone.begin(PARENT + b"01") == ("0af7651916cd43dd8448eb211c80319c", None)


def test_a_callers_trace_goes_on(build_house: Any) -> None:
    """A sampled `traceparent` is continued below the caller's span, an unsampled one under its id and unrecorded."""
    exporter = InMemorySpanExporter()
    house = build_house(spans=SimpleSpanProcessor(exporter))
    for flag in (b"00", b"01"):
        response = house.send("GET", "/health/live", headers={"traceparent": (PARENT + flag).decode()})
        assert response.headers["x-trace-id"] == "0af7651916cd43dd8448eb211c80319c"
    (span,) = exporter.get_finished_spans()
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"


def test_strangers_cannot_have_everything_recorded() -> None:
    """Of a thousand sampled requests at once ten are recorded, and five a second from then on; the share is not touched."""
    clock = Still()
    one, _ = tracing(0.0, clock)
    assert sum(one.begin(PARENT + b"01")[1] is not None for _ in range(1_000)) == 10
    clock.now += 1.0
    assert sum(one.begin(PARENT + b"01")[1] is not None for _ in range(1_000)) == 5


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01",
        b"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        PARENT + b"1",
        PARENT + b"01-",
        PARENT + b"01-more",
        b"01" + PARENT[2:] + b"01more",
        b"\xff" * 55,
    ],
)
def test_a_broken_parent_is_no_parent(junk: bytes) -> None:
    """What is no `traceparent` gets a trace of its own."""
    one, _ = tracing(0.0)
    assert one.begin(junk)[0] != "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize("version", [b"01", b"cc"])
@pytest.mark.parametrize("more", [b"", b"-", b"-what the future brings"])
def test_a_parent_of_a_later_version_is_one(version: bytes, more: bytes) -> None:
    """W3C Trace Context: what stands where version 00 has it counts in every later one, whatever comes behind."""
    one, _ = tracing(0.0)
    trace_id, span = one.begin(version + PARENT[2:] + b"01" + more)
    assert trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert span is not None


def test_an_allowance_fills_up_and_no_further() -> None:
    """After a long rest there is what fits, not what the rest would have earned."""
    clock = Still()
    bucket = Allowance(1.0, 2.0, clock)
    clock.now = 100.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_content_is_told_only_where_development_wants_it(build_house: Any, settings: Any) -> None:
    """Question and answer stand in the answer's span with the setting, and nowhere without it."""
    for wanted in (False, True):
        exporter = InMemorySpanExporter()
        chosen = settings.model_copy(
            update={"trace_content": wanted, "database": settings.database.with_name(f"{wanted}.db")}
        )
        house = build_house(spans=SimpleSpanProcessor(exporter), wanted=chosen)
        house.ask("judge", "Apa itu hukum pidana?")
        told = "".join(span.to_json() for span in exporter.get_finished_spans())
        assert ("Apa itu hukum pidana?" in told) == wanted
