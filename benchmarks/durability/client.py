"""The drill's side of HTTP: asks with an idempotency key, and reads everything back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, Self

import aiohttp

from benchmarks.durability.ledger import Acknowledged, Asked, Said
from target.accounts import Credentials
from target.errors import StackError
from target.sse import EventReader

_SECONDS = aiohttp.ClientTimeout(total=45.0, connect=5.0)
_TO_BE_TRIED_AGAIN = frozenset({"storage_unavailable", "not_ready", "idempotency_busy"})
"""Problems of docs/http-api.md after which the same request with the same key is right."""
_PATIENCE_SECONDS = 120.0
"""How long what is read back may be refused with one of these: a database that was killed a moment ago has much to do on a busy machine."""
_PAUSE_SECONDS = 0.5
_PAGE = 100


class UnexpectedError(Exception):
    """An answer that no documented fault explains."""


class Client:
    """Speaks for several accounts. Enter it first."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._tokens: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=_SECONDS, connector=aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def sign_in(self, accounts: Mapping[str, Credentials]) -> None:
        """Sign every account in; the tokens outlive the service's restarts."""
        for name, one in accounts.items():
            body = {"username": one.username, "password": one.password}
            async with self._http.post(f"{self._url}/v1/auth/token", json=body) as response:
                if response.status != 200:
                    raise StackError(f"Signing in as {name} was answered with status {response.status}")
                self._tokens[name] = (await response.json())["access_token"]

    async def ask(self, question: Asked) -> Acknowledged | None:
        """Send a question once; an answer counts from the moment at which its end was received. None when the answer did not come whole, or asks to be tried again.

        Raises:
            UnexpectedError: an answer that neither is one nor can be explained by a fault.
        """
        headers = {"Authorization": f"Bearer {self._tokens[question.account]}"}
        if question.keyed:
            headers["Idempotency-Key"] = question.key
        body: dict[str, Any] = {"message": question.text, "stream": question.streamed}
        if question.conversation_id:
            body["conversation_id"] = question.conversation_id
        try:
            async with self._http.post(f"{self._url}/v1/chat", json=body, headers=headers) as response:
                if question.streamed and response.status == 200:
                    told = await _streamed(response)
                else:
                    told = _told(response.status, await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None
        return None if told is None else Acknowledged(told["id"], told["conversation_id"], told["answer"])

    async def read_all(self, account: str) -> dict[str, tuple[Said, ...]]:
        """Every conversation of an account with all of its messages.

        Raises:
            UnexpectedError: an answer that is neither a page nor asks to be tried again, or only that for two minutes.
        """
        ids = [one["conversation_id"] for one in await self._pages(account, "/v1/conversations", "conversations")]
        kept: dict[str, tuple[Said, ...]] = {}

        async def read(share: list[str]) -> None:
            for conversation_id in share:
                said = await self._pages(account, f"/v1/conversations/{conversation_id}", "messages")
                kept[conversation_id] = tuple(Said(one["id"], one["author"], one["content"]) for one in said)

        await asyncio.gather(*(read(ids[number::4]) for number in range(4)))
        return kept

    async def _pages(self, account: str, path: str, member: str) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self._tokens[account]}"}
        found: list[dict[str, Any]] = []
        query = {"limit": str(_PAGE)}
        while True:
            page = await self._page(path, query, headers)
            found += page[member]
            if not page["next_cursor"]:
                return found
            query["cursor"] = page["next_cursor"]

    async def _page(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        ends = time.monotonic() + _PATIENCE_SECONDS
        while True:
            async with self._http.get(f"{self._url}{path}", params=query, headers=headers) as response:
                content = await response.read()
            try:
                body = _told(response.status, content)
            except (UnexpectedError, ValueError):
                break
            if body is not None:
                return body
            if time.monotonic() >= ends:
                break
            await asyncio.sleep(_PAUSE_SECONDS)
        raise UnexpectedError(f"GET {path}: {response.status} {content.decode(errors='replace')[:200]}")


async def _streamed(response: aiohttp.ClientResponse) -> dict[str, Any] | None:
    """The body that `done` brings, the moment it is there; None when the stream was cut."""
    reader = EventReader()
    async for chunk in response.content.iter_any():
        for event in reader.feed(chunk):
            if event.name == "done":
                body: dict[str, Any] = json.loads(event.data)
                return body
            if event.name == "error":
                return _told(response.status, event.data, failed=True)
    return None


def _told(status: int, content: bytes, *, failed: bool = False) -> dict[str, Any] | None:
    """The whole body of an answer; None for a problem after which the same request is right."""
    body: dict[str, Any] = json.loads(content)
    if status == 200 and not failed:
        return body
    if body.get("code") in _TO_BE_TRIED_AGAIN:
        return None
    raise UnexpectedError(f"{status} {body.get('code')}: {body.get('detail')}")
