"""A real redis-server in a temporary folder on a free loopback port, which a test may stop, freeze, kill and start again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.tools import look_up_redis, redis_libraries
from service.sharing import redis_client
from target.processes import free_port

_ROOT = Path(__file__).parents[3]
_PASSWORD = "a-password-of-the-tests-7f3a"
_STARTED_SECONDS = 120.0
_ANSWER_SECONDS = 4.0
"""How long a client waits for Redis here: the service gives it 0.1 s, which a busy machine passes now and then."""
_GUARD = "trap '' TERM INT HUP; read _; kill -KILL $0"
"""Ends the server when the tests were killed: the pipe to them breaks."""


class RedisServer:
    """One server; it keeps its port over restarts, and nothing on the disk."""

    password = _PASSWORD

    def __init__(self, folder: Path) -> None:
        found = look_up_redis(_ROOT)
        assert found, "no redis-server: `make setup` fetches it, or install the package redis-server"
        self._program = found
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://:{_PASSWORD}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        given = ["--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", _PASSWORD, "--save", "",
                 "--appendonly", "no", "--dir", str(self._folder), "--daemonize", "no"]  # fmt: skip
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._program), *given],
                stdout=log,
                stderr=log,
                process_group=0,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "LD_LIBRARY_PATH": redis_libraries(_ROOT)},
            )
        self._guard = subprocess.Popen(["/bin/sh", "-c", _GUARD, str(self._process.pid)], stdin=subprocess.PIPE)
        ends = time.monotonic() + _STARTED_SECONDS
        while not self._answers():
            assert time.monotonic() < ends, (self._folder / "log").read_text(errors="replace")[-2000:]
            time.sleep(0.02)

    def command(self, *words: str | bytes) -> bytes:
        """Say one command over a connection of its own; gives the raw reply."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=120) as line:
            reply = b""
            for said in (("AUTH", _PASSWORD), words):
                parts = [part.encode() if isinstance(part, str) else part for part in said]
                line.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
                reply = line.recv(1 << 20)
        return reply

    def keys(self, kind: str = "") -> list[str]:
        """The names of a kind that stand in Redis."""
        lines = self.command("KEYS", "*").decode("latin-1").split("\r\n")
        return [line for line in lines if line.startswith(f"courtsight:{kind}")]

    def freeze(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
        self._process = self._guard = None

    def _answers(self) -> bool:
        try:
            return self.command("PING").endswith(b"+PONG\r\n")
        except OSError:
            return False


@pytest.fixture
def redis_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    monkeypatch.setattr(redis_client, "_SECONDS", _ANSWER_SECONDS)
    folder = Path(tempfile.mkdtemp(prefix="courtsight-redis-", dir="/tmp"))
    server = RedisServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
