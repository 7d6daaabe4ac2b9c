"""Requests that two servers in a row could read differently, sent byte by byte to the real server: smuggling, upgrades, odd targets."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from service.serving.server import Silence
from tests.service.test_serve_command import PASSWORD, serving

HIDDEN = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
LOGIN = b"POST /v1/auth/token HTTP/1.1\r\nHost: x\r\n"
ME = b"GET /v1/auth/me HTTP/1.1\r\nHost: x\r\n"
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
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
    "a version without a name": b"GET /health/live\r\n\r\n" + HIDDEN,
    "a version of frames in words": b"GET /health/live HTTP/2.0\r\nHost: x\r\n\r\n" + HIDDEN,
    "a coding that nobody undoes": LOGIN + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "a tunnel": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel to ourselves": b"CONNECT http://x/v1/auth/me HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
    "a method that nobody knows": b"BREW /v1/auth/me HTTP/1.1\r\nHost: x\r\n\r\n",
    "a browser that asks by TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a zero byte": b"GET /health/live\0 HTTP/1.1\r\nHost: x\r\n\r\n",
}
READ: dict[str, tuple[bytes, int]] = {
    "an upgrade to h2c": (ME + UPGRADE + b"\r\n", 401),
    "a WebSocket": (ME + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", 401),
    "two hosts": (ME + b"Host: y\r\n\r\n", 400),
    "no host": (b"GET /v1/auth/me HTTP/1.1\r\n\r\n", 400),
    "no host, for a probe": (b"GET /health/live HTTP/1.1\r\n\r\n", 400),
    "no host, before there were any": (b"GET /v1/auth/me HTTP/1.0\r\n\r\n", 401),
    "a target with a host": (b"GET http://127.0.0.1:22/v1/auth/me HTTP/1.1\r\nHost: x\r\n\r\n", 401),
    "dots in the path": (b"GET /v1/../metrics HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "two slashes": (b"GET //v1/auth/me HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "an encoded path": (b"GET /%76%31/auth/me HTTP/1.1\r\nHost: x\r\n\r\n", 401),
    "TRACE": (b"TRACE /v1/auth/me HTTP/1.1\r\nHost: x\r\nX-API-Key: cs_secret\r\n\r\n", 405),
    "method overridden": (ME + b"X-HTTP-Method-Override: DELETE\r\n\r\n", 401),
}  # fmt: skip
ENDS = {"no host, before there were any"}
"""HTTP/1.0: its answer ends the connection, too."""
LAST = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
SOON = 20.0
"""Seconds: less than a connection that never asked is left open, and enough for a machine that stands still for seconds."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(tmp_path_factory.mktemp("wire")) as (_, url):
        yield urlsplit(url).port or 0


def rest(connection: socket.socket) -> bytes:
    """What is still said until the other side hangs up."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def whole(port: int, request: bytes, patience: float = 120.0) -> bytes:
    """What a server says until it hangs up.

    Raises:
        TimeoutError: where it neither says anything nor hangs up for `patience`, in seconds.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        connection.sendall(request)
        return rest(connection)


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


@pytest.mark.integration
@pytest.mark.parametrize("shape", REFUSED)
def test_what_two_servers_could_read_differently_is_refused(port: int, shape: str) -> None:
    """One 400, then the connection is closed: what was hidden behind it is never read as a request."""
    answer = whole(port, REFUSED[shape], SOON)
    assert statuses(answer) == [400]
    assert b"alive" not in answer
    head, _, body = answer.partition(b"\r\n\r\n")
    told_of = json.loads(body)
    assert (told_of["status"], told_of["code"]) == (400, "invalid_request")
    assert f"x-request-id: {told_of['request_id']}".encode() in head
    assert b"application/problem+json" in head
    assert b"nosniff" in head


