"""Vectors of the embedded store: a file of four-byte numbers beside a library's generation, mapped, or an array in memory."""

from __future__ import annotations

import hashlib
import math
import mmap
import os
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from operator import mul
from pathlib import Path
from typing import Any

import orjson

from service.errors import ConfigurationError
from service.retrieval.dense import Embedder, NoVectors, Vector, embedded_text
from service.retrieval.document import Document, Passage

_FOLDER = "vectors"
_BATCH = 256

Told = Callable[[int], None]


class MatrixVectors:
    """Vectors of length one, row after row. A likeness is one product of numbers: 50 passages of 1,024 cost some two milliseconds."""

    def __init__(self, embedding: str, dimensions: int, values: Sequence[float]) -> None:
        self.embedding = embedding
        self._dimensions = dimensions
        self._values = values

    async def likeness(self, query: Vector, rows: Sequence[int]) -> Mapping[int, float]:
        """The cosine of a query with these passages.

        Raises:
            NoVectors: the query has another length.
        """
        width = self._dimensions
        if len(query) != width:
            raise NoVectors(f"{self.embedding}: the question has {len(query)} numbers and the passages {width}")
        length = math.hypot(*query)
        known = len(self._values) // width
        products = {
            row: sum(map(mul, query, self._values[row * width : (row + 1) * width])) for row in rows if row < known
        }
        return {row: product / length for row, product in products.items()}


async def embed_all(
    passages: Iterable[tuple[Document, Passage]], embedder: Embedder, told: Told = lambda _: None
) -> tuple[int, array[float]]:
    """The vectors of all passages in their order, each of length one, and how many numbers each has.

    Raises:
        NoVectors: the model failed, or vectors differ in length.
    """
    values, width, done = array("f"), 0, 0
    rest = iter(passages)
    while batch := list(islice(rest, _BATCH)):
        for vector in await embedder.vectors([embedded_text(*one) for one in batch]):
            width = width or len(vector)
            if len(vector) != width:
                raise NoVectors(f"{embedder.name}: its vectors differ in length")
            length = math.hypot(*vector)
            values.extend(number / length for number in vector)
        done += len(batch)
        told(done)
    return width, values


def write_vectors(library: Path, generation: str, embedding: str, width: int, values: array[float]) -> None:
    """Keep vectors beside a generation; they appear whole.

    Raises:
        ConfigurationError: the disk does not take them.
    """
    folder = library / _FOLDER
    content = values.tobytes()
    meta = {"embedding": embedding, "dimensions": width, "sha256": hashlib.sha256(content).hexdigest()}
    try:
        folder.mkdir(exist_ok=True)
        for name, written in ((f"{generation}.f32", content), (f"{generation}.json", orjson.dumps(meta))):
            aside = folder / f".{name}.{os.getpid()}"
            with aside.open("wb") as file:
                file.write(written)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(folder / name)
    except OSError as error:
        raise ConfigurationError(f"vectors {folder}: {error}; free space or mend its rights") from error


def open_vectors(library: Path, generation: str) -> MatrixVectors | None:
    """The vectors of a generation; None when it has none, or not what was written: searches then go by words."""
    folder = library / _FOLDER
    try:
        meta: dict[str, Any] = orjson.loads((folder / f"{generation}.json").read_bytes())
        with (folder / f"{generation}.f32").open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if hashlib.sha256(mapped).hexdigest() != meta["sha256"]:
            return None
        return MatrixVectors(str(meta["embedding"]), int(meta["dimensions"]), memoryview(mapped).cast("f"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
