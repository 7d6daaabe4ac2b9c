"""The rights that docker-compose.yml gives the service in its databases: enough for everything it does, and for nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from harness.compose_secrets import redis_users
from service.settings import Settings
from tests.service.postgres_server import Server

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]
PASSWORD = "a-password-of-the-tests-5d1e"


@pytest.fixture(scope="session")
def store_url(server: Server) -> str:
    """The address of the database that the mounted script makes, as the role that it makes."""
    secret = server._folder / "database_password"
    secret.write_text(PASSWORD, encoding="utf-8")
    script = (ROOT / "deploy" / "postgres" / "store.sql").read_text(encoding="utf-8")
    path = server._folder / "store.sql"
    path.write_text(script.replace("/run/secrets/database_password", str(secret)), encoding="utf-8")
    server._run("psql", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", server.url(), "-f", str(path))
    return server.url("courtsight", "courtsight", PASSWORD)


def refused(url: str, statement: str = "SELECT 1") -> bool:
    """Whether PostgreSQL says that one may not."""

    async def tried() -> bool:
        try:
            connection = await asyncpg.connect(url)
        except asyncpg.InsufficientPrivilegeError:
            return True
        try:
            await connection.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            return True
        finally:
            await connection.close()
        return False

    return asyncio.run(tried())


def with_rights_of_compose(redis_server: Any) -> str:
    """Give the server the users of the secret file; the address with the service's."""
    for line in redis_users(PASSWORD).splitlines():
        redis_server.command("ACL", "SETUSER", *line.replace("user default off", "user default on").split()[1:])
    return f"redis://courtsight:{PASSWORD}@127.0.0.1:{redis_server.port}/0"


def test_the_service_does_everything_with_the_rights_of_compose(
    build_house: Callable[..., Any], settings: Settings, store_url: str, redis_server: Any
) -> None:
    """Over the role of PostgreSQL and the user of Redis, tables are made, answers kept, quotas counted, memory shared, logouts told."""
    update = {
        "database_url": SecretStr(store_url),
        "database_timeout_seconds": 30.0,
        "redis_url": SecretStr(with_rights_of_compose(redis_server)),
    }
    house = build_house(wanted=settings.model_copy(update=update))
    link = house.app.state.services.sharing.link
    house.run(link.look())
    first = house.ask("judge", "Apa itu hukum perdata?")
    house.ask("judge", "Apa perbedaannya dengan hukum pidana?", first["conversation_id"])
    assert house.send("POST", "/v1/auth/logout", "judge").status_code == 204
    house.run(link.look())
    assert house.send("GET", "/health/ready").json()["checks"]["redis"] == "ok"
    assert redis_server.keys("quota:")
    assert redis_server.keys("memory:")
    assert redis_server.command("ACL", "LOG") == b"*0\r\n", "nothing that the service said was refused"


def test_the_role_may_nothing_outside_of_its_database(store_url: str, server: Server) -> None:
    """It makes neither databases nor roles, enters no other database, and reads no file of the server."""
    assert not refused(store_url)
    for statement in (
        "CREATE DATABASE another",
        "CREATE ROLE another",
        "CREATE EXTENSION vector",
        "SELECT pg_read_file('PG_VERSION')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "ALTER SYSTEM SET fsync = off",
    ):
        assert refused(store_url, statement), statement
    for database in ("postgres", "template1"):
        assert refused(server.url(database, "courtsight", PASSWORD)), database


@pytest.mark.parametrize("said", [("CONFIG", "GET", "*"), ("FLUSHALL",), ("KEYS", "*"), ("ACL", "LIST"), ("GET", "x")])
def test_the_user_may_nothing_in_redis_but_use_its_own_keys(redis_server: Any, said: tuple[str, ...]) -> None:
    """What sees or changes the server, and keys of others, are refused; nobody without a name may do anything."""
    with_rights_of_compose(redis_server)
    assert b"no permissions" in redis_server.command("ACL", "DRYRUN", "courtsight", *said)
    assert redis_server.command("ACL", "DRYRUN", "courtsight", "GET", "courtsight:x") == b"+OK\r\n"
    assert redis_users(PASSWORD).splitlines()[0] == "user default off"
    assert PASSWORD not in redis_users(PASSWORD)
