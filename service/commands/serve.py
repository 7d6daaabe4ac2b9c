"""`python -m service serve`: run the service until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from types import FrameType
from typing import NoReturn

import uvicorn

from service.app import create_app, surroundings_of
from service.errors import ConfigurationError
from service.settings import Settings
from service.store.migrating import bring_to
from service.store.opening import dialect_of, once
from service.telemetry.logging import StandardLogs

_BACKLOG = 2048


def serve(settings: Settings, host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT; running answers get `drain_seconds` to finish. Returns the exit status.

    Raises:
        ConfigurationError: the service cannot start; nothing listens then.
    """
    surroundings = surroundings_of(settings)
    app = create_app(settings, surroundings)
    # Opened once here, so that a bad database is one clear line and not a failure in the middle of a start.
    asyncio.run(once(settings, bring_to(dialect_of(settings), time.time())))
    listener = _listen(host, port)
    logging.getLogger().addHandler(StandardLogs(surroundings.log))
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        # X-Forwarded-For is read at the edge, from trusted proxies only; uvicorn would believe any neighbour on loopback.
        proxy_headers=False,
        timeout_graceful_shutdown=settings.drain_seconds,
    )
    surroundings.log.write("info", "listening", host=host, port=listener.getsockname()[1])
    # uvicorn raises the signal again once it has stopped; these handlers turn that into an exit status.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        # A start that failed, too, has said why.
        surroundings.log.flush()
    return 0


def _leave(number: int, _: FrameType | None) -> NoReturn:
    """Told to stop is success; interrupted at the keyboard is 130, as shells have it."""
    raise SystemExit(0 if number == signal.SIGTERM else 128 + number)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise ConfigurationError(f"cannot listen on {host}:{port} ({error}); choose another with --port") from error
    return listener
