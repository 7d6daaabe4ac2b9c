"""Opens the published generation of a database, and takes the next one while answers run."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from service.errors import ConfigurationError
from service.retrieval.analysis import Analyser
from service.retrieval.generation import analysis_of
from service.retrieval.lending import Shelf
from service.retrieval.opening import Dress, Watcher, as_it_is
from service.retrieval.postgres.connecting import Address, Connections, connect, fetch_once, reading_settings
from service.retrieval.postgres.reading import Generation, PostgresRetriever, Vocabulary
from service.retrieval.postgres.statements import PUBLICATION, PUBLISHED, Statements
from service.retrieval.postgres.vectors import PostgresVectors
from service.retrieval.retriever import Holdings

Clock = Callable[[], float]
_Given = TypeVar("_Given")


@dataclass(frozen=True, slots=True)
class OpenedDatabase:
    """What to answer from, and the connections that all its generations share."""

    connections: Connections
    retriever: PostgresRetriever
    address: Address
    clock: Clock

    def shelf(self, dress: Dress = as_it_is) -> Shelf:
        """A shelf that lends it, dressed; a generation holds nothing that must be given back."""
        return Shelf(dress(self.retriever, self.vectors(self.retriever.generation)), _nothing)

    def watch(self, shelf: Shelf, watcher: Watcher, dress: Dress = as_it_is) -> PublicationWatch:
        """Takes what is published from now on."""
        return PublicationWatch(self, shelf, watcher, dress)

    def vectors(self, generation: Generation) -> PostgresVectors | None:
        """The vectors of a generation, when its publisher made any."""
        if generation.embedding is None:
            return None
        return PostgresVectors(self.connections, generation.number, generation.embedding)

    async def close(self) -> None:
        """Give the connections back."""
        await self.connections.close()


class PublicationWatch:
    """Puts each generation that is published onto the shelf; what cannot be read is told once and left alone."""

    def __init__(self, opened: OpenedDatabase, shelf: Shelf, watcher: Watcher, dress: Dress = as_it_is) -> None:
        self._opened = opened
        self._shelf = shelf
        self._watcher = watcher
        self._dress = dress
        self._seen = opened.retriever.generation.publication

    async def look(self) -> None:
        """Take what was published since the last look.

        Raises:
            StorageUnavailable: the server does not answer; answers fail as well until it does.
        """
        rows = await self._opened.connections.fetch(PUBLICATION)
        publication = rows[0]["publication"] if rows else self._seen
        if publication == self._seen:
            return
        self._seen = publication
        try:
            # In a thread: to read a vocabulary of a million words would hold up the answers for a second.
            generation, analyser = await asyncio.to_thread(asyncio.run, _load(self._opened.address))
        except ConfigurationError as error:
            self._watcher.refused(str(publication), error)
            return
        self._seen = generation.publication
        retriever = PostgresRetriever(self._opened.connections, generation, analyser, self._opened.clock)
        self._shelf.replace(self._dress(retriever, self._opened.vectors(generation)), _nothing)
        self._watcher.taken(str(generation.number), generation.holdings)


def open_database(address: Address, clock: Clock) -> OpenedDatabase:
    """The published generation of a database.

    Raises:
        ConfigurationError: the database cannot be reached or read, nothing is published, or another analysis wrote it.
    """
    generation, analyser = _apart(_load(address))
    connections = Connections(address)
    return OpenedDatabase(connections, PostgresRetriever(connections, generation, analyser, clock), address, clock)


async def load_generation(address: Address, analyser: Analyser) -> Generation:
    """What a reader keeps of the published generation, over a connection of its own.

    Raises:
        ConfigurationError: see `open_database`.
    """
    connection = await connect(address, reading_settings(address) | {"statement_timeout": "60000"})
    try:
        # One snapshot: a publisher that prunes meanwhile must not take the terms away between two queries.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            rows = await fetch_once(connection, PUBLISHED)
            if not rows:
                raise ConfigurationError(
                    "retrieval database: nothing is published yet; run `python -m service publish` first"
                )
            row = rows[0]
            if row["analysis"] != analysis_of(analyser):
                raise ConfigurationError(
                    f"retrieval database: generation {row['number']} was published by another version of the Indonesian"
                    " analysis; publish it anew with this version"
                )
            terms = await fetch_once(connection, Statements(row["number"]).terms)
    finally:
        connection.terminate()
    holding = array("I", bytes(4 * len(terms)))
    for term in terms:
        holding[term["number"]] = term["holding"]
    return Generation(
        number=row["number"],
        publication=row["publication"],
        holdings=Holdings(row["corpus"], row["documents"], row["passages"], row["demo"], row["unverified"]),
        vocabulary=Vocabulary({term["term"]: term["number"] for term in terms}, holding),
        tokens=row["tokens"],
        embedding=row["embedding"],
    )


async def _load(address: Address) -> tuple[Generation, Analyser]:
    """With an analyser of its own: a stemmer must not be shared between threads."""
    analyser = Analyser()
    return await load_generation(address, analyser), analyser


def _apart(work: Coroutine[Any, Any, _Given]) -> _Given:
    """Run to the end in a loop of its own, whether or not the caller's thread has one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _nothing() -> None:
    """Give nothing back."""
