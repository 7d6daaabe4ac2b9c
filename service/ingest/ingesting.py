"""One ingest: find, read what is new, forget what is gone, publish."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Protocol

import orjson

from service.errors import ConfigurationError, ServiceError
from service.ingest.entries import Origin
from service.ingest.finding import Found, PassedOver, find
from service.ingest.ledger import Filed, Ledger
from service.ingest.progress import Progress
from service.ingest.publishing import publish
from service.ingest.reader import LineRefused, Reader, Reading, digest_of
from service.ingest.refusals import TRANSIENT, Refused
from service.ingest.report import Report
from service.retrieval.corpus import read_line

LEDGER = "ingest.sqlite3"
LOCK = "ingest.lock"


class Busy(ServiceError):  # noqa: N818 - the library is in use, which is nobody's error
    """Another ingest works on the library."""


class Reads(Protocol):
    """What reads one document: the real one is `Reader`."""

    def read(self, found: Found, origin: Origin) -> Reading:
        """Its entries, or `Refused`."""

    def close(self) -> None:
        """End what it started."""

    def stop(self) -> None:
        """End it at once, from another thread."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to ingest into which library. `day` is stated for guides that do not state a day themselves."""

    source: Path
    library: Path
    day: date
    workers: int
    dry_run: bool = False


def ingest(
    order: Order, progress: Progress, clock: Callable[[], float], make_reader: Callable[[], Reads] = Reader
) -> Report:
    """Take the documents of a folder, or one file, into a library.

    Raises:
        ConfigurationError: there is nothing at `source`.
        Busy: another ingest is under way.
        OSError, sqlite3.Error: the library cannot be written; what was published before is untouched.
    """
    started = clock()
    found, passed_over = find(order.source)
    found = tuple(one for one in found if not one.file.is_relative_to(order.library.resolve()))
    with _opened(order) as ledger:
        run = _Run(order, ledger, progress, make_reader)
        read, unchanged = run.read_all(found)
        removed = run.forget_gone(found, passed_over)
        published, repeated = publish(ledger, order.library, dry_run=order.dry_run)
        files = tuple(ledger.filed(path) for path in ledger.paths())
    return Report(
        files,
        passed_over,
        read,
        unchanged,
        removed,
        repeated,
        published,
        order.dry_run,
        clock() - started,
    )


@contextmanager
def _opened(order: Order) -> Iterator[Ledger]:
    """The library's ledger under its lock; a dry run works on one in memory."""
    if order.dry_run:
        with Ledger.open(None) as ledger:
            yield ledger
        return
    order.library.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(order.library / LOCK), Ledger.open(order.library / LEDGER) as ledger:
        yield ledger


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, however it ends.

    Raises:
        Busy: another process holds it.
    """
    with file.open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise Busy(
                f"another ingest (process {lock.read().strip() or 'unknown'}) works on this library; wait for it"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


class _Run:
    """Reads what is new with as many readers as there are workers."""

    def __init__(self, order: Order, ledger: Ledger, progress: Progress, make_reader: Callable[[], Reads]) -> None:
        self._order = order
        self._ledger = ledger
        self._progress = progress
        self._make_reader = make_reader
        self._own = threading.local()
        self._readers: list[Reads] = []

    def read_all(self, found: Sequence[Found]) -> tuple[int, int]:
        """Read every file that is new or changed; how many that were, and how many were known."""
        new = [one for one in found if not self._known(one)]
        self._progress.begin(len(new))
        pool = ThreadPoolExecutor(self._order.workers)
        try:
            futures = {pool.submit(self._read, one): one for one in new}
            for future in as_completed(futures):
                filed = self._file(futures[future], future)
                outcome = f"refused: {filed.refused} ({filed.detail})" if filed.refused else "taken in"
                self._progress.file_done(filed.name, outcome)
        except BaseException:
            for reader in self._readers:
                reader.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            for reader in self._readers:
                reader.close()
            self._progress.end()
        return len(new), len(found) - len(new)

    def forget_gone(self, found: Sequence[Found], passed_over: Sequence[PassedOver]) -> tuple[str, ...]:
        """Take out files below the source that are not there any more; what merely cannot be read now stays."""
        root = self._order.source.resolve()
        there = {str(one.file) for one in found}
        unreadable = [root / over.path for over in passed_over if over.code == "unreadable"]
        gone = [
            path
            for path in self._ledger.paths()
            if path not in there
            and Path(path).is_relative_to(root)
            and not any(Path(path).is_relative_to(folder) for folder in unreadable)
        ]
        names = tuple(self._ledger.filed(path).name for path in gone)
        for path in gone:
            self._ledger.forget(path)
        return names

    def _known(self, found: Found) -> bool:
        try:
            return self._ledger.knows(str(found.file), found.path, digest_of(found))
        except Refused:
            return False

    def _read(self, found: Found) -> Reading:
        reader: Reads | None = getattr(self._own, "reader", None)
        if reader is None:
            reader = self._own.reader = self._make_reader()
            self._readers.append(reader)
        return reader.read(found, Origin(found.path, self._order.day))

    def _file(self, found: Found, future: Future[Reading]) -> Filed:
        try:
            filed, lines = _checked(found, future.result())
        except Refused as refusal:
            # A file that may be read next time is not remembered by its content: it is tried again.
            digest = "" if refusal.code in TRANSIENT else digest_of(found)
            filed = Filed(str(found.file), found.path, digest, refused=refusal.code, detail=refusal.detail)
            lines = []
        self._ledger.put(filed, lines)
        return filed


def _checked(found: Found, reading: Reading) -> tuple[Filed, list[tuple[str, bytes]]]:
    """The entries that the corpus's own reader accepts: what a child says is not believed unread."""
    lines: list[tuple[str, bytes]] = []
    refused = list(reading.lines_refused)
    for number, entry in reading.entries:
        line = orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)
        try:
            document = read_line(Path(found.path), number, line)
        except ConfigurationError as error:
            refused.append(
                LineRefused(number, "bad_record", str(error).removeprefix(f"corpus {found.path}:{number}: "))
            )
            continue
        lines.append((document.id, line))
    if not lines:
        raise Refused("bad_record", f"none of its {len(refused)} lines is an entry" if refused else "it holds no line")
    filed = Filed(
        str(found.file),
        found.path,
        reading.digest,
        reading.kind,
        reading.form,
        reading.articles,
        reading.notes,
        reading.findings,
    )
    return replace(filed, lines_refused=tuple(sorted(refused, key=lambda one: one.line)), entries=len(lines)), lines
