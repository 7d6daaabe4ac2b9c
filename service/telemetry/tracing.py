"""Traces in OpenTelemetry's forms: spans made by hand, given to the SDK's processors, and no message content unless development asks for it.

Whether a trace is recorded is decided before anything of OpenTelemetry is made: of a request that is not, only the ids exist.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from service.telemetry.recording import Attributes, Recording

FORCED_PER_SECOND = 5.0
"""Traces a second that callers may have recorded by a sampled `traceparent`; what they ask beyond it takes its chance."""
_FORCED_AT_ONCE = 10.0
_PARENT = re.compile(
    rb"(?!ff|00.{53}.)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)
"""As version 00 has it; a later one may say more behind that (W3C Trace Context, 3.2.2)."""
_SAMPLED = 0x01
_FLAGS = TraceFlags(_SAMPLED)
_DRAWN_BITS = 53


@dataclass(frozen=True, slots=True)
class Sampling:
    """How much is recorded: a share of requests (0 to 1), and whether spans may hold messages (development only)."""

    share: float = 1.0
    content: bool = False


class Allowance:
    """A bucket of tokens: so many a second, and some at once."""

    def __init__(self, per_second: float, at_once: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._clock = clock
        self._left = at_once
        self._looked = clock()

    def take(self) -> bool:
        """Whether there was a token left."""
        now = self._clock()
        self._left = min(self._at_once, self._left + (now - self._looked) * self._per_second)
        self._looked = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Tracing:
    """Begins the traces of requests; without a processor none is recorded, but all have ids for logs and answers."""

    def __init__(
        self,
        resource: Mapping[str, str],
        processor: SpanProcessor | None,
        sampling: Sampling,
        clock: Callable[[], float],
        draw: Callable[[int], int] = random.getrandbits,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """Keep who takes spans, if there is somebody.

        Args:
            resource: what is running, by OpenTelemetry's names.
            processor: takes the spans that have ended.
            sampling: how much is recorded.
            clock: monotonic seconds.
            draw: so many random bits; they name and choose traces, and guard nothing.
            now: nanoseconds since the epoch.
        """
        self._draw = draw
        self.content = sampling.content
        self._below = int(sampling.share * 2**_DRAWN_BITS) if processor else 0
        self._allowance = Allowance(FORCED_PER_SECOND, _FORCED_AT_ONCE, clock)
        self._processor = processor
        self._resource = Resource(dict(resource))
        self._now = now

    def begin(self, traceparent: bytes | None) -> tuple[str, Recording | None]:
        """The trace id of a request in 32 hexadecimal digits, and its span where the trace is recorded.

        A caller's trace goes on under its own id. Whether it is recorded is the caller's word, up to FORCED_PER_SECOND.
        """
        parent = _PARENT.fullmatch(traceparent) if traceparent else None
        if parent is None:
            if self._draw(_DRAWN_BITS) >= self._below:
                return f"{self._draw(128) or 1:032x}", None
            return self._started(None)
        caller = int(parent[3], 16) & _SAMPLED
        if self._processor is None or not caller:
            return parent[1].decode(), None
        if not self._allowance.take() and self._draw(_DRAWN_BITS) >= self._below:
            return parent[1].decode(), None
        return self._started(SpanContext(int(parent[1], 16), int(parent[2], 16), is_remote=True, trace_flags=_FLAGS))

    def _started(self, caller: SpanContext | None) -> tuple[str, Recording]:
        span = self._recording("request", caller, SpanKind.SERVER, None)
        return f"{span.context.trace_id:032x}", span

    def child(
        self,
        name: str,
        parent: Recording,
        attributes: Attributes,
        kind: SpanKind = SpanKind.INTERNAL,
        started: int | None = None,
    ) -> Recording:
        """A span below another one; it began now, unless `started` says when, in nanoseconds since the epoch."""
        span = self._recording(name, parent.context, kind, started)
        span.attributes.update(attributes)
        return span

    def end(self, span: Recording) -> None:
        """It ends now."""
        span.end(self._now())

    def _recording(self, name: str, parent: SpanContext | None, kind: SpanKind, started: int | None) -> Recording:
        assert self._processor is not None, "spans are made only where somebody takes them"  # noqa: S101 - narrows the type
        trace_id = parent.trace_id if parent else self._draw(128) or 1
        context = SpanContext(trace_id, self._draw(64) or 1, is_remote=False, trace_flags=_FLAGS)
        begun = self._now() if started is None else started
        return Recording(name, context, parent, kind, begun, resource=self._resource, give=self._processor.on_end)

    def close(self) -> None:
        """Give the exporter what is left."""
        if self._processor:
            self._processor.shutdown()


def stderr_processor() -> SpanProcessor:
    """Prints spans as JSON, for development."""
    return BatchSpanProcessor(ConsoleSpanExporter(out=sys.stderr))
