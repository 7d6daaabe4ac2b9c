"""Runs one app on one listener: alone, or as one of several workers."""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from service.serving.life import Life
from service.serving.server import DrainingServer, DrainRules, leave
from service.settings import Settings

_KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep theirs by default, so that it is they who end a connection, and no request meets its end."""

_OBJECTS_BETWEEN_COLLECTIONS = 10_000
"""An answer makes some thousand objects that go by themselves: Python's own 700 has the collector look through them ten times as often."""


def collect_rarely() -> None:
    """Have the collector of cycles look after ten thousand new objects. It is the whole process that is told: only a program may."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])


def server_of(app: FastAPI, settings: Settings, life: Life, on_started: Callable[[], None]) -> DrainingServer:
    """The server of an app, with our settings of uvicorn."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        # Nothing here speaks WebSocket: an upgrade is a request like any other.
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        # X-Forwarded-For is read at the edge, from trusted proxies only; uvicorn would believe any neighbour on loopback.
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    return DrainingServer(config, life, DrainRules(settings.drain_delay_seconds, settings.drain_seconds), on_started)


def run_server(server: DrainingServer, listener: socket.socket) -> int:
    """Serve until told to stop; returns 0 after SIGTERM, and leaves by 130 after Ctrl-C."""
    collect_rarely()
    # uvicorn raises the signal again once it has stopped; these handlers turn that into an exit status.
    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)
    server.run(sockets=[listener])
    return 0
