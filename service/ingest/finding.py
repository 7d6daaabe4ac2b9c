"""Finds the files of a folder, and says which are passed over or refused, without opening any."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read: where it lies, its path inside what is ingested, its size in bytes, and what it led to when it was judged."""

    file: Path
    path: str
    size_bytes: int
    real: Path


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A path that is not read: `code` is `hidden`, or a key of the refusals."""

    path: str
    code: str
    detail: str


def find(root: Path) -> tuple[tuple[Found, ...], tuple[PassedOver, ...]]:
    """The files of a folder in the order of their paths, or the one file that `root` is.

    Raises:
        ConfigurationError: there is no such path.
    """
    if not root.exists():
        raise ConfigurationError(f"path {root}: no such file or folder; name the file or the folder of the documents")
    base = root.resolve()
    results = sorted(_walk(base, base), key=lambda one: one.path) if base.is_dir() else [_judge(base, base.parent)]
    found = tuple(one for one in results if isinstance(one, Found))
    return found, tuple(one for one in results if isinstance(one, PassedOver))


def _walk(base: Path, folder: Path) -> Iterator[Found | PassedOver]:
    pending = [folder]
    while pending:
        here = pending.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            yield PassedOver(_inside(here, base), "unreadable", str(error.strerror))
            continue
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith("."):
                yield PassedOver(_inside(path, base), "hidden", "its name begins with a dot")
            elif entry.is_dir(follow_symlinks=False):
                pending.append(path)
            elif entry.is_symlink() and path.is_dir():
                yield PassedOver(_inside(path, base), "outside", "a link to a folder is not followed")
            else:
                yield _judge(path, base)


def _judge(path: Path, base: Path) -> Found | PassedOver:
    name = _inside(path, base)
    if not _is_text(path):
        return PassedOver(name, "bad_name", "its path is no UTF-8 text, so that no report could name it")
    try:
        real = path.resolve(strict=True)
        state = real.stat()
    except (OSError, RuntimeError) as error:
        return PassedOver(name, "unreadable", f"it leads nowhere ({error})")
    if not real.is_relative_to(base):
        return PassedOver(name, "outside", "it is a link that leads out of the folder")
    if not stat.S_ISREG(state.st_mode):
        return PassedOver(name, "not_a_file", stat.filemode(state.st_mode)[0])
    return Found(path, name, state.st_size, real)


def _is_text(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _inside(path: Path, base: Path) -> str:
    """A path inside the root, printable whatever bytes it has."""
    return os.fsencode(path.relative_to(base)).decode("utf-8", "replace").replace(os.sep, "/")
