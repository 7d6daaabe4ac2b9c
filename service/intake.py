"""Takes documents that were sent over HTTP into the library that the service answers from.

A document is stored before it is acknowledged, and taken in later by the one job that holds the lock of the intake: in any worker, after
any restart. The library has its own lock, shared with `make ingest`; while that runs, documents wait.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from service.errors import ConfigurationError, FieldError, InvalidRequest, StorageUnavailable
from service.flushing import flush_folder
from service.ingest.ingesting import Busy, Order, Reads, ingest, locked
from service.ingest.ledger import Filed
from service.ingest.progress import Silent
from service.ingest.publishing import Unpublished
from service.ingest.reader import Reader
from service.ingest.refusals import ADVICE
from service.store.documents import (
    SentDocument,
    State,
    earlier_documents,
    is_document,
    mark_document,
    waiting_documents,
)
from service.store.store import Store
from service.store.work import Work

SUFFIXES = (".jsonl", ".md", ".txt", ".html", ".htm", ".pdf", ".docx")
_LONGEST_NAME = 200
_ARRIVING = ".arriving"
"""A hidden folder, which an ingest passes over: what lies there is not whole, or nobody's turn yet."""
_LEFT_OVER_SECONDS = 3600.0
"""A file that arrived so long ago and that no row names belongs to a request that died in between: no upload takes as long."""
_LOCK = ".intake.lock"

Outcome = tuple[SentDocument, State, str]


def checked_name(name: str) -> str:
    """A file name that is a name and nothing else.

    Raises:
        InvalidRequest: it is empty, too long, a path, hidden, holds what cannot be seen, or promises a form that is not read.
    """
    plain = name.isprintable() and not set(name) & set('/\\:*?"<>|')
    if not plain or not name.strip() or name != name.strip() or name.startswith("."):
        advice = "Must be a plain file name: no folders, no control characters, no leading dot or space"
        raise InvalidRequest("Invalid name", errors=[FieldError("name", advice)])
    if len(name.encode("utf-8", "surrogatepass")) > _LONGEST_NAME:
        raise InvalidRequest("Invalid name", errors=[FieldError("name", f"Must have at most {_LONGEST_NAME} bytes")])
    if not name.lower().endswith(SUFFIXES):
        raise InvalidRequest("Invalid name", errors=[FieldError("name", f"Must end in one of: {', '.join(SUFFIXES)}")])
    return name


