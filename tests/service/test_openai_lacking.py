"""Routes that there are not: who asks for OpenAI's is told in their client's form, who asks for others in ours."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from tests.openai_client import client_of


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.embeddings.create(model="courtsight", input="hukum"),
        lambda client: client.completions.create(model="courtsight", prompt="hukum"),
        lambda client: client.models.retrieve("gpt-4o"),
        lambda client: client.responses.create(model="courtsight", input="hukum"),
        lambda client: client.chat.completions.retrieve("chatcmpl-1"),
        lambda client: client.skills.list(),
        lambda client: client.beta.chatkit.threads.retrieve("x"),
    ],
)
def test_what_the_official_client_asks_and_there_is_not_is_told_in_its_form(house: Any, ask: Any) -> None:
    """A route of OpenAI's API that this service lacks is its client's NotFoundError, with code and request id in an `error` object."""
    client = client_of(house)

    async def story() -> Any:
        async with client:
            return await ask(client)

    with pytest.raises(openai.NotFoundError) as raised:
        house.run(story())
    answer = raised.value.response
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"]["request_id"] == answer.headers["X-Request-Id"]
    assert raised.value.code in ("not_found", "model_not_found")


@pytest.mark.parametrize(
    "path", ["/v1/chats", "/v1/chat/completionsx", "/v1/modelsx", "/v1/conversations/x/y", "/v1/", "/embeddings"]
)
def test_other_routes_that_there_are_not_are_problems(house: Any, path: str) -> None:
    """A path that is none of OpenAI's, however near, is told in the form of all our errors."""
    answer = house.send("GET", path, "judge")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
