"""The load generator and answers that no chatbot should give: without end, packed, unreadable, or by a stranger's certificate."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.load.run import LoadJob, run_load
from benchmarks.load.way import proxy_arguments, proxy_of
from benchmarks.workload import Workload
from slo.errors import InvalidInput
from slo.evidence import Evidence, RunContext
from slo.spec import Spec
from slo.verdict import Verdict
from target.accounts import Credentials
from tests.benchmarks.conftest import answer_body, as_stream
from tests.tls import serving_context

CREDENTIALS = {role: Credentials(f"u-{role}", "p") for role in ("admin", "judge", "lawyer", "researcher", "public")}
STREAM = as_stream(("delta", {"text": "Jawaban"}), ("done", answer_body()))[2]
Send = Callable[[BaseHTTPRequestHandler, bool], None]
"""Answers a question; the flag says whether it is to be streamed."""
Measure = Callable[[str], Evidence]


@pytest.fixture
def measure(small: Workload, spec: Spec, context: RunContext, clock: Callable[[], datetime], tmp_path: Path) -> Measure:
    """A load test of as few requests as may be."""
    few = replace(small, load=replace(small.load, duration_seconds=0.1, least_requests=24))
    return lambda url: run_load(LoadJob(few, url, CREDENTIALS, tmp_path), spec, context, lambda _: None, clock=clock)


@contextmanager
def chatbot(send: Send, tls: ssl.SSLContext | None = None) -> Iterator[ThreadingHTTPServer]:
    """Signs everybody in, and answers questions by `send`; `asked` holds what was asked for, and the proxy's password."""

    class Page(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            server.asked.append((self.path, self.headers["proxy-authorization"]))  # type: ignore[attr-defined]
            self.rfile.read(int(self.headers["content-length"]))
            try:
                if self.path.endswith("/v1/auth/token"):
                    whole(self, 200, json.dumps({"access_token": "t"}).encode())
                else:
                    send(self, "event-stream" in self.headers["accept"])
            except OSError:
                self.close_connection = True  # who asked has left

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that does not trust us is none of the test's output."""

    server = Server(("127.0.0.1", 0), Page)
    server.asked = []  # type: ignore[attr-defined]
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def whole(page: BaseHTTPRequestHandler, status: int, content: bytes, **headers: str) -> None:
    """An answer of a known length."""
    page.send_response(status)
    for name, value in {"Content-Length": str(len(content)), **headers}.items():
        page.send_header(name.replace("_", "-"), value)
    page.end_headers()
    page.wfile.write(content)


def good(page: BaseHTTPRequestHandler, streamed: bool) -> None:
    whole(page, 200, STREAM if streamed else json.dumps(answer_body()).encode())


def packed(page: BaseHTTPRequestHandler, streamed: bool) -> None:
    content = STREAM if streamed else json.dumps(answer_body()).encode()
    if streamed:
        whole(page, 200, gzip.compress(content), Content_Encoding="gzip")
    else:
        whole(page, 200, zlib.compress(content), Content_Encoding="deflate")


def oddly_packed(page: BaseHTTPRequestHandler, streamed: bool) -> None:
    whole(page, 200, b"\x1b", Content_Encoding="br")


def half_packed(page: BaseHTTPRequestHandler, streamed: bool) -> None:
    whole(page, 200, gzip.compress(STREAM)[:-9], Content_Encoding="gzip")


def pours(page: BaseHTTPRequestHandler, streamed: bool) -> None:
    page.close_connection = True
    page.send_response(200)
    page.end_headers()
    while True:
        page.wfile.write(b"data: " + b"x" * 2**20)


def pours_headers(page: BaseHTTPRequestHandler, streamed: bool) -> None:
    page.close_connection = True
    page.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        page.wfile.write(b"X-A: " + b"x" * 2**15 + b"\r\n")


BOMB = gzip.compress(b" " * (64 * 2**20))


def swells(page: BaseHTTPRequestHandler, streamed: bool) -> None:
    whole(page, 200, BOMB, Content_Encoding="gzip")


def latin(page: BaseHTTPRequestHandler, streamed: bool) -> None:
    whole(page, 502, "<h1>Passerelle erron\u00e9e</h1>".encode("latin-1"))


ODD: dict[Send, str] = {
    pours: "TooLarge: an answer of more than 16 MiB",
    pours_headers: "no answer: an answer of more than 16 MiB",
    swells: "TooLarge: an answer of more than 16 MiB",
    oddly_packed: "HTTPParseError: the answer is packed as 'br', which was not asked for",
    half_packed: "HTTPParseError: the packed answer ends too soon",
    latin: "502",
}


@pytest.mark.integration
def test_odd_answers_are_failed_requests_and_packed_ones_are_answers(measure: Measure) -> None:
    """Each came, so each is counted, under what it was: what poured filled the memory, and a page in other letters "never ended".

    A proxy may pack what nobody asked it to: the other steps read it, and the load test counted each such stream as cut.
    """
    numbers, odd = itertools.count(), tuple(ODD)

    def in_turn(page: BaseHTTPRequestHandler, streamed: bool) -> None:
        number = next(numbers)
        (packed if number % 2 else odd[number // 2 % len(odd)])(page, streamed)

    with chatbot(in_turn) as server:
        evidence = measure(f"http://127.0.0.1:{server.server_port}")
    stage = evidence.details["stages"][0]
    assert evidence.complete, evidence.details
    assert set(evidence.details["errors"]) == set(ODD.values())
    assert abs(stage["requests"] - 2 * stage["failures"]) <= 1
    assert stage["ttft_p95_seconds"] is not None


@pytest.mark.integration
@pytest.mark.parametrize(
    ("trusts", "host", "why"),
    [
        (True, "127.0.0.1", ""),
        (False, "127.0.0.1", "self-signed certificate"),
        (True, "localhost", "mismatch"),
    ],
)
def test_only_a_trusted_certificate_is_told_a_password(
    trusts: bool,
    host: str,
    why: str,
    measure: Measure,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Locust's client trusts everybody unless told otherwise: passwords, tokens and questions went to whoever answered."""
    tls, file = serving_context(tmp_path)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    if trusts:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with chatbot(good, tls) as server:
        evidence = measure(f"https://{host}:{server.server_port}")
        asked = list(server.asked)  # type: ignore[attr-defined]
    if why:
        assert asked == []
        assert {item.verdict for item in evidence.items} == {Verdict.ERROR}
        assert "failed with status 0" in evidence.items[0].reason
        assert why in evidence.items[0].reason
    else:
        assert evidence.complete, evidence.details
        assert evidence.details["errors"] == {}


@pytest.mark.integration
def test_a_chatbot_elsewhere_is_loaded_through_the_proxy_of_the_environment(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the other steps ask it: behind a proxy all of them passed, and the load test met nobody."""
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with chatbot(good) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:a%20b@127.0.0.1:{proxy.server_port}")
        evidence = measure("http://chat.example:8080")
        asked = proxy.asked  # type: ignore[attr-defined]
    assert evidence.complete, evidence.details
    assert evidence.details["errors"] == {}
    password = f"Basic {base64.b64encode(b'me:a b').decode()}"
    assert {path for path, _ in asked} == {
        "http://chat.example:8080/v1/auth/token",
        "http://chat.example:8080/v1/chat",
    }
    assert {shown for _, shown in asked} == {password}


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("https://chat.example", {}, ""),
        ("https://chat.example", {"https_proxy": "http://p:3128"}, "http://p:3128"),
        ("http://chat.example", {"https_proxy": "http://p:3128"}, ""),
        ("http://chat.example", {"all_proxy": "p:3128"}, "http://p:3128"),
        ("https://chat.example:8443", {"https_proxy": "http://p", "no_proxy": "x, .example"}, ""),
        ("http://127.0.0.1:8000", {"http_proxy": "http://p:3128"}, ""),
    ],
)
def test_the_proxy_is_the_one_that_the_environment_names(
    url: str, environment: dict[str, str], proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By scheme, for all, or not for this host; never between us and our own machine."""
    alone(monkeypatch, environment)
    assert proxy_of(url) == proxy


def test_a_proxy_that_the_client_does_not_know_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of its variable: the address may hold a password."""
    alone(monkeypatch, {"all_proxy": "socks5://me:geheim@p:1080"})
    with pytest.raises(InvalidInput, match="ALL_PROXY: is no http proxy") as refused:
        proxy_of("https://chat.example")
    assert "geheim" not in str(refused.value)


def test_a_proxy_without_a_port_is_reached_at_80() -> None:
    """As every client does; without a proxy there is nothing to say."""
    assert proxy_arguments("http://p") == {"proxy_host": "p", "proxy_port": 80}
    assert proxy_arguments("") == {}


def alone(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """These variables, and no other proxy of the machine that tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
