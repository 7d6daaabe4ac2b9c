"""Runs one app on one listener: alone, or as one of several workers."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from service.serving.life import Life
from service.serving.reading import reader_of
from service.serving.server import DrainingServer, DrainRules
from service.settings import Settings

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
        http=reader_of(app.state.unread.refuse),
        # Nothing here speaks WebSocket: an upgrade is a request like any other.
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        # X-Forwarded-For is read at the edge, from trusted proxies only; uvicorn would believe any neighbour on loopback.
        proxy_headers=False,
    )
    # Now, and not when it runs: the word to stop may come before, and changes the headers that loading makes.
    config.load()
    return DrainingServer(config, life, DrainRules(settings.drain_delay_seconds, settings.drain_seconds), on_started)


def run_server(server: DrainingServer, listener: socket.socket) -> int:
    """Serve until told to stop; returns 0 after SIGTERM, and 130 after Ctrl-C."""
    collect_rarely()
    server.heed_signals()
    server.run(sockets=[listener])
    return server.exit_status
