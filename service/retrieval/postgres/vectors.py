"""Vectors in PostgreSQL by pgvector: exact distance on the few passages that words found, so no index over them is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from service.errors import ConfigurationError
from service.retrieval.dense import Embedder, NoVectors, Vector
from service.retrieval.postgres.connecting import Connections
from service.retrieval.postgres.statements import schema_of


class PostgresVectors:
    """The vectors of a generation whose publisher asked an embedding model."""

    def __init__(self, connections: Connections, generation: int, embedding: str) -> None:
        self.embedding = embedding
        self._connections = connections
        self._statement = _LIKENESS.format(schema=schema_of(generation))

    async def likeness(self, query: Vector, rows: Sequence[int]) -> Mapping[int, float]:
        """The cosine of a query with these passages.

        Raises:
            StorageUnavailable: the server does not answer, or the query has another length.
        """
        found = await self._connections.fetch(self._statement, list(rows), list(query))
        return {row["passage"]: row["likeness"] for row in found}


_LIKENESS = """SELECT passage, 1 - (vector <=> $2::real[]::vector) AS likeness
FROM {schema}.vector WHERE passage = ANY ($1::integer[])"""


class VectorWriter:
    """Writes the vectors of a generation as its passages come."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record], schema: str, embedder: Embedder) -> None:
        self._connection = connection
        self._schema = schema
        self._embedder = embedder
        self._width = 0

    async def prepare(self) -> None:
        """See that pgvector is there.

        Raises:
            ConfigurationError: it is not, and this user may not add it.
        """
        if await self._connection.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'vector'"):
            return
        try:
            async with self._connection.transaction():
                await self._connection.execute("CREATE EXTENSION vector")
        except asyncpg.PostgresError as error:
            raise ConfigurationError(
                "retrieval database: pgvector is missing; let its administrator run CREATE EXTENSION vector, or publish"
                " without --embeddings"
            ) from error

    async def write(self, first: int, texts: Sequence[str]) -> None:
        """Embed the texts of passages that are numbered from `first`.

        Raises:
            ConfigurationError: the model failed, or its vectors differ in length.
        """
        try:
            vectors = await self._embedder.vectors(texts)
        except NoVectors as error:
            raise ConfigurationError(f"embeddings: {error}; nothing was changed, publish again") from error
        if not self._width and vectors:
            self._width = len(vectors[0])
            await self._connection.execute(
                f"CREATE TABLE {self._schema}.vector"
                f" (passage integer PRIMARY KEY, vector vector({self._width}) NOT NULL)"
            )
        if any(len(vector) != self._width for vector in vectors):
            raise ConfigurationError(
                f"embeddings: {self._embedder.name}: its vectors differ in length; nothing was changed"
            )
        await self._connection.executemany(
            f"INSERT INTO {self._schema}.vector VALUES ($1, $2::real[]::vector)",  # noqa: S608 - the schema is made of a number
            [(first + at, list(vector)) for at, vector in enumerate(vectors)],
        )
