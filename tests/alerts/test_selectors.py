"""Reading the PromQL of a spec far enough to make up traffic for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.selectors import (
    UnprovenError,
    complement,
    counter_in,
    example,
    gauge_in,
    labels_for,
    quotient,
    read_by,
    selector_of,
)


@pytest.mark.parametrize(
    ("pattern", "values"),
    [
        ("5..", ["500"]),
        ("a|b", ["a", "b"]),
        ("[45]..", ["400"]),
        ("2(\\.0)?", ["2"]),
        ("err.*", ["err"]),
        (".+", ["other"]),
        ("(time|conn)out", ["timeout"]),
        ("a\\.b", ["a.b"]),
    ],
)
def test_an_example_is_taken_by_its_pattern(pattern: str, values: list[str]) -> None:
    """Each alternative of a simple pattern gives a value that the whole pattern takes."""
    assert list(example(pattern)) == values


def test_bad_and_other_events_of_one_counter_are_told_apart() -> None:
    """Labels are found that both selectors take, and such that only the first does."""
    valid, bad = selector_of('orders_total{shop="a"}'), selector_of('orders_total{shop="a",outcome=~"declined|error"}')
    assert labels_for((valid, bad)) == {"outcome": "declined", "shop": "a"}
    assert labels_for((valid,), (bad,)) == {"outcome": "other", "shop": "a"}


def test_conditions_of_exclusion_are_kept() -> None:
    """`!=` and `!~` are conditions as well, and what contradicts itself has no labels."""
    found = labels_for((selector_of('x_total{a!="1",b!~"o.*",c=""}'),))
    assert found is not None
    assert found.get("a") != "1"
    assert not found.get("b", "").startswith("o")
    assert "c" not in found
    assert labels_for((selector_of('x_total{a="1",a="2"}'),)) is None


@given(value=st.text(alphabet="abc.|5", max_size=6))
def test_every_example_matches(value: str) -> None:
    """Whatever the pattern, no example is given that it would not take."""
    selector = selector_of('x{a=~"' + value + '"}')
    assert all(selector.takes("x", {"a": found}) for found in example(value))


@pytest.mark.parametrize(
    "text",
    [
        'sum(increase(a_total{x="1"}[$window]))',
        "sum by (tier) (increase(a_total[$window]))",
        "(increase(a_total[$window]))",
    ],
)
def test_a_sum_of_increases_is_a_counter(text: str) -> None:
    """The counter inside is found, with its conditions."""
    assert counter_in(text).metric == "a_total"


@pytest.mark.parametrize(
    "text",
    ["sum(increase(a_total[$window])) + 1", "count_over_time((up == 0)[$window:1m])", "changes(a_total[$window])"],
)
def test_what_does_more_is_refused_with_the_expression(text: str) -> None:
    """An expression whose counters cannot be followed is named, so that the table can say so."""
    with pytest.raises(UnprovenError, match=r"no (traffic can be made up for|single counter stands in)"):
        counter_in(text)


def test_means_and_extremes_of_one_gauge_pass_its_value_on() -> None:
    """A steady gauge shows through avg, min and max; through anything else it does not."""
    found = gauge_in('max(max_over_time(age_seconds{job="q"}[$window]))')
    assert found is not None
    assert found.metric == "age_seconds"
    assert gauge_in("histogram_quantile(0.9, x[$window])") is None


def test_differences_from_one_and_quotients_are_taken_apart() -> None:
    """`1 - x` and `a / b` are read at the outermost level only."""
    assert complement("1 - avg(x)") == " avg(x)"
    assert complement("2 - avg(x)") is None
    assert quotient('sum(a{x="/"}) / sum(b)') == ('sum(a{x="/"}) ', " sum(b)")
    assert quotient("sum(a / b)") is None


def test_what_an_expression_may_read_is_rather_too_much() -> None:
    """Of several metrics the conditions are left out, so that no overlap is missed."""
    assert {one.metric for one in read_by('a{x="1"} / b')} == {"a", "b"}
    assert all(not one.matchers for one in read_by('a{x="1"} / b'))


def test_another_series_may_be_picked() -> None:
    """Of the series that a selector lets through each is found in turn, and the first again after the last."""
    orders = selector_of('orders_total{outcome=~"declined|error"}')
    found = [labels_for((orders,), pick=pick) for pick in range(4)]
    assert [one and one["outcome"] for one in found] == ["declined", "error", "declined", "error"]
    assert labels_for((selector_of('orders_total{outcome="a",outcome="b"}'),), pick=2) is None
