"""Each way in which a provider fails, told apart within its time, and keeping secrets."""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback

import pytest

from service.llm.calls import AttemptLimits, End, Text, Usage
from service.llm.client import OpenAIProvider, retry_after
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
from tests.service.played_provider import (
    CALL,
    CHUNK,
    FINISH,
    LAST,
    LIMITS,
    SECRET_KEY,
    SECRET_PROMPT,
    STREAM,
    Play,
    Provider,
    answer,
    chunked,
    failed,
    playing,
    run,
    send,
    whole,
)

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
        loop, taken, found = asyncio.get_running_loop(), 0.0, []
        clock = loop.time
        loop.time = lambda: clock() + taken  # type: ignore[method-assign]  # the reader's minutes pass at once
        async for chunk in client.stream(CALL, AttemptLimits(30.0, 30.0, 30.0, 3000.0)):
            found.append(chunk)
            taken += 60.0
            for _ in range(3):  # whatever is due by now is done
                await asyncio.sleep(0)
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
