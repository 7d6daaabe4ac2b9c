"""Traces by the OpenTelemetry SDK: a provider per app, spans made by hand, and no message content in any of them."""

from __future__ import annotations

import sys

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import Span, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Headers = list[tuple[bytes, bytes]]


class _AsgiHeaders(Getter[Headers]):
    def get(self, carrier: Headers, key: str) -> list[str] | None:
        wanted = key.encode()
        return [value.decode("latin-1") for name, value in carrier if name == wanted] or None

    def keys(self, carrier: Headers) -> list[str]:
        return [name.decode("latin-1") for name, _ in carrier]


class Tracing:
    """One tracer; without a processor spans are not recorded, but they still carry ids for logs and answers."""

    def __init__(self, version: str, processor: SpanProcessor | None) -> None:
        self._provider = TracerProvider(
            sampler=ALWAYS_ON if processor else ALWAYS_OFF,
            resource=Resource({"service.name": "courtsight", "service.version": version}),
            shutdown_on_exit=False,
        )
        if processor:
            self._provider.add_span_processor(processor)
        self.tracer: Tracer = self._provider.get_tracer("service")
        self._propagator = TraceContextTextMapPropagator()
        self._getter = _AsgiHeaders()

    def parent(self, headers: Headers) -> Context | None:
        """The caller's trace, when the request names one."""
        if not any(name == b"traceparent" for name, _ in headers):
            return None
        return self._propagator.extract(headers, getter=self._getter)

    def close(self) -> None:
        """Give the exporter what is left."""
        self._provider.shutdown()


def stderr_processor() -> SpanProcessor:
    """Prints spans as JSON, for development."""
    return BatchSpanProcessor(ConsoleSpanExporter(out=sys.stderr))


def trace_id(span: Span) -> str:
    """The trace id as 32 hexadecimal digits."""
    return f"{span.get_span_context().trace_id:032x}"
