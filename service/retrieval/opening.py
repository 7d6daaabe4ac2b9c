"""Opens what a service answers from, and takes the next generation of a library while answers run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from service.errors import ConfigurationError
from service.retrieval.analysis import Analyser
from service.retrieval.corpus import load_corpus
from service.retrieval.dense import Vectors
from service.retrieval.embedded import EmbeddedRetriever
from service.retrieval.generation import open_generation
from service.retrieval.index import Index
from service.retrieval.lending import Shelf
from service.retrieval.library import Library, Stamp
from service.retrieval.retriever import Holdings, Retriever
from service.retrieval.vectors import open_vectors

LOOKING_SECONDS = 0.5
"""How often a running service looks whether another generation was published; one look reads a file of twenty bytes."""

Clock = Callable[[], float]


Dress = Callable[[Retriever, Vectors | None], Retriever]
"""Puts something around each retriever that is opened, given the vectors of its passages."""


def as_it_is(retriever: Retriever, _: Vectors | None) -> Retriever:
    """Nothing around it."""
    return retriever


class Watch(Protocol):
    """Looks again and again whether another generation was published."""

    async def look(self) -> None:
        """Take what was published since the last look."""


class Watcher(Protocol):
    """Is told what became of a generation that was published while the service ran."""

    def taken(self, generation: str, holdings: Holdings) -> None:
        """Answers come from it from now on."""

    def refused(self, generation: str, error: ConfigurationError) -> None:
        """It is broken or foreign; answers go on coming from the one before."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What to answer from; when it came from a library, that library and the stamp of what was current."""

    index: Index
    clock: Clock
    library: Library | None = None
    stamp: Stamp | None = None

    def shelf(self, dress: Dress = as_it_is) -> Shelf:
        """A shelf that lends it, dressed."""
        vectors = None
        if self.library and self.stamp:
            vectors = open_vectors(self.library.folder, self.stamp.generation)
        return Shelf(dress(EmbeddedRetriever(self.index), vectors), self.index.close)

    def watch(self, shelf: Shelf, watcher: Watcher, dress: Dress = as_it_is) -> Watch | None:
        """Takes what is published from now on; None where nothing can be."""
        if self.library is None:
            return None
        return LibraryWatch(self.library, shelf, self.clock, watcher, self.stamp, dress=dress)

    async def close(self) -> None:
        """Nothing: the index goes with the process."""


def open_corpus(path: Path, clock: Clock) -> Opened:
    """JSON lines, indexed in memory, or a library's current generation.

    Raises:
        ConfigurationError: the corpus, the library or its current generation does not allow a start.
    """
    if not Library.is_one(path):
        corpus = load_corpus(path)
        return Opened(Index.of(corpus.documents, Analyser(), clock, corpus.hash), clock)
    library = Library(path)
    stamp = library.stamp()
    if stamp is None:
        raise ConfigurationError(f"library {path}: nothing is published yet; run `make ingest` first")
    return Opened(open_generation(library.path(stamp.generation), Analyser(), clock), clock, library, stamp)


class LibraryWatch:
    """Puts each generation that is published onto the shelf; what cannot be opened is told once and left alone."""

    def __init__(
        self,
        library: Library,
        shelf: Shelf,
        clock: Clock,
        watcher: Watcher,
        seen: Stamp | None = None,
        *,
        dress: Dress = as_it_is,
    ) -> None:
        """Watch a library whose `seen` publication is already on the shelf."""
        self._library = library
        self._shelf = shelf
        self._clock = clock
        self._watcher = watcher
        self._seen = seen
        self._dress = dress
        self._unreadable = False

    async def look(self) -> None:
        """Take what was published since the last look. Opening happens beside the event loop: answers go on meanwhile."""
        try:
            stamp = await asyncio.to_thread(self._library.stamp)
        except ConfigurationError as error:
            self._miss(error)
            return
        if stamp is None:
            self._miss(_gone(self._library))
            return
        self._unreadable = False
        if stamp == self._seen:
            return
        self._seen = stamp
        generation = stamp.generation
        try:
            index = await asyncio.to_thread(self._open, generation)
        except ConfigurationError as error:
            self._watcher.refused(generation, error)
            return
        vectors = await asyncio.to_thread(open_vectors, self._library.folder, generation)
        self._shelf.replace(self._dress(EmbeddedRetriever(index), vectors), index.close)
        self._watcher.taken(generation, index.holdings)

    def _miss(self, error: ConfigurationError) -> None:
        """Nothing says what to answer from: told once, until something does again."""
        if not self._unreadable:
            self._watcher.refused("", error)
        self._unreadable = True

    def _open(self, generation: str) -> Index:
        """An analyser of its own: a stemmer must not be shared between threads."""
        return open_generation(self._library.path(generation), Analyser(), self._clock)


def _gone(library: Library) -> ConfigurationError:
    return ConfigurationError(
        f"library {library.folder}: its pointer is gone or empty; put the library back, or publish anew with `make ingest`"
    )
