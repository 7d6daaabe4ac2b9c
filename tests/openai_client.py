"""OpenAI's official client, speaking to the app of a test without a network between."""

from __future__ import annotations

from typing import Any

import httpx
import openai


def client_of(house: Any) -> openai.AsyncOpenAI:
    """A judge's client, which asks once."""
    transport = httpx.ASGITransport(house.app)
    http = httpx.AsyncClient(transport=transport)
    return openai.AsyncOpenAI(
        api_key=house.token("judge"), base_url="http://service/v1", http_client=http, max_retries=0
    )
