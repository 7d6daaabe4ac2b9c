"""The relay that makes a way long: what it carries, when, and what becomes of connections."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from target.processes import LOOPBACK, free_port
from target.relay import relayed


@contextmanager
def echoing() -> Iterator[int]:
    """A server that says again what it hears, on the port that this gives."""
    with socket.create_server((LOOPBACK, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=echo, args=(connection,), daemon=True).start()

        def echo(connection: socket.socket) -> None:
            with connection:
                while heard := connection.recv(65_536):
                    connection.sendall(heard)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def said(connection: socket.socket, words: bytes) -> float:
    """Say something and wait until it comes back; the seconds that took."""
    began = time.monotonic()
    connection.sendall(words)
    heard = b""
    while len(heard) < len(words):
        heard += connection.recv(65_536)
    assert heard == words
    return time.monotonic() - began


def test_everything_arrives_whole_and_in_order() -> None:
    """A megabyte goes there and back unaltered, also while the delay changes under way."""
    words = bytes(range(256)) * 4096
    with echoing() as port, relayed(port) as relay, socket.create_connection((LOOPBACK, relay.port)) as connection:
        sending = threading.Thread(target=connection.sendall, args=(words,), daemon=True)
        sending.start()
        heard = bytearray()
        while len(heard) < len(words):
            relay.delay_seconds = 0.002 if len(heard) % 3 else 0.0
            heard += connection.recv(65_536)
        assert bytes(heard) == words


def test_what_the_server_says_comes_later_by_the_delay() -> None:
    """Within the slow time nothing is back before the delay has passed; the connection stands, and is quick again after it."""
    with echoing() as port, relayed(port) as relay, socket.create_connection((LOOPBACK, relay.port)) as connection:
        said(connection, b"before")
        with relay.slow(0.2):
            assert said(connection, b"meanwhile") >= 0.2
        assert relay.delay_seconds == 0.0
        said(connection, b"after")


def test_who_says_no_more_still_hears_the_rest() -> None:
    """A client that closes its half gets every answer that is under way before the connection ends."""
    with echoing() as port, relayed(port) as relay, socket.create_connection((LOOPBACK, relay.port)) as connection:
        relay.delay_seconds = 0.05
        connection.sendall(b"last words")
        connection.shutdown(socket.SHUT_WR)
        heard = b""
        while chunk := connection.recv(64):
            heard += chunk
        assert heard == b"last words"


def test_a_connection_ends_with_its_server() -> None:
    """Where nobody listens behind the relay the client's connection ends, and the next one is taken all the same."""
    with relayed(free_port()) as relay:
        for _ in range(2):
            with socket.create_connection((LOOPBACK, relay.port)) as connection:
                assert connection.recv(1) == b""


def test_nobody_comes_in_after_its_end() -> None:
    """The port is free again, and open connections end."""
    with echoing() as port:
        with relayed(port) as relay:
            kept = socket.create_connection((LOOPBACK, relay.port))
            said(kept, b"hello")
        with kept:
            assert kept.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((LOOPBACK, relay.port)).close()
