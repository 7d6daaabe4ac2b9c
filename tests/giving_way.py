"""What runs beside a measurement gives way to it, also where it began a session of its own.

Linux shares processors out by session first (sched(7), autogroup): every process of PostgreSQL, every reader of documents and the
browser call setsid(2) themselves, and each would then weigh as much as the whole session that measures, however low its priority is.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

GIVING_WAY = 19
"""The lowest priority of a process (getpriority(2)): what measures takes all that it needs, the rest is theirs."""
LOOK_SECONDS = 0.5
"""How often new sessions are looked for: what ends sooner has hardly computed."""
PROC = Path("/proc")
_GROUP = re.compile(r"(\S+) nice (-?\d+)")
_DEFAULT = ("", 0)
"""The group of whatever descends from the first process with no session between: the kernel shows an empty file for it."""


def give_way() -> Callable[[], None]:
    """Lower the calling process, what it will start, and the sessions that these will begin; gives what ends the looking for those."""
    os.setpriority(os.PRIO_PROCESS, 0, GIVING_WAY)
    if _group(PROC, os.getpid()) is None:  # another system, or a kernel without such groups
        return lambda: None
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            pass_on(os.getpid())

    threading.Thread(target=look, name="giving-way", daemon=True).start()
    return ended.set


def pass_on(pid: int, proc: Path = PROC, niceness: Callable[[int], int] | None = None) -> list[int]:
    """Give each session that a process below `pid` began the niceness of that process; gives the processes that it was done for.

    A child that has yet to call setsid(2) still shares our group: it is left for the next look, or we would lower everybody's.
    """
    known = niceness or _niceness
    own, lowered = _group(proc, pid), []
    for below in _descendants(proc, pid):
        group = _group(proc, below)
        if own is None or group is None or group[0] == own[0]:
            continue
        with contextlib.suppress(OSError):  # it ended, is another user's, or a tenth of a second is not over (EAGAIN)
            if (nice := known(below)) != group[1]:
                (proc / str(below) / "autogroup").write_text(str(nice), encoding="ascii")
                lowered.append(below)
    return lowered


def _niceness(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)


def _group(proc: Path, pid: int) -> tuple[str, int] | None:
    """The name and the niceness of a process's group; None without such groups, and for a process that ended."""
    try:
        shown = (proc / str(pid) / "autogroup").read_text(encoding="ascii")
    except OSError:
        return None
    found = _GROUP.match(shown)
    return _DEFAULT if found is None else (found[1], int(found[2]))


def _descendants(proc: Path, pid: int) -> Iterator[int]:
    """Processes below one; each thread has children of its own."""
    for children in (proc / str(pid) / "task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, children.read_text(encoding="ascii").split()):
                yield child
                yield from _descendants(proc, child)
