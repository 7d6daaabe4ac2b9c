"""What the ingest remembers between runs, in SQLite inside the library: which files it read, and the entries of each.

Each file is one transaction, so a kill loses the file under way and nothing else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from service.ingest.reader import LineRefused

VERSION = 3
"""Raise it when the same file would be cut differently: every file is then read again."""

_WAIT_SECONDS = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, version INTEGER NOT NULL, kind TEXT NOT NULL,
    form TEXT NOT NULL, articles INTEGER NOT NULL, notes INTEGER NOT NULL, findings TEXT NOT NULL,
    lines_refused TEXT NOT NULL, refused TEXT, detail TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS entries (
    path TEXT NOT NULL REFERENCES files ON DELETE CASCADE, place INTEGER NOT NULL, id TEXT NOT NULL, line BLOB NOT NULL,
    PRIMARY KEY (path, place)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Filed:
    """One file as the ledger knows it. `refused` is a code where nothing of it was taken in; `name` is its path in its folder."""

    path: str
    name: str
    digest: str
    kind: str = ""
    form: str = ""
    articles: int = 0
    notes: int = 0
    findings: tuple[str, ...] = ()
    lines_refused: tuple[LineRefused, ...] = ()
    refused: str | None = None
    detail: str | None = None
    entries: int = 0


class Ledger:
    """The ledger of one library; one process at a time uses it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, file: Path | None) -> Iterator[Ledger]:
        """Open the ledger, made with mode 0600 when it is new; without a file it lives in memory."""
        if file is not None:
            file.touch(mode=0o600)
        connection = sqlite3.connect(file or ":memory:", timeout=_WAIT_SECONDS, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.executescript(_SCHEMA)
            yield cls(connection)
        finally:
            connection.close()

    def knows(self, path: str, name: str, digest: str) -> bool:
        """Whether a file was read before, with these bytes, under this name, by this version."""
        row = self._connection.execute(
            "SELECT 1 FROM files WHERE path = ? AND name = ? AND digest = ? AND version = ?",
            (path, name, digest, VERSION),
        ).fetchone()
        return row is not None

    def put(self, filed: Filed, lines: Sequence[tuple[str, bytes]]) -> None:
        """Replace what is known of a file; `lines` are id and JSON of each entry."""
        with self._whole():
            self._connection.execute("DELETE FROM files WHERE path = ?", (filed.path,))
            self._connection.execute(
                "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    filed.path, filed.name, filed.digest, VERSION, filed.kind, filed.form, filed.articles, filed.notes,
                    orjson.dumps(filed.findings).decode(), orjson.dumps(filed.lines_refused).decode(), filed.refused, filed.detail,
                ),
            )  # fmt: skip
            self._connection.executemany(
                "INSERT INTO entries VALUES (?, ?, ?, ?)",
                ((filed.path, place, id_, line) for place, (id_, line) in enumerate(lines)),
            )

    def forget(self, path: str) -> None:
        """Take a file and its entries out."""
        with self._whole():
            self._connection.execute("DELETE FROM files WHERE path = ?", (path,))

    def paths(self) -> tuple[str, ...]:
        """Every file that is known, in order."""
        return tuple(row[0] for row in self._connection.execute("SELECT path FROM files ORDER BY path"))

    def filed(self, path: str) -> Filed:
        """What is known of a file that `paths` named."""
        row = self._connection.execute(
            "SELECT path, name, digest, kind, form, articles, notes, findings, lines_refused, refused, detail,"
            " (SELECT count(*) FROM entries WHERE entries.path = files.path) FROM files WHERE path = ?",
            (path,),
        ).fetchone()
        lines = tuple(LineRefused(**one) for one in orjson.loads(row[8]))
        path, name, digest, kind, form, articles, notes, findings, _, refused, detail, entries = row
        found = tuple(orjson.loads(findings))
        return Filed(path, name, digest, kind, form, articles, notes, found, lines, refused, detail, entries)

    def entries(self) -> Iterator[tuple[str, str, bytes]]:
        """Path, id and JSON of every entry, by path and place. Files of JSONL come first: they state what others are cut from."""
        rows = self._connection.execute(
            "SELECT e.path, e.id, e.line FROM entries e JOIN files f ON f.path = e.path"
            " ORDER BY f.kind != 'jsonl', f.name, e.path, e.place"
        )
        # Not `yield from`: it would close the cursor of a run that was interrupted, after its connection.
        while row := rows.fetchone():
            yield row

    @contextmanager
    def _whole(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            # SQLite itself has rolled back when the disk is full; a second time would hide that error.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
