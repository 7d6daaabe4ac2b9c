"""`python -m service migrate | retention | backup | restore`: looking after what is kept."""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import sys
import time
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from service.deployments.load import deployment_file, load_deployment
from service.errors import ConfigurationError, StorageUnavailable
from service.flushing import flush_folder
from service.retention import apply_retention, behind, moment, retention_due, sweep_passages
from service.settings import Settings, load_settings
from service.store.audit import note
from service.store.backup import LineWriter, write_backup
from service.store.migrating import LATEST, find_version, move_by
from service.store.opening import database_name, dialect_of, is_in_use, once, open_store
from service.store.restore import examine, put_back
from service.store.retention import reckon, reckoned
from service.store.sqlite.room import DAMAGED, is_of_the_file
from service.store.store import Store
from service.store.work import TakenError

Result = TypeVar("Result")

COMMANDS = ("migrate", "retention", "backup", "restore")
_OWNER_ONLY = 0o600
_WAIT_SECONDS = 10.0


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:  # the library names no public type
    """Add the commands to a parser."""
    migrating = commands.add_parser("migrate", help="bring the database's tables to a version, forward or back")
    migrating.add_argument("--to", type=int, default=LATEST, help="the version (default: %(default)s, the newest)")
    migrating.add_argument("--show", action="store_true", help="only print the version that the database has")
    migrating.add_argument("--yes", action="store_true", help="go back, and lose what only newer versions keep")
    keeping = commands.add_parser("retention", help="let go what was kept long enough, as the service does every hour")
    keeping.add_argument("action", choices=("run", "show"), help="let it go, or only say what is past its days")
    keeping.add_argument(
        "--trust-clock",
        action="store_true",
        help="the clock is right, though it is far ahead of when retention ran last",
    )
    saving = commands.add_parser("backup", help="write everything that is kept to a file, while the service runs")
    saving.add_argument("file", type=Path, help="is made with mode 0600 and must not exist")
    returning = commands.add_parser("restore", help="fill the database with a backup, of either kind of database")
    returning.add_argument("file", type=Path, help="what `backup` wrote; read whole before anything is touched")
    returning.add_argument("--force", action="store_true", help="delete what is in the database first")
    returning.add_argument(
        "--while-open",
        action="store_true",
        help="though other processes have the database open: they go on by what they remember",
    )


def run(options: argparse.Namespace) -> int:
    """Run one of them.

    Raises:
        ConfigurationError: the database or the file cannot be used; the message says what to do.
    """
    settings, now = load_settings(), time.time()
    match options.command:
        case "migrate":
            print(_migrated(settings, options, now))
        case "retention":
            print("\n".join(_retained(settings, options.action, now, trusted=options.trust_clock)))
        case "backup":
            print(f"{options.file}: {_told(_backed_up(settings, options.file, now))}")
        case _:
            if not options.while_open:
                _refuse_beside_others(settings)
            print(f"restored: {_told(restore(settings, options.file, now, force=options.force, by=operator()))}")
    return 0


def _refuse_beside_others(settings: Settings) -> None:
    """A running service goes on by what it remembers: for an hour it would take passages for stored that the backup lacks.

    Raises:
        ConfigurationError: another process has the database open, or it cannot be used.
    """
    if asyncio.run(is_in_use(settings)):
        raise ConfigurationError(
            f"{database_name(settings)}: a service, or another command, has it open; stop it first, or say --while-open and"
            " start the service anew at once; nothing was restored"
        )


def operator() -> str:
    """Who acts by a command, for the audit trail."""
    return f"command line, uid {os.getuid()}"


class UnsyncedFolderError(ConfigurationError):
    """A backup is whole and has its name, and a power cut may still take the name."""


def _backed_up(settings: Settings, file: Path, now: float) -> Mapping[str, int]:
    """Write a backup and note in the audit trail that everything was copied: also when only its name is not safe."""
    try:
        rows = back_up(settings, file, now)
    except UnsyncedFolderError:
        _take_down_backup(settings, file, now)
        raise
    _take_down_backup(settings, file, now)
    return rows


def _take_down_backup(settings: Settings, file: Path, now: float) -> None:
    """Note that everything was copied. A database that takes no writes may be why somebody saves what is left: that is no reason to fail."""
    try:
        with_store(settings, now, lambda store: store.write(lambda: note(now, "backup", file.name, actor=operator())))
    except ConfigurationError as error:
        print(f"the backup is whole, and does not stand in the audit trail: {error}", file=sys.stderr)


