"""Writes an index: one pass over the documents, each of them read, cut and analysed once."""

from __future__ import annotations

import hashlib
import zlib
from array import array
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tantivy

from service.errors import ConfigurationError
from service.retrieval.analysis import Analyser
from service.retrieval.document import KINDS, OPENING_MARK, Document, Passage
from service.retrieval.duplicates import Codes, sketch
from service.retrieval.fields import KEYS, ROW, TERMS, filter_fields
from service.retrieval.passages import split
from service.retrieval.places import Place
from service.retrieval.retriever import Holdings
from service.retrieval.router import citation_keys, law_term
from service.retrieval.shelving import BlobWriter, dump_document, dump_passage, write_column
from service.retrieval.weights import idf

Split = Callable[[Document], tuple[Passage, ...]]

TITLE_WEIGHT = 2
"""The title counts as if it stood twice in the text: it says what the entry is about."""
DEMO_MARK = "[DEMO] "
WRITER_BYTES = 1_500_000_000
"""The most that Tantivy may hold before it writes a segment. It takes what it needs, and one segment answers fastest: 100,000
passages of 60 words need about 60 MB."""


def title_of(document: Document) -> str:
    """The title as far as it says what the entry is about; the beginning of its own text would only count twice."""
    return "" if document.title.endswith(OPENING_MARK) else document.title.removeprefix(DEMO_MARK)


def shared_terms(document: Document, analyser: Analyser) -> list[str]:
    """The terms under which every passage of a document is found: its title, its law and what else is said of the whole."""
    rest = " ".join((*document.topics, document.law or "", document.law_title or "", document.holding or ""))
    law = [law_term(document.law)] if document.law else []
    return analyser.document_terms(title_of(document)) * TITLE_WEIGHT + analyser.document_terms(rest) + law


def title_code(term: str) -> int:
    """A term of a title in four bytes."""
    return zlib.crc32(term.encode())


class IndexWriter:
    """Takes documents in the order of their rows, and writes the whole at the end."""

    def __init__(self, place: Place, analyser: Analyser, split_into: Split = split, heap: int = WRITER_BYTES) -> None:
        self._place = place
        self._analyser = analyser
        self._split = split_into
        self._search = place.new_search()
        self._writer = self._search.writer(heap_size=heap, num_threads=1)
        self._documents = BlobWriter(place, "documents")
        self._passages = BlobWriter(place, "passages")
        self._document_of = array("I")
        self._first_passage = array("I", [0])
        self._repealed = array("B")
        self._kinds = array("B")
        self._sketches = array("I")
        self._title_codes = array("I")
        self._title_starts = array("I", [0])
        self._titled: dict[int, str] = {}
        self._codes = Codes()
        self._digest = hashlib.sha256()
        self._ids: set[str] = set()
        self._demo = 0
        self._unverified = 0

    @property
    def empty(self) -> bool:
        """Whether nothing was taken yet."""
        return not self._ids

    def add(self, document: Document) -> None:
        """Take one document.

        Raises:
            ConfigurationError: its id was used before, or it is too large to store.
        """
        if document.id in self._ids:
            raise ConfigurationError(f"the id {document.id!r} comes twice; give one of the documents another id")
        row = len(self._ids)
        self._ids.add(document.id)
        stored = dump_document(document)
        self._digest.update(stored + b"\n")
        self._documents.add(stored)
        shared = shared_terms(document, self._analyser)
        fields = filter_fields(document)
        for at, passage in enumerate(self._split(document)):
            self._add_passage(row, document, passage, shared, fields, citation_keys(document) if at == 0 else [])
        self._first_passage.append(len(self._document_of))
        self._repealed.append(document.status == "dicabut")
        self._add_title(document)
        self._demo += document.demo
        self._unverified += not document.verified and not document.demo

    def finish(self, corpus_hash: str | None = None) -> Holdings:
        """Write what is still held, and say what there is. Without a hash, that of the documents in their order stands for it."""
        self._writer.commit()
        self._writer.wait_merging_threads()
        self._search.reload()
        self._documents.close()
        self._passages.close()
        columns: Mapping[str, array[Any]] = {
            "document_of": self._document_of,
            "first_passage": self._first_passage,
            "repealed": self._repealed,
            "kinds": self._kinds,
            "sketches": self._sketches,
            "title_codes": self._title_codes,
            "title_starts": self._title_starts,
            "title_weights": self._weigh_titles(),
        }
        for name, values in columns.items():
            write_column(self._place, name, values)
        return Holdings(
            hash=corpus_hash or self._digest.hexdigest(),
            documents=len(self._ids),
            passages=len(self._document_of),
            demo=self._demo,
            unverified=self._unverified,
        )

    def abandon(self) -> None:
        """Let go of what is open: nothing that was taken is kept."""
        self._writer.rollback()
        self._writer.wait_merging_threads()
        self._documents.abandon()
        self._passages.abandon()

    def _add_passage(
        self,
        row: int,
        document: Document,
        passage: Passage,
        shared: list[str],
        fields: Mapping[str, str | int],
        keys: list[str],
    ) -> None:
        own = self._analyser.passage_terms(passage)
        self._writer.add_document(
            tantivy.Document(**{TERMS: " ".join(shared + own), ROW: len(self._document_of), KEYS: keys, **fields})
        )
        self._passages.add(dump_passage(passage, document))
        self._document_of.append(row)
        self._kinds.append(KINDS.index(document.kind))
        self._sketches.extend(sketch(own, self._codes))

    def _add_title(self, document: Document) -> None:
        for term in dict.fromkeys(self._analyser.query_terms(title_of(document)).topic):
            code = title_code(term)
            self._titled[code] = term
            self._title_codes.append(code)
        self._title_starts.append(len(self._title_codes))

    def _weigh_titles(self) -> array[float]:
        """The weight of each title: the sum of its terms' idf, which is known only now."""
        searcher, total = self._search.searcher(), len(self._document_of)
        known = {code: idf(searcher.doc_freq(TERMS, term), total) for code, term in self._titled.items()}
        bounds = zip(self._title_starts, self._title_starts[1:], strict=False)
        return array("f", (sum(known[code] for code in self._title_codes[start:end]) for start, end in bounds))


def write_index(
    documents: Iterable[Document],
    place: Place,
    analyser: Analyser,
    *,
    corpus_hash: str | None = None,
    split_into: Split = split,
    heap: int = WRITER_BYTES,
) -> Holdings:
    """Write an index of the documents into a place that holds none.

    Args:
        documents: taken one by one, so that they need not fit into memory.
        place: where to write.
        analyser: the one that will read questions.
        corpus_hash: what to call this corpus; by default the hash of its documents.
        split_into: cuts a document into passages.
        heap: the most bytes that Tantivy holds before it writes a segment.

    Raises:
        ConfigurationError: there is no document, or an id comes twice.
    """
    writer = IndexWriter(place, analyser, split_into, heap)
    try:
        for document in documents:
            writer.add(document)
        if writer.empty:
            raise ConfigurationError("there is no document to index; name a corpus that holds one")
    except BaseException:
        writer.abandon()
        raise
    return writer.finish(corpus_hash)
