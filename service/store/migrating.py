"""Brings the tables to a version, forward or back, as a piece of work like any other: in one transaction, all or nothing."""

from __future__ import annotations

from dataclasses import dataclass

from service.errors import ConfigurationError
from service.store.audit import note
from service.store.columns import columns_of
from service.store.migrations import MIGRATIONS, Dialect, Migration
from service.store.work import Work, one, run

LATEST = len(MIGRATIONS)
_LOCK = 0x636F7572
"""The key of the advisory lock that lets concurrent starts on PostgreSQL migrate one after the other; SQLite has one writer anyway."""
_MADE = Migration(
    up="CREATE TABLE IF NOT EXISTS migrations (version {integer} PRIMARY KEY, applied_at {real}) {strict}", down=""
)


@dataclass(frozen=True, slots=True)
class Moved:
    """The version that was found, and the one that the tables have now."""

    before: int
    after: int


def bring_to(dialect: Dialect, now: float, version: int = LATEST, *, back: bool = False) -> Work[Moved]:
    """Make the tables those of a version.

    Args:
        dialect: the database's own words.
        now: seconds since the epoch, noted beside each version.
        version: the one that is wanted; 0 has no tables.
        back: whether versions may be taken back, with all that only they can keep.

    Raises:
        ConfigurationError: the database is newer than this service, or than `version` while it may not go back.
    """
    if dialect == "postgres":
        yield from run("SELECT pg_advisory_xact_lock($1)", _LOCK)
    done = yield from find_version(dialect)
    if done > LATEST:
        raise ConfigurationError(f"the database has version {done}, this service knows {LATEST}: upgrade it")
    if not 0 <= version <= LATEST:
        raise ConfigurationError(f"there is no version {version}: the newest is {LATEST}, and 0 has no tables")
    if done > version and not back:
        raise ConfigurationError(f"the database has version {done}, not {version}: going back loses data")
    for made in range(done + 1, version + 1):
        for statement in MIGRATIONS[made - 1].statements(dialect):
            yield from run(statement)
        yield from run("INSERT INTO migrations (version, applied_at) VALUES ($1, $2)", made, now)
    for left in range(done, version, -1):
        for statement in MIGRATIONS[left - 1].statements(dialect, back=True):
            yield from run(statement)
        yield from run("DELETE FROM migrations WHERE version = $1", left)
    return Moved(done, version)


def move_by(dialect: Dialect, now: float, version: int, *, by: str, back: bool = False) -> Work[Moved]:
    """Bring the tables to a version by somebody's word, with a line in the audit trail where something moved.

    Raises:
        ConfigurationError: see `bring_to`.
    """
    moved = yield from bring_to(dialect, now, version, back=back)
    told = f"version {moved.before} -> {moved.after}"
    if moved.after in (moved.before, 0):
        return moved
    if "actor" in (yield from columns_of(dialect, "audit")):
        yield from note(now, "migrate", told, actor=by)
    else:
        # The trail of older versions has no column for who did it.
        yield from run("INSERT INTO audit (at, action, subject) VALUES ($1, $2, $3)", now, "migrate", f"{told}, {by}")
    return moved


def find_version(dialect: Dialect) -> Work[int]:
    """The version of the tables; 0 when there are none."""
    for statement in _MADE.statements(dialect):
        yield from run(statement)
    row = yield from one("SELECT coalesce(max(version), 0) FROM migrations")
    return int(row[0]) if row else 0
