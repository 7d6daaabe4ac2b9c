"""A span while it is recorded. The SDK's own locks, copies and checks each attribute at each call; ours come from this program alone, and from one thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode

Attributes = Mapping[str, str | int | float]
_SCOPE = InstrumentationScope("service", "")
_WELL, _FAILED = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class Recording:
    """What a span holds so far; it is made into what exporters take once, when it ends.

    `context` names it, `name` and `attributes` may be changed until then. Times are nanoseconds since the epoch, as OpenTelemetry has them.
    """

    __slots__ = ("_failed", "_give", "_kind", "_parent", "_resource", "_started", "attributes", "context", "name")

    def __init__(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        started: int,
        *,
        resource: Resource,
        give: Callable[[ReadableSpan], None],
    ) -> None:
        """Begin.

        Args:
            name: of the work; it may become another one.
            context: the ids of trace and span.
            parent: the span above it, perhaps a caller's.
            kind: as OpenTelemetry has them.
            started: when the work began.
            resource: what is running.
            give: takes the span that has ended.
        """
        self.name = name
        self.context = context
        self.attributes: dict[str, str | int | float] = {}
        self._parent = parent
        self._kind = kind
        self._started = started
        self._resource = resource
        self._give = give
        self._failed = False

    def fail(self) -> None:
        """The work came to nothing by a fault."""
        self._failed = True

    def end(self, ended: int) -> None:
        """Give it away; to be called once."""
        self._give(
            ReadableSpan(
                self.name,
                self.context,
                self._parent,
                self._resource,
                self.attributes,
                kind=self._kind,
                status=_FAILED if self._failed else _WELL,
                start_time=self._started,
                end_time=ended,
                instrumentation_scope=_SCOPE,
            )
        )
