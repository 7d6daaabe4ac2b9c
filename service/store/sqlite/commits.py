"""Whether anybody has committed anything but what the writer of this process says it knows.

`PRAGMA data_version` tells that somebody has committed, which nearly always was the writer beside the reader. SQLite itself learns it from the head of
the log's index (sqlite.org/walformat.html, 2.1): 48 bytes of shared memory, twice in a row, which each commit of any process writes anew and
in which a number grows by one. A reader whose bytes are the same sees the same database. The same bytes are looked at here, so that a commit of
others is told from one of the writer's, which holds the lock from before its first look until it has committed.
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
from pathlib import Path

_HEAD_BYTES = 48
_FORMAT = (3_007_000).to_bytes(4, sys.byteorder)
"""The only format of the index that there has been; of another one nothing is known."""
_READY = 12
"""The place of the byte that says whether the head is filled in."""


class Commits:
    """Numbers the states of one file: while the number stays, nothing was changed but by work that spares what is kept."""

    def __init__(self) -> None:
        """Nothing is known before `open`."""
        self._index: mmap.mmap | None = None
        self._file = -1
        self._lock = threading.Lock()
        self._state = 0
        # Both copies, as they stood at the last look.
        self._last = b""
        self._begun: bytes | None = None

    def open(self, index: Path) -> None:
        """Look at the index of a log that a connection of this process holds open; where it cannot be looked at, nothing is known.

        Args:
            index: the file beside the database.
        """
        try:
            self._file = os.open(index, os.O_RDONLY)
            self._index = mmap.mmap(self._file, 2 * _HEAD_BYTES, prot=mmap.PROT_READ)
        except (OSError, ValueError):
            self._index = None

    def close(self) -> None:
        """Let go of the index. To be called behind the last connection: to close any descriptor of a file gives up all locks that this process has on it."""
        with self._lock:
            index, self._index = self._index, None
            if index is not None:
                index.close()
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def look(self) -> int | None:
        """The number of the present state; None: it cannot be told now, for the writer is just committing."""
        with self._lock:
            if self._index is None:
                return None
            # Nearly always nothing has changed: what was whole then is whole now.
            if self._index[:] != self._last:
                head = self._head()
                if head is None or self._begun is not None:
                    return None
                self._last = head
                self._state += 1
            return self._state

    def began(self) -> None:
        """The writer holds the lock: until it gives it back nobody else commits."""
        with self._lock:
            head = self._head()
            if head != self._last:
                self._state += 1
                self._last = head or b""
            self._begun = head

    def ended(self, *, wrote: bool, spares: bool) -> None:
        """The writer has given the lock back.

        Args:
            wrote: whether it has changed and committed anything.
            spares: whether all of that spares what is kept.
        """
        with self._lock:
            begun, self._begun = self._begun, None
            head = self._head()
            # Exactly one commit since the lock was taken can only be the writer's, for nobody could come before it.
            own = wrote and spares and begun and head and _number(head) == (_number(begun) + 1) % 2**32
            if (head != self._last and not own) or (wrote and not spares):
                self._state += 1
            self._last = head or b""

    def _head(self) -> bytes | None:
        """Both copies of the head of the index; None while somebody is writing them."""
        if self._index is None:
            return None
        both = self._index[:]
        # The second copy is written first: equal ones are whole.
        return both if both[:_HEAD_BYTES] == both[_HEAD_BYTES:] and both[:4] == _FORMAT and both[_READY] else None


def _number(head: bytes) -> int:
    """How many commits there were, which begins anew at 2**32."""
    return int.from_bytes(head[8:12], sys.byteorder)