class Intake:
    """The documents of one library; `folder` lies beside it, because an ingest reads no documents inside of a library."""

    def __init__(self, library: Path, store: Store, wall_clock: Callable[[], float]) -> None:
        self._library = library.resolve()
        self._folder = self._library.with_name(f"{self._library.name}-documents")
        self._store = store
        self._wall_clock = wall_clock
        self._readers: list[Reads] = []
        self._stopping = False
        self._sweeps_at = 0.0

    async def store_bytes(self, document_id: str, content: bytes) -> None:
        """Put a document on disk, synced, before anybody is told that it arrived.

        Raises:
            StorageUnavailable: the disk does not take it; nothing is left.
        """
        try:
            await asyncio.to_thread(self._put, document_id, content)
        except OSError as error:
            raise StorageUnavailable("The document cannot be stored right now. Try again in a moment.") from error

    async def work(self) -> None:
        """Take in what waits, unless another process does or an ingest is under way.

        Raises:
            StorageUnavailable: the database takes no writes; the documents wait.
        """
        if (now := self._wall_clock()) >= self._sweeps_at:
            await self._sweep(now - _LEFT_OVER_SECONDS)
            self._sweeps_at = now + _LEFT_OVER_SECONDS
        waiting = await self._store.read(waiting_documents)
        if not waiting or self._stopping:
            return
        try:
            with locked(self._folder / _LOCK):
                await self._take_in(await self._store.read(waiting_documents))
        except Busy:
            return
        except OSError as error:
            await self._finish(
                [(one, "failed", f"cannot be read or stored ({type(error).__name__})") for one in waiting]
            )

    def stop(self) -> None:
        """End the children that read; what they had not finished is begun anew by the next process."""
        self._stopping = True
        for reader in self._readers:
            reader.stop()

    async def _sweep(self, before: float) -> None:
        """Remove, after a start and once an hour, what was never acknowledged: its process died before the row was written."""
        for file in await asyncio.to_thread(self._arrived, before):
            if not await self._store.read(partial(is_document, file.name)):
                # What a disk does not let go of costs its room, and nothing else.
                with suppress(OSError):
                    await asyncio.to_thread(file.unlink, missing_ok=True)

    def _arrived(self, before: float) -> list[Path]:
        try:
            files = [file for file in (self._folder / _ARRIVING).iterdir() if file.is_file()]
            return [file for file in files if file.stat().st_mtime < before]
        except OSError:
            # No document ever arrived, another worker sweeps as well, or the folder cannot be read, which the next upload tells.
            return []

    async def _take_in(self, waiting: Sequence[SentDocument]) -> None:
        there = await asyncio.to_thread(lambda: {one.id: self._placed(one) for one in waiting})
        lost = [one for one in waiting if not there[one.id]]
        await self._finish([(one, "failed", "its file is gone; send it again") for one in lost])
        placed = [one for one in waiting if there[one.id]]
        if not placed:
            return
        await self._store.write(lambda: _marked_running(placed))
        try:
            files = await asyncio.to_thread(self._ingest)
        except (Unpublished, OSError, sqlite3.Error, ConfigurationError) as error:
            if not self._stopping:
                await self._give_up(placed, f"the library could not be written ({type(error).__name__}); send it again")
            return
        if self._stopping:
            return
        outcomes: list[Outcome] = [(one, *_outcome(files.get(f"{one.id}/{one.name}"))) for one in placed]
        await self._clear_away(outcomes)
        await self._finish(outcomes)

    def _ingest(self) -> dict[str, Filed]:
        day = datetime.fromtimestamp(self._wall_clock(), UTC).date()
        report = ingest(Order(self._folder, self._library, day, 1), Silent(), self._wall_clock, self._reader)
        return {filed.name: filed for filed in report.files}

    def _reader(self) -> Reads:
        reader = Reader()
        self._readers.append(reader)
        return reader

    async def _give_up(self, placed: Sequence[SentDocument], detail: str) -> None:
        for one in placed:
            await asyncio.to_thread(shutil.rmtree, self._folder / one.id, ignore_errors=True)
        await self._finish([(one, "failed", detail) for one in placed])

    async def _clear_away(self, outcomes: Sequence[Outcome]) -> None:
        """Remove what was refused, and what a newer document of the same name replaces; the library forgets it."""
        gone = [one.id for one, state, _ in outcomes if state != "done"]
        for place, (sent, state, _) in enumerate(outcomes):
            if state == "done":
                earlier = await self._store.read(partial(earlier_documents, sent.name, sent.created_at))
                gone += [one.id for one in earlier]
                # Taken in together, the oldest first, and not written down as done yet.
                gone += [one.id for one, was, _ in outcomes[:place] if one.name == sent.name and was == "done"]
        there = [one for one in gone if (self._folder / one).is_dir()]
        for one in there:
            await asyncio.to_thread(shutil.rmtree, self._folder / one, ignore_errors=True)
        if there:
            # What was to go is gone; when this fails the next ingest forgets it.
            with suppress(Unpublished, OSError, sqlite3.Error):
                await asyncio.to_thread(self._ingest)

    async def _finish(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            now = self._wall_clock()
            await self._store.write(lambda: _marked(outcomes, now))

    def _put(self, document_id: str, content: bytes) -> None:
        arriving = self._folder / _ARRIVING
        # Each by itself: `parents` makes them as the umask has it, and whoever may write there writes what is answered as law.
        for folder in (self._folder, arriving):
            folder.mkdir(mode=0o700, exist_ok=True)
        file = arriving / document_id
        try:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
            # The folders may have been made just now, by this document or by one beside it that is not acknowledged yet.
            for folder in (arriving, self._folder, self._folder.parent):
                flush_folder(folder)
        except OSError:
            file.unlink(missing_ok=True)
            raise

    def _placed(self, sent: SentDocument) -> bool:
        """Move a document to where an ingest finds it; false when it is nowhere."""
        arrived, place = self._folder / _ARRIVING / sent.id, self._folder / sent.id / sent.name
        if arrived.is_file():
            place.parent.mkdir(mode=0o700, exist_ok=True)
            arrived.replace(place)
        return place.is_file()


def _marked_running(placed: Sequence[SentDocument]) -> Work[None]:
    for one in placed:
        yield from mark_document(one.id, "running", "", None)


def _marked(outcomes: Sequence[Outcome], now: float) -> Work[None]:
    for one, state, detail in outcomes:
        yield from mark_document(one.id, state, detail, now)


def _outcome(filed: Filed | None) -> tuple[State, str]:
    if filed is None:
        return "failed", "the ingest did not meet it; send it again"
    if filed.refused:
        return "refused", f"{filed.refused}: {filed.detail}; {ADVICE.get(filed.refused, '')}"
    left = f", {len(filed.lines_refused)} lines left out" if filed.lines_refused else ""
    return "done", f"{filed.entries} entries{left}"
