"""One response under way: its plan played over a connection, on time, with the truth of it noted."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

from simulator.planning import Ending, Plan
from simulator.truth import Record

_LAST_CHUNK = b"0\r\n\r\n"


class Outlet(Protocol):
    """What an exchange needs of a connection."""

    def send(self, data: bytes) -> None:
        """Hand bytes to the socket."""
        ...

    def finished(self, ending: Ending) -> None:
        """The exchange sent all it had; the connection goes on, closes, or is reset."""
        ...


class Exchange:
    """Plays a plan. `chunks` is whether the client understands chunked bodies; one that does not reads until the end."""

    def __init__(
        self,
        plan: Plan,
        record: Record | None,
        outlet: Outlet,
        now: Callable[[], float],
        *,
        keep_alive: bool,
        chunks: bool = True,
    ) -> None:
        self._plan = plan
        self._writes = plan.writes
        self._record = record
        self._outlet = outlet
        self._now = now
        self._chunked = plan.length is None and chunks
        self._keep_alive = keep_alive and (chunks or plan.length is not None)
        self._next = 0
        self._started = 0.0
        self._over = False
        self._bytes = 0

    def start(self, now: float) -> float:
        """Admitted: fixes every instant, and returns the first one."""
        self._started = now
        if self._record is not None:
            self._record.admitted = now
            self._record.offsets = self._plan.token_instants
            self._record.status = self._plan.status
        return now + self._plan.writes[0].at

    def advance(self, now: float) -> float | None:
        """Send all that is due; the next instant, or None when there is no more."""
        if self._over:
            return None
        writes = self._writes
        record = self._record
        while self._next < len(writes):
            at, payload, tokens = writes[self._next]
            if self._started + at > now:
                return self._started + at
            self._send(payload)
            self._next += 1
            if tokens and record is not None:
                record.sent.append(self._now())
                record.tokens_sent += tokens
        self._finish()
        return None

    def lost(self, why: str) -> None:
        """The connection is gone before the end; nothing more is sent."""
        self._close(why)

    def slow(self) -> None:
        """The client does not read as fast as the tokens leave."""
        if self._record is not None:
            self._record.backpressure += 1

    def _send(self, payload: bytes) -> None:
        if self._chunked and payload:
            payload = b"%x\r\n%b\r\n" % (len(payload), payload)
        if self._next == 0:
            payload = self._head() + payload
        if payload:
            self._bytes += len(payload)
            self._outlet.send(payload)

    def _finish(self) -> None:
        plan = self._plan
        if plan.ending is Ending.COMPLETE and self._chunked:
            self._bytes += len(_LAST_CHUNK)
            self._outlet.send(_LAST_CHUNK)
        self._close(plan.ending.value)
        self._outlet.finished(plan.ending if self._keep_alive or plan.ending is Ending.RESET else Ending.CLOSE)

    def _close(self, why: str) -> None:
        self._over = True
        self._writes = ()  # a stall may hold the exchange for long after its client has gone
        record = self._record
        if record is not None:
            record.ended = record.ended or why
            record.ended_at = self._now()
            record.bytes_sent = self._bytes

    def _head(self) -> bytes:
        plan = self._plan
        lines = [f"HTTP/1.1 {plan.status} {_phrase(plan.status)}", f"Content-Type: {plan.content_type}"]
        if plan.length is not None:
            lines.append(f"Content-Length: {plan.length}")
        elif self._chunked:
            lines.append("Transfer-Encoding: chunked")
        if self._record is not None:
            lines.append(f"X-Request-Id: {self._record.request}")
        lines += [f"{name}: {value}" for name, value in plan.headers]
        if not self._keep_alive:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Simulated"
