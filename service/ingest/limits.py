"""What a child that reads one document may use, and how the operating system is told so."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from dataclasses import dataclass
from typing import NoReturn

_MEGABYTE = 1024 * 1024
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_FORBIDDEN = ("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.system", "os.fork", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.kill", "shutil.", "ftplib.", "smtplib.", "urllib.", "webbrowser.")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """Per document: address space in bytes, processor seconds, and seconds by the wall clock."""

    memory_bytes: int = 256 * _MEGABYTE
    cpu_seconds: int = 4
    wall_seconds: float = 12.0

    @classmethod
    def for_size(cls, size_bytes: int, memory_bytes: int = 256 * _MEGABYTE) -> Limits:
        """Four processor seconds for each megabyte begun, at most a minute; three times as long by the clock.

        A larger file gets more address space too: it is held in memory once as bytes and once as text.
        """
        cpu = min(60, 4 * (1 + size_bytes // _MEGABYTE))
        return cls(memory_bytes + 6 * max(0, size_bytes - 8 * _MEGABYTE), cpu, 3.0 * cpu)


def leave_the_network() -> None:
    """Move this process, and all that it starts, into a network without interfaces, where the kernel lets it.

    Where it does not (no user namespaces, macOS), the audit hook of `confine` still refuses sockets to Python code.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def die_with_parent() -> None:
    """End this process when the one that started it ends, on Linux; elsewhere the limits on time do."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def confine(limits: Limits) -> None:
    """Take from this process what reading a document does not need: memory, time, files to write, sockets, programs."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    with contextlib.suppress(ValueError, OSError):  # macOS refuses a limit on address space
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"{event} is not open to a reader of documents")
    if event == "open" and len(arguments) > 2 and _writes(arguments[1], arguments[2]):
        raise PermissionError("a reader of documents writes no file")


def _writes(mode: object, flags: object) -> bool:
    by_mode = isinstance(mode, str) and any(letter in mode for letter in "wax+")
    by_flags = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
    return by_mode or by_flags


def leave(status: int) -> NoReturn:
    """End a forked process at once: no handler of the one it came from runs twice."""
    os._exit(status)
