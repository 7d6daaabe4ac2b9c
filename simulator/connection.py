"""One connection: HTTP/1.1 requests in, one after the other, and their exchanges out."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Protocol, cast
from urllib.parse import unquote

import httptools

from simulator.admission import Gate
from simulator.clockwork import Clockwork
from simulator.exchange import Exchange
from simulator.openai import error_body
from simulator.planning import Ending, Plan, Write, reply
from simulator.provider import Desk, HttpRequest, Provider
from simulator.truth import Record, TruthLog

MAX_BODY = 8_000_000
_MAX_HEAD = 65_536
_MAX_WAITING = 16  # requests that a client may send ahead on one connection
# Linger on with a time of zero: closing sends a reset instead of an orderly end.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Parser(Protocol):
    """The part of httptools' request parser that is used here."""

    def feed_data(self, data: bytes) -> None:
        """Parse on, calling the `on_…` methods."""
        ...

    def get_method(self) -> bytes:
        """The request's method."""
        ...

    def get_http_version(self) -> str:
        """`1.0` or `1.1`."""
        ...

    def should_keep_alive(self) -> bool:
        """Whether the client wants to go on after this request."""
        ...


@dataclass(slots=True)
class House:
    """What all connections of a server share."""

    provider: Provider
    desk: Desk
    gate: Gate
    clockwork: Clockwork
    truth: TruthLog
    now: Callable[[], float]
    wall: Callable[[], float]
    connections: set[Connection] = field(default_factory=set)
    closing: bool = False  # every connection ends after the answer that is under way
    leaving: bool = False  # the process ends
    tickets: int = 0

    def next_ticket(self) -> int:
        """A number of its own for who goes through the gate."""
        self.tickets += 1
        return self.tickets


class Connection(asyncio.Protocol):
    """Reads requests and plays their answers in order."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._parser: Parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._from_loopback = False
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._head_size = 0
        self._body: list[bytes] = []
        self._body_size = 0
        self._ahead: deque[tuple[HttpRequest, float, bool, bool]] = deque()
        self._exchange: Exchange | None = None
        self._record: Record | None = None
        self._ticket: int | None = None
        self._making = False
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether an answer is being made, under way or in the queue."""
        return self._exchange is not None or self._making

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tokens are small and must not wait for one another."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are one without inheriting from it
        connected = transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = transport.get_extra_info("peername")
        self._from_loopback = bool(peer) and ip_address(peer[0]).is_loopback
        self._house.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Parse on; what is no HTTP is answered with 400 and the end of the connection."""
        if self._closed:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(400, "This server does not upgrade connections.")
        except httptools.HttpParserError:
            self._refuse(400, "This is no HTTP/1.1 request.")
        # Outside of the parser's callbacks, which would hide an error of ours as one of the client's.
        if self._ahead and not self.busy and not self._closed:
            self._take_next()

    def eof_received(self) -> bool:
        """A client that ends its side is gone."""
        return False

    def connection_lost(self, _: Exception | None) -> None:
        """The client left, or we closed; what was under way ends here."""
        self._closed = True
        self._ahead.clear()
        self._house.connections.discard(self)
        if self._exchange is not None:
            self._exchange.lost("shutdown" if self._house.leaving else "client_closed")
            self._settle()

    def pause_writing(self) -> None:
        """The client does not read; its bytes wait in memory, the other streams go on."""
        if self._exchange is not None:
            self._exchange.slow()

    # -- the parser's side

    def on_message_begin(self) -> None:
        """A new request."""
        self._target, self._headers, self._head_size = b"", {}, 0
        self._body, self._body_size = [], 0

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._target += url
        self._limit_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers[name.lower()] = value
        self._limit_head(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """Clients with large bodies ask before they send them."""
        if self._headers.get(b"expect", b"").lower() == b"100-continue" and not self.busy:
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body_size += len(body)
        if self._body_size > MAX_BODY:
            self._refuse(413, f"The body is larger than {MAX_BODY} bytes.")
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """The request is whole: answer it, or let it wait for the one before."""
        if self._closed:
            return
        path, _, query = self._target.decode("latin-1").partition("?")
        method = self._parser.get_method().decode("latin-1")
        request = HttpRequest(
            method, unquote(path), query, self._headers, b"".join(self._body), from_loopback=self._from_loopback
        )
        chunks = self._parser.get_http_version() != "1.0"
        self._ahead.append((request, self._house.now(), self._parser.should_keep_alive(), chunks))
        if len(self._ahead) > _MAX_WAITING:
            self._refuse(429, f"More than {_MAX_WAITING} requests ahead on one connection.")

    def _limit_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > _MAX_HEAD:
            self._refuse(431, f"The head is larger than {_MAX_HEAD} bytes.")

    # -- the exchanges' side

    def send(self, data: bytes) -> None:
        """Hand bytes to the socket."""
        if self._transport is not None and not self._closed:
            self._transport.write(data)

    def finished(self, ending: Ending) -> None:
        """An answer is out: go on, close, or reset."""
        self._settle()
        if ending is Ending.RESET:
            self._reset()
        elif ending is Ending.CLOSE or self._house.closing:
            self.close()
        elif self._ahead and not self._closed:
            self._take_next()

    def close(self) -> None:
        """Send what is left, and close."""
        self._closed = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close without sending what is left."""
        if self._transport is not None:
            self._transport.abort()

    def _reset(self) -> None:
        self._closed = True
        if self._transport is None:
            return
        connected = self._transport.get_extra_info("socket")
        if connected is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def _take_next(self) -> None:
        house = self._house
        request, arrived, keep_alive, chunks = self._ahead.popleft()
        record, queued = None, False
        self._making = True
        if request.path.startswith("/admin/"):
            plan = house.desk.respond(request, house.now())
        else:
            response = house.provider.respond(request, now=arrived, wall=house.wall(), full=house.gate.full)
            plan, record, queued = response.plan, response.record, response.queued
        if request.method == "HEAD":
            plan = _headless(plan)
        exchange = Exchange(plan, record, self, house.now, keep_alive=keep_alive and not house.closing, chunks=chunks)
        self._exchange, self._record, self._making = exchange, record, False
        if record is not None:
            record.queue_length = house.gate.waiting
            house.truth.begin(record)
        if not queued:
            exchange.start(arrived)
            exchange.advance(house.now())
            return
        self._ticket = house.next_ticket()
        # Who is let in at once counts from the arrival, so that the work of planning delays nothing.
        waits = house.gate.must_wait
        house.gate.enter(self._ticket, lambda: self._admitted(exchange, house.now() if waits else arrived))

    def _admitted(self, exchange: Exchange, at: float) -> None:
        self._house.clockwork.add(exchange.start(at), exchange)

    def _settle(self) -> None:
        """The exchange is over: its place is free, its record goes to the log."""
        record, ticket = self._record, self._ticket
        self._exchange = self._record = self._ticket = None
        if record is not None:
            self._house.truth.end(record)
        if ticket is not None:
            self._house.gate.leave(ticket)

    def _refuse(self, status: int, message: str) -> None:
        """Answer what cannot be parsed, and close; an answer under way is given up."""
        if self._closed:
            return
        if not self.busy:
            body = error_body(status, message)
            head = f"HTTP/1.1 {status} Refused\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            self.send(head.encode() + b"Connection: close\r\n\r\n" + body)
        self.close()


def _headless(plan: Plan) -> Plan:
    """The same head without a body."""
    return (
        replace(plan, writes=(Write(0.0, b""),), ending=Ending.COMPLETE) if plan.length is not None else reply(200, b"")
    )
