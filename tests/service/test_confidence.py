"""Confidence comes from evidence alone."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.chat.confidence import (
    FEATURES,
    NO_TITLE,
    Asked,
    Calibration,
    Support,
    confidence,
    features,
    places_of,
    title_of,
)
from service.deployments.model import Deployment

LETTERS = "abcdefgh"
TOPIC = st.lists(st.sampled_from(LETTERS), unique=True, min_size=1, max_size=6)
SUPPORT = st.builds(
    Support,
    st.frozensets(st.sampled_from(LETTERS), max_size=6),
    st.floats(0, 1),
    st.lists(st.sampled_from(LETTERS), unique=True, max_size=3).map(lambda title: title_of(title, idf)),
    st.lists(st.sampled_from(LETTERS), max_size=12).map(lambda terms: lambda: places_of(terms)),
)
UNKNOWN = 10.0


def idf(term: str) -> float:
    return 1.0 + LETTERS.index(term)


def found(topic: str, *cited: Support, **asked: Any) -> dict[str, float]:
    return features(Asked(tuple(topic), **asked), idf, UNKNOWN, cited)


def test_whole_cover_is_one_and_nothing_cited_has_no_features() -> None:
    """A passage that holds every term covers all of the question; without a passage there is nothing to judge."""
    whole = found("ab", Support(frozenset("ab"), 0.8))
    assert whole["coverage"] == whole["together"] == 1
    assert found("ab") == {}


def test_a_rare_missing_term_weighs_more_than_a_common_one() -> None:
    """What the passages lack counts by how rare it is."""
    lacks_common = found("ah", Support(frozenset("h"), 0.5))
    lacks_rare = found("ah", Support(frozenset("a"), 0.5))
    assert lacks_rare["coverage"] == pytest.approx(1 / 9)
    assert lacks_common["coverage"] == pytest.approx(8 / 9)


def test_scattered_terms_cover_together_and_not_alone() -> None:
    """Two passages with half of the question each are told from one with all of it."""
    halves = found("cd", Support(frozenset("c"), 0.5), Support(frozenset("d"), 0.4))
    assert halves["together"] == 1
    assert halves["coverage"] == pytest.approx(4 / 7)
    assert halves["margin"] == pytest.approx(0.2)


def test_neighbours_in_the_question_are_looked_for_as_neighbours() -> None:
    """Words that stand together in a passage as they do in the question speak for it; the same words far apart do not."""
    terms = frozenset("abgh")
    together = Support(terms, 0.5, NO_TITLE, lambda: places_of("abghgh"))
    apart = Support(terms, 0.5, NO_TITLE, lambda: places_of("aghghghb"))
    assert found("ab", together)["near"] == 1
    assert found("ab", apart)["near"] == 0


def test_a_title_that_asks_the_same_agrees() -> None:
    """A title with exactly the question's words agrees wholly, one with more words less, and one without them not at all."""
    agreement = [
        found("ab", Support(frozenset("ab"), 0.5, title_of(title, idf)))["title"] for title in ("ab", "abh", "h")
    ]
    assert agreement[0] == 1
    assert agreement == sorted(agreement, reverse=True)
    assert agreement[2] == 0


def test_definitions_citations_and_missing_laws_are_seen() -> None:
    """What is defined, cited exactly or not stated shows, and what laws write for everyday words counts beside the words."""
    told = found("a", Support(frozenset({"b", "=a"}), 1.0), related=("b", "c"), defined=("=a",), named=2, resolved=1)
    assert (told["defined"], told["exact"], told["missing"]) == (1, 1, 0.5)
    assert told["lay"] == pytest.approx(2 / 5)


def test_a_question_that_is_only_a_citation_is_covered_by_it() -> None:
    """Where nothing but an article is asked for, the article covers the question."""
    assert found("", Support(frozenset("a"), 1.0))["coverage"] == 1
    assert found("", Support(frozenset("a"), 0.5))["coverage"] == 0


@given(TOPIC, st.lists(SUPPORT, min_size=1, max_size=5))
def test_features_are_the_listed_ones_and_bounded(topic: list[str], cited: list[Support]) -> None:
    """Whatever the evidence, the features are those of the list, and all but `matched` lie in [0, 1]."""
    told = features(Asked(tuple(topic)), idf, UNKNOWN, cited)
    assert told.keys() == FEATURES.keys()
    assert all(-1e-9 <= value <= 1 + 1e-9 for name, value in told.items() if name != "matched")


@settings(deadline=None)
@given(TOPIC, st.lists(SUPPORT, min_size=1, max_size=5))
def test_confidence_is_a_probability(deployment: Deployment, topic: list[str], cited: list[Support]) -> None:
    """With the shipped weights the value lies in [0, 1], and is the same for the same evidence."""
    told = features(Asked(tuple(topic)), idf, UNKNOWN, cited)
    value = confidence(told, deployment.calibration)
    assert 0 <= value <= 1
    assert value == confidence(dict(told), deployment.calibration)


def test_the_model_is_the_logistic_function_of_its_weights() -> None:
    """Without weights the intercept alone decides, and a weight counts in proportion to its feature."""
    nothing = dict.fromkeys(FEATURES, 0.0)
    model = Calibration(0.0, nothing, "")
    told = found("a", Support(frozenset("a"), 0.5))
    assert confidence(told, model) == 0.5
    assert confidence(told, replace(model, weights={**nothing, "score": 2.0})) == pytest.approx(0.7311, abs=1e-4)
    assert confidence({}, model) == 0.0


def test_no_feature_speaks_of_a_role(deployment: Deployment) -> None:
    """Neither what goes in nor the weights know who asks."""
    entering = {field.name for kind in (Asked, Support, Calibration) for field in fields(kind)} | FEATURES.keys()
    assert not any(
        "role" in name or name in deployment.roles for name in entering | deployment.calibration.weights.keys()
    )


def test_every_shipped_weight_points_where_its_feature_says(deployment: Deployment) -> None:
    """More evidence never lowers the confidence; only a lead over the next passage may also mean that little else was found."""
    weights = dict(deployment.calibration.weights)
    assert weights.pop("missing") < 0
    del weights["margin"]
    assert min(weights.values()) > 0
