"""The client against a provider that does what the test says, byte by byte, on a socket of loopback."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from service.llm.calls import End, Text, Usage
from service.llm.client import OpenAIProvider, OwnAddresses
from service.llm.endpoints import Endpoint
from service.llm.failures import (
    Malformed,
    Unreachable,
)
from tests.service.played_provider import (
    CALL,
    CHUNK,
    FINISH,
    LAST,
    LIMITS,
    SECRET_KEY,
    SECRET_PROMPT,
    STREAM,
    Provider,
    answer,
    answered,
    chunked,
    playing,
    run,
    send,
    whole,
)


def test_a_stream_arrives_word_by_word() -> None:
    """Texts come in order, then the end with its usage; the request says what was asked, with key and request id."""
    chunks, provider = answered(playing(STREAM, chunked(CHUNK), chunked(CHUNK + FINISH), LAST))
    assert chunks == [Text("kata "), Text("kata "), End("stop", Usage(5, 1))]
    first, headers, body = provider.requests[0]
    assert first == "POST /v1/chat/completions HTTP/1.1"
    assert headers["authorization"] == f"Bearer {SECRET_KEY}"
    assert headers["x-request-id"] == "request-1"
    assert headers["accept-encoding"] == "identity"
    assert (body["model"], body["stream"], body["max_tokens"]) == ("vendor/m", True, 50)


def test_nothing_but_what_the_docs_say_leaves_the_machine() -> None:
    """Headers and members of a request are a closed list: what docs/providers.md tells operators."""
    _, provider = answered(playing(STREAM, chunked(CHUNK + FINISH), LAST))
    _, headers, body = provider.requests[0]
    assert set(headers) == {
        "host", "accept", "accept-encoding", "content-type", "content-length", "user-agent", "authorization", "x-request-id",
    }  # fmt: skip
    assert set(body) == {"model", "messages", "temperature", "max_tokens", "stream", "stream_options"}
    assert body["messages"] == [{"role": "user", "content": SECRET_PROMPT}]


def test_letters_cut_by_packets_stay_whole() -> None:
    """A stream in pieces of one byte, with CR LF line ends and letters of several bytes, reads the same."""
    event = 'data: {"choices":[{"delta":{"content":"“Pasal”…"},"finish_reason":"stop"}]}\r\n\r\ndata: [DONE]\r\n\r\n'
    pieces = [chunked(bytes([byte])) for byte in event.encode()]
    chunks, _ = answered(playing(STREAM, *pieces, LAST))
    assert chunks == [Text("“Pasal”…"), End("stop", None)]


def test_connections_are_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that were read to their end leave a connection for the next, also where the body's end comes late."""
    monkeypatch.setattr("service.llm.client._DRAIN_SECONDS", 60.0)  # late, and never too late

    async def play(writer: asyncio.StreamWriter) -> None:
        await send(writer, STREAM, chunked(CHUNK + FINISH))
        await asyncio.sleep(0.005)
        await send(writer, LAST)

    async def story(_: Provider, client: OpenAIProvider) -> None:
        for _number in range(3):
            await answer(client)

    provider = run(play, story)
    assert len(provider.requests) == 3
    assert provider.connections == 1


def test_a_provider_that_does_not_stream_is_understood() -> None:
    """A JSON body is one text and its end."""
    body = b'{"choices":[{"message":{"content":"ya"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5}}'
    assert answered(playing(whole(body)))[0] == [Text("ya"), End("stop", Usage(5, 0))]


def test_a_provider_without_a_key_gets_none() -> None:
    """No key, no header; and what this provider wants to be told is told."""
    _, provider = answered(
        playing(STREAM, chunked(CHUNK + FINISH), LAST),
        api_key=None,
        output_limit="max_completion_tokens",
        reasoning_effort="low",
    )
    _, headers, body = provider.requests[0]
    assert "authorization" not in headers
    assert (body["max_completion_tokens"], body["reasoning_effort"]) == (50, "low")


