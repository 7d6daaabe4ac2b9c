"""Drives work on a PostgreSQL connection: each command is one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from service.store.work import Command, Row, Value, Work

Result = TypeVar("Result")
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]"


class SeveralCommandsError(Exception):
    """The work wants more than one command, and so a transaction; it is begun again in one."""


async def drive(connection: Connection, work: Work[Result]) -> Result:
    """Run the commands of a piece of work one after the other, and give what it returns.

    Raises:
        asyncpg.PostgresError: the database refused a command.
    """
    try:
        command = next(work)
        while True:
            command = work.send(await _rows(connection, command))
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        work.close()


async def drive_one(connection: Connection, work: Work[Result]) -> Result:
    """Run work of at most one command.

    Raises:
        SeveralCommandsError: there are more; only the first has run.
        asyncpg.PostgresError: the database refused it.
    """
    try:
        work.send(await _rows(connection, next(work)))
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        work.close()
    raise SeveralCommandsError


async def _rows(connection: Connection, command: Command) -> Sequence[Row]:
    rows: Sequence[Any] = await connection.fetch(command.sql, *map(_storable, command.values))
    return rows


def _storable(value: Value) -> Value:
    """PostgreSQL's text cannot hold the sign U+0000; the sign for what cannot be shown stands in its place. Bytes are text in UTF-8."""
    if isinstance(value, bytes):
        value = value.decode()
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) and "\0" in value else value


async def prepare(connection: Connection) -> None:
    """Sums of integers come as `numeric`; work expects plain numbers, as SQLite gives them."""
    await connection.set_type_codec("numeric", schema="pg_catalog", encoder=str, decoder=_number, format="text")


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)
