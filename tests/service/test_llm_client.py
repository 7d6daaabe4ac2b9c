"""The client against a provider that does what the test says, byte by byte, on a socket of loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from service.llm.calls import AttemptLimits, Call, Chunk, End, Message, Model, Text, Usage
from service.llm.client import OpenAIProvider, OwnAddresses, retry_after
from service.llm.endpoints import Endpoint
from service.llm.failures import (
    CutShort,
    Malformed,
    Overloaded,
    ProviderError,
    Rejected,
    ServerFault,
    TooSlow,
    Unreachable,
)

SECRET_PROMPT = "pertanyaan-rahasia"
SECRET_KEY = "sk-kunci-rahasia"
MODEL = Model("m", "fake", "vendor/m", 8_192, 100, 0.0, 0.0, 0.0)
CALL = Call(MODEL, (Message("user", SECRET_PROMPT),), 50, 0.0, "request-1")
LIMITS = AttemptLimits(5.0, 5.0, 5.0, 10.0)
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"kata "},"finish_reason":null}]}\n\n'
FINISH = (
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1}}\n\ndata: [DONE]\n\n'
)
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"

Play = Callable[[asyncio.StreamWriter], Awaitable[None]]


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def whole(body: bytes, kind: str = "application/json", status: str = "200 OK", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


@dataclass
class Provider:
    """Reads requests and plays a response to each; notes what it was asked and when a client left."""

    play: Play
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                self.requests.append((first, headers, body))
                self.asked.set()
                await self.play(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.set()
        finally:
            writer.close()


async def send(writer: asyncio.StreamWriter, *pieces: bytes) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)


def playing(*pieces: bytes, close: bool = False) -> Play:
    async def play(writer: asyncio.StreamWriter) -> None:
        await send(writer, *pieces)
        if close:
            writer.close()

    return play


def run(
    play: Play,
    story: Callable[[Provider, OpenAIProvider], Awaitable[None]],
    *,
    wall: float = 0.0,
    **endpoint: Any,
) -> Provider:
    """Play a story of a provider and a client, and leave nothing open."""

    async def main() -> Provider:
        provider = Provider(play)
        server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
        provider.port = server.sockets[0].getsockname()[1]
        made = Endpoint("fake", f"http://127.0.0.1:{provider.port}/v1/", external=False, api_key=SECRET_KEY)
        client = OpenAIProvider(replace(made, **endpoint), lambda: wall)
        try:
            await asyncio.wait_for(story(provider, client), 20)
        finally:
            await client.close()
            server.close()
            # Sockets that were closed are gone once the loop has run.
            await asyncio.sleep(0.01)
        return provider

    return asyncio.run(main())


async def answer(client: OpenAIProvider, limits: AttemptLimits = LIMITS) -> list[Chunk]:
    return [chunk async for chunk in client.stream(CALL, limits)]


def answered(play: Play, **endpoint: Any) -> tuple[list[Chunk], Provider]:
    found: list[Chunk] = []

    async def story(_: Provider, client: OpenAIProvider) -> None:
        found.extend(await answer(client))

    return found, run(play, story, **endpoint)


def failed(play: Play, limits: AttemptLimits = LIMITS, *, wall: float = 0.0) -> ProviderError:
    found: list[ProviderError] = []

    async def story(_: Provider, client: OpenAIProvider) -> None:
        with pytest.raises(ProviderError) as caught:
            await answer(client, limits)
        found.append(caught.value)

    run(play, story, wall=wall)
    return found[0]


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


def test_connections_are_used_again() -> None:
    """Answers that were read to their end leave a connection for the next, also where the body's end comes late."""

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
        await asyncio.wait_for(provider.left.wait(), 5)

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
        await asyncio.wait_for(provider.left.wait(), 5)

    run(play, story)


