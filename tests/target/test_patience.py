"""When a client waits and tries again."""

from __future__ import annotations

import pytest

from target.patience import asked_to_wait


@pytest.mark.parametrize(
    ("status", "told", "seconds"),
    [
        (429, "0", 0.0),
        (429, " 3 ", 3.0),
        (429, "10", 10.0),
        (429, "11", None),
        (429, None, None),
        (429, "", None),
        (429, "-1", None),
        (429, "1.5", None),
        (429, "Wed, 21 Oct 2026 07:28:00 GMT", None),
        (503, "1", None),
        (200, "1", None),
    ],
)
def test_only_a_short_wait_that_was_asked_for_is_waited(status: int, told: str | None, seconds: float | None) -> None:
    """429 with a few seconds is a queue; a lock-out of minutes, another status or an unreadable word is an answer."""
    assert asked_to_wait(status, told) == seconds
