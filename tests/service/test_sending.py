"""Answers that leave in one piece, beside what uvicorn alone makes of the same requests and the same apps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from service.serving.reading import BoundedReader

_DATE = (b"date", b"Sat, 21 Nov 2026 20:00:00 GMT")
_NAMES = (
    b"content-type",
    b"x-request-id",
    b"vary",
    b"X-Loud",
    b"connection",
    b"transfer-encoding",
    b"content-length",
    b"bad name",
)
_VALUES = (
    b"application/json",
    b"",
    b"close",
    b"chunked",
    b"7",
    "é".encode(),
    b"two\r\nlines",
    b"\x00",
    b"\x7f",
    b"tab\there",
)


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 40_000), "sockname": ("127.0.0.1", 8_000)}.get(name, default)

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def answering(status: int, headers: list[tuple[bytes, bytes]], pieces: list[bytes]) -> ASGIApp:
    """An app that sends this, whatever is asked."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for left, piece in enumerate(pieces, 1 - len(pieces)):
            await send({"type": "http.response.body", "body": piece, "more_body": left < 0})

    return app


def played(
    kind: type[HttpToolsProtocol],
    app: ASGIApp,
    request: bytes,
    touch: Callable[[Any], None] = lambda protocol: None,
    defaults: tuple[tuple[bytes, bytes], ...] = (_DATE,),
) -> Wire:
    """What one connection writes for these bytes."""

    async def run() -> Wire:
        config = uvicorn.Config(app, loop="none", ws="none", lifespan="off", log_config=None, access_log=False)
        config.load()
        state = ServerState()
        state.default_headers = [*defaults]
        protocol, wire = kind(config, state, {}), Wire()  # type: ignore[call-arg]  # as uvicorn's server calls it
        protocol.connection_made(wire)
        protocol.data_received(request)
        touch(protocol)
        while state.tasks:
            await asyncio.wait([*state.tasks], timeout=120)
        protocol.connection_lost(ConnectionResetError())
        return wire

    return asyncio.run(run())


def said(wire: Wire) -> tuple[bytes, list[bytes], bytes, bool]:
    """Status line, headers in any order, the rest, and whether the connection ended."""
    head, _, rest = b"".join(wire.written).partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    return status, sorted(lines), rest, wire.closed


def request(method: bytes = b"GET", version: bytes = b"1.1", more: bytes = b"") -> bytes:
    return b"%b / HTTP/%b\r\nHost: a.example\r\n%b\r\n" % (method, version, more)


@given(
    st.sampled_from([200, 201, 404, 503]),
    st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from(_VALUES)), max_size=4),
    st.lists(st.binary(max_size=20), min_size=1, max_size=2),
    st.integers(-1, 1) | st.just(0),
    st.sampled_from([b"GET", b"POST", b"HEAD"]),
    st.sampled_from([b"1.0", b"1.1"]),
    st.sampled_from([b"", b"Connection: close\r\n", b"Expect: 100-continue\r\n"]),
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_same_is_said_as_by_uvicorn(
    status: int,
    headers: list[tuple[bytes, bytes]],
    pieces: list[bytes],
    wrong_by: int,
    method: bytes,
    version: bytes,
    more: bytes,
) -> None:
    """Whatever an app answers, a client reads of us what it reads of uvicorn alone: status, headers, body, end of the connection."""
    length = max(0, sum(map(len, pieces)) + wrong_by)
    app = answering(status, [(b"content-length", b"%d" % length), *headers], pieces)
    asked = request(method, version, more)

    assert said(played(BoundedReader, app, asked)) == said(played(HttpToolsProtocol, app, asked))


def streaming(status: int, headers: list[tuple[bytes, bytes]], pieces: list[bytes], ends: str) -> ASGIApp:
    """An app that sends these pieces, and ends as told."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if ends == "begins again":
            await send({"type": "http.response.start", "status": 200, "headers": []})
        if ends == "says what nobody knows":
            await send({"type": "http.response.unknown", "body": b"#", "more_body": True})
        if ends != "never":
            await send({"type": "http.response.body"} if ends == "without a word" else last(b"!"))
        if ends == "twice":
            await send(last(b"?"))

    def last(body: bytes) -> dict[str, Any]:
        return {"type": "http.response.body", "body": body, "more_body": False}

    return app


@given(
    st.sampled_from([200, 204, 304, 503]),
    st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from(_VALUES)), max_size=3),
    st.lists(st.binary(max_size=20), max_size=4),
    st.sampled_from(["well", "without a word", "never", "twice", "begins again", "says what nobody knows"]),
    st.sampled_from([b"GET", b"POST", b"HEAD"]),
    st.sampled_from([b"1.0", b"1.1"]),
    st.sampled_from([b"", b"Connection: close\r\n", b"Expect: 100-continue\r\n"]),
)
@example(200, [(b"content-type", b"text/event-stream")], [b"a", b"", b"b"], "well", b"GET", b"1.1", b"")
@example(200, [(b"transfer-encoding", b"chunked")], [b"a"], "well", b"HEAD", b"1.1", b"")
@example(200, [(b"transfer-encoding", b"chunked")], [b"a"], "well", b"GET", b"1.1", b"")
@example(204, [], [b"a"], "well", b"GET", b"1.1", b"")
@example(200, [], [b"a"], "twice", b"GET", b"1.1", b"")
@example(200, [], [b"a"], "begins again", b"GET", b"1.1", b"")
@example(200, [], [b"a"], "says what nobody knows", b"GET", b"1.1", b"")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_stream_says_the_same_as_by_uvicorn(
    status: int,
    headers: list[tuple[bytes, bytes]],
    pieces: list[bytes],
    ends: str,
    method: bytes,
    version: bytes,
    more: bytes,
) -> None:
    """Whatever an app streams, and however that ends, every byte is the one that uvicorn alone writes, in HTTP/1.1."""
    app, asked = streaming(status, headers, pieces, ends), request(method, version, more)
    ours, theirs = played(BoundedReader, app, asked), played(HttpToolsProtocol, app, asked)

    if version == b"1.1":
        assert (b"".join(ours.written), ours.closed) == (b"".join(theirs.written), theirs.closed)
    else:
        # uvicorn tells such a client chunks, of which it knows nothing.
        assert ours.closed == theirs.closed


def test_pieces_of_a_stream_wait_for_nothing() -> None:
    """Each piece is one write, made when it is sent; what is given to be awaited is no coroutine of the server's."""
    seen: list[tuple[bool, int]] = []
    wires: list[Wire] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
        pieces = [{"type": "http.response.body", "body": b"%d" % left, "more_body": left > 0} for left in (2, 1, 0)]
        for message in (start, *pieces):
            waiting = send(message)
            seen.append((asyncio.iscoroutine(waiting), len(wires[0].written)))
            await waiting

    wire = played(BoundedReader, app, request(), lambda protocol: wires.append(protocol.transport))

    assert seen == [(False, 1), (False, 2), (False, 3), (False, 4)]
    assert wire.written[1:] == [b"1\r\n2\r\n", b"1\r\n1\r\n", b"1\r\n0\r\n0\r\n\r\n"]


