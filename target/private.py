"""The private folder of a stack: secrets, database, time series. Gone with its owner, at the latest when the next run begins.

The owner holds a lock in it while it lives, and the kernel lets go of a lock when its holder dies, however it died: a folder whose
lock is free belongs to nobody.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

NAME = "private"
_LOCK = ".owner"


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[Path]:
    """Make a folder that only its owner can read, hold it while this is entered, and remove it at the end.

    Raises:
        OSError: It exists already, or the disk refuses.
    """
    folder.mkdir(parents=True, mode=0o700)
    try:
        with (folder / _LOCK).open("w", encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder)


def remove_abandoned(below: Path) -> tuple[Path, ...]:
    """Remove the private folders below a folder whose owner was killed; those in use stay.

    Returns:
        What was removed. What cannot be removed stays for another time.
    """
    return tuple(lock.parent for lock in sorted(below.glob(f"**/{NAME}/{_LOCK}")) if removed_when_free(lock))


def removed_when_free(lock: Path) -> bool:
    """Remove the folder of a lock whose owner is gone; whether it was removed."""
    try:
        with lock.open("a", encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent)
    except OSError:  # held by its owner, gone meanwhile, or not ours to remove
        return False
    return True
