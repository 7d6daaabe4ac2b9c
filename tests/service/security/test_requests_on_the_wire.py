"""Requests that two servers in a row could read differently, sent byte by byte to the real server: smuggling, upgrades, odd targets."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.serving.server import Silence
from tests.service.test_serve_command import serving

HIDDEN = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
LOGIN = b"POST /v1/auth/token HTTP/1.1\r\nHost: x\r\n"
ME = b"GET /v1/auth/me HTTP/1.1\r\nHost: x\r\n"
REFUSED: dict[str, bytes] = {
    "length and chunks": LOGIN + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a coding that is none": LOGIN + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunked is not last": LOGIN + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + HIDDEN,
    "space before a colon": LOGIN + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "two lengths": LOGIN + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + HIDDEN,
    "a length with a sign": LOGIN + b"Content-Length: +2\r\n\r\n{}" + HIDDEN,
    "a folded header": ME + b"X-A: b\r\n Authorization: Bearer x\r\n\r\n",
    "bare line feeds": b"GET /health/live HTTP/1.1\nHost: x\n\n",
    "a bare return in a value": ME + b"X: a\rAuthorization: y\r\n\r\n",
    "a chunk of negative size": LOGIN + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
    "a chunk beyond all numbers": LOGIN + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{}\r\n0\r\n\r\n",
    "a name with a space": ME + b"Author ization: x\r\n\r\n",
    "HTTP/2 by knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a later version": b"GET /health/live HTTP/9.9\r\nHost: x\r\n\r\n",
    "a tunnel": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a zero byte": b"GET /health/live\0 HTTP/1.1\r\nHost: x\r\n\r\n",
}
READ: dict[str, tuple[bytes, int]] = {
    "an upgrade to h2c": (ME + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", 401),
    "a WebSocket": (ME + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", 401),
    "two hosts": (ME + b"Host: y\r\n\r\n", 421),
    "a target with a host": (b"GET http://127.0.0.1:22/v1/auth/me HTTP/1.1\r\nHost: x\r\n\r\n", 401),
    "dots in the path": (b"GET /v1/../metrics HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "two slashes": (b"GET //v1/auth/me HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "an encoded path": (b"GET /%76%31/auth/me HTTP/1.1\r\nHost: x\r\n\r\n", 401),
    "TRACE": (b"TRACE /v1/auth/me HTTP/1.1\r\nHost: x\r\nX-API-Key: cs_secret\r\n\r\n", 405),
    "a credential as a trailer": (b"GET /v1/auth/me HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n0\r\nAuthorization: Bearer x\r\n\r\n", 401),
    "method overridden": (ME + b"X-HTTP-Method-Override: DELETE\r\n\r\n", 401),
}  # fmt: skip


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(tmp_path_factory.mktemp("wire")) as (_, url):
        yield urlsplit(url).port or 0


def told(port: int, request: bytes) -> bytes:
    """What a server says to these bytes until it is silent for a moment or hangs up."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(0.3)
        connection.sendall(request)
        try:
            while piece := connection.recv(65_536):
                answer += piece
        except TimeoutError:
            return answer
    return answer + b"<closed>"


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


@pytest.mark.integration
@pytest.mark.parametrize("shape", REFUSED)
def test_what_two_servers_could_read_differently_is_refused(port: int, shape: str) -> None:
    """One 400, then the connection is closed: what was hidden behind it is never read as a request."""
    answer = told(port, REFUSED[shape])
    assert statuses(answer) == [400]
    assert answer.endswith(b"<closed>")
    assert b"alive" not in answer


@pytest.mark.integration
@pytest.mark.parametrize("shape", READ)
def test_odd_requests_are_one_request_without_more_rights(port: int, shape: str) -> None:
    """Upgrades are not taken, targets not normalised, trailers no headers: one answer, and it shows nothing of the request."""
    request, status = READ[shape]
    answer = told(port, request)
    assert statuses(answer) == [status]
    assert b"cs_secret" not in answer
    assert b"server:" not in answer.lower()


class Connection:
    """The part of uvicorn's protocol that is looked at; it is its own transport."""

    def __init__(self, cycle: Any) -> None:
        self.cycle = cycle
        self.closed = False
        self.transport = self

    def close(self) -> None:
        self.closed = True


class Connected:
    """A set of connections, as uvicorn's state holds it."""

    def __init__(self, *connections: Connection) -> None:
        self.connections = connections


def test_a_connection_that_never_asks_is_closed() -> None:
    """Slowloris: a head that never becomes whole ends after its time; whoever has a request under way, or asks again, stays."""
    silent, running = Connection(None), Connection(SimpleNamespace(response_complete=False))
    kept = Connection(SimpleNamespace(response_complete=True))
    silence = Silence(Connected(silent, running, kept))
    for now in range(0, 89, 10):
        silence.close_after(30.0, 90.0, float(now))
        assert silent.closed == (now >= 30)
        assert not running.closed
        assert not kept.closed
    kept.cycle = SimpleNamespace(response_complete=True)
    silence.close_after(30.0, 90.0, 95.0)
    assert not kept.closed
    silence.close_after(30.0, 90.0, 190.0)
    assert kept.closed


@pytest.mark.integration
def test_the_files_of_a_service_are_its_owners_alone(tmp_path: Path) -> None:
    """Database, log and shared memory beside it have mode 0600, whatever the umask is."""
    import os

    from tests.service.test_serve_command import environment, run

    before = os.umask(0o000)
    try:
        assert run(["migrate"], environment(tmp_path)).returncode == 0
    finally:
        os.umask(before)
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}
    assert modes
    assert set(modes.values()) == {"0o600"}, modes