def _told(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {table}" for table, count in rows.items() if count) or "nothing is kept yet"


def _migrated(settings: Settings, options: argparse.Namespace, now: float) -> str:
    dialect = dialect_of(settings)
    if options.show:
        return f"version {asyncio.run(once(settings, find_version(dialect)))}, newest {LATEST}"
    try:
        work = move_by(dialect, now, options.to, by=operator(), back=options.yes)
        moved = asyncio.run(once(settings, work, patient=True))
    except ConfigurationError as error:
        if "loses data" in str(error):
            raise ConfigurationError(f"{error}; make a backup, then say --yes") from error
        raise
    return f"version {moved.before} -> {moved.after}" if moved.before != moved.after else f"version {moved.after}"


def _retained(settings: Settings, action: str, now: float, *, trusted: bool) -> list[str]:
    retention = load_deployment(deployment_file(settings.deployment)).retention

    async def show(store: Store) -> list[str]:
        due = await retention_due(store, retention, now)
        until = now if trusted else await store.read(lambda: reckoned(now))
        return [
            *(
                f"{table}\t{'for ever' if days is None else f'{days:g} days'}\t{count} past"
                for table, (days, count) in due.items()
            ),
            *_held_back(now, until),
        ]

    async def let_go(store: Store) -> list[str]:
        until = await store.write(lambda: reckon(now, trusted=trusted))
        gone = await apply_retention(store, retention, now, until)
        gone["passages"] = await sweep_passages(store, until)
        told = [f"{table}\t{count} gone" for table, count in gone.items() if count] or ["nothing was past its days"]
        return [*told, *_held_back(now, until)]

    return with_store(settings, now, show if action == "show" else let_go)


def _held_back(now: float, until: float) -> list[str]:
    if not behind(now, until):
        return []
    told = (
        f"reckoned by {moment(until)}, not by the clock ({moment(now)}), which is far ahead of when retention ran last"
    )
    return [f"{told}: it gets there step by step, or at once with --trust-clock"]


def with_store(settings: Settings, now: float, story: Callable[[Store], Awaitable[Result]]) -> Result:
    """Do something with the installation's store, beside the service.

    Raises:
        ConfigurationError: the store cannot be used.
    """

    async def told() -> Result:
        store = await open_store(settings, now, timeout_seconds=_WAIT_SECONDS)
        try:
            return await story(store)
        finally:
            await store.close()

    try:
        return asyncio.run(told())
    except StorageUnavailable as error:
        why = DAMAGED if is_of_the_file(error.__cause__) else error.detail
        raise ConfigurationError(f"{database_name(settings)}: {why}") from error


def back_up(settings: Settings, file: Path, now: float) -> Mapping[str, int]:
    """Write a backup, look it over, and only then give it its name; how many rows of each table.

    Raises:
        ConfigurationError: the file exists or cannot be written, or the database cannot be read; no file is left then.
        UnsyncedFolderError: the file is whole and has its name, and its folder could not be synced.
    """
    if file.exists():
        raise ConfigurationError(f"{file} exists: name another file")
    if settings.database_url is None and not settings.database.exists():
        raise ConfigurationError(f"{database_name(settings)}: there is none; set COURTSIGHT_DATABASE")
    partial = file.with_name(f"{file.name}.partial")
    try:
        rows = _write(settings, partial, now)
        examine(lambda: _lines(partial))
        partial.replace(file)
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}; nothing was written") from error
    finally:
        with suppress(OSError):
            partial.unlink()
    try:
        flush_folder(file.parent)
    except OSError as error:
        raise UnsyncedFolderError(
            f"{file}: it is written and whole, but its folder cannot be synced ({error.strerror}), and a power cut may take its name:"
            " copy it to another disk"
        ) from error
    return rows


def _write(settings: Settings, partial: Path, now: float) -> Mapping[str, int]:
    with suppress(FileNotFoundError):
        partial.unlink()  # of a backup that was cut off
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb") as raw:
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed:
            writer = LineWriter(packed.write)
            rows = asyncio.run(
                once(settings, write_backup(dialect_of(settings), now, writer), snapshot=True, patient=True)
            )
        raw.flush()
        os.fsync(raw.fileno())
    return rows


def restore(
    settings: Settings, file: Path, now: float, *, force: bool = False, by: str | None = None
) -> Mapping[str, int]:
    """Fill the database with a backup; how many rows of each table. The audit trail tells that it was done where `by` says who did.

    Raises:
        ConfigurationError: the file is not whole, or the database is not empty; nothing is changed then.
    """
    contents = examine(lambda: _lines(file))
    work = put_back(dialect_of(settings), now, contents, lambda: _lines(file), force=force, by=by)
    try:
        rows = asyncio.run(once(settings, work, patient=True))
    except TakenError as error:
        raise ConfigurationError(f"{file}: a row stands in it twice; nothing was restored") from error
    made = datetime.fromtimestamp(contents.made_at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    print(f"{file}: a backup of {made} UTC, version {contents.version}")
    return rows


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with gzip.open(file, "rb") as packed:
            yield from packed
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ConfigurationError(f"{file}: the file is damaged, cut off, or no backup; nothing was restored") from error
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}; nothing was restored") from error
