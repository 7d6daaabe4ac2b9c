"""What columns a table has, in either database's own words."""

from __future__ import annotations

from collections.abc import Mapping

from service.store.migrations import Dialect
from service.store.work import Work, rows

_COLUMNS: Mapping[Dialect, str] = {
    "sqlite": "SELECT name FROM pragma_table_info($1) ORDER BY cid",
    "postgres": "SELECT column_name::text FROM information_schema.columns"
    " WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position",
}


def columns_of(dialect: Dialect, table: str) -> Work[list[str]]:
    """The names of a table's columns, in their order; none when there is no such table."""
    return [row[0] for row in (yield from rows(_COLUMNS[dialect], table))]
