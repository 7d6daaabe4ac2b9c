"""Takes all who wait at the door in one turn of the event loop.

libuv takes one connection in each turn, and under load a turn is as long as all answers that are composed in it: of thirty-two clients that
come at once, the last waited for thirty-two turns before anybody read what it asks.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

_MOST_AT_ONCE = 64
"""Taken in one turn: whoever is connected already is not held up by a crowd at the door."""


class Entrance:
    """Reads the listeners' queues beside the server that has them; both take what is there, and nobody is taken twice."""

    def __init__(self, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Nothing is taken before `open`.

        Args:
            protocol: makes the protocol of one connection.
        """
        self._protocol = protocol
        self._doors: list[socket.socket] = []
        self._coming: set[asyncio.Task[None]] = set()

    def open(self, listeners: Sequence[socket.socket]) -> None:
        """Begin to take who comes."""
        loop = asyncio.get_running_loop()
        for listener in listeners:
            # A descriptor of our own: the event loop lets nobody else read one that belongs to a server.
            door = listener.dup()
            door.settimeout(0)
            self._doors.append(door)
            loop.add_reader(door, self._take, door)

    async def close(self) -> None:
        """Take nobody any more; who was taken is connected when this returns, and stays."""
        loop = asyncio.get_running_loop()
        for door in self._doors:
            loop.remove_reader(door)
            door.close()
        self._doors.clear()
        if self._coming:
            await asyncio.wait(self._coming)

    def _take(self, door: socket.socket) -> None:
        for _ in range(_MOST_AT_ONCE):
            try:
                came, _ = door.accept()
            except OSError:
                # The queue is empty, or there is no descriptor left, which the server's own listener deals with.
                return
            coming = asyncio.create_task(self._connect(came))
            self._coming.add(coming)
            coming.add_done_callback(self._coming.discard)

    async def _connect(self, came: socket.socket) -> None:
        # Who has left again is nobody's error.
        with suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, came)
