"""Requests of one connection, cut into pieces anywhere: what an app is asked is what was sent."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

import pytest
import uvicorn
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from service.serving.reading import BoundedReader
from tests.service.test_sending import Wire

UPGRADES = {
    "": b"",
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    "websocket": b"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n",
}


@dataclass(frozen=True)
class Asked:
    """A request, and how it is written."""

    method: bytes
    upgrade: str
    framing: str
    body: bytes

    def written(self) -> bytes:
        head = b"%b /%b HTTP/1.1\r\nHost: a.example\r\n%b" % (
            self.method,
            self.upgrade.encode(),
            UPGRADES[self.upgrade],
        )
        if self.framing == "length":
            return head + b"Content-Length: %d\r\n\r\n%b" % (len(self.body), self.body)
        if self.framing == "chunks":
            chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in self.body)
            return head + b"Transfer-Encoding: chunked\r\n\r\n%b0\r\nX-Behind: it\r\n\r\n" % chunks
        return head + b"\r\n"

    def read(self) -> tuple[bytes, str, bytes]:
        return self.method, f"/{self.upgrade}", self.body if self.framing else b""


def noting(seen: list[tuple[bytes, str, bytes]], answers: str) -> ASGIApp:
    """An app that answers when it has read its request; an impatient one, before it has read any."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while answers == "after reading":
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        assert (b"x-behind", b"it") not in scope["headers"]
        seen.append((scope["method"].encode(), scope["path"], body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    return app


async def play(app: ASGIApp, pieces: list[bytes], turns: int) -> Wire:
    """What is written for these pieces, with so many turns of the loop behind each."""
    config = uvicorn.Config(app, loop="none", ws="none", lifespan="off", log_config=None, access_log=False)
    config.load()
    state = ServerState()
    protocol, wire = BoundedReader(config, state, {}), Wire()  # type: ignore[call-arg]  # as uvicorn's server calls it
    protocol.connection_made(wire)
    for piece in pieces:
        if not wire.is_closing():
            protocol.data_received(piece)
        for _ in range(turns):
            await asyncio.sleep(0)
    while state.tasks:
        await asyncio.wait([*state.tasks], timeout=120)
    protocol.connection_lost(ConnectionResetError())
    return wire


_ANSWERS = ("after reading", "at once")
_BODIES = st.binary(max_size=12) | st.just(b"GET /hidden HTTP/1.1\r\nHost: a.example\r\n\r\n")
_ASKED = st.builds(
    Asked,
    st.sampled_from([b"GET", b"POST", b"HEAD", b"PUT"]),
    st.sampled_from([*UPGRADES]),
    st.sampled_from(["", "length", "chunks"]),
    _BODIES,
)
_HIDDEN = Asked(b"POST", "h2c", "length", b"GET /hidden HTTP/1.1\r\nHost: a.example\r\n\r\n")


@given(
    st.lists(_ASKED, min_size=1, max_size=4),
    st.lists(st.integers(1, 700), max_size=8),
    st.integers(0, 4),
    st.sampled_from(_ANSWERS),
)
@example([_HIDDEN, _HIDDEN], [], 0, "after reading")
@example([_HIDDEN, _HIDDEN], [], 0, "at once")
@example([_HIDDEN, _HIDDEN], [133, 134, 140], 4, "at once")
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_what_an_app_is_asked_is_what_was_sent(asked: list[Asked], cuts: list[int], turns: int, answers: str) -> None:
    """Upgrades, bodies and chunks among them, in one piece or in many, read before the answer or never: each request once, with its own body."""
    written = b"".join(one.written() for one in asked)
    ends = [0, *sorted({cut for cut in cuts if cut < len(written)}), len(written)]
    pieces = [written[a:b] for a, b in itertools.pairwise(ends)]
    seen: list[tuple[bytes, str, bytes]] = []

    wire = asyncio.run(play(noting(seen, answers), pieces, turns))

    expected = [one.read() for one in asked]
    assert seen == (expected if answers == "after reading" else [(method, path, b"") for method, path, _ in expected])
    assert b"".join(wire.written).count(b"HTTP/1.1 200 OK") == len(asked)
    assert not wire.closed
