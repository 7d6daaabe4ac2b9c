"""Brings the memory that answers touch together in huge pages: of 2 MiB instead of 4 KiB, so that fewer addresses are looked up cold.

An answer reads and writes what lies far apart in some 60 MB. Linux makes a huge page of what a process asks it to (MADV_COLLAPSE, 6.1), where the
machine allows it; what memory holds never changes by it. Only memory of this process alone, no file and no stack, and only pieces that are
nearly full already: the rest would take memory that nobody uses. Where anything forbids it, the service goes on without.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import mmap
import os
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from service.telemetry.logging import EventLog

_COLLAPSE = 25
"""MADV_COLLAPSE of linux/mman.h; older kernels answer EINVAL."""
_PRESENT = 1 << 63
"""The bit of an entry in /proc/PID/pagemap that says that the page is in memory."""
_LEAST_SHARE = 0.75
_GROWTH = 1.1
"""Times as much memory as when it was last brought together, from which on it is worth looking again."""
_AT_MOST_SECONDS = 1.0
_SHORT = frozenset({errno.ENOMEM, errno.EBUSY})
"""No huge page is left, or the container's limit is reached: whoever is short of memory is not pressed for more."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """What is asked: `process` is the folder of this process, `rules` that of the machine's settings.

    `collapse` makes one huge page of the bytes from an address on, so many; it returns 0, or the number of an error.
    """

    process: Path
    rules: Path
    collapse: Callable[[int, int], int]

    def resident(self) -> int:
        """Bytes of the process that are in memory.

        Raises:
            OSError: it cannot be read.
        """
        return int((self.process / "statm").read_text(encoding="ascii").split()[1]) * mmap.PAGESIZE


def kernel_here() -> Kernel | None:
    """The kernel that runs this process; None where it is not Linux."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

    def collapse(start: int, size: int) -> int:
        return 0 if libc.madvise(start, size, _COLLAPSE) == 0 else ctypes.get_errno()

    return Kernel(Path("/proc/self"), Path("/sys/kernel/mm/transparent_hugepage"), collapse)


def pieces(maps: Iterable[str], size: int) -> Iterator[int]:
    """Where a huge page could begin: aligned to its size, and whole within one mapping that is private, writable and of no file.

    Args:
        maps: the lines of /proc/PID/maps.
        size: bytes of a huge page.
    """
    for line in maps:
        addresses, rights, _, _, _, *name = line.split(maxsplit=5)
        if rights == "rw-p" and (not name or name[0].strip() == "[heap]"):
            start, end = (int(address, 16) for address in addresses.split("-"))
            yield from range(-(-start // size) * size, end // size * size, size)


def share_present(entries: bytes) -> float:
    """How much of a piece is in memory, 0 to 1, by its entries in /proc/PID/pagemap; 0 where there are none.

    A thread's stack, and what an allocator has only set aside, are hardly there.
    """
    words = struct.unpack(f"={len(entries) // 8}Q", entries)
    return sum(1 for word in words if word & _PRESENT) / len(words) if words else 0.0


@dataclass(frozen=True, slots=True)
class Gathered:
    """Bytes that lie in huge pages; why others do not, or nothing; whether time was up before all were asked for."""

    size: int
    refused: str = ""
    cut_short: bool = False


def gather(kernel: Kernel, clock: Callable[[], float]) -> Gathered:
    """Bring together what is worth it, piece by piece, for a second at most. What is together already costs next to nothing.

    Args:
        kernel: what is asked.
        clock: monotonic seconds.
    """
    try:
        return _gathered(kernel, clock)
    except OSError as error:
        return Gathered(0, f"{error.filename} cannot be read ({error.strerror})")


def _gathered(kernel: Kernel, clock: Callable[[], float]) -> Gathered:
    rule = kernel.rules / "enabled"
    if "[never]" in rule.read_text(encoding="ascii"):
        # MADV_COLLAPSE would not mind: but somebody has said it of the whole machine.
        return Gathered(0, f"{rule} is never")
    size = int((kernel.rules / "hpage_pmd_size").read_text(encoding="ascii"))
    maps = (kernel.process / "maps").read_text(encoding="utf-8", errors="replace").splitlines()
    ends = clock() + _AT_MOST_SECONDS
    done, refused = 0, ""
    with (kernel.process / "pagemap").open("rb", buffering=0) as pagemap:
        for start in pieces(maps, size):
            if clock() > ends:
                return Gathered(done, refused, cut_short=True)
            entries = os.pread(pagemap.fileno(), size // mmap.PAGESIZE * 8, start // mmap.PAGESIZE * 8)
            if share_present(entries) < _LEAST_SHARE:
                continue
            number = kernel.collapse(start, size)
            if number == 0:
                done += size
                continue
            # EINVAL is also what a kernel says that does not know the advice.
            refused = f"madvise: {os.strerror(number)}{' (Linux 6.1 takes it)' if number == errno.EINVAL else ''}"
            if number in _SHORT:
                break
    return Gathered(done, refused)


class HugePages:
    """Brings this process's memory together once it is warm, and again when it has grown by a tenth."""

    def __init__(self, kernel: Kernel, clock: Callable[[], float], log: EventLog) -> None:
        """Keep what is asked, a clock of monotonic seconds, and where it is told."""
        self._kernel = kernel
        self._clock = clock
        self._log = log
        self._held: int | None = None

    async def begin(self) -> None:
        """Bring together what is there, beside the event loop, and say how much or why not."""
        await self._gather("info")

    async def look(self) -> None:
        """Do so again if memory has grown since, or time was up; nothing before it has begun.

        Raises:
            OSError: the size of the process cannot be read.
        """
        if self._held is not None and self._kernel.resident() > self._held * _GROWTH:
            await self._gather("debug")

    async def _gather(self, level: str) -> None:
        found = await asyncio.to_thread(gather, self._kernel, self._clock)
        try:
            self._held = 0 if found.cut_short else self._kernel.resident()
        except OSError:
            # Where nothing can be read it stays as it is: `look` has nothing to go by.
            self._held = None
        self._log.write(level, "huge_pages", mib=found.size >> 20, reason=found.refused or None)
