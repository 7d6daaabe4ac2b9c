"""The one place that knows which database an installation keeps its things in."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from service.settings import Settings
from service.store.migrations import Dialect
from service.store.postgres_store import opening as postgres
from service.store.sqlite import connection as sqlite
from service.store.sqlite.sqlite_store import SqliteStore
from service.store.store import Store
from service.store.work import Work

Result = TypeVar("Result")
_LOOKS_AT_OTHERS = 20
_BETWEEN_LOOKS_SECONDS = 0.1
"""A command that ends leaves the database within this; sessions of a server end a moment after their client."""
_START_SECONDS = 5.0
"""A start waits so long for SQLite's lock: another may be bringing the tables up to date."""
_PATIENT_SECONDS = 60.0
"""So long does a command wait for it that may take as long as it takes: a migration of many answers holds it for more than a start's time."""


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
    address = postgres.PostgresAddress(
        settings.database_url.get_secret_value(), connections, seconds, settings.environment == "production"
    )
    return await postgres.open_postgres(address, now)


async def once(settings: Settings, work: Work[Result], *, snapshot: bool = False, patient: bool = False) -> Result:
    """Run work in a transaction on the installation's database as it is, without bringing its tables up to date first.

    Args:
        settings: name the database.
        work: what to do.
        snapshot: the work only reads, and sees one state of the database.
        patient: its statements may take as long as they take; only locks of others are not waited for without end.

    Raises:
        ConfigurationError: the database cannot be used; nothing was changed.
    """
    if settings.database_url is not None:
        return await postgres.once(settings.database_url.get_secret_value(), work, snapshot=snapshot, patient=patient)
    seconds = max(settings.database_timeout_seconds, _PATIENT_SECONDS if patient else _START_SECONDS)
    connection = sqlite.connect(settings.database, seconds)
    try:
        return sqlite.once(connection, work, snapshot=snapshot)
    finally:
        connection.close()


async def is_in_use(settings: Settings) -> bool:
    """Whether another process, a service as a rule, has the installation's database open, and does not soon leave it.

    Raises:
        ConfigurationError: the database cannot be used.
    """
    for remaining in reversed(range(_LOOKS_AT_OTHERS)):
        if settings.database_url is None:
            alone = sqlite.is_alone(settings.database)
        else:
            alone = not await once(settings, postgres.others(), snapshot=True)
        if alone:
            return False
        if remaining:
            await asyncio.sleep(_BETWEEN_LOOKS_SECONDS)
    return True


def dialect_of(settings: Settings) -> Dialect:
    """The words that the installation's database understands."""
    return "sqlite" if settings.database_url is None else "postgres"


def database_name(settings: Settings) -> str:
    """What messages call the database: never its address, which holds a password."""
    return f"database {settings.database}" if settings.database_url is None else "database"
