"""A way to a server on loopback that can be made long: what the server says arrives later, in order, and nothing of it is lost.

A network that has become slow, as a client sees it: connections stand, every answer comes after a delay of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from target.errors import StackError
from target.processes import LOOPBACK

_CHUNK_BYTES = 65_536
_BEGIN_SECONDS = 5.0


@dataclass(slots=True)
class Relay:
    """A way that is open.

    Attributes:
        port: Where clients come in, on loopback.
        delay_seconds: By how much what the server says comes later; may be changed at any time.
    """

    port: int = 0
    delay_seconds: float = 0.0

    @contextlib.contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """Have everything that the server says come so much later for as long as this is entered."""
        before, self.delay_seconds = self.delay_seconds, seconds
        try:
            yield
        finally:
            self.delay_seconds = before


@contextlib.contextmanager
def relayed(port: int) -> Iterator[Relay]:
    """A relay to a server's port on loopback, for as long as this is entered; a thread of its own carries what is said.

    Raises:
        StackError: It could not listen.
    """
    relay, loop = Relay(), asyncio.new_event_loop()
    begun, over = threading.Event(), asyncio.Event()
    thread = threading.Thread(
        target=loop.run_until_complete, args=(_serve(relay, port, begun, over),), daemon=True, name="relay"
    )
    thread.start()
    try:
        if not begun.wait(_BEGIN_SECONDS) or not relay.port:
            raise StackError(f"No relay to port {port} could listen on {LOOPBACK}")
        yield relay
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(_BEGIN_SECONDS)
        loop.close()


async def _serve(relay: Relay, port: int, begun: threading.Event, over: asyncio.Event) -> None:
    carried: set[asyncio.Task[None]] = set()

    def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(_carry(relay, port, reader, writer))
        carried.add(task)
        task.add_done_callback(carried.discard)

    try:
        server = await asyncio.start_server(came, LOOPBACK, 0)
        relay.port = server.sockets[0].getsockname()[1]
    finally:
        begun.set()
    await over.wait()
    server.close()
    for task in carried:
        task.cancel()
    await asyncio.gather(*carried, return_exceptions=True)


async def _carry(relay: Relay, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry one connection until the server ends it; a server that is not there is a connection that ends at once."""
    with contextlib.suppress(OSError), contextlib.closing(writer):
        server_reader, server_writer = await asyncio.open_connection(LOOPBACK, port)
        with contextlib.closing(server_writer):
            there = asyncio.ensure_future(_pass_on(reader, server_writer))
            try:
                await _pass_on_late(relay, server_reader, writer)
            finally:
                there.cancel()
                await asyncio.gather(there, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry what the client says; that it says no more, or is gone, is passed on as well, and the server ends the connection."""
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def _pass_on_late(relay: Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read as it comes, so that two chunks said a moment apart arrive a moment apart; write when each is due, in order."""
    loop = asyncio.get_running_loop()
    due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def read() -> None:
        while chunk := await reader.read(_CHUNK_BYTES):
            due.put_nowait((loop.time() + relay.delay_seconds, chunk))
        due.put_nowait((loop.time() + relay.delay_seconds, b""))

    reading = asyncio.ensure_future(read())
    try:
        while True:
            at, chunk = await due.get()
            if (wait := at - loop.time()) > 0:
                await asyncio.sleep(wait)
            if not chunk:
                return
            writer.write(chunk)
            await writer.drain()
    finally:
        reading.cancel()
