"""Writes log lines from a thread of its own: a disk or a reader that stands still holds up nobody who has something to say.

What waits has an end. Lines beyond it are lost, counted, and told of in the log itself as soon as it goes on.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import BinaryIO

from service.telemetry.drops import Drops, Reason

MOST_BYTES = 8 * 1024 * 1024
"""So much waits at most, some 25,000 lines: a minute of four hundred requests a second."""


class LineWriter:
    """A bounded queue and the thread that empties it."""

    def __init__(
        self, stream: BinaryIO, drops: Drops | None, told: Callable[[int], bytes], most_bytes: int = MOST_BYTES
    ) -> None:
        """Begin.

        Args:
            stream: takes the lines.
            drops: counts those that were lost.
            told: a line that says how many were.
            most_bytes: what may wait.
        """
        # Past the stream's own buffer: a write that stands still holds its lock, and Python aborts a process that ends so.
        self._stream = getattr(stream, "raw", stream)
        self._drops = drops
        self._told = told
        self._most = most_bytes
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._waiting = 0
        self._lost = 0
        self._closed = False
        self._within_line = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def put(self, lines: bytes) -> None:
        """Take whole lines, or count them where too much waits; never waits itself."""
        with self._lock:
            closed = self._closed
            full = self._waiting > 0 and self._waiting + len(lines) > self._most
            if not closed and not full:
                self._waiting += len(lines)
                # Under the lock: nothing may stand behind the word that closes the queue.
                self._queue.put(lines)
                return
        self._lose(lines.count(b"\n"), "closed" if closed else "queue_full")

    def close(self, seconds: float) -> bool:
        """Write what waits, for so many seconds at most; whether everything is written. What is put from now on is lost."""
        with self._lock:
            self._closed = True
            self._queue.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (lines := self._queue.get()) is not None:
            written = self._write(lines)
            with self._lock:
                self._waiting -= len(lines)
                lost = self._lost if written else 0
                self._lost -= lost
            if lost:
                self._write(self._told(lost))

    def _write(self, lines: bytes) -> bool:
        """Whether all of it was written; what was not is counted."""
        # A line that was cut by a full disk shall not swallow the next one.
        left = memoryview(b"\n" + lines if self._within_line else lines)
        try:
            while left:
                took = self._stream.write(left)
                if took is None:
                    # Somebody made the descriptor one that does not wait.
                    select.select([], [self._stream], [])
                    continue
                self._within_line = left[took - 1] != ord("\n") if took else self._within_line
                left = left[took:]
        except (OSError, ValueError):
            self._lose(bytes(left).count(b"\n"), "unwritable")
            return False
        return True

    def _lose(self, lines: int, reason: Reason) -> None:
        if self._drops:
            self._drops.count("logs", reason, lines)
        with self._lock:
            self._lost += lines
