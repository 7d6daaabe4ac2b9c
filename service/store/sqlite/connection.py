"""Opens the SQLite file safely and brings its tables up to date."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TypeVar

from service.errors import ConfigurationError, StorageUnavailable
from service.store.migrating import Moved, bring_to
from service.store.sqlite.driving import drive
from service.store.sqlite.room import DAMAGED, has_room, is_of_the_disk, is_of_the_file
from service.store.work import Work

Result = TypeVar("Result")
_OWNER_ONLY = 0o600
_LARGEST_LOG_BYTES = 64 * 1024 * 1024
_ASKED_AGAIN_SECONDS = 0.01
_LOG_IN_USE = "The database's log is in use and could not be emptied. Try again in a moment."


def connect(path: Path, timeout: float) -> sqlite3.Connection:
    """Open the file for reading and writing; it is created for its owner only.

    Args:
        path: the SQLite file; its folder must exist.
        timeout: seconds that a statement waits for another connection's lock.

    Raises:
        ConfigurationError: the file cannot be opened, or is no database.
    """
    until = time.monotonic() + timeout
    while True:
        try:
            return _opened(path, timeout)
        except (OSError, sqlite3.Error) as error:
            # Where several open a new file at once, or the last one leaves, SQLite says "busy" without waiting: it is asked again.
            busy = isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > until:
                raise ConfigurationError(f"database {path}: {error}; {_advice(path, error)}") from error
            time.sleep(_ASKED_AGAIN_SECONDS)


def _advice(path: Path, error: Exception) -> str:
    """What to do. SQLite calls a full disk an error of input and output where it cannot make the index of its log."""
    if is_of_the_disk(error) and not has_room(path.resolve().parent):
        return "there is no room on its disk: free some"
    return "set COURTSIGHT_DATABASE to a file you may write"


def _opened(path: Path, timeout: float) -> sqlite3.Connection:
    _create(path)
    if not path.is_file():
        # SQLite opens none, and what follows would close a folder, or a device of the system, to everybody.
        raise OSError("it is no regular file")
    path.chmod(_OWNER_ONLY)
    with ExitStack() as unless_it_works:
        connection = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
        unless_it_works.callback(connection.close)
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL syncs at every commit: an answer that was shown is still there after a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # A log that grew while somebody read for long is cut back at the next checkpoint.
        connection.execute(f"PRAGMA journal_size_limit = {_LARGEST_LOG_BYTES}")
        # What is deleted is overwritten with zeros, so that a person's erased words do not stay in free pages.
        connection.execute("PRAGMA secure_delete = ON")
        unless_it_works.pop_all()
    return connection


def is_alone(path: Path) -> bool:
    """Whether no other connection, of whichever process, has the file open.

    SQLite leaves its log only for who is alone with the file (sqlite.org/wal.html, "The WAL File"), and says so otherwise.

    Raises:
        ConfigurationError: the file cannot be opened, or is no database.
    """
    if not path.exists():
        return True
    with closing(connect(path, 0.0)) as connection:
        try:
            ((mode,),) = connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                return False
            raise ConfigurationError(f"database {path}: {error}") from error
        connection.execute("PRAGMA journal_mode = WAL")
    return bool(mode == "delete")


def files_of(path: Path) -> tuple[str, ...]:
    """The database, its log and the log's index: what is committed stands in the log until it is brought into the file.

    SQLite itself neither removes nor replaces one of them while a connection is open (sqlite.org/walformat.html). Names are strings: all of them
    are looked at twice for each commit, and a `Path` is put together anew each time.
    """
    # SQLite follows a link to the database before it names the others.
    real = path.resolve()
    return str(path), f"{real}-wal", f"{real}-shm"


def identity(files: Iterable[str]) -> list[tuple[int, int] | None]:
    """Which files stand under some names, None where there is none; another one put in its place has another identity."""
    return [_place(file) for file in files]


def _place(file: str) -> tuple[int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116 - see `files_of`
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _create(path: Path) -> None:
    """Make the file where there is none; one that is there is never opened here.

    To close any descriptor of a file gives up all POSIX locks that this process has on it (fcntl(2)), those of SQLite's connections too:
    the next program that closes the database would believe to be the last one and remove the log that this process still writes.
    """
    if not path.exists():
        with suppress(FileExistsError):
            # Behind a link that leads to nothing yet, there.
            path.resolve().touch(_OWNER_ONLY, exist_ok=False)


def migrate(connection: sqlite3.Connection, now: float) -> Moved:
    """Bring the tables up to date, in one transaction; see `bring_to`.

    Raises:
        ConfigurationError: the file was written by a newer version of the service, or stayed locked.
    """
    return once(connection, bring_to("sqlite", now))


def once(connection: sqlite3.Connection, work: Work[Result], *, snapshot: bool = False) -> Result:
    """Run work in a transaction, beside the store.

    Args:
        connection: one on which no transaction is open.
        work: what to do.
        snapshot: the work only reads, sees one state of the file, and holds up nobody who writes.

    Raises:
        ConfigurationError: the file stayed locked, or refused a command; nothing was changed.
        TakenError: a row that must be unique exists.
    """
    try:
        connection.execute("BEGIN" if snapshot else "BEGIN IMMEDIATE")
        try:
            result = drive(connection, work)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        advice = f"; {DAMAGED}" if is_of_the_file(error) else ""
        raise ConfigurationError(f"the database did not take it, and stays as it was: {error}{advice}") from error
    return result


def checkpoint(path: Path, seconds: float) -> None:
    """Bring everything from the write-ahead log into the file and empty the log.

    Raises:
        StorageUnavailable: somebody read from the log, brought it in, or held the lock, for all of these seconds.
    """
    until = time.monotonic() + seconds
    try:
        with closing(connect(path, seconds)) as connection:
            while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                # Where somebody else brings the log in just now, SQLite says "busy" without waiting: it is asked again.
                if time.monotonic() > until:
                    raise StorageUnavailable(_LOG_IN_USE)
                time.sleep(_ASKED_AGAIN_SECONDS)
    except (sqlite3.Error, ConfigurationError) as error:
        raise StorageUnavailable(_LOG_IN_USE) from error
