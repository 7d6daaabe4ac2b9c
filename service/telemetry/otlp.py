"""Gives spans to a collector by OTLP (http/protobuf), from a thread of its own.

Requests only put ended spans into a queue. A collector that is slow, dead or wrong costs spans, which are counted, and nothing
else: the queue has an end, nothing is sent twice, and the process leaves within seconds.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from service.errors import ConfigurationError
from service.telemetry.drops import Drops, Reason
from service.telemetry.logging import EventLog
from service.telemetry.otlp_form import encoded

_PATH = "/v1/traces"
_ANSWER_BYTES = 65_536
_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class Pace:
    """How spans leave: how many wait at most, how many go at once, seconds between batches, for one batch, and at the end."""

    waiting: int = 2_048
    batch: int = 256
    pause_seconds: float = 1.0
    batch_seconds: float = 5.0
    closing_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Collector:
    """Where spans go, taken apart."""

    secure: bool
    host: str
    port: int
    path: str
    headers: Mapping[str, str]


def collector_of(endpoint: str, headers: str | None) -> Collector:
    """A collector out of its address and its headers, written `name=value,name=value`.

    Raises:
        ConfigurationError: it is no address, or these are no headers; the headers' values are not told.
    """
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError("COURTSIGHT_OTLP_ENDPOINT is no address; write it like http://collector:4318")
    named: dict[str, str] = {}
    for position, pair in enumerate(filter(None, (headers or "").split(",")), 1):
        name, equals, value = pair.partition("=")
        if not equals or not name.strip() or not (name + value).isprintable() or not (name + value).isascii():
            raise ConfigurationError(
                f"COURTSIGHT_OTLP_HEADERS: number {position} is not name=value in plain characters"
            )
        named[name.strip()] = value.strip()
    secure = parts.scheme == "https"
    path = parts.path if parts.path.strip("/") else _PATH
    return Collector(secure, parts.hostname, port or (443 if secure else 80), path, named)


class OtlpSpans(SpanProcessor):
    """A bounded queue and the thread that empties it."""

    def __init__(self, collector: Collector, drops: Drops, log: EventLog, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._poster = _Poster(collector, self._pace.batch_seconds)
        self._drops = drops
        self._log = log
        self._queue: deque[ReadableSpan] = deque()
        self._wake = threading.Event()
        self._closing = False
        self._well = True
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)
        self._thread.start()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing is sent of what has not ended."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span, or count it where the queue is full."""
        if self._closing:
            self._drops.count("traces", "closed")
        elif len(self._queue) >= self._pace.waiting:
            self._drops.count("traces", "queue_full")
        else:
            self._queue.append(span)
            if len(self._queue) >= self._pace.batch:
                self._wake.set()

    def shutdown(self) -> None:
        """Send what waits, for `closing_seconds` at most; what is left then is counted."""
        self._closing = True
        self._wake.set()
        self._thread.join(self._pace.closing_seconds)
        left = self._take(self._pace.waiting)
        if left:
            self._drops.count("traces", "closed", len(left))

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until the queue is empty."""
        ends = time.monotonic() + timeout_millis / 1000
        self._wake.set()
        while self._queue and time.monotonic() < ends:
            time.sleep(0.01)
        return not self._queue

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(self._pace.pause_seconds)
            self._wake.clear()
            self._send_all()
        self._send_all()
        self._poster.close()

    def _send_all(self) -> None:
        while batch := self._take(self._pace.batch):
            reason, lost = self._sent(batch)
            if reason:
                self._drops.count("traces", reason, lost)
            if self._well == bool(reason):
                # Told once when it begins and once when it ends, not once a second.
                self._well = not reason
                level, event = ("warning", "traces_not_delivered") if reason else ("info", "traces_delivered_again")
                self._log.write(level, event, reason=reason)

    def _sent(self, batch: list[ReadableSpan]) -> tuple[Reason | None, int]:
        """Why spans of a batch were lost, or None, and how many."""
        try:
            status, answer = self._poster.post(encoded(batch))
        except Exception:  # noqa: BLE001 - whatever a collector does or a span holds, the thread goes on and counts
            return "unreachable", len(batch)
        lost = min(_rejected(answer), len(batch)) if status in _SUCCESS else len(batch)
        return ("refused" if lost else None), lost

    def _take(self, most: int) -> list[ReadableSpan]:
        taken: list[ReadableSpan] = []
        while self._queue and len(taken) < most:
            taken.append(self._queue.popleft())
        return taken


class _Poster:
    """One connection that is kept, and made anew after anything went wrong; no exchange takes longer than a batch may."""

    def __init__(self, collector: Collector, seconds: float) -> None:
        self._collector = collector
        self._seconds = seconds
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes) -> tuple[int, bytes]:
        """The status of the answer and its text.

        Raises:
            OSError, HTTPException: nobody is there, or what is there speaks no HTTP.
        """
        kept = self._connection
        if kept is not None:
            try:
                return self._exchange(kept, body)
            except ConnectionError:
                # It was closed while nothing was sent, as servers do with idle connections: nobody has read this batch.
                self.close()
        return self._exchange(self._connect(), body)

    def _exchange(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/x-protobuf", "User-Agent": "courtsight", **self._collector.headers}
        # One clock over the whole exchange: a collector that sends a byte now and then would pass any time limit on a read.
        cut = threading.Timer(self._seconds, _cut, [connection])
        cut.daemon = True
        cut.start()
        try:
            connection.request("POST", self._collector.path, body, headers)
            answer = connection.getresponse()
            text = answer.read(_ANSWER_BYTES)
            if len(text) == _ANSWER_BYTES:
                self.close()
        except BaseException:
            self.close()
            raise
        finally:
            cut.cancel()
        return answer.status, text

    def close(self) -> None:
        """Let the connection go."""
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        collector = self._collector
        if collector.secure:
            context = ssl.create_default_context()
            self._connection = http.client.HTTPSConnection(
                collector.host, collector.port, timeout=self._seconds, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(collector.host, collector.port, timeout=self._seconds)
        return self._connection


def _rejected(answer: bytes) -> int:
    """How many spans a collector did not take although it calls the batch a success (OTLP's partial success); 0 where its answer says nothing of it."""
    try:
        told: int = ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
    except Exception:  # noqa: BLE001 - whatever a collector says in another form, it said success
        return 0
    return max(0, told)


def _cut(connection: http.client.HTTPConnection) -> None:
    held = connection.sock
    if held is not None:
        with suppress(OSError):
            held.shutdown(socket.SHUT_RDWR)
