"""Work on the store as a generator that yields commands and is sent their rows: one text of SQL for every database.

    def rename(owner: str, conversation_id: str, title: str) -> Work[bool]:
        rows = yield Command("UPDATE conversations SET title = $1 WHERE id = $2 AND account_id = $3 RETURNING id", (title, …))
        return bool(rows)

A driver (`sqlite.driving`, `postgres_store.driving`) runs the commands of one piece of work in one transaction. Parameters are `$1`, `$2`, …; whether a
change found its row is told by RETURNING; moments are seconds since the epoch, truth is 0 or 1, lists and objects are JSON text. A query that
ends with ` FOR UPDATE` holds its rows for the rest of a write; on SQLite, which has one writer, the words are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from types import CodeType
from typing import Any, TypeAlias, TypeVar

from service.errors import ServiceError
from service.values import value

Result = TypeVar("Result")
Value: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = Sequence[Any]


@value
class Command:
    """One statement with its parameters."""

    sql: str
    values: tuple[Value, ...] = ()


Work: TypeAlias = Generator[Command, Sequence[Row], Result]
Job: TypeAlias = Callable[[], Work[Result]]
"""Begins a piece of work anew: a transaction that others spoiled is tried again, so work has no other effects."""


def shape_of(work: Work[Any]) -> CodeType:
    """What all work that one generator function begins has in common: a store learns by it what takes several commands."""
    code: CodeType = work.gi_code  # type: ignore[attr-defined]  # the type for annotations hides it; what generator functions give has it
    return code


class TakenError(ServiceError):
    """A row with this name or id is there already; nothing of the work was kept."""


def one(sql: str, *values: Value) -> Work[Row | None]:
    """The first row of a query, None when there is none."""
    rows = yield Command(sql, values)
    return rows[0] if rows else None


def rows(sql: str, *values: Value) -> Work[Sequence[Row]]:
    """Every row of a query."""
    return (yield Command(sql, values))


def found(sql: str, *values: Value) -> Work[bool]:
    """Whether a query, or a change with RETURNING, gave a row."""
    return bool((yield Command(sql, values)))


def run(sql: str, *values: Value) -> Work[None]:
    """A change whose rows nobody asks for."""
    yield Command(sql, values)
