"""The one place that knows which database an installation keeps its things in."""

from __future__ import annotations

from service.settings import Settings
from service.store.migrating import LATEST, Moved
from service.store.migrations import Dialect
from service.store.postgres_store.opening import PostgresAddress, migrate_postgres, open_postgres
from service.store.sqlite.connection import connect, migrate
from service.store.sqlite.sqlite_store import SqliteStore
from service.store.store import Store


async def open_store(settings: Settings, now: float, *, timeout_seconds: float | None = None) -> Store:
    """The open store of an installation, its tables up to date: PostgreSQL when an address is set, else the SQLite file.

    Args:
        settings: name the database.
        now: seconds since the epoch, noted beside migrations.
        timeout_seconds: how long a piece of work may take or wait; that of the settings when left out.

    Raises:
        ConfigurationError: the database cannot be used; the message says what to do.
    """
    seconds = timeout_seconds or settings.database_timeout_seconds
    if settings.database_url is None:
        return SqliteStore(settings.database, seconds, now)
    connections = settings.database_connections if timeout_seconds is None else 1
    return await open_postgres(PostgresAddress(settings.database_url.get_secret_value(), connections, seconds), now)


async def migrate_store(settings: Settings, now: float, version: int = LATEST, *, back: bool = False) -> Moved:
    """Bring the tables of an installation to a version; see `bring_to`.

    Raises:
        ConfigurationError: the database cannot be used, or the version not be reached.
    """
    if settings.database_url is not None:
        return await migrate_postgres(settings.database_url.get_secret_value(), now, version, back=back)
    connection = connect(settings.database, max(settings.database_timeout_seconds, 5.0))
    try:
        return migrate(connection, now, version, back=back)
    finally:
        connection.close()


def dialect_of(settings: Settings) -> Dialect:
    """The words that the installation's database understands."""
    return "sqlite" if settings.database_url is None else "postgres"


def database_name(settings: Settings) -> str:
    """What messages call the database: never its address, which holds a password."""
    return f"database {settings.database}" if settings.database_url is None else "database"
