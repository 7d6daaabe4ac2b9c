"""Whether the disk of a database takes anything: asked once it has refused something, for SQLite tells of it only to who writes."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path

_TRIED_BYTES = 1024 * 1024
"""More than an answer needs. A commit that fits into what the log already has would succeed on a full disk, too."""
_OF_THE_DISK = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def is_of_the_disk(error: Exception) -> bool:
    """Whether an error says that the disk is full or fails; a lock or a wrong statement is none."""
    # The upper bits of a code say where it happened.
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_THE_DISK


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
