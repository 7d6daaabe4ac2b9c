"""Opens the PostgreSQL store: brings the tables up to date, then makes the pool."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import asyncpg

from service.errors import ConfigurationError
from service.postgres import IDLE_SECONDS, connect_once
from service.store.migrating import bring_to
from service.store.postgres_store.driving import drive, prepare
from service.store.postgres_store.postgres_store import PostgresStore
from service.store.work import TakenError, Work, one, rows

Result = TypeVar("Result")

SETTING = "COURTSIGHT_DATABASE_URL"
_NAME = "database"
_FEWEST_CONNECTIONS = 5
_PROGRAM = "courtsight"
"""What sessions of this program call themselves."""
_START_SECONDS = 60.0
"""Migrations of a start may wait for those of another."""


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """Where the database is, and what it may cost: connections at a time, seconds of a piece of work.

    `durable` refuses a server that acknowledges what is not on its disk yet.
    """

    url: str = field(repr=False)
    connections: int = 20
    timeout_seconds: float = 1.0
    durable: bool = True


async def open_postgres(address: PostgresAddress, now: float) -> PostgresStore:
    """Bring the tables up to date and open a pool.

    Raises:
        ConfigurationError: in one line without the password, why the database cannot be used.
    """
    if address.durable:
        await once(address.url, _refuse_forgetful(), snapshot=True)
    await once(address.url, bring_to("postgres", now))
    try:
        pool = await asyncpg.create_pool(
            address.url,
            min_size=min(_FEWEST_CONNECTIONS, address.connections),
            max_size=address.connections,
            max_inactive_connection_lifetime=IDLE_SECONDS,
            timeout=address.timeout_seconds,
            init=prepare,
            reset=_nothing,
            server_settings=_session(address.timeout_seconds),
        )
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConfigurationError(
            f"{_NAME}: it gives no {address.connections} connections ({type(error).__name__});"
            " raise its max_connections, or lower COURTSIGHT_DATABASE_CONNECTIONS"
        ) from error
    return PostgresStore(pool, address.timeout_seconds)


def _refuse_forgetful() -> Work[None]:
    """A server that does not sync loses in a power cut what it acknowledged; a pooler may drop what our sessions ask for.

    Raises:
        ConfigurationError: a setting that the server or the session has is off.
    """
    told = yield from rows("SELECT name, setting FROM pg_settings WHERE name = ANY (ARRAY['fsync', 'full_page_writes', 'synchronous_commit'])")  # fmt: skip
    off = sorted(name for name, setting in told if setting == "off")
    if off:
        raise ConfigurationError(
            f"{_NAME}: it has {', '.join(off)} off, so that a power cut loses what was acknowledged; switch it on (only"
            " COURTSIGHT_ENVIRONMENT=development takes such a server)"
        )


def others() -> Work[int]:
    """How many other sessions of this program, of services or commands, are in the database."""
    row = yield from one(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid()",
        _PROGRAM,
    )
    return int(row[0]) if row else 0


async def once(url: str, work: Work[Result], *, snapshot: bool = False, patient: bool = False) -> Result:
    """Run work in a transaction on a connection of its own.

    Args:
        url: the address, with its password.
        work: what to do.
        snapshot: the work only reads, and sees one state of the database.
        patient: its statements may take as long as they take; only locks of others are not waited for without end.

    Raises:
        ConfigurationError: the database cannot be reached, or refused a command; nothing was changed.
        TakenError: a row that must be unique exists.
    """
    session = _session(_START_SECONDS, read_only=False)
    if patient:
        # Years of conversations are deleted or sorted in one statement: its work has no limit, waiting for others has.
        session |= {"statement_timeout": "0", "lock_timeout": session["statement_timeout"]}
    connection = await connect_once(url, session, name=_NAME, setting=SETTING)
    try:
        await prepare(connection)
        async with connection.transaction(
            isolation="repeatable_read" if snapshot else "read_committed", readonly=snapshot
        ):
            return await drive(connection, work)
    except asyncpg.UniqueViolationError as error:
        raise TakenError("a row with this name or id exists") from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConfigurationError(
            f"{_NAME}: a statement failed ({type(error).__name__}); the user must own the tables and may create them"
        ) from error
    finally:
        connection.terminate()


def _session(seconds: float, *, read_only: bool = True) -> dict[str, str]:
    """What a session tells the server. A client that hangs in a transaction must not hold its locks for ever."""
    milliseconds = str(max(1, int(seconds * 1000)))
    return {
        "application_name": _PROGRAM,
        "default_transaction_read_only": "on" if read_only else "off",
        "statement_timeout": milliseconds,
        "idle_in_transaction_session_timeout": milliseconds,
        # An acknowledged message is on disk, whatever the server's default says.
        "synchronous_commit": "on",
        "jit": "off",
    }


async def _nothing(_: asyncpg.Connection[asyncpg.Record]) -> None:
    """Nothing of a session is ever changed, so giving a connection back needs no round trip to set it right."""
