"""Redis and PostgreSQL of a drill: found, started, stopped, and gone."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from target import servers
from target.errors import StackError
from target.servers import (
    Server,
    postgresql,
    postgresql_programs,
    redis,
    redis_program,
    remove_abandoned_clusters,
)

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A process that stands for a server; it answers as soon as it is asked."""
    made = Server("sleeper", SLEEPER, ["/bin/true"], tmp_path, tmp_path / "log", "sleeper://")
    yield made
    made.close()


def test_a_killed_server_starts_again(server: Server) -> None:
    """After SIGKILL nothing runs, and a start brings another process."""
    server.start()
    server.kill()
    assert not server.alive()
    server.start()
    assert server.alive()


def test_a_frozen_server_goes_on(server: Server) -> None:
    """SIGSTOP and SIGCONT: it lives on, and one that is closed while frozen ends as well."""
    server.start()
    server.freeze()
    server.thaw()
    assert server.alive()
    server.freeze()
    server.close()
    assert not server.alive()


def test_what_only_a_server_needs_goes_with_it(server: Server, tmp_path: Path) -> None:
    """The folder of a database made for a drill is removed when the drill ends."""
    server.litter = tmp_path / "cluster"
    server.litter.mkdir()
    server.start()
    server.close()
    assert not server.litter.exists()


def test_a_server_that_never_answers_is_said(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not answer in time is named."""
    monkeypatch.setattr(servers, "READY_SECONDS", 0.05)
    server.probe = ["/bin/false"]
    with pytest.raises(StackError, match="sleeper did not start"):
        server.start()


def test_a_server_that_was_not_started_cannot_be_killed(server: Server) -> None:
    """A fault on a server that does not run would prove nothing."""
    with pytest.raises(StackError, match="was not started"):
        server.kill()


def test_a_machine_without_redis_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing program is a sentence with its mend, before anything is made."""
    monkeypatch.setattr(servers, "redis_program", lambda _: None)
    with pytest.raises(StackError, match="needs redis-server: run make setup"):
        redis(tmp_path / "redis", tmp_path / "log", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_postgresql_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for PostgreSQL."""
    monkeypatch.setattr(servers, "postgresql_programs", lambda: None)
    with pytest.raises(StackError, match="needs PostgreSQL: install the package"):
        postgresql(tmp_path / "log")


@pytest.mark.integration
def test_redis_keeps_its_port_and_its_password(tmp_path: Path) -> None:
    """A real Redis: killed, started again, and it lets nobody in without the password of the run."""
    assert redis_program(ROOT) is not None, "make setup fetches it"
    server = redis(tmp_path / "redis", tmp_path / "log", ROOT)
    try:
        server.start()
        server.kill()
        server.start()
        assert server.alive()
        assert server.url.startswith("redis://:")
        assert (tmp_path / "redis" / "redis.conf").stat().st_mode & 0o077 == 0
    finally:
        server.close()
    assert not server.alive()


@pytest.mark.integration
def test_postgresql_stops_and_leaves_nothing(tmp_path: Path) -> None:
    """A real PostgreSQL: frozen with all its processes, going on, ended by its operator's signal, its folder gone."""
    assert postgresql_programs() is not None, "install postgresql, or the tests' dependencies"
    server = postgresql(tmp_path / "log")
    folder = server.folder
    try:
        server.start()
        server.freeze()
        server.thaw()
        assert server.alive()
        assert server.ends_by is signal.SIGINT
    finally:
        server.close()
    assert not folder.exists()


@pytest.mark.integration
def test_a_process_that_ends_while_all_are_told_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own processes come and go: the others are frozen and thawed all the same."""
    server = postgresql(tmp_path / "log")
    tell, told, ended = os.kill, [], []

    def kill(process: int, number: int) -> None:
        if told and not ended:
            ended.append(process)
            raise ProcessLookupError
        told.append(process)
        tell(process, number)

    try:
        server.start()
        monkeypatch.setattr("target.servers.os.kill", kill)
        server.freeze()
        server.thaw()
        monkeypatch.undo()
        assert len(ended) == 1
        assert len(set(told)) > 2
    finally:
        server.close()


def test_clusters_of_killed_drills_are_removed(tmp_path: Path) -> None:
    """A folder whose owner was killed goes when the next database is made; one in use stays."""
    abandoned, used = (tmp_path / f"courtsight-postgresql-{name}" for name in ("a", "b"))
    for folder in (abandoned, used):
        folder.mkdir()
        (folder / ".owner").touch()
    with (used / ".owner").open("w", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert remove_abandoned_clusters(tmp_path) == (abandoned,)
        assert [path.name for path in tmp_path.iterdir()] == [used.name]
