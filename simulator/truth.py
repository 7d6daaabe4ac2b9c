"""The truth: what each request met and when each token left, one JSON line a request, written beside the loop.

All times are seconds of the machine's monotonic clock (on Linux and macOS every process of the machine reads the same one); the file's first
line holds one instant of both clocks, so that a wall-clock time is `wall + (monotonic - anchor)`.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from simulator.errors import CannotStartError

KEPT = 4096  # requests that the admin route still knows; the file has them all


@dataclass(slots=True)
class Record:
    """One request, filled in while it runs; offsets and instants are monotonic seconds."""

    request: str
    key: str
    route: str
    arrived: float
    model: str | None = None
    kind: str | None = None
    stream: bool = False
    answer: dict[str, Any] | None = None
    fault: dict[str, Any] | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    queue_length: int = 0  # how many waited when it came
    admitted: float | None = None
    offsets: list[float] = field(default_factory=list)  # of the tokens' writes, after admission
    sent: list[float] = field(default_factory=list)
    tokens_sent: int = 0
    status: int | None = None
    bytes_sent: int = 0
    backpressure: int = 0  # how often the client was too slow to read
    ended: str | None = None
    ended_at: float | None = None

    def line(self) -> bytes:
        """The record as one JSON object."""
        admitted = self.admitted
        planned = [] if admitted is None else [admitted + offset for offset in self.offsets]
        return orjson.dumps(
            {
                "request": self.request,
                "key": self.key,
                "route": self.route,
                "model": self.model,
                "kind": self.kind,
                "stream": self.stream,
                "status": self.status,
                "fault": self.fault,
                "answer": self.answer,
                "prompt_tokens": self.prompt_tokens,
                "completion_tokens": self.completion_tokens,
                "arrived": self.arrived,
                "queue_length": self.queue_length,
                "queue_wait_seconds": None if admitted is None else admitted - self.arrived,
                "planned": planned,
                "sent": self.sent,
                "tokens_sent": self.tokens_sent,
                "bytes": self.bytes_sent,
                "backpressure": self.backpressure,
                "ended": self.ended,
                "ended_at": self.ended_at,
            }
        )


class TruthLog:
    """Keeps the newest records at hand and writes all of them to a file, in batches, from a thread of its own."""

    def __init__(self, path: Path | None, *, monotonic: float, wall: float) -> None:
        self._running: dict[str, Record] = {}
        self._newest: OrderedDict[str, bytes] = OrderedDict()
        self._lines: list[bytes] = [orjson.dumps({"anchor": {"monotonic": monotonic, "wall": wall}})]
        self._thread = ThreadPoolExecutor(1, "truth")
        self._failed = False
        try:
            self._file = None if path is None else path.open("wb")
        except OSError as error:
            raise CannotStartError(
                f"cannot write the truth to {path} ({error.strerror}); choose another with --truth"
            ) from None

    def begin(self, record: Record) -> None:
        """A request has come."""
        self._running[record.request] = record

    def end(self, record: Record) -> None:
        """A request is over; its line is written with the next batch."""
        self._running.pop(record.request, None)
        line = record.line()
        self._newest[record.request] = line
        if len(self._newest) > KEPT:
            self._newest.popitem(last=False)
        if self._file is not None:
            self._lines.append(line)

    def find(self, request: str) -> bytes | None:
        """The line of one request, finished or under way; None if it is unknown or too long ago."""
        running = self._running.get(request)
        return running.line() if running is not None else self._newest.get(request)

    def overview(self) -> dict[str, Any]:
        """Which requests are under way, and the names of the last hundred that ended, newest first."""
        return {"running": list(self._running), "ended": list(reversed(self._newest))[:100]}

    def flush(self) -> None:
        """Hand the batch to the writing thread."""
        if self._file is None or not self._lines:
            return
        batch = b"\n".join(self._lines) + b"\n"
        self._lines = []
        self._thread.submit(self._write, batch)

    def close(self) -> None:
        """Write what is left, and close the file."""
        self.flush()
        self._thread.shutdown(wait=True)
        if self._file is not None:
            with suppress(OSError):  # told when the write failed
                self._file.close()

    def _write(self, batch: bytes) -> None:
        if self._file is None or self._failed:
            return
        try:
            self._file.write(batch)
            self._file.flush()
        except OSError as error:
            # Nothing more is written: a file with a hole would be worse than one that ends.
            self._failed = True
            print(f"simulator: the truth is incomplete: {error.strerror}", file=sys.stderr, flush=True)
