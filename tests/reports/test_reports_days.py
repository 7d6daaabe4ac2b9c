"""Days that people write, and moments at the edge of the calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from reports.days import has_begun
from reports.formats import DASH, WIB, wib


@pytest.mark.parametrize("hours", range(-12, 15))
def test_who_signs_today_signs_today(hours: int) -> None:
    """In each time zone of the world, at the first and the last minute of a day, that day has begun."""
    zone = timezone(timedelta(hours=hours))
    for at in (datetime(2026, 11, 21, 0, 0, tzinfo=zone), datetime(2026, 11, 21, 23, 59, tzinfo=zone)):
        assert has_begun(at.date(), at.astimezone(UTC))


def test_a_day_that_has_begun_nowhere_is_in_the_future() -> None:
    """A minute before midnight in the first place, and the day behind the last of the calendar's."""
    first = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    assert has_begun(date(2026, 11, 21), first)
    assert not has_begun(date(2026, 11, 21), first - timedelta(minutes=1))
    assert has_begun(date.max, datetime.max.replace(tzinfo=UTC))
    assert not has_begun(date.max, first)


def test_a_moment_that_jakarta_has_not_is_a_dash() -> None:
    """The last hours of the year 9999 are of the year 10000 there; who forged such a date hears so, and no traceback."""
    last = datetime.max.replace(tzinfo=UTC)
    assert wib(last) == DASH
    assert wib(last - timedelta(hours=8)).endswith(WIB.tzname(None))
