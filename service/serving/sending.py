"""An answer whose length is known leaves as one piece: its head waits for its body, which follows at once. A stream's pieces are written as they come.

uvicorn writes head and body apart: two system calls and two packets, each of which costs as much as a small query; it holds each header to two
patterns where one look at all of them tells the same, and takes each piece of a stream by a coroutine that waits for nothing. What this way does
not foresee (a connection that ends with its answer, a reader who is slow, a header that is not allowed) goes uvicorn's own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Sequence
from functools import lru_cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

_Headers = Sequence[tuple[bytes, bytes]]
_LENGTH = b"content-length"
_FRAMING = frozenset({_LENGTH, b"connection", b"transfer-encoding"})
"""Names that say where an answer ends; uvicorn acts on them."""
_ALLOWED = bytes(code for code in range(256) if not HEADER_VALUE_RE.match(bytes([code])))
"""What may stand in the value of a header."""
_WITHOUT_BODY = (204, 304)


class _Done:
    """To be awaited where nothing is waited for."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


_DONE = _Done()


def in_one_piece(app: ASGIApp, cycle: RequestResponseCycle) -> ASGIApp:
    """An app that answers one request of a connection, head and body together where it can."""

    def served(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return app(scope, receive, _Sending(cycle, send))

    return served


class _Sending:
    """Takes the messages of one answer; `send` is uvicorn's own way."""

    __slots__ = ("_cycle", "_head", "_send")

    def __init__(self, cycle: RequestResponseCycle, send: Send) -> None:
        self._cycle = cycle
        self._send = send
        self._head: Message | None = None

    def __call__(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            headers = message.get("headers") or ()
            if self._head is not None:
                return self._send(message)
            # Length first, as our responses put it: who tells it sends a body next.
            if headers and headers[0][0] == _LENGTH:
                self._head = message
                return _DONE
            return _DONE if _begun(self._cycle, message, headers) else self._send(message)
        head, self._head = self._head, None
        if head is None:
            return _DONE if _went_on(self._cycle, message) else self._send(message)
        return _DONE if _sent_at_once(self._cycle, head, message) else self._both(head, message)

    async def _both(self, head: Message, body: Message) -> None:
        await self._send(head)
        await self._send(body)


def _sent_at_once(cycle: RequestResponseCycle, head: Message, message: Message) -> bool:
    """Whether a whole answer could be written in one piece; if not, nothing was."""
    body, headers = message.get("body", b""), head["headers"]
    if message.get("more_body") or headers[0][1] != b"%d" % len(body) or not _may_begin(cycle):
        return False
    lines = _lines([*cycle.default_headers, *headers[1:]])
    if lines is None:
        return False
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    start = b"%bcontent-length: %b\r\n%b\r\n" % (STATUS_LINE[head["status"]], headers[0][1], lines)
    cycle.transport.write(start + body)
    _ended(cycle)
    return True


def _begun(cycle: RequestResponseCycle, head: Message, headers: _Headers) -> bool:
    """Whether the head of a stream could be written; if not, nothing was."""
    if head["status"] in _WITHOUT_BODY or not _may_begin(cycle):
        return False
    lines = _lines([*cycle.default_headers, *headers])
    if lines is None:
        return False
    cycle.response_started = cycle.chunked_encoding = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"%b%btransfer-encoding: chunked\r\n\r\n" % (STATUS_LINE[head["status"]], lines))
    return True


def _went_on(cycle: RequestResponseCycle, message: Message) -> bool:
    """Whether a piece of a stream could be written without waiting; if not, nothing was."""
    if (
        not cycle.chunked_encoding
        or cycle.flow.write_paused
        or cycle.response_complete
        or cycle.disconnected
        or not cycle.keep_alive
        or cycle.scope["method"] == "HEAD"
        or message["type"] != "http.response.body"
    ):
        return False
    body = message.get("body", b"")
    chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    if message.get("more_body"):
        cycle.transport.write(chunk)
    else:
        cycle.transport.write(chunk + b"0\r\n\r\n")
        _ended(cycle)
    return True


def _may_begin(cycle: RequestResponseCycle) -> bool:
    """Whether an answer with a body begins here, on a connection that stays, for somebody who takes it."""
    return not (
        cycle.response_started
        or cycle.disconnected
        or not cycle.keep_alive
        or cycle.flow.write_paused
        or cycle.scope["method"] == "HEAD"
    )


def _ended(cycle: RequestResponseCycle) -> None:
    """What uvicorn does behind the last byte of an answer."""
    cycle.response_complete = True
    cycle.message_event.set()
    cycle.on_response()


def _lines(headers: _Headers) -> bytes | None:
    """Headers as they are written; None where one says how the answer ends, or is not allowed."""
    if not headers:
        return b""
    names, values = zip(*headers, strict=True)
    if b"".join(values).translate(None, _ALLOWED) or not _are_plain(names):
        return None
    return b"\r\n".join(map(b": ".join, headers)) + b"\r\n"


@lru_cache(maxsize=256)
def _are_plain(names: tuple[bytes, ...]) -> bool:
    """Whether headers of these names are written as they stand. Names are constants of the program and stand in a few orders, so that nearly all are known."""
    return all(name.islower() and name not in _FRAMING and not HEADER_RE.search(name) for name in names)
