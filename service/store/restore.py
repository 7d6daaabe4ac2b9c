"""Reads a backup back: looked at as a whole before anything is touched, then put in place in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TypeGuard

import orjson

from service.errors import ConfigurationError
from service.store.audit import note
from service.store.backup import FORMAT, FORMER_TABLES, KEYS
from service.store.columns import columns_of
from service.store.migrating import LATEST, bring_to
from service.store.migrations import Dialect
from service.store.work import Work, found, one, run

_DAMAGED = "the file is damaged, cut off, or no backup; nothing was restored"
_ROWS_AT_ONCE = 40
Lines = Callable[[], Iterable[bytes]]
"""Begins to read the lines of a backup anew."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup says of itself: the version of its tables, when it was made, the columns and the number of rows of each table."""

    version: int
    made_at: float
    tables: Mapping[str, Sequence[str]]
    rows: Mapping[str, int]
    digest: str


def examine(lines: Lines) -> Contents:
    """Read a whole backup without touching anything.

    Raises:
        ConfigurationError: it is damaged, cut off, of a newer service, or no backup.
    """
    header: Mapping[str, Any] | None = None
    counts: Counter[str] = Counter()
    digest, ends = sha256(), None
    for line in lines():
        content = _parsed(line)
        if ends is not None:
            raise ConfigurationError(_DAMAGED)
        if "end" in content:
            ends = content["end"]
            continue
        digest.update(line)
        if header is None:
            header = content
            continue
        for table, rows in content.items():
            if not isinstance(rows, list):
                raise ConfigurationError(_DAMAGED)
            counts[table] += len(rows)
    if header is None or not isinstance(ends, dict) or ends.get("sha256") != digest.hexdigest():
        raise ConfigurationError(_DAMAGED)
    contents = _contents(header, counts, digest.hexdigest())
    if ends.get("rows") != {table: counts[table] for table in contents.tables}:
        raise ConfigurationError(_DAMAGED)
    return contents


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(_DAMAGED) from error
    if not isinstance(content, dict):
        raise ConfigurationError(_DAMAGED)
    return content


def _contents(header: Mapping[str, Any], counts: Mapping[str, int], digest: str) -> Contents:
    if header.get("format") != FORMAT:
        raise ConfigurationError(f"the file is no backup of the form {FORMAT}; nothing was restored")
    version, tables, made_at = header.get("version"), header.get("tables"), header.get("made_at")
    if not isinstance(version, int) or not isinstance(made_at, int | float) or not _are_columns(tables):
        raise ConfigurationError(_DAMAGED)
    if set(counts) - set(tables):
        raise ConfigurationError(_DAMAGED)
    if version > LATEST:
        raise ConfigurationError(
            f"the backup has version {version}, this service knows {LATEST}: restore it with a newer one"
        )
    return Contents(version, float(made_at), tables, counts, digest)


def _are_columns(tables: object) -> TypeGuard[dict[str, list[str]]]:
    return isinstance(tables, dict) and all(
        isinstance(columns, list) and all(isinstance(name, str) for name in columns) for columns in tables.values()
    )


def put_back(
    dialect: Dialect, now: float, contents: Contents, lines: Lines, *, force: bool, by: str | None = None
) -> Work[Mapping[str, int]]:
    """Fill the database with a backup, all or nothing; how many rows of each table.

    Args:
        dialect: the database's own words.
        now: seconds since the epoch, noted beside migrations.
        contents: what `examine` found in the same file.
        lines: the file once more.
        force: whether what is in the database may be deleted.
        by: who does it, for a line in the audit trail; without it there is none.

    Raises:
        ConfigurationError: the database is not empty, or the file does not fit; nothing is changed then.
    """
    yield from bring_to(dialect, now)
    for table in reversed(list(KEYS)):
        if not force and (yield from found(f"SELECT 1 FROM {table} LIMIT 1")):
            raise ConfigurationError("the database is not empty; --force deletes everything in it first")
        yield from run(f"DELETE FROM {table}")
    yield from bring_to(dialect, now, contents.version, back=True)
    for table, columns in contents.tables.items():
        known = yield from columns_of(dialect, table) if table in KEYS or table in FORMER_TABLES else _none()
        if sorted(known) != sorted(columns):
            raise ConfigurationError(f"the backup's table {table!r} does not fit version {contents.version}")
    for table, rows in _table_rows(lines, contents.digest):
        yield from _insert(table, contents.tables[table], rows)
    for table, expected in contents.tables.items():
        row = yield from one(f"SELECT count(*) FROM {table}")
        if row is None or row[0] != contents.rows.get(table, 0):
            raise ConfigurationError(f"the backup's table {table!r} ({len(expected)} columns) did not arrive whole")
        if dialect == "postgres" and KEYS.get(table) == ("seq",):
            yield from run(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'seq'), (SELECT coalesce(max(seq), 0) + 1 FROM {table}), false)"
            )
    yield from bring_to(dialect, now)
    if by is not None:
        made = datetime.fromtimestamp(contents.made_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield from note(now, "restore", f"a backup of {made}", actor=by)
    return contents.rows


def _none() -> Work[list[str]]:
    yield from ()
    return []


def _table_rows(lines: Lines, digest: str) -> Iterator[tuple[str, Sequence[Sequence[Any]]]]:
    """The rows of the file; at its end it must still be the file that was examined."""
    seen = sha256()
    for number, line in enumerate(lines()):
        content = _parsed(line)
        if "end" in content:
            break
        seen.update(line)
        if number:
            yield from content.items()
    if seen.hexdigest() != digest:
        raise ConfigurationError("the file changed while it was read; nothing was restored")


def _insert(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Work[None]:
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        marks = ", ".join(
            f"({', '.join(f'${at * len(columns) + place + 1}' for place in range(len(columns)))})"
            for at in range(len(some))
        )
        values = [value for row in some for value in row]
        if any(len(row) != len(columns) for row in some) or not all(
            isinstance(v, str | int | float | None) for v in values
        ):
            raise ConfigurationError(_DAMAGED)
        yield from run(f"INSERT INTO {table} ({', '.join(columns)}) VALUES {marks}", *values)