def test_closing_the_answer_is_seen_by_the_provider() -> None:
    """Who stops reading is gone at once: the provider sees the connection end while it still writes."""

    async def play(writer: asyncio.StreamWriter) -> None:
        await send(writer, STREAM)
        while True:
            await send(writer, chunked(CHUNK))
            await asyncio.sleep(0.005)

    async def story(provider: Provider, client: OpenAIProvider) -> None:
        stream = client.stream(CALL, LIMITS)
        assert await anext(stream) == Text("kata ")
        await stream.aclose()
        await asyncio.wait_for(provider.left.wait(), 60)

    run(play, story)


def test_cancelling_before_the_first_token_is_seen_by_the_provider() -> None:
    """A task that is cancelled while nothing has come closes its connection too."""

    async def play(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.01)
        while not writer.transport.is_closing():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.005)
        raise ConnectionResetError

    async def story(provider: Provider, client: OpenAIProvider) -> None:
        task = asyncio.create_task(answer(client))
        await provider.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(provider.left.wait(), 60)

    run(play, story)


def test_embeddings_are_asked_for_and_read() -> None:
    """Vectors of texts, in their order, with what they cost."""
    body = b'{"data":[{"index":0,"embedding":[1.0,0.0]}],"usage":{"prompt_tokens":2,"total_tokens":2}}'

    async def story(provider: Provider, client: OpenAIProvider) -> None:
        found = await client.embed(["hukum"], "vendor/e", LIMITS)
        assert (found.vectors, found.usage) == (((1.0, 0.0),), Usage(2, 0))
        first, _, asked = provider.requests[0]
        assert first.startswith("POST /v1/embeddings ")
        assert asked == {"model": "vendor/e", "input": ["hukum"], "encoding_format": "float"}

    run(playing(whole(body)), story)


def test_embeddings_of_a_page_are_malformed() -> None:
    """A gateway's page is no list of vectors."""

    async def story(_: Provider, client: OpenAIProvider) -> None:
        with pytest.raises(Malformed):
            await client.embed(["hukum"], "vendor/e", LIMITS)

    run(playing(whole(b"<html>", "text/html")), story)


def test_a_name_of_ones_own_network_is_reached() -> None:
    """A private name that leads to a private address is called like any other."""

    async def story(provider: Provider, client: OpenAIProvider) -> None:
        named = OpenAIProvider(Endpoint("fake", f"http://localhost:{provider.port}/v1", external=False), lambda: 0.0)
        try:
            assert (await answer(named))[0] == Text("kata ")
        finally:
            await named.close()

    run(playing(STREAM, chunked(CHUNK + FINISH), LAST), story)


def test_a_private_name_that_leads_out_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent to a public address by a name that was written as a private one."""
    asked: list[str] = []

    async def lookup(_: Any, host: str, port: int = 0, **__: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", lookup)

    async def story(_: Provider, client: OpenAIProvider) -> None:
        with pytest.raises(Unreachable):
            await answer(client)

    run(playing(), story, base_url="http://llm.internal/v1")
    assert asked == ["llm.internal"]


class _Names(AbstractResolver):
    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in self._addresses
        ]

    async def close(self) -> None:
        return None


def test_a_name_of_ones_own_network_never_leads_out_of_it() -> None:
    """Of what a private name resolves to only private addresses are used; with none left, nothing is sent."""
    mixed = asyncio.run(OwnAddresses(_Names("93.184.216.34", "10.0.0.7")).resolve("llm.internal", 80))
    assert [one["host"] for one in mixed] == ["10.0.0.7"]
    with pytest.raises(OSError, match="out of the operator's own network"):
        asyncio.run(OwnAddresses(_Names("169.254.169.254")).resolve("llm.internal", 80))


def test_the_environment_is_no_way_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is not used."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert answered(playing(STREAM, chunked(CHUNK + FINISH), LAST))[0][0] == Text("kata ")


def test_the_key_is_in_no_representation() -> None:
    """Neither the endpoint nor the client shows its key."""
    endpoint = Endpoint("fake", "https://llm.example/v1", external=True, api_key=SECRET_KEY)
    assert SECRET_KEY not in repr(endpoint) + repr(OpenAIProvider(endpoint, lambda: 0.0))
