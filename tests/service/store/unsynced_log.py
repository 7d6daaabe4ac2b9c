"""A launcher of the red proof: `python -m service` whose SQLite file is opened with another `synchronous` than FULL (OFF, NORMAL)."""

import runpy
import sqlite3
import sys
from pathlib import Path

from service.store.sqlite import sqlite_store
from service.store.sqlite.connection import connect

LEVEL = sys.argv.pop(1)


def careless(path: Path, timeout: float) -> sqlite3.Connection:
    """As `connect` opens it, but for the level."""
    connection = connect(path, timeout)
    connection.execute(f"PRAGMA synchronous = {LEVEL}")
    return connection


sqlite_store.connect = careless
sys.argv[0] = "service"
runpy.run_module("service", run_name="__main__", alter_sys=True)
