"""Ids of requests, answers and messages: 128 random bits each, so that nobody guesses one and no two processes give the same."""

from __future__ import annotations

import os
from collections.abc import Callable

_BYTES = 16
_AT_ONCE = 256


class RandomIds:
    """Makes ids out of the system's random bytes, which are drawn for many at a time.

    To ask the system lets go of the interpreter's lock: a question that drew each of its four ids alone would queue four times behind the
    thread that writes. A process that forks must not share one; workers are programs of their own.
    """

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        """Keep where the bytes come from: `random` gives so many."""
        self._random = random
        self._left: list[str] = []

    def __call__(self) -> str:
        """An id of 32 hexadecimal digits."""
        if not self._left:
            digits = self._random(_BYTES * _AT_ONCE).hex()
            self._left = [digits[at : at + 2 * _BYTES] for at in range(0, len(digits), 2 * _BYTES)]
        return self._left.pop()
