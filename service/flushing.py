"""Names that survive a power cut: syncing a file keeps what is in it, and not that it is in its folder."""

from __future__ import annotations

import os
from pathlib import Path


def flush_folder(folder: Path) -> None:
    """Sync the names in a folder; what is in its files is synced by whoever wrote it.

    Raises:
        OSError: the disk does not take them.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
