"""Drives work on a SQLite connection, without a wait: for the event loop's own reads and for the writer's thread."""

from __future__ import annotations

import re
import sqlite3
from contextlib import AbstractContextManager
from functools import cache
from types import CodeType
from typing import TypeVar

from service.store.work import Job, TakenError, Work, shape_of

Result = TypeVar("Result")
_PARAMETER = re.compile(r"\$(\d+)")


def drive_reading(
    connection: sqlite3.Connection, job: Job[Result], several: set[CodeType], patience: AbstractContextManager[None]
) -> Result:
    """Run work that changes nothing: one command by itself, several in a transaction that sees one state of the file.

    Args:
        connection: one on which no transaction is open.
        job: begins the work, a second time when it turns out to need several commands.
        several: remembers the work that does.
        patience: is entered around the work's own commands; what begins and ends its transaction is never interrupted.

    Raises:
        sqlite3.Error: the database refused a command.
    """
    work = job()
    if (shape := shape_of(work)) not in several:
        try:
            command = next(work)
            with patience:
                rows = connection.execute(_numbered(command.sql), command.values).fetchall()
            work.send(rows)
        except StopIteration as end:
            result: Result = end.value
            return result
        finally:
            work.close()
        several.add(shape)
        work = job()
    connection.execute("BEGIN")
    try:
        with patience:
            return drive(connection, work)
    finally:
        connection.execute("COMMIT")


def drive(connection: sqlite3.Connection, work: Work[Result]) -> Result:
    """Run the commands of a piece of work one after the other, and give what it returns.

    Raises:
        TakenError: a row that must be unique exists.
        sqlite3.Error: the database refused a command.
    """
    try:
        command = next(work)
        while True:
            rows = connection.execute(_numbered(command.sql), command.values).fetchall()
            command = work.send(rows)
    except StopIteration as end:
        result: Result = end.value
        return result
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY):
            raise TakenError("a row with this name or id exists") from error
        raise
    finally:
        work.close()


@cache
def _numbered(sql: str) -> str:
    """SQLite's way to number parameters. The texts are constants of the store's modules, so the cache has an end."""
    return _PARAMETER.sub(r"?\1", sql).removesuffix(" FOR UPDATE")
