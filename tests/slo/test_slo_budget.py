"""Burn-rate arithmetic and quantities, against the workbook's numbers."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.budget import burn_rate_factor, detection_seconds, firing_ratio
from slo.load import SPECS_FOLDER, load_spec, load_windows
from slo.quantities import format_duration, format_number, format_ratio, parse_duration, parse_ratio
from slo.spec import SLO, Direction, RatioSLI, Severity, TimeSliceSLI, Window

MONTH = Decimal(30 * 86400)


@cache
def _slo(slo_id: str) -> SLO:
    return load_spec(SPECS_FOLDER / "courtsight.yaml").slo(slo_id)


def test_the_factors_are_the_workbooks() -> None:
    """Over 30 days the four pairs of windows burn at 14.4, 6, 3 and 1 times the budget."""
    assert [burn_rate_factor(window, MONTH) for window in load_windows()] == [
        Decimal("14.4"),
        Decimal(6),
        Decimal(3),
        Decimal(1),
    ]


def test_the_windows_are_the_workbooks() -> None:
    """Long and short windows, `for` and severity, as the workbook and kubernetes-mixin have them."""
    table = [(w.severity, w.long / 3600, w.short / 60, w.hold / 60) for w in load_windows()]
    assert table == [
        (Severity.PAGE, 1, 5, 2),
        (Severity.PAGE, 6, 30, 15),
        (Severity.TICKET, 24, 120, 60),
        (Severity.TICKET, 72, 360, 180),
    ]


def test_the_fastest_alert_fires_above_fourteen_budgets() -> None:
    """At 99.9 % the page fires above an error ratio of 1.44 %."""
    assert firing_ratio(_slo("availability"), load_windows()[0]) == Decimal("0.0144")


def test_a_total_outage_is_found_late_at_95_percent() -> None:
    """At 95 % a total outage takes 43.2 minutes of the one-hour window, and then `for`."""
    seconds = detection_seconds(_slo("ttft"), load_windows()[0], Decimal(1))
    assert seconds == Decimal("43.2") * 60 + 120


def test_a_total_outage_is_found_soon_at_three_nines() -> None:
    """At 99.9 % a total outage takes 51.84 seconds of the one-hour window, and then `for`."""
    assert detection_seconds(_slo("availability"), load_windows()[0], Decimal(1)) == Decimal("51.84") + 120


def test_a_trickle_of_errors_never_fires() -> None:
    """An error ratio at or under the threshold has no time of detection."""
    assert detection_seconds(_slo("availability"), load_windows()[0], Decimal("0.0144")) is None


def test_time_slices_are_bad_as_a_whole() -> None:
    """Of 48 quarters of an hour over 9 % is five: 75 minutes, where a share of the time would be 64.8; never more than there are."""
    base = _slo("availability")
    assert isinstance(base.sli, RatioSLI)
    slices = replace(
        base,
        sli=TimeSliceSLI(Decimal(900), base.sli, Direction.AT_LEAST, Decimal("0.99")),
        objective=Decimal("0.99"),
        window=90 * Decimal(86400),
    )
    window = Window(Severity.PAGE, Decimal("0.05"), Decimal(43200), Decimal(3600), Decimal(900))
    assert firing_ratio(slices, window) == Decimal("0.09")
    assert detection_seconds(slices, window, Decimal(1)) == 75 * 60 + 900
    assert detection_seconds(slices, window, Decimal("0.0901")) == 43200 + 900
    assert detection_seconds(slices, window, Decimal("0.09")) is None


def test_a_loose_objective_cannot_fire() -> None:
    """At 90 % the fastest window would need more errors than there are requests."""
    loose = replace(_slo("ttft"), objective=Decimal("0.9"))
    assert firing_ratio(loose, load_windows()[0]) > 1
    assert detection_seconds(loose, load_windows()[0], Decimal(1)) is None


@pytest.mark.parametrize(
    ("text", "value"), [("99.9%", "0.999"), ("0%", "0"), ("100%", "1"), (" 95 % ", "0.95"), ("0.001%", "0.00001")]
)
def test_percents_are_exact(text: str, value: str) -> None:
    """99.9 % is 0.999 and nothing near it."""
    assert parse_ratio(text) == Decimal(value)


@pytest.mark.parametrize("text", ["99.9", "", "%", "abc%", "101%", "-1%", "NaN%", "Infinity%", "0.999"])
def test_what_is_no_percent(text: str) -> None:
    """A number without its sign, outside 0 to 100, or no number at all is refused."""
    with pytest.raises(ValueError, match=r"no percent|outside"):
        parse_ratio(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", "0.5"), ("4s", "4"), ("1m30s", "90"), ("30d", "2592000"), ("1w", "604800"), ("0.5h", "1800")],
)
def test_durations_as_people_write_them(text: str, seconds: str) -> None:
    """Units add up to seconds."""
    assert parse_duration(text) == Decimal(seconds)


@pytest.mark.parametrize("text", ["", "4", "4 x", "0s", "-4s", "1y", "s", "4s!", "1e3s"])
def test_what_is_no_duration(text: str) -> None:
    """A number without unit, an unknown unit, nothing, or no time at all is refused."""
    with pytest.raises(ValueError, match=r"no duration|longer than nothing"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [("300", "5m"), ("0.5", "500ms"), ("90", "90s"), ("259200", "3d"), ("3600", "1h")]
)
def test_durations_as_prometheus_writes_them(seconds: str, text: str) -> None:
    """The largest unit that divides evenly."""
    assert format_duration(Decimal(seconds)) == text


@pytest.mark.parametrize("seconds", ["0", "-1", "0.0005"])
def test_durations_that_prometheus_lacks(seconds: str) -> None:
    """Nothing, less than nothing, and parts of a millisecond cannot be written."""
    with pytest.raises(ValueError, match="cannot be written"):
        format_duration(Decimal(seconds))


@settings(deadline=None)
@given(st.integers(1, 10**9))
def test_durations_come_back(milliseconds: int) -> None:
    """A duration written and read again is the same."""
    seconds = Decimal(milliseconds) / 1000
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("value", "text"), [("14.40", "14.4"), ("60", "60"), ("0.001", "0.001"), ("1E+2", "100"), ("0", "0")]
)
def test_numbers_are_plain(value: str, text: str) -> None:
    """No exponent and no trailing zeros."""
    assert format_number(Decimal(value)) == text


@settings(deadline=None)
@given(st.decimals(min_value=0, max_value=1, places=6))
def test_ratios_come_back(value: Decimal) -> None:
    """A ratio written and read again is the same."""
    assert parse_ratio(format_ratio(value)) == value
