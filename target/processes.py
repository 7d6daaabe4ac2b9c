"""Starts, watches and ends the processes of the local stack: only our own, all on loopback.

A child gets a process group of its own, so that a Ctrl-C on the terminal reaches only the harness, which then ends its
children in order; a harness that is killed outright takes them along (target/leash.py). It stays in the harness's session:
Linux shares processors out by session first (sched(7), autogroup), so the priority of a child with its own would not count
beside that of others. Each child writes to a log file of its own.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from target.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LOOPBACK = "127.0.0.1"
_LEASH = Path(__file__).with_name("leash.py")


def free_port() -> int:
    """A port that nobody listens on, and that the system gives to nobody else for a while.

    A connection that we close first leaves its port in TIME_WAIT (RFC 9293, 3.6.1) for a minute: who asks for any port is not given it, and a
    server that names it may listen (SO_REUSEADDR, as all of ours do). Another program that names it, too, may still be quicker; the
    child then exits early and says so in its log.
    """
    with socket.socket() as listener, socket.socket() as caller:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, 0))
        listener.listen(1)
        caller.connect(listener.getsockname())
        listener.accept()[0].close()
        return int(listener.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Whether we could listen on `port` of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def claim_port(port: int | None, name: str) -> int:
    """The port that was asked for, or a free one for None; raises StackError when the asked one is taken."""
    if port is None:
        return free_port()
    if not port_is_free(port):
        raise StackError(
            f"Port {port} for {name} is taken: choose another with PORT=, or end the program that listens there"
        )
    return port


@dataclass(frozen=True, slots=True)
class ChildProcess:
    """A running process that we started; its pid is also the id of its process group."""

    name: str
    log: Path
    _popen: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """The process id, the same before and after the leash gave way to the command."""
        return self._popen.pid

    def alive(self) -> bool:
        """Whether it still runs (a stopped one, SIGSTOP, does)."""
        return self.exit_status() is None

    def exit_status(self) -> int | None:
        """None while it runs; negative for the signal that ended it.

        On Linux this only looks: until `stop` the dead process keeps its id, so that no signal of ours can reach a stranger.
        """
        if self._popen.returncode is None and sys.platform == "linux":
            ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return None
            return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        return self._popen.poll()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to this process alone; does nothing when it has ended."""
        if self.alive():
            self._popen.send_signal(number)

    def last_lines(self, count: int = 5) -> str:
        """The end of its log, for error messages."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-count:])

    def stop(self, grace_seconds: float = 5.0) -> int:
        """Ends the whole process group: SIGTERM, after `grace_seconds` SIGKILL; gives the exit status. A second call does nothing."""
        if self._popen.returncode is not None:
            return self._popen.returncode
        if self.alive():
            self._signal_group(signal.SIGTERM)
            self._signal_group(signal.SIGCONT)  # a stopped process takes its SIGTERM only when it goes on
            deadline = time.monotonic() + grace_seconds
            while self.alive() and time.monotonic() < deadline:
                time.sleep(0.01)
        self._signal_group(signal.SIGKILL)  # whoever of the group is left, even when the leader went by itself
        return self._popen.wait()

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # gone; macOS says EPERM for the dead
            os.killpg(self._popen.pid, number)


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str],
    folder: Path,
    stdin: int = subprocess.DEVNULL,
    user: int | None = None,
) -> ChildProcess:
    """Starts `command` in `folder` with exactly `environment`, its output appended to `log`.

    `stdin` is a descriptor that it reads from; `user` is the id of another user and group that it runs as, which only root may ask for.
    Call it from a thread that outlives the child: the leash is tied to the starting thread. Raises StackError when the
    program does not exist.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in command]
    if not Path(words[0]).is_file():
        raise StackError(f"{name} cannot start: there is no program {words[0]}; run make doctor")
    leash = [sys.executable, "-I", "-S", str(_LEASH), _holder(user)]
    with log.open("ab") as output:
        popen = subprocess.Popen(
            [*leash, *words],
            cwd=folder,
            env=dict(environment),
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    return ChildProcess(name=name, log=log, _popen=popen)


def _holder(user: int | None) -> str:
    """Our id, with that of the user who is to be held, as the leash reads it: it changes the user, who may not reach this interpreter."""
    return str(os.getpid()) if user is None else f"{os.getpid()}:{user}"


def probe(url: str, timeout_seconds: float = 1.0) -> int | None:
    """The HTTP status of a GET on a loopback `url`, or None without an answer; no proxy is asked."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or LOOPBACK, parts.port, timeout=timeout_seconds)
    try:
        connection.request("GET", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def wait_until_ready(
    child: ChildProcess,
    url: str,
    *,
    deadline_seconds: float = 180.0,
    interval_seconds: float = 0.05,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> float:
    """Waits until `url` answers 200; gives the seconds it took.

    Raises StackError when the child exits before that, or the deadline passes; the message ends with the child's last lines.
    """
    started = clock()
    status: int | None = None
    while clock() - started < deadline_seconds:
        status = probe(url)
        if not child.alive():
            raise StackError(
                f"{child.name} ended with status {child.exit_status()} before it was ready:\n{_why(child)}"
            )
        if status == http.HTTPStatus.OK:
            return clock() - started
        sleep(interval_seconds)
    answer = "no answer" if status is None else f"status {status}"
    raise StackError(f"{child.name} was not ready after {deadline_seconds:g} s ({answer} from {url}):\n{_why(child)}")


def _why(child: ChildProcess) -> str:
    return f"{child.last_lines() or 'it wrote nothing'}\n(log: {child.log})"
