"""Documents and passages as bytes, read one at a time by their row."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from datetime import date
from operator import attrgetter
from typing import Any, BinaryIO

import orjson

from service.retrieval.document import Document, Passage
from service.retrieval.places import Place

_FIELDS = tuple(Document.__slots__)
_VALUES: Callable[[Document], tuple[Any, ...]] = attrgetter(*_FIELDS)
_DAYS = tuple(_FIELDS.index(name) for name in ("as_of", "decided_on", "in_force_from", "in_force_until"))
_LISTS = tuple(_FIELDS.index(name) for name in ("topics", "applies"))
_TEXT = _FIELDS.index("text")

Column = memoryview


def dump_document(document: Document) -> bytes:
    """A document as the JSON list of its fields in their order; days are ISO dates."""
    return orjson.dumps(_VALUES(document))


def load_document(stored: bytes | memoryview) -> Document:
    """The document that `dump_document` wrote."""
    fields: list[Any] = orjson.loads(stored)
    for at in _DAYS:
        if fields[at] is not None:
            fields[at] = date.fromisoformat(fields[at])
    for at in _LISTS:
        fields[at] = tuple(fields[at])
    return Document(*fields)


def dump_passage(passage: Passage, document: Document) -> bytes:
    """A passage, with its text as a span of the document's wherever it is one; nothing at all when it is the whole text."""
    length = len(passage.text)
    if passage == Passage.whole(document):
        return b""
    own = None if document.text.startswith(passage.text, passage.start) else passage.text
    return orjson.dumps(
        (passage.place, passage.ayat, passage.item, passage.start, length, passage.context, passage.defines, own)
    )


def load_passage(stored: bytes | memoryview, document: Document) -> Passage:
    """The passage that `dump_passage` wrote, of that document."""
    if not stored:
        return Passage.whole(document)
    place, ayat, item, start, length, context, defines, own = orjson.loads(stored)
    text = document.text[start : start + length] if own is None else own
    return Passage(document.id, place, ayat, item, text, start, context, tuple(defines))


class BlobWriter:
    """Writes byte strings one after the other, and beside them where each begins."""

    def __init__(self, place: Place, name: str) -> None:
        self._place = place
        self._name = name
        self._file: BinaryIO = place.write(f"{name}.bin")
        self._starts = array("Q", [0])

    def add(self, content: bytes) -> None:
        """Append one."""
        self._file.write(content)
        self._starts.append(self._starts[-1] + len(content))

    def close(self) -> None:
        """Finish both files."""
        self.abandon()
        write_column(self._place, f"{self._name}_starts", self._starts)

    def abandon(self) -> None:
        """Let the file go."""
        self._file.close()


class Blobs:
    """Reads what BlobWriter wrote."""

    def __init__(self, place: Place, name: str) -> None:
        self._bytes = place.read(f"{name}.bin")
        self._starts = read_column(place, f"{name}_starts", "Q")

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, row: int) -> memoryview:
        return self._bytes[self._starts[row] : self._starts[row + 1]]

    def close(self) -> None:
        """Let the files go."""
        self._bytes.release()
        self._starts.release()

    def whole(self) -> bool:
        """Whether the last one ends where the file does."""
        return len(self._starts) > 0 and self._starts[-1] == len(self._bytes)


def write_column(place: Place, name: str, values: array[Any]) -> None:
    """Write numbers of one width."""
    with place.write(f"{name}.col") as file:
        file.write(values.tobytes())


def read_column(place: Place, name: str, code: str) -> Column:
    """Numbers that were written with that type code."""
    return place.read(f"{name}.col").cast(code)  # type: ignore[call-overload,no-any-return]  # the stubs want a literal code
