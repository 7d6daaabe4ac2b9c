"""A whole service that keeps everything in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from service.settings import Settings
from tests.service.postgres_server import Server

pytestmark = pytest.mark.integration
QUESTION = "Apa itu hukum pidana?"


@pytest.fixture
def on_postgres(settings: Settings, server: Server, new_database: Callable[[], str]) -> Settings:
    url = server.url(new_database(), "courtsight_writer", "w")
    return settings.model_copy(update={"database_url": SecretStr(url), "database_timeout_seconds": 30.0})


def test_a_conversation_lives_in_the_database(build_house: Callable[..., Any], on_postgres: Settings) -> None:
    """Logging in, asking twice, reading back, deleting and logging out work as they do over a file, and no file is made."""
    house = build_house(wanted=on_postgres)
    first = house.ask("judge", QUESTION)
    house.ask("judge", "Apa perbedaannya dengan hukum perdata?", first["conversation_id"])
    path = f"/v1/conversations/{first['conversation_id']}"
    said = house.send("GET", path, "judge").json()["messages"]
    assert [message["author"] for message in said] == ["user", "assistant"] * 2
    assert house.send("GET", path, "lawyer").status_code == 404
    assert house.send("GET", f"/v1/messages/{first['id']}", "judge").json()["id"] == first["id"]
    assert house.send("DELETE", path, "judge").status_code == 204
    assert house.send("GET", path, "judge").status_code == 404
    assert house.send("POST", "/v1/auth/logout", "judge").status_code == 204
    assert house.send("GET", "/v1/conversations", "judge").json()["code"] == "token_revoked"
    assert house.send("GET", "/health/ready").json()["checks"]["database"] == "ok"
    assert house.sample("chatbot_pool_connections", pool="database", state="max") == on_postgres.database_connections
    assert house.sample("chatbot_pool_connections", pool="database", state="idle") >= 1
    assert not on_postgres.database.exists()


def test_a_killed_database_is_a_clear_503_until_it_is_back(
    build_house: Callable[..., Any], on_postgres: Settings, server: Server
) -> None:
    """While the server is gone nothing is shown as answered and readiness fails; once it is back the next question is answered."""
    house = build_house(wanted=on_postgres)
    before = house.ask("judge", QUESTION)
    server.kill()
    try:
        response = house.send("POST", "/v1/chat", "judge", json={"message": QUESTION})
        assert (response.status_code, response.json()["code"]) == (503, "storage_unavailable")
        assert response.headers["Retry-After"] == "1"
        assert house.send("GET", "/health/ready").json()["checks"]["database"] == "failing"
        assert house.send("GET", "/health/live").status_code == 200
    finally:
        server.start()
    assert house.ask("judge", QUESTION)["outcome"] == "ok"
    kept = house.send("GET", "/v1/conversations", "judge").json()["conversations"]
    assert len(kept) == 2
    assert before["conversation_id"] in {one["conversation_id"] for one in kept}
