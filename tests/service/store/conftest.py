"""The two databases that a store may stand on, each empty and of its own for a test."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
from pydantic import SecretStr

from service.settings import Settings
from service.store.accounts import Account, insert_accounts
from service.store.opening import open_store
from service.store.store import Store
from service.store.work import Job

Result = TypeVar("Result")


def person(name: str, at: float = 1.0) -> Account:
    return Account(f"id-{name}", name, "judge", "hash", disabled=False, created_at=at, tokens_valid_after=0.0)


@dataclass
class Place:
    """An empty database, the settings that name it, and a look into it past the store."""

    settings: Settings
    url: str | None

    @property
    def dialect(self) -> str:
        return "postgres" if self.url else "sqlite"

    def look(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query, on a connection of its own."""
        if self.url is None:
            with closing(sqlite3.connect(self.settings.database)) as connection, connection:
                return connection.execute(query).fetchall()
        return [tuple(row) for row in asyncio.run(self._fetched(query))]

    async def _fetched(self, query: str) -> Sequence[Any]:
        connection = await asyncpg.connect(self.url)
        try:
            rows: Sequence[Any] = await connection.fetch(query)
            return rows
        finally:
            await connection.close()

    def tell(self, story: Callable[[Store], Awaitable[Result]], timeout: float | None = None) -> Result:
        """Open the store, live through the story, close."""

        async def told() -> Result:
            settings = self.settings
            if timeout:
                settings = settings.model_copy(update={"database_timeout_seconds": timeout})
            store = await open_store(settings, 1.0)
            try:
                return await story(store)
            finally:
                await store.close()

        return asyncio.run(told())

    def write(self, *jobs: Job[Any]) -> list[Any]:
        """Do work one piece after the other, each in its own transaction."""

        async def story(store: Store) -> list[Any]:
            return [await store.write(job) for job in jobs]

        return self.tell(story)

    def read(self, job: Job[Result]) -> Result:
        return self.tell(lambda store: store.read(job))


def settings_at(path: Path, url: str | None = None) -> Settings:
    return Settings(
        environment="development",
        database=path,
        database_url=SecretStr(url) if url else None,
        database_timeout_seconds=30.0,
        database_connections=6,
    )


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty database of either kind."""
    url = None
    if request.param == "postgres":
        name = request.getfixturevalue("new_database")()
        url = request.getfixturevalue("server").url(name, "courtsight_writer", "w")
    return Place(settings_at(tmp_path / "a.db", url), url)


@pytest.fixture
def peopled(place: Place) -> Place:
    """With two accounts, ana and budi."""
    place.write(lambda: insert_accounts([person("ana"), person("budi")]))
    return place
