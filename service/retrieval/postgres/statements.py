"""What the retriever asks PostgreSQL. The question reaches it as numbers of terms and weights, never as text.

BM25 is one sum over the postings of the question's terms, in the same arithmetic as Tantivy's: weight x f / (f + k1 (1 - b + b x length /
average)), with lengths rounded as there. ts_rank would be another ranking: it knows no idf.

A frequent term is in so many passages that adding up all of its postings is most of the work, and weighs so little that it seldom brings
a passage among the best. So the rare terms say which passages are in the running, and frequent ones are only added to those (MaxScore,
Turtle and Flood 1995). `least`, the score of the last passage in the running by rare terms alone, proves that none was missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.retrieval.retriever import NO_FILTERS, Filters

_K1, _B = 1.2, 0.75
"""Tantivy's, which are Robertson's."""
_FEW_POSTINGS = 10_000
"""Fewer postings than this are added up at once: to take them apart would cost more than it saves."""
_ENOUGH_PASSAGES = 25
"""The rare terms must be in so many times more passages than are wanted, so that these can bound the others."""
_FREQUENT_SHARE = 0.5
"""What all frequent terms may weigh together, as a share of the rarest; more, and the bound would seldom hold."""

PUBLISHED = """
SELECT p.publication, g.number, g.corpus, g.analysis, g.documents, g.passages, g.demo, g.unverified, g.tokens, g.embedding
FROM courtsight.published AS p JOIN courtsight.generation AS g ON g.number = p.generation
"""
PUBLICATION = "SELECT publication FROM courtsight.published"


@dataclass(frozen=True, slots=True)
class Posted:
    """A term to search for: its number, the most that it can add to a score, and how many passages hold it."""

    number: int
    weight: float
    holding: int


@dataclass(frozen=True, slots=True)
class Shares:
    """The terms of a question, the rare ones apart from those that are only added to what the rare ones find."""

    rare: tuple[Posted, ...]
    frequent: tuple[Posted, ...] = ()

    @property
    def slack(self) -> float:
        """The most that the frequent terms together can add to a score."""
        return sum(term.weight for term in self.frequent)


def shares(terms: Sequence[Posted], wanted: int) -> Shares:
    """Which terms decide what is in the running for so many wanted passages."""
    ordered = tuple(sorted(terms, key=lambda term: (-term.weight, term.number)))
    if sum(term.holding for term in ordered) <= _FEW_POSTINGS:
        return Shares(ordered)
    holding, rest = 0, sum(term.weight for term in ordered)
    for count, term in enumerate(ordered, start=1):
        holding += term.holding
        rest -= term.weight
        if holding >= _ENOUGH_PASSAGES * wanted and rest < _FREQUENT_SHARE * ordered[0].weight:
            return Shares(ordered[:count], ordered[count:])
    return Shares(ordered)


def saturation(tokens: int, passages: int) -> tuple[float, float]:
    """BM25's k1 (1 - b), and k1 b over the average length."""
    return _K1 * (1 - _B), _K1 * _B * passages / max(tokens, 1)


def quantised(length: int) -> int:
    """A length in terms as Tantivy keeps it in one byte: exact up to 40, then rounded down in steps of an eighth."""
    if length <= _EXACT:
        return length
    above = length - _OFFSET
    step = 1 << max(0, above.bit_length() - _BITS)
    return _OFFSET + above // step * step


_OFFSET, _BITS, _EXACT = 24, 4, 40
"""Lucene's SmallFloat.intToByte4: four significant bits, counted from 24."""


def schema_of(generation: int) -> str:
    """The schema that holds a generation."""
    return f"courtsight_g{generation:06d}"


class Statements:
    """The queries of one generation, which names them by its schema. Written out here once; values are always parameters."""

    def __init__(self, generation: int) -> None:
        schema = schema_of(generation)
        self.terms = f"SELECT term, number, holding FROM {schema}.term"  # noqa: S608 - the schema is made of a number
        self.cited = _CITED.format(schema=schema)
        self.documents = _DOCUMENTS.format(schema=schema)
        self.check = f"SELECT number FROM {schema}.document LIMIT 1"  # noqa: S608 - the schema is made of a number
        self._schema = schema
        self._made: dict[tuple[bool, bool], str] = {}

    def best(self, *, filtered: bool, shared: bool) -> str:
        """The best passages with their documents.

        Parameters: $1 numbers and $2 weights of rare terms, $3 how many, $4 and $5 of `saturation`; `shared` adds $6 numbers and $7 weights of
        frequent terms and $8 their slack; `filtered` adds those of `conditions` behind.
        """
        key = (filtered, shared)
        if key not in self._made:
            first = 9 if shared else 6
            names = {name: f"${first + at}" for at, name in enumerate(_CONDITIONS)}
            allowed = _ALLOWED.format(schema=self._schema, **names) if filtered else ""
            more = _SHARED if shared else _ALONE
            gains = _GAINS.format(schema=self._schema, terms="$1", weights="$2", among="")
            others = _GAINS.format(schema=self._schema, terms="$6", weights="$7", among="JOIN running USING (passage)")
            best = more.format(gains=gains, others=others, allowed=allowed)
            self._made[key] = _WITH_DOCUMENTS.format(best=best, schema=self._schema)
        return self._made[key]


