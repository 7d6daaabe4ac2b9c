"""What SQLite's errors say of the disk and of the file, and whether the disk takes anything: asked once it has refused something, for SQLite tells of it only to who writes."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path

_TRIED_BYTES = 1024 * 1024
"""More than an answer needs. A commit that fits into what the log already has would succeed on a full disk, too."""
_OF_THE_DISK = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_OF_THE_FILE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
DAMAGED = "the file is damaged, and waiting mends nothing: stop what uses it, move it with its -wal and -shm elsewhere, and restore a backup into a new one"


def is_of_the_disk(error: Exception) -> bool:
    """Whether an error says that the disk is full or fails; a lock or a wrong statement is none."""
    return _kind(error) in _OF_THE_DISK


def is_of_the_file(error: BaseException | None) -> bool:
    """Whether an error says that what stands in the file is no whole database."""
    return _kind(error) in _OF_THE_FILE


def _kind(error: BaseException | None) -> int:
    # The upper bits of a code say where it happened.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF if isinstance(error, sqlite3.Error) else 0


def has_room(folder: Path) -> bool:
    """Write and sync a megabyte in a file that has no name, and let it go."""
    try:
        with tempfile.TemporaryFile(dir=folder) as tried:
            tried.write(bytes(_TRIED_BYTES))
            tried.flush()
            os.fsync(tried.fileno())
    except OSError:
        return False
    return True
