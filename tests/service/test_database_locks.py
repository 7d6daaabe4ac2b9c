"""Other programs at the database of a running service."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

_LOOK = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute('SELECT count(*) FROM messages').fetchone()[0]); c.close()"


def _messages(house: Any) -> int:
    """Counted by a process of its own, which is the only way to meet POSIX locks."""
    command = [sys.executable, "-c", _LOOK, str(house.database)]
    return int(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)


def test_who_looks_from_outside_takes_nothing_away(house: Any) -> None:
    """A program that opens and closes the database leaves its log in place: every answer that is kept afterwards is seen by the next one."""
    assert _messages(house) == 0
    house.ask("judge", "Apa itu hukum pidana?")
    assert _messages(house) == 2
    house.ask("judge", "Apa itu hukum pidana?")
    assert _messages(house) == 4
