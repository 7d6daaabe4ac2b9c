"""`python -m service embed`: vectors of the passages of a library's current generation, for dense re-ranking."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TextIO

from service.commands.publish import Progress
from service.errors import ConfigurationError
from service.llm.embedding import ProviderEmbedder
from service.llm.providers import KeySource, load_providers
from service.retrieval.dense import NoVectors
from service.retrieval.opening import open_corpus
from service.retrieval.vectors import embed_all, write_vectors
from service.settings import Settings, provider_key


def embedder_of(settings: Settings, file: str | None) -> ProviderEmbedder | None:
    """The embedding model of a providers' file, or of the settings; None when neither names one.

    Raises:
        ConfigurationError: the file is wrong, or names a provider that the settings forbid.
    """
    keys = KeySource(provider_key, private_files=settings.environment == "production")
    allowed = settings.external_providers == "allowed"
    providers = load_providers(file or settings.embeddings, keys, external_allowed=allowed)
    return ProviderEmbedder(providers, time.time) if providers else None


def run(path: Path, embedder: ProviderEmbedder | None, out: TextIO, told: TextIO) -> None:
    """Embed every passage of a library's current generation, and keep the vectors beside it.

    Raises:
        ConfigurationError: there is no library, or no model, or the model or the disk fails; nothing is kept then.
    """
    if embedder is None:
        raise ConfigurationError("embed: name the model with --embeddings FILE, or set COURTSIGHT_EMBEDDINGS")
    opened = open_corpus(path, time.perf_counter)
    stamp = opened.stamp
    if opened.library is None or stamp is None:
        raise ConfigurationError(f"embed: {path} is no library; make one with `make ingest`")
    progress = Progress(opened.index.holdings.passages, told)

    async def work() -> None:
        try:
            width, values = await embed_all(opened.index.passages(), embedder, progress.show)
        finally:
            await embedder.close()
        write_vectors(path, stamp.generation, embedder.name, width, values)
        print(f"embedded {opened.index.holdings.passages} passages by {embedder.name}, {width} numbers each", file=out)

    try:
        asyncio.run(work())
    except NoVectors as error:
        raise ConfigurationError(f"embed: {error}; nothing was kept, run it again") from error
    finally:
        progress.end()
