"""A generation: one index in a folder, complete or not there at all.

It is written under a name that nobody opens, flushed to the disk, and renamed. `meta.json` names every file with its size and checksum,
and how its words were read: what was built by another analysis answers other questions, and is refused.
"""

from __future__ import annotations

import hashlib
import os
import sys
import zlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from service.errors import ConfigurationError
from service.flushing import flush_folder
from service.retrieval.analysis import Analyser
from service.retrieval.building import WRITER_BYTES, write_index
from service.retrieval.document import Document
from service.retrieval.index import Index
from service.retrieval.lay import ABBREVIATIONS, EVERYDAY
from service.retrieval.passages import split
from service.retrieval.places import FolderPlace
from service.retrieval.retriever import Holdings
from service.retrieval.roots import ROOTS
from service.retrieval.vocabulary import CONCEPTS, FAMILIES, KEPT_WORDS, STOP_WORDS

SCHEMA = "courtsight/index/v2"
_META = "meta.json"
_PARTIAL = ".partial"
_BLOCK = 1 << 20
_BUILD_ANEW = "build it anew with `make ingest`"

_PROBE = Document(
    "probe",
    "statute",
    "Ketentuan umum",
    "Dalam Undang-Undang ini yang dimaksud dengan:\n1. Data Pribadi adalah data tentang orang.\n2. Pejabat adalah orang yang"
    " menjabat.\n(1) Setiap orang berhak atas pelindungan.\n(2) Hak sebagaimana dimaksud pada ayat (1) dijamin.",
    None,
    None,
    None,
    None,
    "berlaku",
    None,
    "probe",
    date.min,
    "unverified",
    demo=False,
)
"""Read only to fingerprint how articles are cut and definitions are keyed."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Meta:
    """What a generation says of itself: `files` are the size and CRC-32 of each file by its path in the folder."""

    schema: str
    byte_order: str
    analysis: str
    holdings: Holdings
    files: dict[str, tuple[int, int]]


def analysis_of(analyser: Analyser) -> str:
    """A fingerprint of how texts are read: what becomes of every word that the vocabulary lists, and of one article in passages."""
    tables = (CONCEPTS, ABBREVIATIONS, FAMILIES, EVERYDAY)
    listed = [*sorted(STOP_WORDS), *sorted(KEPT_WORDS), *sorted(ROOTS)]
    for table in tables:
        for term, forms in sorted(table.items()):
            listed += [term, forms if isinstance(forms, str) else " . ".join(forms)]
    terms = analyser.document_terms(" . ".join(listed))
    for passage in split(_PROBE):
        terms += [str(passage.start), *analyser.passage_terms(passage)]
    return hashlib.sha256(" ".join(terms).encode()).hexdigest()[:16]


def build_generation(
    documents: Iterable[Document], folder: Path, *, corpus_hash: str | None = None, heap: int = WRITER_BYTES
) -> Meta:
    """Write a generation; the folder appears when all of it is on the disk.

    Args:
        documents: taken one by one; they need not fit into memory.
        folder: must not exist; its parent must.
        corpus_hash: what to call the corpus; by default the hash of its documents.
        heap: the most bytes that Tantivy holds before it writes a segment.

    Raises:
        ConfigurationError: the folder exists, there is no document, an id comes twice, or the disk does not take it.
    """
    if folder.exists():
        raise ConfigurationError(f"{folder}: exists already; choose another folder for the generation")
    aside = folder.with_name(f"{folder.name}{_PARTIAL}-{os.getpid()}")
    place = FolderPlace(aside)
    try:
        aside.mkdir()
        analyser = Analyser()
        holdings = write_index(documents, place, analyser, corpus_hash=corpus_hash, heap=heap)
        meta = Meta(SCHEMA, sys.byteorder, analysis_of(analyser), holdings, _checked(aside))
        (aside / _META).write_bytes(orjson.dumps(asdict(meta), option=orjson.OPT_INDENT_2))
        _flush(aside)
        aside.rename(folder)
        flush_folder(folder.parent)
    except (OSError, ValueError) as error:
        # Tantivy tells of a full disk by ValueError.
        raise ConfigurationError(
            f"{folder}: cannot write the generation ({error}); free space or choose another folder"
        ) from error
    finally:
        place.remove()
    return meta


def read_meta(folder: Path) -> Meta:
    """What a generation says of itself.

    Raises:
        ConfigurationError: it says nothing, or what another version of this service wrote.
    """
    try:
        raw: dict[str, Any] = orjson.loads((folder / _META).read_bytes())
        files = {name: (int(size), int(checksum)) for name, (size, checksum) in raw["files"].items()}
        meta = Meta(raw["schema"], raw["byte_order"], raw["analysis"], Holdings(**raw["holdings"]), files)
    except FileNotFoundError as error:
        raise _refusal(folder, "no generation (it has no meta.json)") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _refusal(folder, f"meta.json cannot be read ({error})") from error
    if (meta.schema, meta.byte_order) != (SCHEMA, sys.byteorder):
        raise _refusal(folder, f"written as {meta.schema} on another kind of machine or by another version")
    return meta


def open_generation(folder: Path, analyser: Analyser, clock: Clock) -> Index:
    """Open a generation after comparing each file with its checksum: about a second for a million passages.

    Raises:
        ConfigurationError: naming what is broken, foreign or missing, and what to do.
    """
    meta = read_meta(folder)
    if meta.analysis != analysis_of(analyser):
        raise _refusal(folder, "built by another version of the Indonesian analysis")
    for name, expected in meta.files.items():
        try:
            found = _measured(folder / name)
        except OSError as error:
            raise _refusal(folder, f"{name} cannot be read ({error})") from error
        if found != expected:
            raise _refusal(folder, f"{name} is not what was written")
    try:
        index = Index(FolderPlace(folder), meta.holdings, analyser, clock)
    except (OSError, ValueError, TypeError) as error:
        raise _refusal(folder, f"the index cannot be opened ({error})") from error
    if not index.whole():
        index.close()
        raise _refusal(folder, "its files disagree with each other")
    return index


def is_partial(folder: Path) -> bool:
    """Whether a folder is what a build that was killed left behind, or one that still runs."""
    return _PARTIAL in folder.name


def builder_of(folder: Path) -> int | None:
    """The process id of the build that writes, or wrote, a partial folder; None when its name does not say."""
    process = folder.name.rpartition("-")[2]
    return int(process) if process.isdecimal() else None


def _refusal(folder: Path, what: str) -> ConfigurationError:
    return ConfigurationError(f"index {folder}: {what}; {_BUILD_ANEW}")


def _checked(folder: Path) -> dict[str, tuple[int, int]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(folder)): _measured(path) for path in files}


def _measured(path: Path) -> tuple[int, int]:
    size = checksum = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            size += len(block)
            checksum = zlib.crc32(block, checksum)
    return size, checksum


def _flush(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            flush_folder(path)
            continue
        with path.open("rb") as file:
            os.fsync(file.fileno())
    flush_folder(folder)
