"""What the service does beside the requests reaches its page and its log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from service import beside
from service.errors import StorageUnavailable
from service.settings import Settings
from service.store.sqlite.sqlite_store import SqliteStore

_DAY = 86_400.0


def changes(house: Any) -> list[tuple[str, str, str]]:
    """The lines on what is leaned on: level, event and name."""
    return [
        (line["level"], line["event"], line["dependency"])
        for line in house.log_lines()
        if line["event"].startswith("dependency_")
    ]


def test_each_change_of_what_is_leaned_on_is_one_line(
    build_house: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes and comes back, looked at often: a line when it goes and one when it is back, and none at the start."""
    away = False
    really = SqliteStore.check

    async def check(store: SqliteStore) -> None:
        if away:
            raise StorageUnavailable("unable to open /srv/secret.db")
        await really(store)

    monkeypatch.setattr(SqliteStore, "check", check)
    house = build_house()
    assert changes(house) == []
    away = True
    assert [house.send("GET", "/health").status_code for _ in range(3)] == [503] * 3
    away = False
    assert [house.send("GET", "/health").status_code for _ in range(3)] == [200] * 3
    assert changes(house) == [("warning", "dependency_down", "database"), ("info", "dependency_up", "database")]
    assert "secret.db" not in house.output.getvalue().decode()


def test_a_redis_that_is_away_from_the_start_is_a_line(build_house: Callable[..., Any], settings: Settings) -> None:
    """Nobody has ever seen it: that it is missing is told as well, and shown, and questions are answered."""
    house = build_house(wanted=settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")}))
    assert changes(house) == [("warning", "dependency_down", "redis")]
    assert house.sample("chatbot_dependency_up", dependency="redis") == 0
    assert house.ask("judge", "Apa itu hukum pidana?")["answer"]


def test_how_far_retention_is_behind_reaches_the_page(
    build_house: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that jumped ten days ahead: the round does not believe it, and the page says by how much."""
    monkeypatch.setattr(beside, "ROUND_SECONDS", 0.001)
    house = build_house()
    # Also a first round goes by the newest message, whether it comes before or behind the jump.
    house.ask("judge", "Apa itu hukum pidana?")
    house.wall_clock.now += 10 * _DAY

    async def shown() -> None:
        async with asyncio.timeout(120):
            while not house.sample("chatbot_retention_behind_seconds") > 9 * _DAY:  # noqa: ASYNC110 - a number, and no event
                await asyncio.sleep(0.001)

    house.run(shown())
    assert house.sample("chatbot_retention_behind_seconds") <= 10 * _DAY
