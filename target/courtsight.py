"""Our own service over HTTP, as docs/http-api.md describes it. Nothing of the service is imported."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

import httpx
from pydantic import RootModel, ValidationError

from slo.errors import InvalidInput, Problem
from slo.strict_yaml import Wire, load_strict
from target import wire
from target.accounts import Credentials, fits_a_header
from target.chat import (
    LARGEST_BYTES,
    MALFORMED,
    STREAM_CUT,
    AccessToken,
    Login,
    Message,
    RawRequest,
    RawResponse,
    Reply,
    Session,
    StreamedReply,
    ToolReply,
)
from target.errors import TargetDown, TargetRefused
from target.loopback import is_loopback
from target.patience import TRIES, asked_to_wait
from target.sse import EventReader
from target.trust import distrust_said, trusted_certificates

TIMEOUT_SECONDS = 30.0
"""Longest wait for one read; twice the largest limit of a spec (15 s), so that slow answers are measured, not cut."""
LONGEST_SECONDS = 120.0
"""Longest time of one answer, however it trickles: a stream that never ends must not keep a whole run waiting."""


class CourtSightTarget:
    """A `ChatTarget` over httpx; one connection pool, no state besides it."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        credentials: Mapping[str, Login],
        timer: Callable[[], float],
        *,
        remembered: bool = False,
        longest_seconds: float = LONGEST_SECONDS,
        largest_bytes: int = LARGEST_BYTES,
    ) -> None:
        self._client = client
        self._largest = largest_bytes
        self._remembered = remembered
        self._longest = longest_seconds
        self._credentials = credentials
        self._timer = timer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def login(self, role: str) -> Session:
        """See `ChatTarget.login`."""
        login = self._credentials.get(role)
        if login is None:
            known = ", ".join(sorted(self._credentials)) or "none"
            raise InvalidInput((Problem("credentials", None, role, "has no credentials", f"there are: {known}"),))
        if isinstance(login, AccessToken):
            return Session(role, login.value)
        response = await self._signed_in({"username": login.username, "password": login.password})
        _refuse(response, f"signing in as {role}")
        try:
            token = wire.Token.model_validate_json(response.content).access_token
        except ValidationError as error:
            raise _malformed(f"signing in as {role}", response, error) from None
        if not fits_a_header(token):
            said = f"signing in as {role}: the token that came cannot stand in a header"
            raise TargetRefused(said, status=response.status_code, code=MALFORMED)
        return Session(role, token)

    async def _signed_in(self, shown: Mapping[str, str]) -> httpx.Response:
        """The answer to a login; passwords are checked a few at a time, and who is asked to wait for that does."""
        for _ in range(TRIES - 1):
            response = await self._send("POST", "/v1/auth/token", json=shown)
            wait = asked_to_wait(response.status_code, response.headers.get("Retry-After"))
            if wait is None:
                return response
            await asyncio.sleep(wait)
        return await self._send("POST", "/v1/auth/token", json=shown)

    async def ask(self, session: Session, message: str, conversation_id: str | None = None) -> Reply:
        """See `ChatTarget.ask`."""
        started = self._timer()
        response = await self._send(
            "POST", "/v1/chat", headers=self._asking(session), json=_question(message, conversation_id)
        )
        return wire.reply_of(response.status_code, response.content, self._timer() - started)

    async def stream(self, session: Session, message: str, conversation_id: str | None = None) -> StreamedReply:
        """See `ChatTarget.stream`."""
        headers = {**self._asking(session), "Accept": "text/event-stream"}
        started = self._timer()
        try:
            async with self._client.stream(
                "POST", "/v1/chat", headers=headers, json=_question(message, conversation_id)
            ) as response:
                if response.status_code != httpx.codes.OK:
                    async with asyncio.timeout(self._longest):
                        content = await self._whole(response)
                    reply = wire.reply_of(response.status_code, content, self._timer() - started)
                    return StreamedReply(reply, None, reply.duration_seconds, (), "")
                return await self._read_stream(response, started)
        except TimeoutError:
            raise self._endless() from None
        except (httpx.RequestError, httpx.StreamError) as error:
            raise _down(self._client.base_url, error) from error

    def _asking(self, session: Session) -> dict[str, str]:
        """The headers of a question; a remembered answer would say nothing about the chatbot, so none may come unless it is asked for."""
        return {**_bearer(session), **({} if self._remembered else {"Cache-Control": "no-store"})}

    async def _read_stream(self, response: httpx.Response, started: float) -> StreamedReply:
        reader, words, arrivals = EventReader(), [], []
        last: tuple[str, bytes] | None = None
        chunks = response.aiter_bytes()
        cut, taken = "", 0
        while True:
            try:
                chunk = await anext(chunks)
            except StopAsyncIteration:
                break
            except httpx.RequestError as error:
                # The words that came before the cut are worth keeping: a cut stream is a fault of the answer.
                cut = _said(error)
                break
            now = self._timer()
            if now - started > self._longest:
                last, cut = None, self._not_over()
                break
            taken += len(chunk)
            if taken > self._largest:
                last, cut = None, self._too_large()
                break
            for event in reader.feed(chunk):
                if event.name == "delta":
                    text = wire.delta_of(event.data)
                    if text:
                        words.append(text)
                        arrivals.append(now)
                elif event.name in {"done", "error"}:
                    last = (event.name, event.data)
        duration = self._timer() - started
        ttft = arrivals[0] - started if arrivals else None
        gaps = tuple(later - earlier for earlier, later in pairwise(arrivals))
        return StreamedReply(_ending(last, duration, cut), ttft, duration, gaps, "".join(words))

    async def start_conversation(self, session: Session, title: str) -> str:
        """See `ChatTarget.start_conversation`."""
        response = await self._send("POST", "/v1/conversations", headers=_bearer(session), json={"title": title})
        _refuse(response, "starting a conversation")
        try:
            return wire.Opened.model_validate_json(response.content).conversation_id
        except ValidationError as error:
            raise _malformed("starting a conversation", response, error) from None

    async def history(self, session: Session, conversation_id: str) -> tuple[Message, ...]:
        """See `ChatTarget.history`."""
        response = await self._send(
            "GET", f"/v1/conversations/{quote(conversation_id, safe='')}", headers=_bearer(session)
        )
        _refuse(response, "reading a conversation")
        try:
            return wire.messages_of(response.content)
        except ValidationError as error:
            raise _malformed("reading a conversation", response, error) from None

    async def export_citations(self, session: Session, conversation_id: str, form: str) -> tuple[str, ...]:
        """See `ChatTarget.export_citations`."""
        path = f"/v1/conversations/{quote(conversation_id, safe='')}/citations?format={quote(form, safe='')}"
        response = await self._send("GET", path, headers=_bearer(session))
        _refuse(response, "exporting citations")
        try:
            return wire.export_of(response.content)
        except ValidationError as error:
            raise _malformed("exporting citations", response, error) from None

    async def run_tool(self, session: Session, tool: str, query: str) -> ToolReply:
        """See `ChatTarget.run_tool`."""
        started = self._timer()
        path = f"/v1/tools/{quote(tool, safe='')}"
        response = await self._send("POST", path, headers=_bearer(session), json={"query": query})
        return wire.tool_reply_of(response.status_code, response.content, self._timer() - started)

    async def raw(self, session: Session | None, request: RawRequest) -> RawResponse:
        """See `ChatTarget.raw`.

        Raises:
            ValueError: The path does not begin with a single `/`.
        """
        if not request.path.startswith("/") or request.path.startswith("//"):
            raise ValueError(f"{request.path!r} must begin with one /: tokens go to the target only")
        headers = {**({} if session is None else _bearer(session)), **request.headers}
        started = self._timer()
        response = await self._send(request.method, request.path, headers=headers, json=request.body)
        return RawResponse(
            status=response.status_code,
            code=wire.problem_of(response.content)[0],
            duration_seconds=self._timer() - started,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=wire.json_or_none(response.content),
            text=response.text,
        )

    async def _send(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
    ) -> httpx.Response:
        try:
            async with (
                asyncio.timeout(self._longest),
                self._client.stream(method, path, headers=headers, json=json) as response,
            ):
                content = await self._whole(response)
        except TimeoutError:
            raise self._endless() from None
        except (httpx.RequestError, httpx.StreamError) as error:
            raise _down(self._client.base_url, error) from error
        whole = httpx.Response(response.status_code, content=content)
        whole.headers = response.headers  # behind the content, which is unpacked already
        return whole

    async def _whole(self, response: httpx.Response) -> bytes:
        """The unpacked body.

        Raises:
            TargetDown: There is more of it than anybody reads.
        """
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > self._largest:
                raise _down(self._client.base_url, ValueError(self._too_large()))
        return bytes(content)

    def _too_large(self) -> str:
        return f"an answer of more than {self._largest / 2**20:g} MiB"

    def _endless(self) -> TargetDown:
        return _down(self._client.base_url, TimeoutError(self._not_over()))

    def _not_over(self) -> str:
        return f"not at its end after {self._longest:g} s"


