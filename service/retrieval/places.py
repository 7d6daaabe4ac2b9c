"""Where an index is written and read: a folder whose files are mapped, or memory. Both hold the same bytes under the same names."""

from __future__ import annotations

import io
import mmap
import os
import shutil
from pathlib import Path
from typing import BinaryIO, Protocol

import tantivy

from service.retrieval.fields import TOKENIZER, schema

SEARCH = "search"
"""The folder of Tantivy's own files."""


class Place(Protocol):
    """Named files, and one Tantivy index."""

    def write(self, name: str) -> BinaryIO:
        """A new file, open for writing."""

    def read(self, name: str) -> memoryview:
        """The bytes of a file; they stay valid until `close`."""

    def new_search(self) -> tantivy.Index:
        """An empty Tantivy index."""

    def open_search(self) -> tantivy.Index:
        """The Tantivy index that was filled."""

    def close(self) -> None:
        """Give back what reading holds; whoever still has a view must not use it."""


class MemoryPlace:
    """For a corpus that is read from JSON lines at every start."""

    def __init__(self) -> None:
        self._files: dict[str, io.BytesIO] = {}
        self._search: tantivy.Index | None = None

    def write(self, name: str) -> BinaryIO:
        """A new file, open for writing; closing it keeps it."""
        self._files[name] = _Kept()
        return self._files[name]

    def read(self, name: str) -> memoryview:
        """The bytes of a file."""
        return memoryview(self._files[name].getvalue())

    def new_search(self) -> tantivy.Index:
        """An empty Tantivy index."""
        self._search = _with_tokenizer(tantivy.Index(schema()))
        return self._search

    def open_search(self) -> tantivy.Index:
        """The Tantivy index that was filled."""
        return self._search or self.new_search()

    def close(self) -> None:
        """Memory goes with its last reader."""
        self._files.clear()
        self._search = None


class _Kept(io.BytesIO):
    """A file in memory whose content outlives its closing."""

    def close(self) -> None:
        """Stays readable."""


class FolderPlace:
    """A folder of files; reading maps them, so that a million passages cost address space and not memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._maps: list[tuple[mmap.mmap, memoryview]] = []

    def write(self, name: str) -> BinaryIO:
        """A new file, open for writing; it must not exist."""
        return (self.folder / name).open("xb")

    def read(self, name: str) -> memoryview:
        """The mapped bytes of a file; an empty file cannot be mapped and is empty bytes."""
        with (self.folder / name).open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                return memoryview(b"")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        view = memoryview(mapped)
        self._maps.append((mapped, view))
        return view

    def new_search(self) -> tantivy.Index:
        """An empty Tantivy index in a folder of its own."""
        (self.folder / SEARCH).mkdir()
        return _with_tokenizer(tantivy.Index(schema(), path=str(self.folder / SEARCH)))

    def open_search(self) -> tantivy.Index:
        """The Tantivy index that was filled."""
        return _with_tokenizer(tantivy.Index.open(str(self.folder / SEARCH)))

    def close(self) -> None:
        """Unmap what nobody looks at any longer; a view that somebody still holds keeps its file until it goes."""
        for mapped, view in self._maps:
            view.release()
            try:
                mapped.close()
            except BufferError:
                # A column cast from this view is still alive somewhere: the mapping goes with it.
                continue
        self._maps.clear()

    def remove(self) -> None:
        """Delete the folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _with_tokenizer(index: tantivy.Index) -> tantivy.Index:
    """Terms come analysed, with spaces between them."""
    index.register_tokenizer(TOKENIZER, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
    return index
