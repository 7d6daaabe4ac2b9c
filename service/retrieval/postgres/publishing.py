"""Publishes a corpus in PostgreSQL: one transaction makes a generation, fills it and moves the pointer.

Whoever is killed in the midst leaves nothing behind, and readers go on with the generation before. One publisher works at a time.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import asyncpg

from service.errors import ConfigurationError
from service.retrieval.analysis import Analyser
from service.retrieval.building import Split, shared_terms, title_of
from service.retrieval.dense import Embedder, embedded_text
from service.retrieval.document import Document
from service.retrieval.duplicates import Codes, sketch
from service.retrieval.fields import filter_fields
from service.retrieval.generation import analysis_of
from service.retrieval.passages import split
from service.retrieval.postgres.connecting import Address, connect
from service.retrieval.postgres.reading import SKETCH
from service.retrieval.postgres.statements import quantised, schema_of
from service.retrieval.postgres.vectors import VectorWriter
from service.retrieval.retriever import Holdings
from service.retrieval.router import citation_keys
from service.retrieval.shelving import dump_document, dump_passage

KEPT = 3
"""Generations that stay: the current one, and those that a slow reader or a step back may want."""
_SQL = Path(__file__).parent / "sql"
_STORE = ("store_001.sql",)
"""The scripts that make the tables of the store, in order; one that was released is never edited."""
_LOCK = 0x636F7572
"""The advisory lock of publishers; any number that no other program of the database uses."""
_BATCH = 1_000
_PART = 32_768
"""Passages whose postings are gathered in memory before they are written: some 20 MB."""
_LOCK_SECONDS = 2
_WRITING = {"application_name": "courtsight-publish", "idle_in_transaction_session_timeout": "0", "jit": "off"}

Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Publication:
    """What was published: the generation, what it holds, and whether it stood there before."""

    generation: int
    holdings: Holdings
    made: bool


async def publish(
    address: Address,
    documents: Iterable[Document],
    *,
    corpus_hash: str,
    told: Told = lambda _: None,
    split_into: Split = split,
    keep: int = KEPT,
    embedder: Embedder | None = None,
) -> Publication:
    """Publish a corpus; services that read from the database take it within about a second.

    Args:
        address: of the database, as a user who may write (deploy/postgres/roles.sql).
        documents: taken one by one; they need not fit into memory.
        corpus_hash: what to call the corpus; when the current generation is of that name and analysis, nothing is done.
        told: is told how many documents were written so far.
        split_into: cuts a document into passages.
        keep: how many generations stay in the database.
        embedder: makes vectors of the passages, which then need pgvector; None: none are made.

    Raises:
        ConfigurationError: the database cannot be reached or written, another publisher works, there is no document, or an id comes twice.
    """
    connection = await connect(address, _WRITING)
    try:
        analyser = Analyser()
        async with connection.transaction():
            await _prepare(connection)
            embedding = embedder.name if embedder else None
            current = await _current(connection, corpus_hash, analysis_of(analyser), embedding)
            if current is not None:
                return current
            number = 1 + await connection.fetchval("SELECT coalesce(max(number), 0) FROM courtsight.generation")
            writer = _Writer(connection, number, analyser, split_into, embedder)
            holdings = await writer.write(documents, corpus_hash, told)
            await _point(connection, number)
        await _prune(connection, keep)
        return Publication(number, holdings, made=True)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _refusal(error) from error
    finally:
        connection.terminate()


def _refusal(error: Exception) -> ConfigurationError:
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return ConfigurationError(
            "retrieval database: this user may not publish; see deploy/postgres/roles.sql for the rights of a writer"
        )
    what = "the disk is full" if isinstance(error, asyncpg.DiskFullError) else type(error).__name__
    return ConfigurationError(
        f"retrieval database: publishing failed ({what}), nothing was changed; mend the server and publish again"
    )


async def _prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Be the only publisher, and bring the store's own tables up to date."""
    if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
        raise ConfigurationError("retrieval database: another publisher is at work; wait for it, or end it")
    if not await connection.fetchval("SELECT to_regclass('courtsight.version') IS NOT NULL"):
        await connection.execute("CREATE SCHEMA IF NOT EXISTS courtsight")
        await connection.execute(
            "CREATE TABLE courtsight.version"
            " (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
    applied = await connection.fetchval("SELECT coalesce(max(version), 0) FROM courtsight.version")
    if applied > len(_STORE):
        raise ConfigurationError(
            f"retrieval database: written by a later version of this service (tables {applied}, known {len(_STORE)});"
            " publish with that version"
        )
    for version, script in list(enumerate(_STORE, start=1))[applied:]:
        await connection.execute((_SQL / script).read_text(encoding="utf-8"))
        await connection.execute("INSERT INTO courtsight.version (version) VALUES ($1)", version)


async def _current(
    connection: asyncpg.Connection[asyncpg.Record], corpus_hash: str, analysis: str, embedding: str | None
) -> Publication | None:
    """The current generation, when it is of this corpus, analysis and embedding model."""
    row = await connection.fetchrow(
        "SELECT g.* FROM courtsight.generation AS g JOIN courtsight.published AS p ON p.generation = g.number"
        " WHERE g.corpus = $1 AND g.analysis = $2 AND g.embedding IS NOT DISTINCT FROM $3",
        corpus_hash,
        analysis,
        embedding,
    )
    if row is None:
        return None
    holdings = Holdings(row["corpus"], row["documents"], row["passages"], row["demo"], row["unverified"])
    return Publication(row["number"], holdings, made=False)


async def _point(connection: asyncpg.Connection[asyncpg.Record], number: int) -> None:
    await connection.execute(
        "INSERT INTO courtsight.published (generation, publication) VALUES ($1, 1)"
        " ON CONFLICT (one) DO UPDATE SET generation = $1, publication = published.publication + 1",
        number,
    )


async def _prune(connection: asyncpg.Connection[asyncpg.Record], keep: int) -> None:
    """Drop the oldest generations beyond `keep`, never the current one; what a reader still holds locked is left for the next time."""
    rows = await connection.fetch(
        "SELECT number FROM courtsight.generation WHERE number NOT IN (SELECT generation FROM courtsight.published)"
        " ORDER BY number DESC OFFSET $1",
        max(0, keep - 1),
    )
    for row in rows:
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
                await connection.execute(f"DROP SCHEMA {schema_of(row['number'])} CASCADE")
                await connection.execute("DELETE FROM courtsight.generation WHERE number = $1", row["number"])
        except asyncpg.LockNotAvailableError:
            continue


class _Writer:
    """Writes one generation."""

    def __init__(
        self,
        connection: asyncpg.Connection[asyncpg.Record],
        number: int,
        analyser: Analyser,
        split_into: Split,
        embedder: Embedder | None,
    ) -> None:
        self._connection = connection
        self._number = number
        self._schema = schema_of(number)
        self._analyser = analyser
        self._split = split_into
        self._embedding = embedder.name if embedder else None
        self._vectors = VectorWriter(connection, self._schema, embedder) if embedder else None
        self._texts: list[str] = []
        self._numbers: dict[str, int] = {}
        self._holding = array("I")
        self._postings: dict[int, tuple[array[int], array[int]]] = {}
        self._gathered = 0
        self._part = 0
        self._codes = Codes()
        self._ids: set[bytes] = set()
        self._documents = self._passages = self._tokens = self._demo = self._unverified = 0

    async def write(self, documents: Iterable[Document], corpus_hash: str, told: Told) -> Holdings:
        """Make the tables, fill them, and note the generation."""
        if self._vectors:
            await self._vectors.prepare()
        await self._script("generation.sql")
        rest = iter(documents)
        while batch := list(islice(rest, _BATCH)):
            await self._batch(batch)
            told(self._documents)
        if not self._documents:
            raise ConfigurationError("there is no document to publish; name a corpus that holds one")
        await self._flush()
        await self._copy("term", ("number", "term", "holding"), self._terms())
        await self._script("generation_filled.sql")
        holdings = Holdings(corpus_hash, self._documents, self._passages, self._demo, self._unverified)
        await self._connection.execute(
            "INSERT INTO courtsight.generation (number, corpus, analysis, documents, passages, demo, unverified, tokens,"
            " embedding) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            self._number,
            corpus_hash,
            analysis_of(self._analyser),
            self._documents,
            self._passages,
            self._demo,
            self._unverified,
            self._tokens,
            self._embedding,
        )
        return holdings

    async def _script(self, name: str) -> None:
        text = (_SQL / name).read_text(encoding="utf-8")
        await self._connection.execute(text.replace("{schema}", self._schema))

    async def _copy(self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]) -> None:
        await self._connection.copy_records_to_table(
            table, schema_name=self._schema, columns=list(columns), records=records
        )

    async def _batch(self, batch: Sequence[Document]) -> None:
        documents: list[tuple[object, ...]] = []
        passages: list[tuple[object, ...]] = []
        cited: list[tuple[object, ...]] = []
        for document in batch:
            self._once(document.id)
            title = dict.fromkeys(self._analyser.query_terms(title_of(document)).topic)
            numbers = [self._number_of(term) for term in title]
            documents.append((self._documents, dump_document(document), document.status == "dicabut", numbers))
            passages += self._cut(document)
            cited += [(key, self._documents) for key in citation_keys(document)]
            self._documents += 1
            self._demo += document.demo
            self._unverified += not document.verified and not document.demo
        await self._copy("document", ("number", "content", "repealed", "title"), documents)
        columns = ("number", "document", "content", "sketch", "kind", "type", "year", "in_force_from", "in_force_until")
        await self._copy("passage", columns, passages)
        await self._copy("cited", ("key", "document"), cited)
        if self._vectors:
            texts, self._texts = self._texts, []
            await self._vectors.write(self._passages - len(texts), texts)
        if self._gathered >= _PART:
            await self._flush()

    def _once(self, name: str) -> None:
        digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
        if digest in self._ids:
            raise ConfigurationError(f"the id {name!r} comes twice; give one of the documents another id")
        self._ids.add(digest)

    def _cut(self, document: Document) -> Iterator[tuple[object, ...]]:
        """The rows of a document's passages; their terms are gathered."""
        shared = shared_terms(document, self._analyser)
        fields = filter_fields(document)
        for passage in self._split(document):
            own = self._analyser.passage_terms(passage)
            self._post(shared + own)
            stored = dump_passage(passage, document)
            if self._vectors:
                self._texts.append(embedded_text(document, passage))
            yield (
                self._passages,
                self._documents,
                stored,
                SKETCH.pack(*sketch(own, self._codes)),
                *(fields[name] for name in ("kind", "type", "year", "in_force_from", "in_force_until")),
            )
            self._passages += 1

    def _post(self, terms: Sequence[str]) -> None:
        length = min(quantised(len(terms)), _MOST_CODED)
        self._tokens += len(terms)
        for term, frequency in Counter(terms).items():
            number = self._number_of(term)
            self._holding[number] += 1
            rows, codes = self._postings.setdefault(number, (array("i"), array("i")))
            rows.append(self._passages)
            codes.append(min(frequency, _MOST_CODED // 2) << 16 | length)
        self._gathered += 1

    def _number_of(self, term: str) -> int:
        number = self._numbers.setdefault(term, len(self._numbers))
        if number == len(self._holding):
            self._holding.append(0)
        return number

    async def _flush(self) -> None:
        records = (
            (number, self._part, rows.tolist(), codes.tolist()) for number, (rows, codes) in self._postings.items()
        )
        await self._copy("posting", ("term", "part", "passages", "codes"), records)
        self._postings = {}
        self._gathered = 0
        self._part += 1

    def _terms(self) -> Iterator[tuple[int, str, int]]:
        return ((number, term, self._holding[number]) for term, number in self._numbers.items())


_MOST_CODED = 0xFFFF
"""The largest length that a code holds; frequencies keep one bit less, so that the sign stays free."""
