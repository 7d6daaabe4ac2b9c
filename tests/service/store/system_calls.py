"""Watches the system calls of a running process, as strace does: ptrace(2) by ctypes, so that a bare Linux with Python alone is enough.

A shim in SQLite's VFS, or one that is preloaded, would need a compiler or a SQLite whose symbols can be reached; Python is often built with one inside.
A plain user may trace the processes that they started themselves (also with Yama's `ptrace_scope` 1). Linux 5.3 or later tells a call's
number and arguments alike on every processor (PTRACE_GET_SYSCALL_INFO).
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SYSCALL, _DETACH, _SEIZE, _INTERRUPT, _GET_SYSCALL_INFO = 24, 17, 0x4206, 0x4207, 0x420E
_TELL_CALLS, _TELL_CLONES = 1, 8
_WALL = 0x40000000
_ENTRY, _EXIT = 1, 2
_NUMBERS: Final = {
    "x86_64": {1: "write", 18: "write", 20: "write", 296: "write", 44: "write", 46: "write", 74: "sync", 75: "sync"},
    "aarch64": {64: "write", 66: "write", 68: "write", 70: "write", 206: "write", 211: "write", 82: "sync", 83: "sync"},
}
"""write, pwrite64, writev, pwritev, sendto, sendmsg; fsync, fdatasync. <asm/unistd.h>"""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that ended well: `write` or `sync`, and what its descriptor stands for (a path, or `socket:[…]`)."""

    kind: str
    target: str


class Watch:
    """Traces every thread of a process. All methods belong to one thread: ptrace knows the tracer by it."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._ptrace = ctypes.CDLL(None, use_errno=True).ptrace
        self._ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self._ptrace.restype = ctypes.c_long
        self._numbers = _NUMBERS[platform.machine()]
        self._begun: dict[int, Call | None] = {}
        self.calls: list[Call] = []
        for thread in self._threads():
            self._ask(_SEIZE, thread, _TELL_CALLS | _TELL_CLONES)
            self._ask(_INTERRUPT, thread)

    def _threads(self) -> list[int]:
        return [int(entry.name) for entry in Path(f"/proc/{self._process}/task").iterdir()]

    def _ask(self, request: int, thread: int, value: int = 0) -> None:
        if self._ptrace(request, thread, None, value) < 0 and ctypes.get_errno() != 3:  # ESRCH: the thread is gone
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x}: {os.strerror(ctypes.get_errno())}")

    def until(self, done: Callable[[], bool]) -> list[Call]:
        """Let it run and note its calls until `done` says so after one of them; then leave it alone.

        Whoever reads what was written may say so before the call has ended: what has begun is noted, too.
        """
        while not done() or self.began is not None:
            self._next()
        for thread in self._threads():
            self._ask(_INTERRUPT, thread)
        waiting = set(self._threads())
        while waiting:
            thread, _ = os.waitpid(-1, _WALL)
            self._ask(_DETACH, thread)
            waiting.discard(thread)
        return self.calls

    @property
    def began(self) -> Call | None:
        """A call that has begun and not ended yet."""
        return next((call for call in self._begun.values() if call is not None), None)

    def _next(self) -> None:
        thread, status = os.waitpid(-1, _WALL)
        if not os.WIFSTOPPED(status):
            return
        number = os.WSTOPSIG(status)
        if number == signal.SIGTRAP | 0x80:
            self._note(thread)
        # A stop that ptrace made is not a signal of the process: only real ones are handed on.
        handed = 0 if number & ~0x80 == signal.SIGTRAP or status >> 16 else number
        self._ask(_SYSCALL, thread, handed)

    def _note(self, thread: int) -> None:
        told = ctypes.create_string_buffer(88)
        self._ptrace(_GET_SYSCALL_INFO, thread, len(told), ctypes.addressof(told))
        if told.raw[0] == _ENTRY:
            number, descriptor = struct.unpack_from("=QQ", told.raw, 24)
            kind = self._numbers.get(number)
            self._begun[thread] = Call(kind, self._target(descriptor)) if kind else None
        elif told.raw[0] == _EXIT:
            (result,) = struct.unpack_from("=q", told.raw, 24)
            call = self._begun.pop(thread, None)
            if call is not None and result >= 0:
                self.calls.append(call)

    def _target(self, descriptor: int) -> str:
        try:
            return str(Path(f"/proc/{self._process}/fd/{descriptor}").readlink())
        except OSError:
            return ""
