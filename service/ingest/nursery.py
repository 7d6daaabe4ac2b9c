"""A small process that reads documents for the ingest: it forks a child with limits for each one.

The imports are paid once; each document still has a fresh process with limits of its own. Requests come over a socket as one
JSON line with two open files beside it (the document, and the pipe for the frames); the answer is one JSON line that says
how the child ended. When the socket closes, the nursery ends, and its child with it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Mapping
from datetime import date
from typing import Any, BinaryIO, NoReturn

import orjson

from service.ingest.entries import Origin
from service.ingest.limits import Limits, confine, die_with_parent, leave, leave_the_network
from service.ingest.parsing import frames_of
from service.ingest.refusals import Refused

_REQUEST_BYTES = 65536
_POLL_SECONDS = 0.02


def main(descriptor: int) -> None:
    """Serve requests on an inherited socket until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole terminal; the ingest decides
    die_with_parent()
    leave_the_network()
    with socket.socket(fileno=descriptor) as requests:
        while True:
            message, files, _, _ = socket.recv_fds(requests, _REQUEST_BYTES, 2)
            if not message:
                return
            answer = _serve(orjson.loads(message), files[0], files[1], requests)
            if answer is None:
                return
            requests.sendall(orjson.dumps(answer) + b"\n")


def _serve(request: Mapping[str, Any], document: int, frames: int, requests: socket.socket) -> dict[str, Any] | None:
    limits = Limits(request["memory_bytes"], request["cpu_seconds"], request["wall_seconds"])
    child = os.fork()
    if child == 0:
        requests.close()
        _read(document, frames, Origin(request["path"], date.fromisoformat(request["day"])), limits)
    os.close(document)
    os.close(frames)
    return _wait(child, limits.wall_seconds, requests)


def _wait(child: int, wall_seconds: float, requests: socket.socket) -> dict[str, Any] | None:
    """How the child ended; None when nobody waits for the answer any more."""
    ends = time.monotonic() + wall_seconds
    pause = 0.0005
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            signal_number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            return {"signal": signal_number, "status": os.WEXITSTATUS(status) if not signal_number else None}
        late = time.monotonic() > ends
        readable, _, _ = select.select([requests], [], [], pause)
        pause = min(pause * 1.5, _POLL_SECONDS)
        gone = bool(readable) and not requests.recv(1, socket.MSG_PEEK)
        if late or gone:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return {"signal": int(signal.SIGKILL), "status": None} if late else None


def _read(document: int, frames: int, origin: Origin, limits: Limits) -> NoReturn:
    """The child's whole life."""
    status = 1
    try:
        os.setsid()
        die_with_parent()
        with os.fdopen(document, "rb") as source, os.fdopen(frames, "wb") as out:
            confine(limits)
            _tell(source.read(), origin, out)
        status = 0
    finally:
        leave(status)


def _tell(content: bytes, origin: Origin, out: BinaryIO) -> None:
    """Write the frames; a refusal, and memory that runs out, are frames as well."""
    try:
        out.writelines(orjson.dumps(frame) + b"\n" for frame in frames_of(content, origin))
    except Refused as refusal:
        out.write(orjson.dumps({"refused": refusal.code, "detail": refusal.detail}) + b"\n")
    except (MemoryError, RecursionError) as error:
        code = "memory" if isinstance(error, MemoryError) else "too_deep"
        out.write(orjson.dumps({"refused": code, "detail": type(error).__name__}) + b"\n")
    except Exception as error:  # noqa: BLE001 - a reader's own fault on one file must be told, and must not end the others
        out.write(orjson.dumps({"refused": "crashed", "detail": f"{type(error).__name__}: {error}"[:300]}) + b"\n")
    with contextlib.suppress(BrokenPipeError):
        out.flush()
