"""Counts requests for all workers of one machine, in memory that they share: no server, a few microseconds.

A file without a name is mapped by every worker. It is a table of buckets of eight windows; a subject has its bucket by hash, and in
a full bucket the window that was used longest ago makes room, so the size never changes. A bucket is locked by a lock of
the system on its byte, which ends with its holder: a worker that dies takes nothing with it. One that is stopped while it holds a lock is not
waited for: after 20 ms the others count without it, at worst one request too few.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import struct
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from service.quotas.limits import SLOTS, Count, Decision, Demand, decide

_WAYS = 8
_BUCKETS = 16_384
_COUNTS = SLOTS + 1
_ENTRY = struct.Struct(f"<16sqd{_COUNTS}I")
"""Digest of limit and subject, the newest slot that holds requests, when it was last used, and the count of each slot (by slot modulo)."""
_BUCKET_BYTES = _ENTRY.size * _WAYS
_LOCK_TRIES = 20
_LOCK_PAUSE_SECONDS = 0.001
_NOBODY = bytes(16)


def make_table(buckets: int = _BUCKETS) -> int:
    """A descriptor of a new empty table, to be inherited by workers; the memory is taken as it is used, at most some 11 MB."""
    with tempfile.TemporaryFile(prefix="courtsight-quotas-") as file:
        file.truncate(buckets * _BUCKET_BYTES)
        return os.dup(file.fileno())


class SharedWindows:
    """A `QuotaStore` of all processes that hold the table."""

    def __init__(self, table: int) -> None:
        """Map a table; the descriptor is kept for its locks.

        Args:
            table: what `make_table` gave, in this process or in the one that started it.
        """
        self._fd = table
        self._size = os.fstat(table).st_size
        self._map = mmap.mmap(table, self._size)
        self._buckets = self._size // _BUCKET_BYTES

    def close(self) -> None:
        """Let go of the memory; the descriptor belongs to whoever gave it."""
        self._map.close()

    async def take(self, demands: Sequence[Demand], now: float) -> Decision:
        """See `QuotaStore`; waits only for another worker's few microseconds."""
        digests = [_digest(demand) for demand in demands]
        buckets = [int.from_bytes(digest[:8], "little") % self._buckets for digest in digests]
        with self._locked(sorted(set(buckets))):
            windows = [self._window(*found) for found in zip(digests, buckets, strict=True)]
            counts = [_count(window, demand, now) for window, demand in zip(windows, demands, strict=True)]
            decision = decide(counts)
            if decision.allowed:
                for window, demand in zip(windows, demands, strict=True):
                    window.add(int(now // demand.limit.slot_seconds), now)
                    # Written at once: the next demand of this request may need room in the same bucket.
                    window.write(self._map)
        return decision

    async def forget(self, demand: Demand) -> None:
        """See `QuotaStore`."""
        digest = _digest(demand)
        bucket = int.from_bytes(digest[:8], "little") % self._buckets
        with self._locked([bucket]):
            window = self._window(digest, bucket)
            if any(window.counts):
                window.counts = [0] * _COUNTS
                window.write(self._map)

    def _window(self, digest: bytes, bucket: int) -> _Window:
        """The window of a digest; a new one takes the place of the one that was used longest ago."""
        oldest: _Window | None = None
        for way in range(_WAYS):
            offset = bucket * _BUCKET_BYTES + way * _ENTRY.size
            found = _Window(offset, _ENTRY.unpack_from(self._map, offset))
            if found.digest == digest:
                return found
            if oldest is None or found.used_at < oldest.used_at:
                oldest = found
        assert oldest is not None  # noqa: S101 - a bucket has eight ways
        return _Window(oldest.offset, (digest, 0, 0.0, *([0] * _COUNTS)))

    @contextmanager
    def _locked(self, buckets: Sequence[int]) -> Iterator[None]:
        """Hold some buckets, in the order of their numbers so that no two workers wait for each other."""
        held = [bucket for bucket in buckets if self._lock(bucket)]
        try:
            yield
        finally:
            for bucket in held:
                fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, bucket)

    def _lock(self, bucket: int) -> bool:
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, bucket)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    return False
                # The holder needs microseconds; only one that is stopped needs longer.
                time.sleep(_LOCK_PAUSE_SECONDS)
            else:
                return True
        return False


class _Window:
    """A copy of one entry."""

    __slots__ = ("counts", "digest", "newest", "offset", "used_at")

    def __init__(self, offset: int, entry: Sequence[bytes | int | float]) -> None:
        self.offset = offset
        digest, newest, used_at, *counts = entry
        self.digest = digest if isinstance(digest, bytes) else _NOBODY
        self.newest = int(newest)
        self.used_at = float(used_at)
        self.counts = [int(count) for count in counts]

    def forget(self, slot: int) -> None:
        """Empty the slots that are older than the window which ends with this one; all, where the clock was set back by more than a window."""
        if slot < self.newest - SLOTS:
            self.counts = [0] * _COUNTS
            self.newest = slot
            return
        if slot <= self.newest:
            return
        for gone in range(self.newest + 1, min(slot, self.newest + _COUNTS) + 1):
            self.counts[gone % _COUNTS] = 0
        self.newest = slot

    def add(self, slot: int, now: float) -> None:
        # A clock that was set back must not make slots fall: the request counts in the newest one.
        self.counts[max(slot, self.newest) % _COUNTS] += 1
        self.newest = max(slot, self.newest)
        self.used_at = now

    def write(self, table: mmap.mmap) -> None:
        _ENTRY.pack_into(table, self.offset, self.digest, self.newest, self.used_at, *self.counts)

    @property
    def oldest(self) -> int | None:
        """The oldest slot that holds a request."""
        slots = range(self.newest - SLOTS, self.newest + 1)
        return next((slot for slot in slots if self.counts[slot % _COUNTS]), None)


def _digest(demand: Demand) -> bytes:
    text = f"{demand.limit.name}\0{demand.subject}".encode()
    return hashlib.blake2b(text, digest_size=16).digest()


def _count(window: _Window, demand: Demand, now: float) -> Count:
    width = demand.limit.slot_seconds
    slot = int(now // width)
    window.forget(slot)
    oldest = window.oldest
    return Count(
        demand.limit,
        sum(window.counts),
        max(0.0, ((slot if oldest is None else oldest) + SLOTS + 1) * width - now),
    )
