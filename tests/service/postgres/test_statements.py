"""How a question becomes a query: lengths, shares of terms, parameters."""

from __future__ import annotations

import tantivy
from hypothesis import given, settings
from hypothesis import strategies as st

from service.retrieval.postgres.statements import Posted, Statements, conditions, proven, quantised, shares
from service.retrieval.retriever import NO_FILTERS, Filters

_POSTED = st.lists(
    st.builds(Posted, st.integers(0, 10_000), st.floats(0.01, 30), st.integers(1, 1_000_000)), max_size=12
)


def score_at(length: int) -> float:
    """Tantivy's score of a passage of that many terms beside a short one."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("terms", tokenizer_name="whitespace", index_option="freq")
    index = tantivy.Index(builder.build())
    writer = index.writer(heap_size=15_000_000, num_threads=1)
    for text in (" ".join(["a"] * 1 + ["b"] * (length - 1)), "c"):
        writer.add_document(tantivy.Document(terms=text))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    query = tantivy.Query.term_query(index.schema, "terms", "a")
    return float(index.searcher().search(query, 1).hits[0][0])


def test_lengths_are_rounded_as_tantivy_rounds_them() -> None:
    """The score that follows from a rounded length is Tantivy's own, on both sides of each step that a passage is likely to meet."""
    idf = 0.6931472
    for length in (1, 2, 39, 40, 41, 42, 43, 55, 56, 60, 63, 64, 87, 88, 95, 96, 200, 311, 312, 1000):
        average = (length + 1) / 2
        expected = idf * 2.2 / (1 + 1.2 * (0.25 + 0.75 * quantised(length) / average))
        assert abs(score_at(length) - expected) < 1e-5


@settings(deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_a_rounded_length_is_below_and_near(length: int) -> None:
    """Rounding never lengthens a passage, and shortens it by less than an eighth."""
    assert quantised(length) <= length
    assert length - quantised(length) <= length / 8
    assert quantised(quantised(length)) == quantised(length)


@settings(deadline=None)
@given(_POSTED, st.integers(1, 200))
def test_no_term_is_lost_between_the_shares(posted: list[Posted], wanted: int) -> None:
    """Rare and frequent terms together are the question's, the rarest are looked for, and frequent ones weigh less than they do."""
    split = shares(posted, wanted)
    assert sorted((*split.rare, *split.frequent), key=repr) == sorted(posted, key=repr)
    assert bool(split.rare) == bool(posted)
    if split.frequent:
        assert split.slack < max(term.weight for term in split.rare)
        assert sum(term.holding for term in posted) > 10_000


def test_few_postings_are_added_up_at_once() -> None:
    """A question of rare words alone is one sum."""
    assert shares([Posted(1, 8.0, 40), Posted(2, 5.0, 900)], 20).frequent == ()


def test_a_bound_that_does_not_hold_proves_nothing() -> None:
    """Too few passages with a rare term, or a last one that frequent terms could pass, send the question the long way."""
    assert proven(9.0, 3.0)
    assert not proven(2.0, 3.0)
    assert not proven(None, 3.0)


def test_filters_are_parameters() -> None:
    """What is filtered by never becomes part of a statement, and nothing is a filter that was not set."""
    assert conditions(NO_FILTERS) == ()
    assert conditions(Filters(types=("uu'; DROP",), year_to=2000)) == (None, ["UU'; DROP"], 0, 2000, None)
    statement = Statements(7).best(filtered=True, shared=True)
    assert "courtsight_g000007.passage" in statement
    assert "$13" in statement
    assert "{" not in statement
