"""Publishes the entries of a ledger as a new generation of the library, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service.ingest.ledger import Ledger
from service.ingest.report import Publication, Repeated


@dataclass(slots=True)
class _Tally:
    """Entries of one file that another file holds already."""

    count: int = 0
    same: int = 0
    example: str = ""


def publish(ledger: Ledger, library: Path, *, dry_run: bool) -> tuple[Publication | None, tuple[Repeated, ...]]:
    """Publish what the ledger holds, unless it is published already; None when there is nothing to publish.

    Of two entries with one id the first in the ledger's order stays; the others are told.
    """
    digest = hashlib.sha256()
    entries = 0
    tallies: dict[tuple[str, str], _Tally] = {}
    for _, line in _chosen(ledger, tallies):
        digest.update(line + b"\n")
        entries += 1
    repeated = tuple(
        Repeated(name, holder, tally.count, tally.same, tally.example)
        for (name, holder), tally in sorted(tallies.items())
    )
    if not entries or dry_run:
        return None, repeated
    corpus_hash = digest.hexdigest()
    changed = _replace(ledger, library, corpus_hash[:16])
    return Publication(corpus_hash, entries, corpus_hash[:16], changed), repeated


def _chosen(ledger: Ledger, tallies: dict[tuple[str, str], _Tally]) -> Iterator[tuple[str, bytes]]:
    """Id and JSON of the entries that are published; what is left out is counted."""
    holders: dict[str, tuple[str, bytes]] = {}
    for path, id_, line in ledger.entries():
        held = holders.get(id_)
        if held is None:
            holders[id_] = (path, hashlib.sha256(line).digest())
            yield id_, line
            continue
        key = (Path(path).name, Path(held[0]).name)
        tally = tallies.setdefault(key, _Tally(example=id_))
        tally.count += 1
        tally.same += hashlib.sha256(line).digest() == held[1]


def _replace(ledger: Ledger, library: Path, generation: str) -> bool:
    """Write the generation aside, then point `current` at it."""
    current = library / "current"
    folder = library / "generations" / generation
    if current.is_file() and current.read_text(encoding="ascii").strip() == generation and folder.is_dir():
        return False
    if not folder.is_dir():
        aside = folder.with_name(f".{generation}.partial")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        with (aside / "corpus.jsonl").open("wb") as file:
            for _, line in _chosen(ledger, {}):
                file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        aside.rename(folder)
    pointer = current.with_name(".current.partial")
    with pointer.open("w", encoding="ascii") as file:
        file.write(generation + "\n")
        file.flush()
        os.fsync(file.fileno())
    pointer.replace(current)
    return True
