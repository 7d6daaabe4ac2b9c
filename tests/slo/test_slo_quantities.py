"""Percents and durations as people write them; what is ambiguous is refused with a mend."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.quantities import (
    QuantityError,
    format_duration,
    format_ratio,
    how_many,
    parse_duration,
    parse_ratio,
    plain_number,
)


@pytest.mark.parametrize(
    ("text", "value"), [("99.9%", "0.999"), ("99.9 %", "0.999"), (" 5% ", "0.05"), ("100%", "1"), ("0%", "0")]
)
def test_percents(text: str, value: str) -> None:
    """With or without a space, always exact."""
    assert parse_ratio(text) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("99,9%", "write 99.9%"),
        ("99,9 %", "write 99.9 %"),
        ("99.9", "write 99.9%"),
        ("0.999", "write 99.9% or 0.999%"),
        ("1", "write 100% or 1%"),
        ("-5%", "give a percent between them"),
        ("1e2%", "write it like 99.9%"),
        ("nan%", "write it like 99.9%"),
        ("%", "write it like 99.9%"),
        ("9" * 70 + "%", "write it like 99.9%"),
    ],
)
def test_ambiguous_percents_are_refused_with_a_mend(text: str, mend: str) -> None:
    """A comma, a bare number, an exponent: nothing is guessed."""
    with pytest.raises(QuantityError) as caught:
        parse_ratio(text)
    assert caught.value.advice == mend


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4s", "4"),
        ("1.5s", "1.5"),
        ("1h30m", "5400"),
        ("1h 30m", "5400"),
        ("4 s", "4"),
        ("30d", "2592000"),
        ("2w", "1209600"),
        ("2 weeks", "1209600"),
        ("1 hour 30 minutes", "5400"),
        ("90 sec", "90"),
        ("1min30s", "90"),
        ("500 milliseconds", "0.5"),
    ],
)
def test_durations(text: str, seconds: str) -> None:
    """Units fall, spaces are allowed, seconds come out."""
    assert parse_duration(text) == Decimal(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "1,5s",
        "30m1h",
        "5m5m",
        "1M",
        "4S",
        "1 month",
        "1 hourly",
        "1 minutess",
        "s",
        "1s " * 40,
        "999999d",
        "1e3s",
        "٣s",
    ],
)
def test_ambiguous_durations_are_refused(text: str) -> None:
    """Commas, rising or doubled units, capital letters, other words and centuries."""
    with pytest.raises(QuantityError) as caught:
        parse_duration(text)
    assert caught.value.advice


@pytest.mark.parametrize(
    ("text", "mend"), [("30D", "write 30d"), ("90 Seconds", "write 90 seconds"), ("1M", "write it")]
)
def test_capital_units_are_mended_where_one_thing_can_be_meant(text: str, mend: str) -> None:
    """`30D` can only be days; `1M` may be a minute or a month, so that nobody guesses."""
    with pytest.raises(QuantityError) as caught:
        parse_duration(text)
    assert caught.value.advice.startswith(mend)


@given(st.integers(1, 315_360_000))
def test_durations_survive_a_round_trip(seconds: int) -> None:
    """What is written as Prometheus does reads back as the same seconds."""
    assert parse_duration(format_duration(Decimal(seconds))) == seconds


@given(st.integers(0, 100_000))
def test_percents_survive_a_round_trip(thousandths: int) -> None:
    """A share that is written as a percent reads back exactly."""
    share = Decimal(thousandths) / 100_000
    assert parse_ratio(format_ratio(share)) == share


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text does anything but give a finite value or `QuantityError`."""
    for parse in (parse_ratio, parse_duration):
        try:
            value = parse(text)
        except QuantityError as error:
            assert error.advice  # noqa: PT017 - only one of both outcomes may be looked at
        else:
            assert value.is_finite()


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", 2), ("0.5", 0.5), ("nan", None), ("inf", None), ("1e30", None), ("two", None), ("9" * 99, None)],
)
def test_plain_numbers(text: str, value: float | None) -> None:
    """Finite numbers of a sensible size."""
    found = plain_number(text)
    assert found == (None if value is None else Decimal(str(value)))


@pytest.mark.parametrize(
    ("count", "noun", "said"),
    [
        (1, "file", "1 file"),
        (0, "file", "0 files"),
        (2, "SLO", "2 SLOs"),
        (2, "match", "2 matches"),
        (3, "query", "3 queries"),
        (2, "day", "2 days"),
        (1, "query", "1 query"),
    ],
)
def test_counts_have_their_plural(count: int, noun: str, said: str) -> None:
    """One of a thing is no plural, none and many are."""
    assert how_many(count, noun) == said