def test_a_stream_for_a_slow_reader_waits() -> None:
    """A piece for somebody who takes nothing waits until they do, and those after it go on as before."""
    freed: list[int] = []
    protocols: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        (protocol,) = protocols
        protocol.pause_writing()

        def free() -> None:
            freed.append(len(protocol.transport.written))
            protocol.resume_writing()

        asyncio.get_running_loop().call_soon(free)
        await send({"type": "http.response.body", "body": b"b", "more_body": True})
        await send({"type": "http.response.body", "body": b"c", "more_body": False})

    wire = played(BoundedReader, app, request(), protocols.append)

    assert freed == [2]
    assert wire.written[2:] == [b"1\r\nb\r\n", b"1\r\nc\r\n0\r\n\r\n"]


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_stream_for_who_left_is_written_nothing_more(after: int) -> None:
    """From the moment in which a client is gone nothing is written: no head, no piece, no end."""
    protocols: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        start = {"type": "http.response.start", "status": 200, "headers": []}
        pieces = [{"type": "http.response.body", "body": b"a", "more_body": left > 0} for left in (1, 0)]
        for number, message in enumerate((start, *pieces)):
            if number == after:
                protocols[0].cycle.disconnected = True
            await send(message)

    assert len(played(BoundedReader, app, request(), protocols.append).written) == after


def test_a_whole_answer_is_written_once() -> None:
    """Head and body of an answer with a known length leave in one write, and the connection stays for the next request."""
    wire = played(BoundedReader, answering(200, [(b"content-length", b"2"), (b"x-a", b"b")], [b"ok"]), request())

    assert len(wire.written) == 1
    assert wire.written[0].startswith(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n")
    assert wire.written[0].endswith(b"\r\n\r\nok")
    assert not wire.closed


def test_a_stream_begins_before_its_first_piece() -> None:
    """The head of an answer without a length does not wait for its body."""
    wire = played(BoundedReader, answering(200, [(b"content-type", b"text/event-stream")], [b"a", b"b"]), request())

    assert wire.written[0].endswith(b"\r\n\r\n")
    assert len(wire.written) > 2


def test_requests_in_a_row_are_answered_in_a_row() -> None:
    """Requests that come at once on one connection are answered one after the other, each in one piece."""
    wire = played(BoundedReader, answering(200, [(b"content-length", b"2")], [b"ok"]), request() * 3)

    assert [piece[:15] for piece in wire.written] == [b"HTTP/1.1 200 OK"] * 3


def test_who_left_is_written_nothing() -> None:
    """Nothing is written for a client that left before its answer."""

    def leave(protocol: Any) -> None:
        protocol.cycle.disconnected = True

    app = answering(200, [(b"content-length", b"2")], [b"ok"])

    assert played(BoundedReader, app, request(), leave).written == []


def test_who_drains_ends_the_connection() -> None:
    """An answer of a server that stops says so and ends its connection, as uvicorn does it."""
    app = answering(200, [(b"content-length", b"2")], [b"ok"])
    wire = played(BoundedReader, app, request(), defaults=(_DATE, (b"connection", b"close")))

    assert b"connection: close" in b"".join(wire.written)
    assert wire.closed


def test_no_timer_is_left_behind_an_answer() -> None:
    """Who asks no more is closed by the look at all connections: an answer leaves no timer of its own."""
    seen: list[Any] = []
    played(BoundedReader, answering(200, [(b"content-length", b"2")], [b"ok"]), request(), seen.append)

    assert seen[0].timeout_keep_alive_task is None


def test_a_slow_reader_is_waited_for() -> None:
    """An answer for somebody who takes nothing waits until they do."""
    freed: list[int] = []

    def full(protocol: Any) -> None:
        protocol.pause_writing()

        def free() -> None:
            freed.append(len(protocol.transport.written))
            protocol.resume_writing()

        asyncio.get_running_loop().call_later(0.01, free)

    app = answering(200, [(b"content-length", b"2")], [b"ok"])
    wire = played(BoundedReader, app, request(), full)

    assert freed == [0]
    assert b"".join(wire.written).endswith(b"ok")
