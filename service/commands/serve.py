"""`python -m service serve`: run the service until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import time

from service.app import create_app
from service.chosen import surroundings_of
from service.deployments.load import deployment_file, load_deployment
from service.errors import ConfigurationError
from service.quotas.shared_windows import make_table
from service.serving.life import WARMING_QUESTIONS, Life
from service.serving.running import run_server, server_of
from service.serving.supervisor import Plan, supervise
from service.settings import Settings, refuse_weak_secrets
from service.store.migrating import bring_to
from service.store.opening import dialect_of, once
from service.telemetry.logging import EventLog, StandardLogs

_BACKLOG = 2048


def serve(settings: Settings, host: str, port: int, workers: int | None = None) -> int:
    """Serve until SIGTERM or SIGINT; running answers get `drain_seconds` to finish. Returns the exit status.

    Args:
        settings: what to serve.
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.
        workers: processes that serve it; the setting's when left out.

    Raises:
        ConfigurationError: the service cannot start; nothing listens then.
    """
    count = settings.workers if workers is None else workers
    if not 1 <= count <= 64:
        raise ConfigurationError(f"--workers {count}: give 1 to 64")
    if count > 1:
        return _serve_by_many(settings, host, port, count)
    surroundings = surroundings_of(settings)
    life = Life(WARMING_QUESTIONS)
    app = create_app(settings, surroundings, life=life)
    # Opened once here, so that a bad database is one clear line and not a failure in the middle of a start.
    asyncio.run(once(settings, bring_to(dialect_of(settings), time.time())))
    listener = _listen(host, port)
    logging.getLogger().addHandler(StandardLogs(surroundings.log))
    # A terminal that closes must not cut answers, and one process cannot replace itself.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    server = server_of(app, settings, life, lambda: None)
    server.heed_signals()
    with surroundings.log.aside():
        _say_listening(surroundings.log, host, listener)
        return run_server(server, listener)


def _serve_by_many(settings: Settings, host: str, port: int, workers: int) -> int:
    """Check what is cheap to check, then let workers serve; the first of them checks the rest before the others start."""
    refuse_weak_secrets(settings)
    load_deployment(deployment_file(settings.deployment))
    asyncio.run(once(settings, bring_to(dialect_of(settings), time.time())))
    log = EventLog(sys.stderr.buffer, settings.log_level, time.time)
    listener = _listen(host, port)
    seconds = settings.drain_delay_seconds + settings.drain_seconds
    plan = Plan(workers, listener, make_table(), seconds)
    with log.aside():
        return supervise(plan, log, lambda: _say_listening(log, host, listener))


def _say_listening(log: EventLog, host: str, listener: socket.socket) -> None:
    log.write("info", "listening", host=host, port=listener.getsockname()[1])
    log.flush()


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
