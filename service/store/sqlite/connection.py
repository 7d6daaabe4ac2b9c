"""Opens the SQLite file safely and brings its tables up to date."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack
from pathlib import Path

from service.errors import ConfigurationError
from service.store.migrations import MIGRATIONS

_OWNER_ONLY = 0o600


def connect(path: Path, timeout: float) -> sqlite3.Connection:
    """Open the file for reading and writing; it is created for its owner only.

    Args:
        path: the SQLite file; its folder must exist.
        timeout: seconds that a statement waits for another connection's lock.

    Raises:
        ConfigurationError: the file cannot be opened, or is no database.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY))
        path.chmod(_OWNER_ONLY)
        with ExitStack() as unless_it_works:
            connection = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
            unless_it_works.callback(connection.close)
            connection.execute("PRAGMA journal_mode = WAL")
            # FULL syncs at every commit: an answer that was shown is still there after a power cut.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            unless_it_works.pop_all()
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(
            f"database {path}: {error}; set COURTSIGHT_DATABASE to a file you may write"
        ) from error
    return connection


def migrate(connection: sqlite3.Connection, now: float) -> int:
    """Apply the migrations that the file lacks, in one transaction; returns how many.

    Raises:
        ConfigurationError: the file was written by a newer version of the service, or stayed locked.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, applied_at REAL) STRICT"
        )
        (done,) = connection.execute("SELECT coalesce(max(version), 0) FROM migrations").fetchone()
        if done > len(MIGRATIONS):
            connection.execute("ROLLBACK")
            raise ConfigurationError(
                f"the database has version {done}, this service knows {len(MIGRATIONS)}: upgrade it"
            )
        for version, migration in enumerate(MIGRATIONS[done:], start=done + 1):
            for statement in migration.statements("sqlite"):
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?, ?)", (version, now))
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise ConfigurationError(f"the database cannot be brought up to date: {error}") from error
    return len(MIGRATIONS) - int(done)
