"""The ingest's side of a nursery: hands it a document, and takes back entries or a refusal."""

from __future__ import annotations

import errno
import hashlib
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from service.ingest.entries import Origin
from service.ingest.finding import Found
from service.ingest.limits import Limits
from service.ingest.refusals import Refused

LARGEST_BYTES = 64 * 1024 * 1024
_MOST_ANSWER_BYTES = 256 * 1024 * 1024
_CHUNK = 1 << 16
# The nursery ends a child at its limit; only a nursery that hangs itself is ended from here.
_GRACE_SECONDS = 5.0
_ROOT = Path(__file__).resolve().parents[2]
_BEGIN = "import sys; sys.path.insert(0, sys.argv[1]); from service.ingest.nursery import main; main(int(sys.argv[2]))"


@dataclass(frozen=True, slots=True)
class LineRefused:
    """One line of a JSONL file that was left out."""

    line: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file held: its entries in order with the line of each (0 where there are no lines), and how it was cut."""

    digest: str
    entries: tuple[tuple[int, Mapping[str, Any]], ...]
    lines_refused: tuple[LineRefused, ...]
    kind: str
    form: str
    articles: int
    notes: int
    findings: tuple[str, ...]


def digest_of(found: Found) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        Refused: it cannot be read.
    """
    with os.fdopen(_open(found), "rb") as content:
        try:
            return hashlib.file_digest(content, "sha256").hexdigest()
        except OSError as error:
            raise Refused("unreadable", str(error.strerror)) from error


class Reader:
    """One nursery, started when it is first needed and again when it died; reads one document at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def read(self, found: Found, origin: Origin, limits: Limits | None = None) -> Reading:
        """Read one document in a child of its own.

        Raises:
            Refused: nothing of it is taken in.
        """
        if found.size_bytes > LARGEST_BYTES:
            raise Refused("too_large", f"{found.size_bytes} bytes, at most {LARGEST_BYTES} are read")
        before = digest_of(found)
        limits = limits or Limits.for_size(found.size_bytes)
        document = _open(found)
        try:
            content, how = self._exchange(document, origin, limits)
        finally:
            os.close(document)
        reading = _understand(content, how, before)
        if digest_of(found) != before:
            raise Refused("changed", "it was written to while it was read")
        return reading

    def stop(self) -> None:
        """End the nursery at once; may be called from another thread, which then still has to `close`."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """End the nursery, and with it a child that still reads."""
        if self._requests is not None:
            self._requests.close()
        if self._process is not None:
            try:
                self._process.wait(timeout=_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = self._requests = None

    def _start(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._requests is None:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-c", _BEGIN, str(_ROOT), str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    env={},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            self._requests = ours
        return self._requests

    def _exchange(self, document: int, origin: Origin, limits: Limits) -> tuple[bytes, Mapping[str, Any]]:
        requests = self._start()
        reads, writes = os.pipe()
        try:
            try:
                socket.send_fds(requests, [_request(origin, limits)], [document, writes])
            finally:
                os.close(writes)
            content = _drain(reads, limits.wall_seconds + _GRACE_SECONDS)
            requests.settimeout(limits.wall_seconds + _GRACE_SECONDS)
            answer = requests.recv(_CHUNK)
            if not answer:
                raise OSError("the nursery ended")
        except OSError as error:
            self._abandon()
            raise Refused("crashed", f"the reader's process ended ({error})") from error
        finally:
            os.close(reads)
        return content, orjson.loads(answer)

    def _abandon(self) -> None:
        if self._process is not None:
            self._process.kill()
        self.close()


def _request(origin: Origin, limits: Limits) -> bytes:
    return orjson.dumps(
        {
            "path": origin.path,
            "day": origin.day.isoformat(),
            "memory_bytes": limits.memory_bytes,
            "cpu_seconds": limits.cpu_seconds,
            "wall_seconds": limits.wall_seconds,
        }
    )


def _open(found: Found) -> int:
    """A regular file, open for reading; what became a link, a pipe or a device since it was found is refused."""
    try:
        descriptor = os.open(found.real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Refused("outside", "it became a link after it was found") from error
        raise Refused("unreadable", str(error.strerror)) from error
    code = _why_not(descriptor, found.real)
    if code:
        os.close(descriptor)
        raise Refused(*code)
    return descriptor


def _why_not(descriptor: int, judged: Path) -> tuple[str, str] | None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return "not_a_file", "it is no regular file any more"
    try:
        opened = Path(f"/proc/self/fd/{descriptor}").readlink()
    except OSError:  # no Linux: a folder above it may have become a link
        return None
    return None if opened == judged else ("outside", "a folder above it became a link after it was found")


def _drain(reads: int, seconds: float) -> bytes:
    """All that the child writes; a child that writes without end is not read to the end."""
    ends = time.monotonic() + seconds
    parts: list[bytes] = []
    size = 0
    while True:
        ready, _, _ = select.select([reads], [], [], max(0.0, ends - time.monotonic()))
        if not ready:
            raise TimeoutError("no answer in time")
        part = os.read(reads, _CHUNK)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > _MOST_ANSWER_BYTES:
            raise Refused("too_many_entries", f"its entries take more than {_MOST_ANSWER_BYTES} bytes")


def _understand(content: bytes, how: Mapping[str, Any], digest: str) -> Reading:
    """The frames as a reading; frames without an end mean that the child was ended, and say why."""
    entries: list[tuple[int, Mapping[str, Any]]] = []
    refused: list[LineRefused] = []
    for line in content.splitlines():
        with suppress(orjson.JSONDecodeError):  # the last line of a child that was killed
            frame = orjson.loads(line)
            if "refused" in frame:
                raise Refused(frame["refused"], frame["detail"])
            if "entry" in frame:
                entries.append((frame.get("line", 0), frame["entry"]))
            elif "line_refused" in frame:
                refused.append(LineRefused(frame["line_refused"], frame["code"], frame["detail"]))
            elif "done" in frame:
                done = frame["done"]
                return Reading(
                    digest,
                    tuple(entries),
                    tuple(refused),
                    done["kind"],
                    done["form"],
                    done["articles"],
                    done["notes"],
                    tuple(done["findings"]),
                )
    raise _ended(how)


def _ended(how: Mapping[str, Any]) -> Refused:
    number = how.get("signal") or 0
    if number in {signal.SIGKILL, signal.SIGXCPU}:
        return Refused("time", "the limit was reached")
    if number:
        return Refused("crashed", f"the reader ended by {signal.Signals(number).name}")
    return Refused("crashed", f"the reader ended with status {how.get('status')}")