BROKEN = b'data: {"choices":[{"index":0,"delta":{"con\n\n'
ERROR = b'data: {"error":{"message":"pertanyaan-rahasia sk-kunci-rahasia","type":"server_error"}}\n\n'
ERROR_BODY = b'{"error":{"message":"pertanyaan-rahasia sk-kunci-rahasia","type":"rate_limit_error"}}'


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (playing(close=True), Unreachable),
        (playing(b"HTTP/1.1 200", close=True), Unreachable),
        (playing(b"nonsense\r\n\r\n", close=True), Malformed),
        (playing(STREAM, chunked(CHUNK), close=True), CutShort),
        (playing(STREAM, chunked(CHUNK), LAST), CutShort),
        (playing(STREAM, chunked(CHUNK + BROKEN), LAST), Malformed),
        (playing(STREAM, chunked(CHUNK + ERROR), LAST), ServerFault),
        (playing(STREAM, chunked(FINISH), LAST), Malformed),
        (playing(whole(ERROR_BODY)), Overloaded),
        (playing(whole(b"{", more="X: 1\r\n")), Malformed),
        (playing(whole(b"<html>", "text/html")), Malformed),
        (playing(whole(CHUNK + FINISH, "text/event-stream", more="Content-Encoding: gzip\r\n")), Malformed),
        (playing(whole(ERROR_BODY, status="401 Unauthorized")), Rejected),
        (playing(whole(ERROR_BODY, status="400 Bad Request")), Rejected),
        (playing(whole(b"", status="302 Found", more="Location: http://169.254.169.254/\r\n")), Rejected),
        (playing(whole(b"", status="429 Too Many Requests", more="Retry-After: 7\r\n")), Overloaded),
        (playing(whole(b"<html>", "text/html", status="502 Bad Gateway")), ServerFault),
        (playing(b"HTTP/1.1 500 Oops\r\nContent-Length: 90\r\n\r\nhalf", close=True), ServerFault),
        (playing(whole(b"x" * 100_000, status="500 Oops")), ServerFault),
        (playing(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n"), Malformed),
        (playing(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n"), Malformed),
        (playing(STREAM, chunked(b"data: " + b"x" * 1_200_000)), Malformed),
    ],
)
def test_each_way_to_fail_is_told_apart_and_keeps_secrets(
    play: Play, kind: type[ProviderError], caplog: pytest.LogCaptureFixture
) -> None:
    """What the provider did decides the failure; neither it, nor its causes, nor a log line holds prompt or key."""
    caplog.set_level(logging.DEBUG)
    failure = failed(play)
    assert type(failure) is kind
    assert failure.__cause__ is None
    assert failure.__context__ is None
    told = "".join(traceback.format_exception(failure)) + caplog.text + repr(failure)
    assert SECRET_KEY not in told
    assert SECRET_PROMPT not in told


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
)
def test_a_redirect_is_never_followed(status: str) -> None:
    """Where a provider points to hears nothing: no connection, so neither the key nor the question."""
    elsewhere = Provider(playing(STREAM, chunked(CHUNK + FINISH), LAST))

    async def story(provider: Provider, client: OpenAIProvider) -> None:
        server = await asyncio.start_server(elsewhere.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        place = f"Location: http://127.0.0.1:{port}/v1/chat/completions\r\n"
        provider.play = playing(whole(b"", status=status, more=place))
        with pytest.raises(Rejected):
            await answer(client)
        await asyncio.sleep(0.01)
        server.close()

    asked = run(playing(), story)
    assert len(asked.requests) == 1
    assert (elsewhere.connections, elsewhere.requests) == (0, [])


def test_nobody_listens() -> None:
    """A refused connection is Unreachable, without secrets in its causes."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    async def story(_: Provider, client: OpenAIProvider) -> None:
        with pytest.raises(Unreachable) as caught:
            await answer(client)
        assert caught.value.__context__ is None

    run(playing(), story, base_url=f"http://127.0.0.1:{port}/v1")


def test_retry_after_is_read_from_the_answer() -> None:
    """The wait that the provider asks for travels with the failure."""
    date = "Sat, 21 Nov 2026 02:00:30 GMT"
    busy = whole(b"", status="503 Service Unavailable", more=f"Retry-After: {date}\r\n")
    failure = failed(playing(busy), wall=1_795_226_400.0)
    assert isinstance(failure, Overloaded)
    assert failure.retry_after_seconds == 30.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("1.5", 1.5),
        ("-1", None),
        ("nan", None),
        ("inf", 86_400.0),
        ("999999999", 86_400.0),
        ("soon", None),
        ("Sat, 21 Nov 2026 02:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2020 02:00:30 GMT", 0.0),
        ("Sat, 99 Nov 2020", None),
    ],
)
def test_retry_after_in_all_its_forms(value: str | None, seconds: float | None) -> None:
    """Seconds, dates, and what is neither."""
    assert retry_after(value, 1_795_226_400.0) == seconds


def stalling(*pieces: bytes) -> Play:
    async def play(writer: asyncio.StreamWriter) -> None:
        await send(writer, *pieces)
        await asyncio.Event().wait()

    return play


def dripping() -> Play:
    """Sends half an event again and again: bytes, and never a token."""

    async def play(writer: asyncio.StreamWriter) -> None:
        await send(writer, STREAM, chunked(CHUNK))
        while not writer.transport.is_closing():
            await send(writer, chunked(b": still there\n\n"))
            await asyncio.sleep(0.005)
        raise ConnectionResetError

    return play


ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'


@pytest.mark.parametrize(
    ("play", "limits", "phase"),
    [
        (stalling(), AttemptLimits(5.0, 0.05, 5.0, 5.0), "first_token"),
        (stalling(STREAM, chunked(ROLE)), AttemptLimits(5.0, 0.1, 5.0, 5.0), "first_token"),
        (stalling(STREAM, chunked(CHUNK)), AttemptLimits(5.0, 5.0, 0.05, 5.0), "between_tokens"),
        # aiohttp does not tell a reader of a chunk whose length is no number: the limit finds it.
        (playing(STREAM, chunked(CHUNK), b"zz\r\n", close=True), AttemptLimits(5.0, 5.0, 0.05, 5.0), "between_tokens"),
        (dripping(), AttemptLimits(5.0, 5.0, 0.05, 5.0), "between_tokens"),
        (stalling(STREAM, chunked(CHUNK)), AttemptLimits(5.0, 5.0, 5.0, 0.1), "attempt"),
        (stalling(), AttemptLimits(5.0, 5.0, 5.0, 0.05), "attempt"),
    ],
)
def test_each_time_limit_ends_the_attempt(play: Play, limits: AttemptLimits, phase: str) -> None:
    """Silence, a role without words, a drip of remarks and an attempt as a whole: each is told by its phase."""
    failure = failed(play, limits)
    assert isinstance(failure, TooSlow)
    assert failure.phase == phase


def test_a_status_counts_even_when_its_body_never_comes() -> None:
    """A refusal whose explanation stalls is a refusal, not a lack of time."""
    stalled = stalling(b"HTTP/1.1 401 No\r\nContent-Length: 90\r\n\r\nhalf")
    assert isinstance(failed(stalled, AttemptLimits(5.0, 0.1, 5.0, 5.0)), Rejected)


def test_a_reader_who_takes_its_time_is_no_fault_of_the_provider() -> None:
    """The limit between tokens runs only while we wait for the provider."""

    async def story(_: Provider, client: OpenAIProvider) -> None:
        found = []
        async for chunk in client.stream(CALL, AttemptLimits(5.0, 5.0, 0.05, 5.0)):
            found.append(chunk)
            await asyncio.sleep(0.1)
        assert found == [Text("kata "), Text("kata "), End("stop", Usage(5, 1))]

    run(playing(STREAM, chunked(CHUNK), chunked(CHUNK + FINISH), LAST), story)


def test_a_full_pool_is_a_connection_that_does_not_come() -> None:
    """Who waits for a place longer than the limit to connect is told so."""

    async def story(_: Provider, client: OpenAIProvider) -> None:
        first = client.stream(CALL, LIMITS)
        assert await anext(first) == Text("kata ")
        with pytest.raises(TooSlow) as caught:
            await answer(client, AttemptLimits(0.05, 5.0, 5.0, 5.0))
        assert caught.value.phase == "connect"
        await first.aclose()

    run(stalling(STREAM, chunked(CHUNK)), story, connections=1)


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
