"""A library: a folder of generations, and a file that names the one to answer from.

library/
current                     "000007-3f9a1c2b7d4e", replaced by rename
generations/000006-…/       complete, see generation.py
generations/000007-…/
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from service.errors import ConfigurationError
from service.flushing import flush_folder
from service.retrieval.document import Document
from service.retrieval.generation import Meta, build_generation, builder_of, is_partial, read_meta

_CURRENT = "current"
_GENERATIONS = "generations"
_HASH_LETTERS = 12
KEPT = 3
"""Generations that stay on the disk: the current one, and those that a slow reader or a step back may want."""


class Stamp(NamedTuple):
    """A publication: the generation's id, and its moment in nanoseconds."""

    generation: str
    moment: int


class Library:
    """Publishes generations and says which one is current."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._generations = folder / _GENERATIONS
        self._pointer = folder / _CURRENT

    @staticmethod
    def is_one(path: Path) -> bool:
        """Whether a path is a library, be it without a current generation."""
        return (path / _GENERATIONS).is_dir() or (path / _CURRENT).is_file()

    def current(self) -> str | None:
        """The id of the generation to answer from; None before the first one.

        Raises:
            ConfigurationError: the pointer cannot be read.
        """
        try:
            return self._pointer.read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"library {self.folder}: cannot read its pointer ({error}); publish anew with `make ingest`"
            ) from error

    def stamp(self) -> Stamp | None:
        """What is current, and since when: publishing the same one again gives another stamp.

        Raises:
            ConfigurationError: the pointer cannot be read.
        """
        generation = self.current()
        if generation is None:
            return None
        try:
            return Stamp(generation, self._pointer.stat().st_mtime_ns)
        except OSError:
            # Replaced between the two looks: the next look tells.
            return None

    def path(self, generation: str) -> Path:
        """The folder of a generation.

        Raises:
            ConfigurationError: the id is no plain name.
        """
        if not generation or generation != Path(generation).name or generation.startswith("."):
            raise ConfigurationError(
                f"library {self.folder}: {generation!r} names no generation; publish anew with `make ingest`"
            )
        return self._generations / generation

    def generations(self) -> list[str]:
        """The ids of all complete generations, the oldest first."""
        if not self._generations.is_dir():
            return []
        found = (path.name for path in self._generations.iterdir() if path.is_dir() and not is_partial(path))
        return sorted(found)

    def add(self, documents: Iterable[Document], *, corpus_hash: str | None = None, keep: int = KEPT) -> Meta:
        """Build a generation, publish it, and remove old ones beyond `keep`. One process at a time may add to a library.

        Raises:
            ConfigurationError: see `build_generation`; what was current stays so.
        """
        self.sweep()
        self._generations.mkdir(parents=True, exist_ok=True)
        number = 1 + max((int(name.partition("-")[0]) for name in self.generations() if name[:6].isdigit()), default=0)
        building = self._generations / f"{number:06d}"
        meta = build_generation(documents, building, corpus_hash=corpus_hash)
        generation = f"{number:06d}-{meta.holdings.hash[:_HASH_LETTERS]}"
        building.rename(self._generations / generation)
        self.publish(generation)
        self.prune(keep)
        return meta

    def publish(self, generation: str) -> None:
        """Make a generation the current one: services that watch take it within about a second.

        Raises:
            ConfigurationError: there is no such generation, or the pointer cannot be written.
        """
        read_meta(self.path(generation))
        aside = self.folder / f".{_CURRENT}-{os.getpid()}"
        try:
            with aside.open("w", encoding="utf-8") as file:
                file.write(generation + "\n")
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self._pointer)
            flush_folder(self.folder)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise ConfigurationError(
                f"library {self.folder}: cannot publish ({error}); free space or mend its rights"
            ) from error

    def prune(self, keep: int = KEPT) -> None:
        """Remove the oldest generations beyond `keep`, never the current one. A service that still reads one keeps its open files."""
        current = self.current()
        spare = [name for name in self.generations() if name != current]
        for name in spare[: max(0, len(spare) - max(0, keep - 1))]:
            shutil.rmtree(self.path(name), ignore_errors=True)

    def sweep(self) -> None:
        """Remove what builds left behind whose process is gone."""
        if not self._generations.is_dir():
            return
        for path in self._generations.iterdir():
            process = builder_of(path) if is_partial(path) else None
            if process is not None and not _runs(process):
                shutil.rmtree(path, ignore_errors=True)


def _runs(process: int) -> bool:
    """Whether a process of this machine is there."""
    with contextlib.suppress(PermissionError):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
    return True
