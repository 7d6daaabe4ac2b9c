"""uvicorn's reader of connections, with an end to what it keeps and our own words for what it cannot read.

Headers and trailers are gathered until their last line has come, which it never does where somebody wants the memory full; and
what is no HTTP is answered in plain text, without an id. And a client of HTTP/1.0 gets chunks, which it takes for text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.errors import HeadersTooLarge, Problem, Unreadable
from service.serving.sending import in_one_piece

MOST_BYTES = 65_536
"""Of a request beside its body: target, headers, trailers, what stands around chunks. Counted from its second piece on, for the first may hold the end of the request before it."""
_PER_BODY_BYTE = 16
"""A body in chunks of one byte each is five times as long."""
_VERSIONS = frozenset({"1.1", "1.0"})
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class BoundedReader(HttpToolsProtocol):
    """Reads one connection; `refuse` makes the bytes of an answer out of a problem."""

    refuse: Callable[[Problem], bytes]
    _read: Any = None
    _left = MOST_BYTES
    _body = 0
    _refused: Problem | None = None
    _stopped_at: int | None = None
    """Where in a piece the parser gave up reading, for what follows would be another protocol's."""
    _body_of: Any = None
    """The cycle whose body is read under a head that takes the place of its own."""

    def data_received(self, data: bytes) -> None:
        """Take a piece, and see whether its request has become too long."""
        self._body = 0
        super().data_received(data)
        unread = data
        while self._stopped_at is not None and not self.transport.is_closing():
            unread = self._not_upgraded(unread[self._stopped_at :])
            if unread:
                super().data_received(unread)
        if self.scope is not self._read:
            self._read, self._left = self.scope, MOST_BYTES
            return
        self._left = min(MOST_BYTES, self._left + _PER_BODY_BYTE * self._body - len(data))
        if self._left < 0 and not self.transport.is_closing():
            self._end(HeadersTooLarge(f"At most {MOST_BYTES} bytes beside the body of a request are read"))

    def on_headers_complete(self) -> None:
        """Begin to answer; what has no length ends for a client of HTTP/1.0 with its connection (RFC 9112, 6.1 and 6.3).

        Raises:
            Unreadable: the parser reads it and we do not; it ends the parsing, and `send_400_response` tells it.
            HeadersTooLarge: the same, of a target that is too long.
        """
        if self._body_of is not None:
            # The head that `_not_upgraded` made: its request is being answered already.
            self.scope, self._body_of = self._body_of.scope, None
            return
        self._hold_to_our_terms()
        super().on_headers_complete()
        # What comes behind the body under the name of a header is none (RFC 9110, 6.5.1): it would be a credential, or an address, that no proxy
        # has looked at, and count or not as the pieces arrive. uvicorn appends to the list that the request has.
        self.headers = []
        cycle: Any = self.cycle
        if self.scope.get("http_version") == "1.0" and cycle is not None and cycle.scope is self.scope:
            # The task has been made and has not run yet: it will send by this.
            cycle.send = _UntilClosed(cycle)

    def _hold_to_our_terms(self) -> None:
        """Refuse what the parser takes beyond HTTP/1.1: versions of other forms, codings that nobody here undoes, tunnels, targets that it cannot take apart."""
        if self.parser.get_http_version() not in _VERSIONS:
            raise self._to_tell(Unreadable("HTTP/1.1 and 1.0 are spoken here; the connection ends"))
        if len(self.url) >= MOST_BYTES:
            raise self._to_tell(HeadersTooLarge(f"At most {MOST_BYTES} bytes beside the body of a request are read"))
        if self.parser.get_method() == b"CONNECT":
            raise self._to_tell(Unreadable("Nothing is tunnelled here; the connection ends"))
        for name, value in self.headers:
            if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
                raise self._to_tell(Unreadable("Of transfer codings only 'chunked' is read; the connection ends"))

    def _unsupported_upgrade_warning(self) -> None:
        """Remember where the parser stopped; uvicorn asks here, where it has caught that, and would log advice at everybody's word."""
        stopped = sys.exception()
        if isinstance(stopped, httptools.HttpParserUpgrade):
            self._stopped_at = stopped.args[0]

    def _not_upgraded(self, unread: bytes) -> bytes:
        """What is to be read next. No upgrade is taken (RFC 9110, 7.8), so behind the head are its body and further requests.

        The parser takes such a request to end with its head. The body would be read as a request of its own, which no proxy has looked at,
        and be lost to whoever offers HTTP/2 with a POST, as Java's client does. It is read under a head of the same framing.
        """
        self._stopped_at = None
        cycle: Any = self.cycle
        framing = [line for line in cycle.scope["headers"] if line[0] in _FRAMING]
        if not framing:
            return unread
        # The task has been made and has not run yet: it has not seen that the body was told to be over.
        cycle.more_body = True
        cycle.message_event.clear()
        self._body_of = cycle
        return b"".join((b"POST / HTTP/1.1\r\n", *(b"%s: %s\r\n" % line for line in framing), b"\r\n", unread))

    def _to_tell(self, problem: Problem) -> Problem:
        self._refused = problem
        return problem

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, which has a limit of its own."""
        self._body += len(body)
        super().on_body(body)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401 - uvicorn's and Starlette's types differ
        """Begin a request whose answer leaves in one piece."""
        super()._start_asgi_task(cycle, in_one_piece(app, cycle))  # type: ignore[arg-type]  # as above

    def on_response_complete(self) -> None:
        """Begin the next request of the connection where one waits. Who asks no more is closed by `Silence`: a timer for each answer costs more."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the signature is uvicorn's
        """Refuse what the parser did not understand."""
        if self._refused is not None:
            self._end(self._refused)
        elif isinstance(sys.exception(), httptools.HttpParserInvalidMethodError):
            self._end(Unreadable("HTTP has no such method, or this is no HTTP; over TLS ask by https"))
        else:
            self._end(Unreadable("This is no request that HTTP/1.1 allows; the connection ends"))

    def _end(self, problem: Problem) -> None:
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(type(self).refuse(problem))
        # Else an answer is on its way: a second one in its middle would be read as a part of it.
        self.transport.close()


class _UntilClosed:
    """Sends an answer without chunks; uvicorn closes the connection behind every answer to HTTP/1.0."""

    def __init__(self, cycle: Any) -> None:  # noqa: ANN401 - uvicorn's cycle is not public
        self._cycle = cycle
        self._send = cycle.send
        self._measured = True

    async def __call__(self, message: Any) -> None:  # noqa: ANN401 - ASGI's events, as uvicorn takes them
        if message["type"] == "http.response.start":
            self._measured = any(name == b"content-length" for name, _ in message.get("headers", ()))
            if not self._measured:
                self._cycle.chunked_encoding = False
        elif not self._measured:
            # It holds a body to a length that was told: each piece is as long as it is.
            self._cycle.expected_content_length = len(message.get("body", b""))
        await self._send(message)


def reader_of(refusal: Callable[[Problem], bytes]) -> type[BoundedReader]:
    """The class of the readers of one app."""

    class Reader(BoundedReader):
        refuse = staticmethod(refusal)

    return Reader