@asynccontextmanager
async def open_target(
    url: str,
    credentials: Mapping[str, Login],
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    timer: Callable[[], float] = time.perf_counter,
    remembered: bool = False,
) -> AsyncIterator[CourtSightTarget]:
    """A target at `url`, closed at the end; with `remembered` its cache may answer.

    Raises:
        InvalidInput: The address is none of http or https, or the environment names certificates that cannot be used.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInput(
            (Problem("TARGET", None, "", f"{url!r} is no address", "write it like http://127.0.0.1:8000"),)
        )
    client = httpx.AsyncClient(
        verify=trusted_certificates(),
        base_url=url,
        timeout=timeout_seconds,
        trust_env=not is_loopback(url),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=100),
    )
    async with CourtSightTarget(client, credentials, timer, remembered=remembered) as target:
        yield target


class _Login(Wire):
    username: str
    password: str


class _CredentialsFile(RootModel[dict[str, _Login | str]]):
    """`role: {username, password}`, or `role: token`."""


def read_credentials(path: Path) -> Mapping[str, Login]:
    """Read a TARGET_CREDENTIALS file, YAML or JSON: by role, a username and password, or a token.

    Raises:
        InvalidInput: It is missing or wrong.
    """
    entries = load_strict(path, _CredentialsFile).root
    for role, entry in entries.items():
        if isinstance(entry, str) and not fits_a_header(entry):
            advice = "write it as one word of printable ASCII"
            raise InvalidInput((Problem(str(path), None, role, "its token cannot stand in a header", advice),))
    return {
        role: AccessToken(entry) if isinstance(entry, str) else Credentials(entry.username, entry.password)
        for role, entry in entries.items()
    }


def _bearer(session: Session) -> dict[str, str]:
    return {"Authorization": f"Bearer {session.token}"}


def _question(message: str, conversation_id: str | None) -> dict[str, object]:
    return {"message": message} if conversation_id is None else {"message": message, "conversation_id": conversation_id}


def _ending(last: tuple[str, bytes] | None, duration: float, cut: str) -> Reply:
    if last is None:
        return Reply(200, STREAM_CUT, duration, None, cut or "the stream ended without done or error")
    name, content = last
    return wire.reply_of(200, content, duration) if name == "done" else wire.error_event_of(content, duration)


def _refuse(response: httpx.Response, doing: str) -> None:
    if not response.is_success:
        code, detail = wire.problem_of(response.content)
        said = f"{doing}: refused with {response.status_code} {code}".rstrip() + (f" ({detail})" if detail else "")
        raise TargetRefused(said, status=response.status_code, code=code)


def _malformed(doing: str, response: httpx.Response, error: ValidationError) -> TargetRefused:
    place = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
    said = f"{doing}: the answer does not keep docs/http-api.md at {place or 'its root'}"
    return TargetRefused(said, status=response.status_code, code=MALFORMED)


def _down(base_url: httpx.URL, error: Exception) -> TargetDown:
    asked = f"{base_url.scheme}://{base_url.netloc.decode()}"
    distrust = distrust_said(error)
    return TargetDown(
        f"{asked}: {distrust}" if distrust else f"{asked}: no answer ({_said(error)}); is the service running?"
    )


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
