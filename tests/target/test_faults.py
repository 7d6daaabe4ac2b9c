"""Faults act from outside, and always end."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from target.errors import StackError
from target.faults import kill, lock_database, paused, repointed
from target.processes import ChildProcess, start


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "service.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE message (text TEXT)")
    connection.commit()
    connection.close()
    return path


@pytest.fixture
def child(tmp_path: Path) -> Iterator[ChildProcess]:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    running = start("sleeper", command, log=tmp_path / "log", environment={}, folder=tmp_path)
    yield running
    running.stop(grace_seconds=1)


def write(path: Path) -> None:
    connection = sqlite3.connect(path, timeout=0)
    try:
        connection.execute("INSERT INTO message VALUES ('x')")
        connection.commit()
    finally:
        connection.close()


def rows(path: Path) -> int:
    connection = sqlite3.connect(path, timeout=0)
    try:
        return int(connection.execute("SELECT count(*) FROM message").fetchone()[0])
    finally:
        connection.close()


def test_a_locked_database_refuses_writers_and_serves_readers(database: Path) -> None:
    """While it is locked nobody else can write; with a write-ahead log everybody still reads."""
    with lock_database(database):
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            write(database)
        assert rows(database) == 0
    write(database)
    assert rows(database) == 1


def test_the_lock_ends_with_an_exception(database: Path) -> None:
    """An interrupt inside leaves no lock behind."""
    with pytest.raises(KeyboardInterrupt), lock_database(database):
        raise KeyboardInterrupt
    write(database)
    assert rows(database) == 1


def test_a_lock_that_cannot_be_had_is_said(database: Path) -> None:
    """A database that another writer holds is no drill but a sentence."""
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StackError, match="could not be locked"), lock_database(database, wait_seconds=0.05):
        pytest.fail("there is no lock to hold")
    holder.rollback()
    holder.close()


def test_a_missing_database_is_not_made(tmp_path: Path) -> None:
    """Locking what does not exist is an error, and creates nothing."""
    missing = tmp_path / "missing.sqlite3"
    with pytest.raises(StackError, match="no database"), lock_database(missing):
        pytest.fail("there is nothing to lock")
    assert not missing.exists()


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    """A file that SQLite cannot read is an error that names it."""
    path = tmp_path / "text.sqlite3"
    path.write_text("this is a text of more than a hundred bytes, and no database at all " * 20)
    with pytest.raises(StackError, match=r"text\.sqlite3"), lock_database(path):
        pytest.fail("there is nothing to lock")


def changed_to(child: ChildProcess, state: int) -> bool:
    """Whether the kernel reports our child as stopped (os.WSTOPPED) or as going on again (os.WCONTINUED)."""
    return os.waitid(os.P_PID, child.pid, state | os.WNOHANG | os.WNOWAIT) is not None


def interrupted_pause(child: ChildProcess) -> None:
    with paused(child):
        while not changed_to(child, os.WSTOPPED):
            assert child.alive()
        raise KeyboardInterrupt


@pytest.mark.integration
def test_a_paused_process_goes_on_after_an_interrupt(child: ChildProcess) -> None:
    """A stopped process is alive and stopped, and goes on whatever happened inside."""
    with pytest.raises(KeyboardInterrupt):
        interrupted_pause(child)
    while not changed_to(child, os.WCONTINUED):
        assert child.alive()
    assert child.alive()


@pytest.mark.integration
def test_a_killed_process_ends_by_the_signal(child: ChildProcess) -> None:
    """A kill gives no chance to clean up."""
    kill(child)
    while child.alive():
        pass
    assert child.exit_status() == -signal.SIGKILL


@pytest.mark.integration
def test_an_ended_process_takes_no_fault(child: ChildProcess) -> None:
    """A fault that can no longer reach its process is an error, because it would prove nothing."""
    child.stop()
    with pytest.raises(StackError, match="has ended"):
        kill(child)
    with pytest.raises(StackError, match="has ended"), paused(child):
        pytest.fail("there is nothing to pause")


def test_a_pointer_names_something_else_for_a_while(tmp_path: Path) -> None:
    """The file is replaced whole and put back, with the rights that it had: a secret stays one."""
    pointer = tmp_path / "current"
    pointer.write_text("000001-good\n", encoding="utf-8")
    pointer.chmod(0o600)
    with repointed(pointer, "000009-empty\n"):
        assert pointer.read_text(encoding="utf-8") == "000009-empty\n"
        assert pointer.stat().st_mode & 0o777 == 0o600
    assert pointer.read_text(encoding="utf-8") == "000001-good\n"
    assert [path.name for path in tmp_path.iterdir()] == ["current"]
