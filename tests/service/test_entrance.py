"""Who comes at once is taken at once: in how many turns of the event loop a crowd at the door is heard."""

from __future__ import annotations

import asyncio
import signal
import socket
import struct
from contextlib import ExitStack
from typing import Any

import uvicorn
import uvloop

from service.serving.entrance import Entrance
from service.serving.life import Life
from service.serving.server import DrainingServer, DrainRules
from service.serving.worker import Post

CROWD = 24
_ASKED = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


class Heard:
    """An app that notes in which turn of the event loop each request reaches it, and ends the server once all have."""

    def __init__(self, expected: int) -> None:
        self.turns: list[int] = []
        self._expected = expected
        self._turn = 0
        self.server: DrainingServer | None = None

    def begin(self) -> None:
        """Count turns from now on."""
        self._turn += 1
        if len(self.turns) < self._expected:
            asyncio.get_running_loop().call_soon(self.begin)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer."""
        if scope["type"] != "http":
            return
        self.turns.append(self._turn)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
        if len(self.turns) == self._expected and self.server:
            # Told twice, it does not wait for the clients, which read in the same thread once it has ended.
            self.server.drain()
            self.server.handle_exit(signal.SIGTERM, None)


def served(life: Life, clients: int = CROWD, *, leaving: int = 0) -> list[int]:
    """The turns in which a crowd is heard that had come before the server began; some of it had left again."""
    heard = Heard(clients - leaving)
    with ExitStack() as ending:
        listener = ending.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        crowd = [ending.enter_context(socket.create_connection(listener.getsockname())) for _ in range(clients)]
        for number, client in enumerate(crowd):
            if number < leaving:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
            else:
                client.sendall(_ASKED)
        config = uvicorn.Config(
            heard, loop="uvloop", http="httptools", lifespan="off", access_log=False, log_config=None
        )
        heard.server = DrainingServer(config, life, DrainRules(0.0, 5.0), heard.begin)
        uvloop.run(asyncio.wait_for(heard.server._serve([listener]), 60))
        for client in crowd[leaving:]:
            client.settimeout(120)
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
    return heard.turns


def test_a_crowd_is_heard_within_a_few_turns() -> None:
    """Twenty-four clients that wait at the door are all heard within four turns of the event loop, and not in one turn each."""
    turns = served(Life())
    assert len(turns) == CROWD
    assert max(turns) - min(turns) <= 4


def test_several_workers_leave_the_next_to_each_other() -> None:
    """A worker that has siblings takes one in a turn: a crowd is not all its own while the others have nothing to do."""
    one, other = socket.socketpair()
    with one, other:
        turns = served(Life(siblings=Post(one)))
    assert max(turns) - min(turns) >= CROWD - 2


def test_who_has_left_again_holds_up_nobody() -> None:
    """Clients that reset their connection before it was taken cost the others nothing."""
    turns = served(Life(), leaving=5)
    assert len(turns) == CROWD - 5
    assert max(turns) - min(turns) <= 4


def test_who_was_taken_is_connected_before_the_door_counts_as_closed() -> None:
    """A service that stops waits for its connections: one that was taken in its last turn is among them, or its question is lost."""
    made: list[asyncio.BaseTransport] = []

    class Guest(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.append(transport)

    async def story() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
            entrance = Entrance(Guest)
            entrance.open([listener])
            entrance._take(entrance._doors[0])
            await entrance.close()
            connected = len(made)
            for transport in made:
                transport.close()
            await asyncio.sleep(0.01)
        return connected

    assert uvloop.run(asyncio.wait_for(story(), 120)) == 1
