"""Faults from outside the service's code: it cannot tell them from real ones, and holds no branch that fakes one.

Each is a context manager that ends its fault when it is left, whatever happened inside.
"""

from __future__ import annotations

import contextlib
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from target.errors import StackError

LOCK_WAIT_SECONDS = 10.0
"""How long we wait for the service to finish a write before the lock is ours; a write takes milliseconds."""


class Victim(Protocol):
    """A process that we started ourselves (`target.processes.ChildProcess`); a signal can reach no stranger through it."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def alive(self) -> bool:
        """Whether it still runs."""

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""


@contextlib.contextmanager
def lock_database(database: Path, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold the write lock of a SQLite database from a connection of our own.

    `BEGIN EXCLUSIVE` refuses every other writer; with a write-ahead log, readers still read. Nothing is written, and the lock
    ends with this process at the latest.

    Raises:
        StackError: There is no such database, or its lock could not be had in `wait_seconds`.
    """
    if not database.is_file():
        raise StackError(f"There is no database {database} to lock: does the service run on SQLite?")
    try:
        connection = sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise StackError(f"The database {database} cannot be opened: {error}") from error
    with contextlib.closing(connection):
        try:
            connection.execute(f"PRAGMA busy_timeout = {round(wait_seconds * 1000)}")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            raise StackError(f"The database {database} could not be locked: {error}") from error
        try:
            yield
        finally:
            connection.rollback()


@contextlib.contextmanager
def repointed(pointer: Path, text: str) -> Iterator[None]:
    """Have a file that others read to find something name something else; it is replaced whole, and put back at the end."""
    before = pointer.read_text(encoding="utf-8")
    _replace(pointer, text)
    try:
        yield
    finally:
        _replace(pointer, before)


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.drill")
    beside.touch(mode=0o600)
    beside.chmod(path.stat().st_mode & 0o777)
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


@contextlib.contextmanager
def paused(victim: Victim) -> Iterator[None]:
    """Stop a process (SIGSTOP): it holds its connections and answers nothing, until it goes on.

    Raises:
        StackError: It has ended already.
    """
    _send(victim, signal.SIGSTOP)
    try:
        yield
    finally:
        victim.send(signal.SIGCONT)  # does nothing when it has been ended meanwhile


def kill(victim: Victim) -> None:
    """End a process at once (SIGKILL), without a chance to clean up.

    Raises:
        StackError: It has ended already, by itself: then the fault would prove nothing.
    """
    _send(victim, signal.SIGKILL)


def _send(victim: Victim, number: signal.Signals) -> None:
    if not victim.alive():
        raise StackError(f"{victim.name} has ended before {number.name} could reach it: look into its log")
    victim.send(number)
