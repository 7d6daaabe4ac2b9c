"""What the drill reads back: a page that the service refuses for a moment is asked for again, and nothing else is passed over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from aiohttp import web

from benchmarks.durability import client
from benchmarks.durability.client import Client, UnexpectedError
from target.accounts import Credentials

pytestmark = pytest.mark.integration
AWAY = (503, {"code": "storage_unavailable", "detail": "The database cannot be reached"})
EMPTY = (200, {"conversations": [], "next_cursor": None})


def read(answers: Iterator[tuple[int, dict[str, object]]]) -> dict[str, object]:
    """Read one account back from a service that gives these answers in turn."""

    async def sign_in(_: web.Request) -> web.Response:
        return web.json_response({"access_token": "token"})

    async def page(_: web.Request) -> web.Response:
        status, body = next(answers)
        return web.json_response(body, status=status)

    async def reading() -> dict[str, object]:
        app = web.Application()
        app.add_routes([web.post("/v1/auth/token", sign_in), web.get("/v1/conversations", page)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        try:
            await site.start()
            host, port = runner.addresses[0]
            async with Client(f"http://{host}:{port}") as speaking:
                await speaking.sign_in({"judge": Credentials("judge", "a password")})
                return dict(await speaking.read_all("judge"))
        finally:
            await runner.cleanup()

    return asyncio.run(reading())


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between two tries."""
    monkeypatch.setattr(client, "_PAUSE_SECONDS", 0.0)


def test_a_page_that_is_refused_for_a_moment_is_asked_for_again() -> None:
    """A database that comes back takes its time on a busy machine; what it kept is read then."""
    answers = iter([AWAY, AWAY, EMPTY])
    assert read(answers) == {}
    assert next(answers, None) is None


def test_a_database_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is refused for too long says what was said last."""
    monkeypatch.setattr(client, "_PATIENCE_SECONDS", 0.0)
    with pytest.raises(UnexpectedError, match=r"/v1/conversations: 503 .*storage_unavailable"):
        read(iter([AWAY]))


def test_another_problem_is_none_that_goes_by() -> None:
    """A fault of the service is told at once."""
    with pytest.raises(UnexpectedError, match=r"/v1/conversations: 500 .*internal"):
        read(iter([(500, {"code": "internal", "detail": "oh"}), EMPTY]))
