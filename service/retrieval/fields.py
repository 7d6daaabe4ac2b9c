"""What Tantivy knows of a passage: its terms, what it may be filtered by, and the keys under which it is cited."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial

import tantivy

from service.remembering import Remembered
from service.retrieval.document import Document
from service.retrieval.retriever import NO_FILTERS, Filters

TOKENIZER = "terms"
TERMS = "terms"
KEYS = "keys"
ROW = "row"
_KIND = "kind"
_TYPE = "type"
_YEAR = "year"
_FROM = "in_force_from"
_UNTIL = "in_force_until"
_NO_YEAR = -1
_REMEMBERED = 2_000
_EVER = date.max.toordinal() + 1
_Part = tuple[tantivy.Occur, tantivy.Query]


def schema() -> tantivy.Schema:
    """Nothing is stored in Tantivy: a passage's row leads to its text. Term frequencies rank, positions are not needed."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(TERMS, tokenizer_name=TOKENIZER, index_option="freq")
    for name in (KEYS, _KIND, _TYPE):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in (ROW, _YEAR, _FROM, _UNTIL):
        builder.add_integer_field(name, fast=True)
    return builder.build()


def filter_fields(document: Document) -> dict[str, str | int]:
    """What the passages of a document may be filtered by; days are ordinals."""
    begins, until = document.holds_from, document.holds_until
    return {
        _KIND: document.kind,
        _TYPE: document.instrument or "",
        _YEAR: _NO_YEAR if document.year is None else document.year,
        _FROM: begins.toordinal() if begins else 0,
        _UNTIL: until.toordinal() if until else _EVER,
    }


class Conditions:
    """Turns filters into queries that only let pass and add nothing to a score."""

    def __init__(self, known: tantivy.Schema) -> None:
        self._schema = known
        self.weighted: Callable[[tuple[str, float]], _Part] = Remembered[tuple[str, float], _Part](
            partial(_weighted, known), _REMEMBERED
        ).__getitem__
        """The passages that may hold a term, which counts so much: a part of a query of several."""
        self._filters = Remembered[Filters, list[tantivy.Query]](self._of, _REMEMBERED)

    def of(self, filters: Filters) -> list[tantivy.Query]:
        """One query per filter that is set; all of them must hold."""
        return self._filters[filters] if filters != NO_FILTERS else []

    def _of(self, filters: Filters) -> list[tantivy.Query]:
        found: list[tantivy.Query] = []
        if filters.kinds:
            found.append(self._any(_KIND, filters.kinds))
        if filters.types:
            found.append(self._any(_TYPE, [name.upper() for name in filters.types]))
        if filters.year_from is not None or filters.year_to is not None:
            found.append(self._between(_YEAR, max(filters.year_from or 0, 0), filters.year_to))
        if filters.in_force_on is not None:
            day = filters.in_force_on.toordinal()
            found += [self._between(_FROM, None, day), self._between(_UNTIL, day + 1, None)]
        return [tantivy.Query.const_score_query(query, 0.0) for query in found]

    def keyed(self, key: str) -> tantivy.Query:
        """The documents that are cited under a key, all alike."""
        return tantivy.Query.const_score_query(tantivy.Query.term_query(self._schema, KEYS, key), 1.0)

    def _any(self, name: str, values: tuple[str, ...] | list[str]) -> tantivy.Query:
        if len(values) == 1:
            return tantivy.Query.term_query(self._schema, name, values[0])
        return tantivy.Query.term_set_query(self._schema, name, list(values))

    def _between(self, name: str, lowest: int | None, highest: int | None) -> tantivy.Query:
        return tantivy.Query.range_query(
            self._schema, name, tantivy.FieldType.Integer, lower_bound=lowest, upper_bound=highest
        )


def _weighted(known: tantivy.Schema, one: tuple[str, float]) -> _Part:
    term, weight = one
    # To weigh by one would change nothing, and each question copies what its query is made of.
    plain = tantivy.Query.term_query(known, TERMS, term)
    return tantivy.Occur.Should, plain if weight == 1.0 else tantivy.Query.boost_query(plain, weight)
