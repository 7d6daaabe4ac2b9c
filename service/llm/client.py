"""Calls an OpenAI-compatible provider over HTTP: one attempt, streamed, with its time limits.

No exception that leaves this module holds the prompt, the answer or the key, neither in its text nor as its cause: aiohttp's own
errors carry the request's headers, so they are dropped before ours are raised.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.resolver import DefaultResolver

from service.llm.calls import AttemptLimits, Call, Chunk, Text, Usage
from service.llm.deadlines import Deadlines
from service.llm.endpoints import Endpoint, Providers, own_address
from service.llm.failures import CutShort, Malformed, ProviderError, TooSlow, Unreachable
from service.llm.reading import MOST_ANSWER_BYTES, answer_of
from service.llm.wire import failure_of, read_vectors, request_body

KEEP_ALIVE_SECONDS = 15.0
"""Shorter than what providers and their balancers keep idle connections for, so that we seldom write to one that is closing."""
_DRAIN_SECONDS = 0.05
_MOST_ERROR_BYTES = 65_536
_MOST_HEADER_BYTES = 8_190
_MOST_HEADERS = 100
_LONGEST_WAIT_SECONDS = 86_400.0
_BROKE = "the connection broke in the midst of the answer"
_BROKEN = (aiohttp.ClientError, HttpProcessingError, OSError)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector for each text, in their order, and what they cost (None: the provider said nothing)."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage | None


class OpenAIProvider:
    """One provider and its pool of connections, which opens with the first call. It belongs to the loop that calls it first.

    Environment proxies, redirects, cookies and compression are not used. A provider in the operator's own network is only ever
    reached at a loopback or private address, whatever its name resolves to.
    """

    def __init__(self, endpoint: Endpoint, wall_clock: Callable[[], float]) -> None:
        self._endpoint = endpoint
        self._wall_clock = wall_clock
        base = endpoint.base_url.rstrip("/")
        self._chat = f"{base}/chat/completions"
        self._embeddings = f"{base}/embeddings"
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"OpenAIProvider({self._endpoint.name!r}, {self._endpoint.base_url!r})"

    @property
    def name(self) -> str:
        """The provider's label in metrics."""
        return self._endpoint.name

    async def stream(self, call: Call, limits: AttemptLimits) -> AsyncGenerator[Chunk, None]:
        """One attempt: texts as they come, then one End. Closing the generator closes the connection at once.

        Raises:
            ProviderError: the attempt failed; the error says whether another one may help.
        """
        body = request_body(call, self._endpoint.output_limit, self._endpoint.reasoning_effort)
        deadlines = Deadlines(limits, asyncio.get_running_loop())
        response = await self._post(self._chat, body, call.request_id, limits, deadlines)
        content = response.content
        deadlines.watch(content.set_exception)
        try:
            await self._accept(response)
            answer = answer_of(response.content_type)
            broke = False
            while not answer.done:
                try:  # as _read does, without a coroutine for each packet
                    data = await content.readany()
                except _BROKEN:
                    broke = True
                if broke:
                    raise CutShort(_BROKE)
                words = answer.take(data)
                if words:
                    deadlines.rest()
                    for word in words:
                        yield Text(word)
                    deadlines.token()
            # Before the end is told: who has it often reads no further, and would close a connection that is as good as free.
            await _drain(content)
            yield answer.end()
        finally:
            deadlines.cancel()
            # Gives a connection back whose answer was read to its end, and closes every other one.
            response.close()

    async def embed(
        self, texts: Sequence[str], wire_name: str, limits: AttemptLimits, request_id: str = ""
    ) -> Embeddings:
        """Vectors of texts by the provider's model `wire_name`.

        Raises:
            ProviderError: the attempt failed.
        """
        body = orjson.dumps({"model": wire_name, "input": list(texts), "encoding_format": "float"})
        deadlines = Deadlines(limits, asyncio.get_running_loop())
        response = await self._post(self._embeddings, body, request_id, limits, deadlines)
        deadlines.watch(response.content.set_exception)
        try:
            await self._accept(response)
            if response.content_type != "application/json":
                raise Malformed("the answer is no JSON (a gateway's page, perhaps)")
            return Embeddings(*read_vectors(await _whole(response.content, MOST_ANSWER_BYTES), len(texts)))
        finally:
            deadlines.cancel()
            response.close()

    async def close(self) -> None:
        """Give the connections back."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(
        self, url: str, body: bytes, request_id: str, limits: AttemptLimits, deadlines: Deadlines
    ) -> aiohttp.ClientResponse:
        """The response once its head is there."""
        timeout = aiohttp.ClientTimeout(connect=limits.connect_seconds, sock_connect=limits.connect_seconds)
        headers = {"X-Request-Id": request_id} if request_id else None
        at, late = deadlines.head()
        failure: ProviderError
        try:
            async with asyncio.timeout_at(at):
                return await self._open().post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False)
        except aiohttp.ConnectionTimeoutError:
            failure = TooSlow("connect", limits.connect_seconds)
        except aiohttp.ClientResponseError:
            failure = Malformed("the head of the answer is no HTTP, or too long")
        except TimeoutError:  # before OSError, which it is a kind of
            failure = late
        except _BROKEN as error:
            # The name of the class says enough (ClientConnectorDNSError, ServerDisconnectedError); its text may say too much.
            failure = Unreachable(f"no answer: {type(error).__name__}")
        raise failure

    async def _accept(self, response: aiohttp.ClientResponse) -> None:
        """Go on with an answer, or raise what its status means."""
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Malformed("the answer is compressed, which was not asked for")
        if response.status == 200:
            return
        payload = b""
        with suppress(ProviderError):  # the status says enough, however the body fares
            payload = await _whole(response.content, _MOST_ERROR_BYTES)
        wait = retry_after(response.headers.get("Retry-After"), self._wall_clock())
        raise failure_of(response.status, payload, wait)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            endpoint = self._endpoint
            headers = {
                "Accept": "text/event-stream, application/json",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                "User-Agent": "courtsight",
            }
            if endpoint.api_key is not None:
                headers["Authorization"] = f"Bearer {endpoint.api_key}"
            connector = aiohttp.TCPConnector(
                limit=endpoint.connections,
                keepalive_timeout=KEEP_ALIVE_SECONDS,
                resolver=None if endpoint.external else OwnAddresses(DefaultResolver()),
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers=headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                max_line_size=_MOST_HEADER_BYTES,
                max_field_size=_MOST_HEADER_BYTES,
                max_headers=_MOST_HEADERS,
            )
        return self._session


class OwnAddresses(AbstractResolver):
    """Resolves names to loopback and private addresses only: a name of one's own network must not lead out of it."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The private ones among the addresses of a name.

        Raises:
            OSError: there is none.
        """
        found = [one for one in await self._inner.resolve(host, port, family) if own_address(one["host"])]
        if not found:
            raise OSError(None, "the name leads out of the operator's own network")
        return found

    async def close(self) -> None:
        """Release the resolver."""
        await self._inner.close()


def open_providers(providers: Providers, wall_clock: Callable[[], float]) -> dict[str, OpenAIProvider]:
    """A client for each provider, by name; nothing is connected yet. Close each when the service stops."""
    return {endpoint.name: OpenAIProvider(endpoint, wall_clock) for endpoint in providers.endpoints}


def retry_after(value: str | None, now: float) -> float | None:
    """The seconds that a Retry-After header asks to wait, from seconds or an HTTP date; None when it says nothing usable.

    `now` is the wall clock. A date in the past means zero; a wait of more than a day is cut to a day.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = max(0.0, parsedate_to_datetime(value).timestamp() - now)
        except (ValueError, OverflowError):
            return None
    if math.isnan(seconds) or seconds < 0:
        return None
    return min(seconds, _LONGEST_WAIT_SECONDS)


async def _read(content: aiohttp.StreamReader) -> bytes:
    """The next bytes of a body; none at its end. A limit that passed comes out of here as TooSlow."""
    try:
        return await content.readany()
    except _BROKEN:
        pass
    raise CutShort(_BROKE)


async def _whole(content: aiohttp.StreamReader, most: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := await _read(content):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise Malformed(f"the body is longer than {most} bytes")
    return b"".join(pieces)


async def _drain(content: aiohttp.StreamReader) -> None:
    """Read what ends the body after the answer's end mark, so that the connection can be used again."""
    if content.at_eof():
        return
    with suppress(ProviderError, TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            await _read(content)
