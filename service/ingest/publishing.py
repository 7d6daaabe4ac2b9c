"""Publishes the entries of a ledger as a new generation of the library, whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service.errors import ConfigurationError, ServiceError
from service.ingest.ledger import Ledger
from service.ingest.report import Publication, Repeated
from service.retrieval.analysis import Analyser
from service.retrieval.corpus import read_line
from service.retrieval.generation import analysis_of, read_meta
from service.retrieval.library import Library


class Unpublished(ServiceError):  # noqa: N818 - the state that the run leaves, told in one line
    """The generation could not be built or published; the one before stays."""


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
    generation, changed = _replace(ledger, Library(library), corpus_hash)
    return Publication(corpus_hash, entries, generation, changed), repeated


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


def _replace(ledger: Ledger, library: Library, corpus_hash: str) -> tuple[str, bool]:
    """The current generation's id, and whether it had to be built: not when it holds the same corpus, read in the same way."""
    current = library.current()
    if current is not None and _holds(library.path(current), corpus_hash):
        return current, False
    documents = (read_line(Path("ingest"), 0, line) for _, line in _chosen(ledger, {}))
    try:
        library.add(documents, corpus_hash=corpus_hash)
    except ConfigurationError as error:
        raise Unpublished(str(error)) from error
    return library.current() or "", True


def _holds(generation: Path, corpus_hash: str) -> bool:
    """Whether a generation can be opened by this service, and holds that corpus. A broken one is built anew."""
    try:
        meta = read_meta(generation)
    except ConfigurationError:
        return False
    return meta.holdings.hash == corpus_hash and meta.analysis == analysis_of(Analyser())
