"""Days that people write by hand: they mean the day where they are, and do not say where that is."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

_EARLIEST = timedelta(hours=14)
"""The first place with a new day: Kiribati's Line Islands (UTC+14 in the tz database)."""


def has_begun(day: date, at: datetime) -> bool:
    """Whether a day has begun anywhere: who signs in Jakarta before seven in the morning writes a day that UTC has not reached."""
    # By differences: the last day of the calendar has none behind it.
    return datetime.combine(day, time(), UTC) - at <= _EARLIEST
