"""JSON lines on standard error. No line carries a question, an answer, a name or an address; users appear as a keyed hash.

Lines are gathered, by LINES or for SECONDS, and written together: a write costs more than the line. Errors leave at once, with
all lines before them. A process that is killed outright loses at most what was gathered, and what its thread had not written yet.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO

import orjson

from service.telemetry.drops import Drops
from service.telemetry.line_writer import LineWriter
from service.telemetry.record import CURRENT

_DRIVING = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What JSON leaves as it is and a viewer takes for a new line, a terminal for a command (U+009B), or a reader for another order."""
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
LINES = 64
SECONDS = 0.005
CLOSING_SECONDS = 5.0
_ERROR = LEVELS["error"]
_LONGEST_MESSAGE = 200


class EventLog:
    """Writes one JSON object per event; orjson escapes line breaks and control characters, so an event is always one line.

    Lines are gathered only where an event loop runs that can write them later; elsewhere each leaves at once.
    """

    def __init__(
        self,
        stream: BinaryIO,
        level: str,
        wall_clock: Callable[[], float],
        *,
        gather: int = 1,
        drops: Drops | None = None,
    ) -> None:
        """Keep where to write.

        Args:
            stream: takes the lines.
            level: the least that is written, one of LEVELS.
            wall_clock: seconds since the epoch.
            gather: lines that are written together; 1 writes each at once.
            drops: counts lines that could not be written.
        """
        self._stream = stream
        self._least = LEVELS[level]
        self._wall_clock = wall_clock
        self._gather = gather
        self._drops = drops
        self._lock = threading.Lock()
        self._lines: list[bytes] = []
        self._writer: LineWriter | None = None
        self._second = -1
        self._prefix = ""

    def write(self, level: str, event: str, **fields: str | float | bool | None) -> None:
        """Write an event; `None` fields are left out. What is written for a request carries the request's trace id."""
        severity = LEVELS[level]
        if severity < self._least:
            return
        line: dict[str, Any] = {"timestamp": self._timestamp(), "level": level, "event": event, **fields}
        if None in fields.values():
            line = {name: value for name, value in line.items() if value is not None}
        record = CURRENT.get()
        if record is not None and "trace_id" not in line:
            line["trace_id"] = record.trace_id
        self._keep(_as_bytes(line), at_once=severity >= _ERROR)

    def write_members(self, level: str, members: str) -> None:
        """Write an event whose members are JSON already: for the one line of every request, at a third of the time.

        Args:
            level: one of LEVELS.
            members: `"event":"…"` and what follows. Only values that need no escaping may stand in it: words of closed lists, ids, numbers.
        """
        severity = LEVELS[level]
        if severity >= self._least:
            line = f'{{"timestamp":"{self._timestamp()}","level":"{level}",{members}}}\n'
            self._keep(line.encode(), at_once=severity >= _ERROR)

    def flush(self) -> None:
        """Write what was gathered. A log that cannot be written (a full disk, a closed pipe) takes no request with it."""
        with self._lock:
            lines, self._lines = self._lines, []
            if not lines:
                return
            if self._writer:
                self._writer.put(b"".join(lines))
                return
            try:
                self._stream.write(b"".join(lines))
                self._stream.flush()
            except (OSError, ValueError):
                if self._drops:
                    self._drops.count("logs", "unwritable", len(lines))

    @contextmanager
    def aside(self, seconds: float = CLOSING_SECONDS) -> Iterator[None]:
        """Lines are written by a thread while this lasts, so that no event loop stands still with its log.

        At the end what waits gets so many seconds. A stream that stands still even then is not written to any more: the process can end.
        """
        writer = self._writer = LineWriter(self._stream, self._drops, self._lines_lost)
        try:
            yield
        finally:
            self.flush()
            if writer.close(seconds):
                self._writer = None

    def _lines_lost(self, number: int) -> bytes:
        return _as_bytes(
            {"timestamp": self._timestamp(), "level": "warning", "event": "log_lines_lost", "lines": number}
        )

    def _keep(self, line: bytes, *, at_once: bool) -> None:
        with self._lock:
            self._lines.append(line)
            held = len(self._lines)
        if at_once or held >= self._gather:
            self.flush()
        elif held == 1:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self.flush()
            else:
                loop.call_later(SECONDS, self.flush)

    def _timestamp(self) -> str:
        now = self._wall_clock()
        second = int(now)
        if second != self._second:
            # Calendars cost more than a whole line; within a second only the milliseconds change.
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = second
        return f"{self._prefix}.{int((now - second) * 1000):03d}Z"


class StandardLogs(logging.Handler):
    """Brings what libraries log, uvicorn first, into the same lines.

    Only the first line of a record's template is told, never the values in it, and of an exception only its type: a library
    does not know that what it quotes is what somebody asked.
    """

    def __init__(self, log: EventLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record with the place it comes from."""
        level = (
            "error" if record.levelno >= logging.ERROR else "warning" if record.levelno >= logging.WARNING else "info"
        )
        raised = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        self._log.write(
            level,
            "log",
            logger=record.name,
            message=str(record.msg).strip().partition("\n")[0][:_LONGEST_MESSAGE],
            place=f"{record.filename}:{record.lineno}",
            exception=raised,
        )


def pseudonym(secret: str, name: str) -> str:
    """A keyed hash, mostly of an account's id: lines of one user can be joined, and nobody can name the user."""
    return hmac.new(secret.encode(), b"log:" + name.encode(), hashlib.sha256).hexdigest()[:16]


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _as_bytes(line: dict[str, Any]) -> bytes:
    try:
        written = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        return written if written.isascii() else _DRIVING.sub(_escaped, written.decode()).encode()
    except orjson.JSONEncodeError:
        # Lone surrogates, or a value of another type: the event is told all the same.
        return orjson.dumps(
            {name: str(value).encode("utf-8", "replace").decode() for name, value in line.items()},
            option=orjson.OPT_APPEND_NEWLINE,
        )
