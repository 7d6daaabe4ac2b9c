"""One format of backups for both databases: lines of JSON, compressed, that end with a digest of themselves.

    {"format": "courtsight/backup/v1", "version": 3, "made_at": 1795000000.0, "tables": {"accounts": ["id", …], …}}
    {"accounts": [["…", "ana", …], …]}          rows of one table, a few hundred in a line
    {"end": {"rows": {"accounts": 2, …}, "sha256": "…"}}

Rows are read in one state of the database, in the order of their keys, and a table stands behind those that its rows refer to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import orjson

from service.errors import ConfigurationError
from service.store.columns import columns_of
from service.store.migrating import LATEST
from service.store.migrations import Dialect
from service.store.work import Row, Value, Work, one, rows

FORMAT = "courtsight/backup/v1"
KEYS: Mapping[str, tuple[str, ...]] = {
    "accounts": ("id",),
    "conversations": ("id",),
    "messages": ("seq",),
    "revoked_tokens": ("jti",),
    "audit": ("seq",),
    "switches": ("name",),
    "spending": ("day", "role", "process"),
    "api_keys": ("id",),
    "passages": ("digest",),
    "answers": ("message_id",),
    "feedback": ("message_id",),
    "idempotency": ("account_id", "key"),
    "usage_hours": ("hour", "role", "model"),
    "conversation_hours": ("hour", "role", "model"),
    "conversation_days": ("day", "role", "model"),
    "summed_up": ("step",),
    "clocks": ("name",),
    "documents": ("id",),
}
"""Every table and its primary key, those first that others refer to."""
FORMER_TABLES = frozenset({"usage_days"})
"""Tables that backups of older versions hold; a migration carries their rows on."""
_ROWS_IN_A_LINE = 200


class LineWriter:
    """Writes lines to somewhere and reckons their digest."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._digest = sha256()

    def line(self, content: Mapping[str, object]) -> None:
        """Write one line."""
        text = orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)
        self._digest.update(text)
        self._write(text)

    @property
    def digest(self) -> str:
        """Of all lines so far."""
        return self._digest.hexdigest()


def write_backup(dialect: Dialect, now: float, writer: LineWriter) -> Work[Mapping[str, int]]:
    """Write everything; how many rows of each table. It has to run in a transaction that sees one state of the database.

    Raises:
        ConfigurationError: the database is damaged, has no tables yet, or is of another version than this service.
    """
    if dialect == "sqlite":
        found = yield from rows("PRAGMA integrity_check")
        if [row[0] for row in found] != ["ok"]:
            raise ConfigurationError(f"the database is damaged and was not backed up: {found[0][0]}")
    version = yield from one("SELECT coalesce(max(version), 0) FROM migrations")
    if version is None or version[0] != LATEST:
        found_version = version[0] if version else 0
        raise ConfigurationError(
            f"the database has version {found_version}, this service knows {LATEST}: run `python -m service migrate`"
            " or use the service that wrote it"
        )
    tables: dict[str, list[str]] = {}
    for table in KEYS:
        tables[table] = yield from columns_of(dialect, table)
    writer.line({"format": FORMAT, "version": LATEST, "made_at": now, "tables": tables})
    counts: dict[str, int] = {}
    for table, columns in tables.items():
        counts[table] = yield from _write_table(table, columns, writer)
    writer.line({"end": {"rows": counts, "sha256": writer.digest}})
    return counts


def _write_table(table: str, columns: Sequence[str], writer: LineWriter) -> Work[int]:
    key = KEYS[table]
    places = [columns.index(name) for name in key]
    names, ordered = ", ".join(columns), ", ".join(key)
    marks = ", ".join(f"${number}" for number, _ in enumerate(key, start=1))
    first = f"SELECT {names} FROM {table} ORDER BY {ordered} LIMIT {_ROWS_IN_A_LINE}"
    further = f"SELECT {names} FROM {table} WHERE ({ordered}) > ({marks}) ORDER BY {ordered} LIMIT {_ROWS_IN_A_LINE}"
    written = 0
    page: Sequence[Row] = yield from rows(first)
    while page:
        writer.line({table: [list(row) for row in page]})
        written += len(page)
        last: tuple[Value, ...] = tuple(page[-1][place] for place in places)
        page = yield from rows(further, *last)
    return written
