"""Starting, watching and ending our own processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from target.errors import StackError
from target.processes import LOOPBACK, ChildProcess, claim_port, free_port, port_is_free, probe, start, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {"PATH": os.defpath}
SERVER = "import http.server as h; h.HTTPServer(('127.0.0.1', {}), h.SimpleHTTPRequestHandler).serve_forever()"
SLEEPER = "import time; print('up', flush=True); time.sleep(60)"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., ChildProcess]]:
    """Starts Python programs, and ends those that a test left."""
    children: list[ChildProcess] = []

    def run_program(program: str, environment: dict[str, str] = ENVIRONMENT) -> ChildProcess:
        log = tmp_path / "logs" / f"{len(children)}.log"
        child = start("child", [sys.executable, "-c", program], log=log, environment=environment, folder=tmp_path)
        children.append(child)
        return child

    yield run_program
    for child in children:
        child.stop(grace_seconds=0.1)


def eventually(condition: Callable[[], bool], deadline_seconds: float = 60.0) -> bool:
    """Whether the condition came true before the deadline."""
    deadline = time.monotonic() + deadline_seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def runs(pid: int) -> bool:
    """Whether a process of this id runs and is no zombie."""
    if sys.platform != "linux":
        state = subprocess.run(
            ["/bin/ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        return bool(state.strip()) and not state.startswith("Z")
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="other systems choose ports by other rules")
def test_a_free_port_is_kept_for_a_server_that_names_it() -> None:
    """Whoever just asks for a port is not given it before the child listens there; a server that names it may have it."""
    port = free_port()
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind((LOOPBACK, port))
    assert port_is_free(port)


def test_a_server_becomes_ready(run: Callable[..., ChildProcess]) -> None:
    """A child is ready once its address answers 200, and stopped it answers no more."""
    port = free_port()
    child = run(SERVER.format(port))
    assert wait_until_ready(child, f"http://127.0.0.1:{port}/") >= 0
    assert child.alive()
    assert child.exit_status() is None
    child.stop()
    assert not child.alive()
    assert probe(f"http://127.0.0.1:{port}/") is None


def test_a_child_that_exits_early_says_why(run: Callable[..., ChildProcess]) -> None:
    """The error of a child that ended before it was ready carries its status and the last lines of its log."""
    child = run("import sys; print('first'); sys.exit('no index found')")
    with pytest.raises(StackError, match=r"(?s)ended with status 1 .*no index found"):
        wait_until_ready(child, f"http://127.0.0.1:{free_port()}/")


def test_a_child_that_never_gets_ready_meets_the_deadline(run: Callable[..., ChildProcess]) -> None:
    """When the deadline passes, the error names it and the missing answer; the clock is the caller's."""
    child = run(SLEEPER)
    ticks = iter(range(100))
    with pytest.raises(StackError, match=r"not ready after 5 s \(no answer"):
        wait_until_ready(
            child,
            f"http://127.0.0.1:{free_port()}/",
            deadline_seconds=5,
            clock=lambda: float(next(ticks)),
            sleep=lambda _: None,
        )


def test_a_stubborn_child_is_killed(run: Callable[..., ChildProcess]) -> None:
    """A child that ignores SIGTERM is killed after its grace."""
    child = run("import signal; signal.signal(15, signal.SIG_IGN); " + SLEEPER)
    assert eventually(lambda: child.last_lines() == "up")
    assert child.stop(grace_seconds=0.05) == -signal.SIGKILL


def test_a_suspended_child_still_ends_politely(run: Callable[..., ChildProcess]) -> None:
    """A child stopped by a drill is let go on, so that it takes its SIGTERM."""
    child = run(SLEEPER)
    assert eventually(lambda: child.last_lines() == "up")
    child.send(signal.SIGSTOP)
    assert child.alive()
    assert child.stop() == -signal.SIGTERM


def test_stopping_takes_the_whole_group(run: Callable[..., ChildProcess]) -> None:
    """A grandchild goes too, also when the child itself has already ended."""
    spawn = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid)"
    child = run(spawn)
    assert eventually(lambda: not child.alive())
    grandchild = int(child.last_lines())
    assert runs(grandchild)
    assert child.stop() == 0
    assert eventually(lambda: not runs(grandchild))


def test_stopping_twice_signals_nobody(run: Callable[..., ChildProcess], monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first stop the id may belong to a stranger: a second stop only repeats the exit status."""
    child = run("raise SystemExit(3)")
    assert eventually(lambda: not child.alive())
    assert child.stop() == 3
    sent: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda pid, _: sent.append(pid))
    assert child.stop() == 3
    child.send(signal.SIGTERM)
    assert sent == []


def test_a_child_gets_only_its_own_environment(
    run: Callable[..., ChildProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the caller's environment leaks into a child."""
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "x")
    child = run("import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))", {"PATH": "/bin", "MINE": "1"})
    assert eventually(lambda: not child.alive())
    assert child.last_lines() == "['MINE', 'PATH']"


def test_a_child_is_in_a_group_of_its_own_and_in_our_session(run: Callable[..., ChildProcess]) -> None:
    """Ctrl-C on the terminal reaches the harness and not its children; their priority counts beside that of our other processes."""
    child = run(SLEEPER)
    assert eventually(lambda: child.last_lines() == "up")
    assert os.getpgid(child.pid) == child.pid
    assert os.getsid(child.pid) == os.getsid(0)


if sys.platform == "linux":

    def test_a_killed_harness_leaves_nothing(tmp_path: Path) -> None:
        """When the parent is killed outright, its child dies with it (the kernel of macOS has no such leash)."""
        program = (
            "import os, sys, time; from pathlib import Path; from target.processes import start\n"
            f"child = start('child', [sys.executable, '-c', {SLEEPER!r}], log=Path({str(tmp_path / 'log')!r}),"
            " environment={'PATH': os.defpath}, folder=Path('/'))\n"
            "print(child.pid, flush=True); time.sleep(60)"
        )
        with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            assert eventually(lambda: (tmp_path / "log").read_text(encoding="utf-8") == "up\n")
            assert runs(pid)
            parent.kill()
        assert eventually(lambda: not runs(pid))


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """A program that is not there is an error that names it, before anything starts."""
    with pytest.raises(StackError, match="there is no program"):
        start("child", [tmp_path / "absent"], log=tmp_path / "log", environment={}, folder=tmp_path)


def test_a_taken_port_is_a_clear_error() -> None:
    """A port that was asked for and is taken is an error with the way out; an unasked one is just free."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not port_is_free(port)
        with pytest.raises(StackError, match=f"Port {port} for the service is taken: .*PORT="):
            claim_port(port, "the service")
        assert claim_port(None, "the service") != port
    assert claim_port(port, "the service") == port


def test_probing_survives_what_is_no_http() -> None:
    """A listener that speaks something else, or closes at once, is no answer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert probe(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout_seconds=0.05) is None
