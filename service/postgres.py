"""What the parts that speak to PostgreSQL share: which failures time can mend, and how a refused connection is told."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from service.errors import ConfigurationError

CONNECT_SECONDS = 5.0
IDLE_SECONDS = 300.0
"""A connection that nobody used for so long is closed; the pools of the requirements recycle after 300 s too."""

LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError, ConnectionError)
"""The connection is gone. One that died while it lay idle is found out by its next user."""
AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InternalServerError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What only the operator or time can mend, whatever was asked."""


async def connect_once(
    url: str, server_settings: Mapping[str, str], *, name: str, setting: str
) -> asyncpg.Connection[asyncpg.Record]:
    """One connection, for what is done once.

    Args:
        url: the address, with its password.
        server_settings: what the session tells the server.
        name: what the database is called in messages.
        setting: the variable that holds the address.

    Raises:
        ConfigurationError: in one line without the password, why it cannot be had.
    """
    try:
        return await asyncpg.connect(url, timeout=CONNECT_SECONDS, server_settings=dict(server_settings))
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise ConfigurationError(f"{name}: it refuses the user or the password; mend {setting}") from error
    except asyncpg.InvalidCatalogNameError as error:
        raise ConfigurationError(f"{name}: there is no database of that name; make it, or mend {setting}") from error
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise ConfigurationError(
            f"{name}: it cannot be reached ({type(error).__name__}); start it, or mend {setting}"
        ) from error
    except (ValueError, asyncpg.InterfaceError):
        # asyncpg quotes the address in its own message, password and all.
        raise ConfigurationError(
            f"{name}: the address is not like postgresql://user:password@host:5432/name; mend {setting}"
        ) from None
