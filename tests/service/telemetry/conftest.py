"""Receivers on loopback: an OTLP collector and a Sentry, each of which may also be slow, wrong or silent."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

REJECTED = 3
"""Of each batch, by a receiver that takes a part of it."""


@dataclass
class Receiver:
    """Takes whatever is posted; `behaviour` says how it answers: ok, refuse, partial, garbage, silent, trickle."""

    behaviour: str = "ok"
    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def spans(self) -> list[Any]:
        """Every span that came, parsed."""
        return [
            span
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def resource(self) -> dict[str, str]:
        """The resource of the first batch."""
        (first, *_) = ExportTraceServiceRequest.FromString(self.bodies[0]).resource_spans
        return {attribute.key: attribute.value.string_value for attribute in first.resource.attributes}

    def wait_for(self, number: int, seconds: float = 60.0) -> None:
        """Until so many bodies came."""
        ends = time.monotonic() + seconds
        while len(self.bodies) < number and time.monotonic() < ends:
            time.sleep(0.01)
        assert len(self.bodies) >= number


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        receiver = self.receiver
        receiver.bodies.append(body)
        receiver.paths.append(self.path)
        receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
        match receiver.behaviour:
            case "garbage":
                self.wfile.write(b"\x00\x01 this is no HTTP\r\n\r\n")
                self.close_connection = True
            case "silent":
                receiver.released.wait(60)
                self.close_connection = True
            case "trickle":
                self._trickle()
            case "partial":
                answer = ExportTraceServiceResponse()
                answer.partial_success.rejected_spans = REJECTED
                self.send_response(200)
                self.send_header("Content-Length", str(answer.ByteSize()))
                self.end_headers()
                self.wfile.write(answer.SerializeToString())
            case other:
                self.send_response(200 if other == "ok" else 500)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

    def _trickle(self) -> None:
        self.close_connection = True
        try:
            for _ in range(500):
                self.wfile.write(b"H")
                if self.receiver.released.wait(0.02):
                    return
        except OSError:
            return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
        """Nothing on standard error."""


@pytest.fixture
def receive() -> Iterator[Callable[..., Receiver]]:
    """Starts receivers; each is stopped at the end."""
    servers: list[tuple[ThreadingHTTPServer, Receiver]] = []

    def start(behaviour: str = "ok") -> Receiver:
        receiver = Receiver(behaviour)
        handler = type("Handler", (_Handler,), {"receiver": receiver})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        receiver.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append((server, receiver))
        return receiver

    yield start
    for server, receiver in servers:
        receiver.released.set()
        server.shutdown()
        server.server_close()
