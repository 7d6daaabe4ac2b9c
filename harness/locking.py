"""A lock between programs: the kernel lets go of it when its holder ends, however it ended."""

from __future__ import annotations

import contextlib
import fcntl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Two programs at once must not fill one folder: the second waits, then finds there what it needs."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