@pytest.mark.integration
def test_a_target_without_end_is_told_as_too_large(port: int) -> None:
    """A target that comes in one piece is held to the same length as one that comes in many."""
    answer = whole(port, b"GET /health/live?" + b"a" * 66_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", SOON)
    assert statuses(answer) == [431]
    assert b"too_large" in answer


@pytest.mark.integration
@pytest.mark.parametrize("shape", READ)
def test_odd_requests_are_one_request_without_more_rights(port: int, shape: str) -> None:
    """Upgrades are not taken, targets not normalised, trailers no headers: one answer, and it shows nothing of the request."""
    request, status = READ[shape]
    answer = whole(port, request + LAST, SOON)
    assert statuses(answer) == ([status] if shape in ENDS else [status, 200])
    assert b"cs_secret" not in answer
    assert b"server:" not in answer.lower()


ENOUGH = 24 * 2**20
"""More than the service reads and the system's own buffers hold together."""
ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "headers": (ME, b"X-A: " + b"y" * 1_000 + b"\r\n"),
    "one header": (ME + b"X-A: ", b"y" * 1_000),
    "a target": (b"GET /", b"y" * 1_000),
    "trailers": (LOGIN + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X-A: " + b"y" * 1_000 + b"\r\n"),
    "one trailer": (LOGIN + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-A: ", b"y" * 1_000),
    "what stands beside a chunk": (LOGIN + b"Transfer-Encoding: chunked\r\n\r\n2;a=", b"y" * 1_000),
    "empty lines": (HIDDEN, b"\r\n" * 500),
}  # fmt: skip


@pytest.mark.integration
@pytest.mark.parametrize("shape", ENDLESS)
def test_what_never_ends_is_cut_and_not_kept(port: int, shape: str) -> None:
    """A head, a trailer or a chunk's words without an end fill nobody's memory: the connection is closed while they still come."""
    begin, more = ENDLESS[shape]
    sent = 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(120)
        connection.sendall(begin)
        with suppress(OSError):
            while sent < ENOUGH:
                connection.sendall(more * 64)
                sent += len(more) * 64
        with suppress(OSError):
            while connection.recv(65_536):
                pass
    assert sent < ENOUGH, shape


def status(connection: socket.socket) -> int:
    """Of the next whole answer."""
    with closing(http.client.HTTPResponse(connection)) as answer:
        answer.begin()
        answer.read()
        return answer.status


@pytest.mark.integration
def test_a_long_head_in_pieces_and_a_body_in_small_chunks_are_read(port: int) -> None:
    """What is within the limits is answered however it arrives; a head beyond them is 431 with an id."""
    slow = ME + b"X-A: " + b"y" * 30_000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(120)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(slow), 500):
            connection.sendall(slow[at : at + 500])
        connection.sendall(b"\r\n")
        assert status(connection) == 401
        body = json.dumps({"username": "x", "password": "y" * 1_000, "more": "z" * 60_000}).encode()
        connection.sendall(LOGIN + b"Transfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 100):
            connection.sendall(b"".join(b"1\r\n%c\r\n" % byte for byte in body[at : at + 100]))
        connection.sendall(b"0\r\n\r\n")
        assert status(connection) == 401
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(120)
        with suppress(OSError):
            connection.sendall(ME + b"X-A: " + b"y" * 400_000)
        assert status(connection) == 431


class Connection:
    """The part of uvicorn's protocol that is looked at; it is its own transport."""

    def __init__(self, cycle: Any) -> None:
        self.cycle = cycle
        self.closed = False
        self.transport = self
        self.flow = SimpleNamespace(write_paused=False)
        self.waits = 0

    def close(self) -> None:
        self.closed = True

    abort = close

    def get_write_buffer_size(self) -> int:
        return self.waits


class Connected:
    """A set of connections, as uvicorn's state holds it."""

    def __init__(self, *connections: Connection) -> None:
        self.connections = connections


def logged_in(port: int) -> str:
    """Ana's token."""
    login = {"username": "ana", "password": PASSWORD}
    answer = httpx.post(f"http://127.0.0.1:{port}/v1/auth/token", json=login, timeout=60)
    return str(answer.json()["access_token"])


@pytest.mark.integration
def test_a_trailer_is_no_header(port: int) -> None:
    """What stands behind the body in the same piece neither logs anybody in, nor is it a second credential, host or connection's end; it ends with its request."""
    token = f"Authorization: Bearer {logged_in(port)}\r\n".encode()
    chunks = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n"
    assert statuses(whole(port, ME + chunks + token + b"\r\n")) == [401]
    assert statuses(whole(port, ME + token + chunks + token + b"Host: y\r\nX-API-Key: cs_x\r\n\r\n")) == [200]
    kept = chunks.replace(b"Connection: close\r\n", b"")
    last = ME + b"Connection: close\r\n\r\n"
    assert statuses(whole(port, ME + token + kept + token + b"\r\n" + last)) == [200, 401]


CREDENTIALS = json.dumps({"username": "ana", "password": PASSWORD}).encode()
FRAMED = {
    "a length": b"Content-Length: %d\r\n\r\n%s" % (len(CREDENTIALS), CREDENTIALS),
    "chunks": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nX: y\r\n\r\n" % (len(CREDENTIALS), CREDENTIALS),
}


@pytest.mark.integration
@pytest.mark.parametrize("framing", FRAMED)
@pytest.mark.parametrize("piece", [1, 100_000])
def test_what_follows_an_upgrade_is_the_same_request(port: int, framing: str, piece: int) -> None:
    """Java's client offers HTTP/2 with its first POST: neither the body nor the requests behind it are lost, however they arrive."""
    login = LOGIN + UPGRADE + FRAMED[framing]
    requests = login + ME + UPGRADE + b"\r\n" + login + LAST
    with socket.create_connection(("127.0.0.1", port), timeout=SOON) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(requests), piece):
            connection.sendall(requests[at : at + piece])
        answer = rest(connection)
    assert statuses(answer) == [200, 401, 200, 200]
    assert answer.count(b"access_token") == 2
    assert answer.endswith(b'{"status":"alive"}')


@pytest.mark.integration
def test_the_body_of_an_upgrade_is_no_request(port: int) -> None:
    """A proxy takes it for a body: read as a request, it would be one that nobody has looked at."""
    length = b"Content-Length: %d\r\n\r\n" % len(HIDDEN)
    assert statuses(whole(port, LOGIN + UPGRADE + length + HIDDEN + LAST, SOON)) == [422, 200]
    with socket.create_connection(("127.0.0.1", port), timeout=SOON) as connection:
        connection.sendall(ME + UPGRADE + length)
        assert status(connection) == 401
        connection.sendall(HIDDEN + LAST)
        assert statuses(rest(connection)) == [200]


@pytest.mark.integration
def test_an_older_client_gets_a_stream_without_chunks(port: int) -> None:
    """HTTP/1.0 knows no chunks: a stream ends with its connection, whole; what has a length keeps it, and HTTP/1.1 its chunks."""
    token = logged_in(port)
    body = json.dumps({"message": "Apa itu hukum pidana?", "stream": True}).encode()
    lines = ("Host: x", f"Authorization: Bearer {token}", f"Content-Length: {len(body)}", "Connection: close", "", "")
    rest = "\r\n".join(lines).encode() + body
    old, new = (whole(port, b"POST /v1/chat HTTP/" + version + b"\r\n" + rest) for version in (b"1.0", b"1.1"))
    fields, _, events = old.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in fields.lower()
    assert b"connection: close" in fields.lower()
    assert events.startswith(b"event: start\ndata: {")
    assert events.rpartition(b"event: ")[2].startswith(b"done\n")
    assert events.endswith(b"}\n\n")
    assert b"transfer-encoding: chunked" in new.lower()
    measured = whole(port, b"GET /health/live HTTP/1.0\r\n\r\n")
    assert measured.endswith(b'{"status":"alive"}')
    assert b"content-length: 18\r\n" in measured.lower()
    assert whole(port, b"HEAD /health/live HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\n")


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


def test_an_answer_that_nobody_takes_is_given_up() -> None:
    """Who asks and does not read holds nothing for ever: the connection ends after a minute; who reads slowly, and whose answer is still made, stay."""
    cycle = SimpleNamespace(response_complete=False)
    making, slow, deaf, dripping = (Connection(cycle) for _ in range(4))
    for one in (slow, deaf, dripping):
        one.flow.write_paused, one.waits = True, 900_000
    silence = Silence(Connected(making, slow, deaf, dripping))
    for now in range(0, 600, 10):
        slow.waits -= 5_000
        dripping.waits -= 1
        silence.close_after(30.0, 90.0, float(now))
        assert [making.closed, slow.closed] == [False, False]
        assert [deaf.closed, dripping.closed] == [now >= 60] * 2
    late = Connection(cycle)
    late.flow.write_paused, late.waits = True, 10
    silence = Silence(Connected(late))
    for now in range(0, 200, 10):
        late.flow.write_paused = now != 50
        silence.close_after(30.0, 90.0, float(now))
        assert late.closed == (now >= 120), "read to the end in between, it is another answer's minute"


@pytest.mark.integration
def test_the_files_of_a_library_are_its_owners_alone(tmp_path: Path) -> None:
    """Files and folders of generations, reports and pointers too, in a folder that others may enter: who may write there writes what is answered as law."""
    import os

    from tests.service.test_serve_command import environment, run

    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "a.md").write_text("# Kebun\n\nKebun adalah tanah.", encoding="utf-8")
    before = os.umask(0o000)
    try:
        library = tmp_path / "library"
        library.mkdir()
        done = run(["ingest", str(tmp_path / "documents"), "--library", str(library)], environment(tmp_path))
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr
    modes = {(file.is_dir(), oct(file.stat().st_mode & 0o777)) for file in library.rglob("*")}
    assert modes == {(True, "0o700"), (False, "0o600")}


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