_CONDITIONS = ("kinds", "types", "year_from", "year_to", "day")
_ALLOWED = """JOIN {schema}.passage AS a ON a.number = passage
    WHERE ({kinds}::text[] IS NULL OR a.kind = ANY ({kinds}))
      AND ({types}::text[] IS NULL OR a.type = ANY ({types}))
      AND a.year BETWEEN coalesce({year_from}::integer, -1) AND coalesce({year_to}::integer, 2147483647)
      AND ({day}::integer IS NULL OR (a.in_force_from <= {day} AND a.in_force_until > {day}))"""


def conditions(filters: Filters) -> tuple[object, ...]:
    """The parameters of filters, in the order of `_CONDITIONS`; none when nothing is filtered."""
    if filters == NO_FILTERS:
        return ()
    year_from = filters.year_from
    if year_from is not None or filters.year_to is not None:
        year_from = max(year_from or 0, 0)
    return (
        list(filters.kinds) or None,
        [name.upper() for name in filters.types] or None,
        year_from,
        filters.year_to,
        filters.in_force_on.toordinal() if filters.in_force_on else None,
    )


_GAINS = """SELECT passage, sum(weight * (code >> 16) / ((code >> 16) + $4::float8 + $5::float8 * (code & 65535))) AS score
    FROM (
        SELECT asked.weight, unnest(p.passages) AS passage, unnest(p.codes) AS code
        FROM unnest({terms}::integer[], {weights}::float8[]) AS asked (term, weight)
        JOIN {schema}.posting AS p USING (term)
    ) AS postings {among}
    GROUP BY passage"""
# Scores are rounded as Tantivy's, to four bytes: passages that fit alike must tie, whatever the order of the sum.
_ALONE = """SELECT passage, score::real AS score, NULL::float8 AS least
    FROM ({gains}) AS found {allowed}
    ORDER BY score DESC, passage LIMIT $3"""
_SHARED = """WITH partial AS MATERIALIZED (SELECT passage, score FROM ({gains}) AS found {allowed}),
    bar AS (SELECT score AS least FROM partial ORDER BY score DESC OFFSET $3 - 1 LIMIT 1),
    running AS MATERIALIZED (
        SELECT passage, score AS sure FROM partial WHERE score >= coalesce((SELECT least FROM bar), 0) - $8::float8
    ),
    others AS ({others})
    SELECT passage, (sure + coalesce(score, 0))::real AS score, (SELECT least FROM bar) AS least
    FROM running LEFT JOIN others USING (passage)
    ORDER BY score DESC, passage LIMIT $3"""
_WITH_DOCUMENTS = """SELECT best.passage, best.score, best.least, p.document, p.content, p.sketch,
    d.content AS document_content, d.repealed, d.title
FROM ({best}) AS best
JOIN {schema}.passage AS p ON p.number = best.passage
JOIN {schema}.document AS d ON d.number = p.document
ORDER BY best.score DESC, best.passage"""
_CITED = """SELECT asked.key, found.document
FROM unnest($1::text[]) AS asked (key)
CROSS JOIN LATERAL (
    SELECT document FROM {schema}.cited AS c WHERE c.key = asked.key ORDER BY document LIMIT $2
) AS found
ORDER BY found.document"""
_DOCUMENTS = """SELECT d.number, d.content, array_agg(p.content ORDER BY p.number) AS passages
FROM {schema}.document AS d JOIN {schema}.passage AS p ON p.document = d.number
WHERE d.number = ANY ($1::integer[])
GROUP BY d.number, d.content"""


def proven(least: float | None, slack: float) -> bool:
    """Whether no passage outside of the running can be among the best: frequent terms alone do not bring it that far."""
    return least is not None and least >= slack
