"""`python -m service publish`: put a corpus into the retrieval database that services answer from."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TextIO

from service.errors import ConfigurationError
from service.llm.embedding import ProviderEmbedder
from service.retrieval.opening import open_corpus
from service.retrieval.postgres.connecting import Address
from service.retrieval.postgres.publishing import Publication, publish

_PATIENT_SECONDS = 30.0
_BAR = 30


def database_url(file: str | None, from_settings: str | None) -> str:
    """The address to publish to: in a file, so that it stands neither in the shell's history nor in the list of processes.

    Raises:
        ConfigurationError: there is none, or the file cannot be read.
    """
    if file is None:
        if from_settings is None:
            raise ConfigurationError(
                "publish: name the database with --database-url-file FILE, or set COURTSIGHT_RETRIEVAL_DATABASE_URL"
            )
        return from_settings
    try:
        found = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise ConfigurationError(
            f"--database-url-file {file}: {why}; name a file that holds the writer's address"
        ) from error
    if not found:
        raise ConfigurationError(f"--database-url-file {file}: it is empty; write postgresql://user:password@host/name")
    return found


def run(corpus: Path, url: str, out: TextIO, told: TextIO, embedder: ProviderEmbedder | None = None) -> Publication:
    """Publish JSON lines, or the current generation of a library, and say what came of it.

    Raises:
        ConfigurationError: the corpus or the database does not allow it; what was published before stays.
    """
    started = time.perf_counter()
    opened = open_corpus(corpus, time.perf_counter)
    holdings = opened.index.holdings
    progress = Progress(holdings.documents, told)
    address = Address(url, timeout_seconds=_PATIENT_SECONDS)

    async def work() -> Publication:
        try:
            return await publish(
                address,
                opened.index.documents(),
                corpus_hash=holdings.hash,
                told=progress.show,
                embedder=embedder,
            )
        finally:
            if embedder:
                await embedder.close()

    try:
        published = asyncio.run(work())
    finally:
        progress.end()
    what = f"generation {published.generation}: {published.holdings.documents} documents"
    what += f", {published.holdings.passages} passages"
    spent = time.perf_counter() - started
    print(f"published {what}, in {spent:.1f} s" if published.made else f"nothing changed, {what} stays", file=out)
    return published


class Progress:
    """Draws how many documents were written."""

    def __init__(self, of: int, told: TextIO) -> None:
        self._of = of
        self._told = told
        self._drawn = told.isatty()

    def show(self, done: int) -> None:
        """Draw."""
        if self._drawn:
            filled = _BAR * done // max(self._of, 1)
            self._told.write(f"\rpublishing [{'#' * filled}{'.' * (_BAR - filled)}] {done}/{self._of}")
            self._told.flush()

    def end(self) -> None:
        """Take the bar away."""
        if self._drawn:
            self._told.write("\r\033[K")
            self._told.flush()
