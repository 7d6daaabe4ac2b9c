"""Confidence comes from evidence alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.chat.confidence import Support, confidence

TERMS = st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1, max_size=6)
SUPPORT = st.builds(Support, st.frozensets(st.sampled_from("abcdefgh"), max_size=6), st.floats(0, 1))


def idf(term: str) -> float:
    return 1.0 + "abcdefgh".index(term)


def test_full_support_is_high_and_none_is_zero() -> None:
    """A passage that holds every term and matches well gives a high value, no passage gives zero."""
    assert confidence(["a", "b"], idf, [Support(frozenset("ab"), 0.8)], named=0, resolved=0) > 0.9
    assert confidence(["a", "b"], idf, [], named=0, resolved=0) == 0.0


def test_a_rare_missing_term_weighs_more_than_a_common_one() -> None:
    """What the passages lack counts by how rare it is."""
    lacks_common = confidence(["a", "h"], idf, [Support(frozenset("h"), 0.5)], named=0, resolved=0)
    lacks_rare = confidence(["a", "h"], idf, [Support(frozenset("a"), 0.5)], named=0, resolved=0)
    assert lacks_rare < 0.4 < lacks_common


def test_scattered_terms_count_less_than_one_whole_passage() -> None:
    """Two passages with half of the question each support less than one with all of it."""
    whole = confidence(["c", "d"], idf, [Support(frozenset("cd"), 0.5)], named=0, resolved=0)
    halves = confidence(
        ["c", "d"], idf, [Support(frozenset("c"), 0.5), Support(frozenset("d"), 0.5)], named=0, resolved=0
    )
    assert halves < whole


def test_an_article_that_is_not_stated_takes_all_confidence() -> None:
    """An answer to a question about an article that the corpus lacks has no support at all."""
    assert confidence(["a"], idf, [Support(frozenset("a"), 1.0)], named=1, resolved=0) == 0.0


@given(TERMS, st.lists(SUPPORT, max_size=5))
def test_it_lies_between_zero_and_one(topic: list[str], cited: list[Support]) -> None:
    """Whatever the evidence, the value is in [0, 1] and always the same."""
    value = confidence(topic, idf, cited, named=0, resolved=0)
    assert 0 <= value <= 1
    assert value == confidence(topic, idf, cited, named=0, resolved=0)


@given(TERMS, st.lists(SUPPORT, min_size=1, max_size=4), SUPPORT)
def test_a_passage_that_brings_nothing_new_never_lowers_it(
    topic: list[str], cited: list[Support], more: Support
) -> None:
    """Another cited passage on words that are covered already can only add support."""
    covered = frozenset[str]().union(*(support.terms for support in cited))
    again = Support(more.terms & covered, more.score)
    assert confidence(topic, idf, [*cited, again], named=0, resolved=0) >= confidence(
        topic, idf, cited, named=0, resolved=0
    )


def test_words_that_match_here_and_there_are_no_answer() -> None:
    """Three passages with a third of the question each stay below the limit, although together they hold all of it."""
    thirds = [Support(frozenset(term), 0.4) for term in "cde"]
    assert confidence(["c", "d", "e"], idf, thirds, named=0, resolved=0) < 0.4
