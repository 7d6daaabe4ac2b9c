"""A small workload, the spec, and a chatbot on loopback whose faults a test chooses."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from benchmarks.workload import WORKLOADS_FOLDER, LatencyPlan, LoadPlan, Workload, load_workload
from slo.evidence import RunContext
from slo.load import SPECS_FOLDER, load_spec
from slo.spec import Engine, Spec

Reply = tuple[int, str, bytes]
Script = Callable[[dict[str, Any], int], Reply]
"""From a question's body and its number to status, content type and body."""


@pytest.fixture(scope="session")
def spec() -> Spec:
    """The spec that ships."""
    return load_spec(SPECS_FOLDER / "courtsight.yaml")


@pytest.fixture
def context() -> RunContext:
    """The context of a run."""
    return RunContext(
        run="20261120T211700Z-1a2b3c4",
        target="http://127.0.0.1:1",
        deployment="courtsight",
        engine=Engine.EXTRACTIVE,
        commit="1a2b3c4",
        dirty=False,
        hashes={},
        seed=7,
    )


@pytest.fixture
def clock() -> Callable[[], datetime]:
    """A clock that stands still."""
    return lambda: datetime(2026, 11, 20, 21, 17, tzinfo=UTC)


@pytest.fixture(scope="session")
def shipped() -> Workload:
    """The workload that ships."""
    return load_workload(WORKLOADS_FOLDER / "courtsight.yaml")


@pytest.fixture
def small(shipped: Workload) -> Workload:
    """A second of four users, more where twenty requests take longer, and cells with just enough samples for a p95."""
    return replace(
        shipped,
        latency=LatencyPlan(
            warm_up=2, streams=59, json=20, tool_runs=59, least_characters=100, tool_role="judge", longest_seconds=120.0
        ),
        load=LoadPlan(
            users=4,
            spawn_rate=4.0,
            duration_seconds=1.0,
            longest_seconds=120.0,
            least_requests=20,
            think_seconds=(0.01, 0.02),
            stream_share=0.5,
            new_conversation_share=0.5,
            timeout_seconds=60.0,
        ),
    )


def answer_body() -> dict[str, Any]:
    """A good answer of docs/http-api.md, as far as a load test looks."""
    return {"conversation_id": "c1", "answer": "Jawaban", "outcome": "ok", "complexity": "simple"}


def as_json(body: dict[str, Any], status: int = 200) -> Reply:
    """A whole body."""
    return status, "application/json", json.dumps(body).encode()


def as_stream(*events: tuple[str, dict[str, Any]]) -> Reply:
    """A stream of events."""
    text = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
    return 200, "text/event-stream", text.encode()


def good(body: dict[str, Any], number: int, *, stream: bool) -> Reply:
    """What a chatbot without faults answers."""
    if stream:
        return as_stream(
            ("start", {}), ("delta", {"text": ""}), ("delta", {"text": "Jawaban"}), ("done", answer_body())
        )
    return as_json(answer_body())


@contextmanager
def _serving(script: Callable[..., Reply]) -> Iterator[str]:
    numbers = iter(range(1_000_000))

    class Chatbot(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if self.path == "/v1/auth/token":
                self._send(*as_json({"access_token": body["username"]}, 401 if body["password"] == "wrong" else 200))
            else:
                stream = "event-stream" in self.headers["accept"]
                self._send(*script(body, next(numbers), stream=stream))

        def _send(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if kind != "text/event-stream":
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in content.split(b"\n\n"):
                if piece == b"CUT":
                    self.close_connection = True
                    return
                if piece:
                    self.wfile.write(f"{len(piece) + 2:x}\r\n".encode() + piece + b"\n\n\r\n")
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Chatbot)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def serving() -> Callable[..., Any]:
    """A context manager that serves a script on loopback and gives its address."""
    return _serving


@pytest.fixture
def replies() -> dict[str, Callable[..., Reply]]:
    """The makers of replies, for scripts."""
    return {"good": good, "json": as_json, "stream": as_stream}
