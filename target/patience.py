"""How long a service that is busy asks its client to wait before the same is tried again (RFC 9110, 10.2.3)."""

from __future__ import annotations

import re

TRIES = 5
"""How often the same is asked in all."""
LONGEST_WAIT_SECONDS = 10.0
"""Who asks for more has refused: a lock-out of minutes is no queue."""

_SECONDS = re.compile(r"[0-9]{1,6}")


def asked_to_wait(status: int, retry_after: str | None) -> float | None:
    """Seconds after which to try again; None when the answer does not ask for a wait, or for one that is too long.

    Args:
        status: HTTP status of the answer.
        retry_after: Its `Retry-After`; only seconds are understood, as APIs send them.
    """
    if status != 429 or retry_after is None or not _SECONDS.fullmatch(retry_after.strip()):
        return None
    seconds = float(retry_after)
    return seconds if seconds <= LONGEST_WAIT_SECONDS else None
