"""`python -m service ingest`: take documents into a library that running services follow."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

import orjson

from service.ingest.ingesting import Busy, Order, ingest
from service.ingest.progress import Progress, Shown, Silent
from service.ingest.publishing import Unpublished
from service.ingest.report import INTERRUPTED, NOTHING_PUBLISHED, Report, as_json, as_text

REPORT_JSON = "ingest-report.json"
REPORT_TEXT = "ingest-report.txt"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("path", type=Path, help="a file, or a folder that is read with all its folders")
    parser.add_argument(
        "--library", type=Path, help="where the index lives (default: COURTSIGHT_LIBRARY, else ./library)"
    )
    parser.add_argument(
        "--jobs", type=_positive, default=os.cpu_count() or 1, help="documents read at a time (default: one per core)"
    )
    parser.add_argument(
        "--as-of", type=_day, default=None, metavar="DAY", help="the day for which guides are stated (default: today)"
    )
    parser.add_argument("--dry-run", action="store_true", help="read and report, write nothing")
    parser.add_argument("--json", action="store_true", help="print the report as JSON, and no progress")


def run(options: argparse.Namespace, library: Path) -> int:
    """Ingest, write and print the report; `library` is the settings' own. 0 all in, 1 some refused, 5 nothing published, 130 interrupted.

    Raises:
        ConfigurationError: the path does not exist.
    """
    library = options.library or library
    order = Order(options.path, library, options.as_of or datetime.now(UTC).date(), options.jobs, options.dry_run)
    try:
        with _terminated_like_interrupted():
            report = ingest(order, _progress(silent=options.json), time.monotonic)
    except KeyboardInterrupt:
        return _failed("interrupted; what was read is kept, run it again to go on", INTERRUPTED)
    except Busy as error:
        return _failed(str(error), NOTHING_PUBLISHED)
    except Unpublished as error:
        return _failed(f"{error}; what was published before is untouched", NOTHING_PUBLISHED)
    except (OSError, sqlite3.Error) as error:
        return _failed(_unwritable(error, library), NOTHING_PUBLISHED)
    if not options.dry_run:
        _write_report(report, library)
    print(
        orjson.dumps(as_json(report), option=orjson.OPT_INDENT_2).decode() if options.json else as_text(report), end=""
    )
    return report.exit_status


def _positive(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 64:
        raise argparse.ArgumentTypeError(f"{value}: use 1 to 64")
    return value


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: a day is written 2026-11-21") from error


def _progress(*, silent: bool) -> Progress:
    return Silent() if silent else Shown(sys.stderr, time.monotonic, sys.stderr.isatty())


def _failed(message: str, status: int) -> int:
    print(f"courtsight: ingest: {message}", file=sys.stderr)
    return status


def _unwritable(error: Exception, library: Path) -> str:
    full = isinstance(error, OSError) and error.errno in _NO_ROOM
    if full or "full" in str(error) or "disk I/O" in str(error):
        return f"no room in {library} ({error}); free some and run it again: what was published before is untouched"
    return f"the library {library} cannot be written ({error}); what was published before is untouched"


def _write_report(report: Report, library: Path) -> None:
    """A report that cannot be written is told, and changes nothing: the index is published already."""
    try:
        for name, content in (
            (REPORT_JSON, orjson.dumps(as_json(report), option=orjson.OPT_INDENT_2)),
            (REPORT_TEXT, as_text(report).encode()),
        ):
            aside = library / f".{name}.partial"
            aside.write_bytes(content)
            aside.replace(library / name)
    except OSError as error:
        print(f"courtsight: ingest: the report was not written ({error})", file=sys.stderr)


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM ends the run as Ctrl-C does: children are ended, and what was read is kept."""
    before = None
    with suppress(ValueError):  # signals belong to the main thread
        before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _interrupt(_: int, __: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
