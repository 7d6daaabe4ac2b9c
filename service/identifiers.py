"""Ids of requests, answers and messages: the millisecond in which they were made, and 80 random bits, so that nobody guesses one and no two processes give the same.

Rows that are kept together stand together in every index by id. Ids without an order touch another page of each index for each row, and each of
these pages is written to the log and brought into the file: eight pages an answer instead of four where thirty answers share a commit.
"""

from __future__ import annotations

import os
from collections.abc import Callable

_MOMENT_BITS = 48
"""Of milliseconds since the epoch: enough until the year 10889 (the same as UUIDs of version 7 have, RFC 9562)."""
_RANDOM_BYTES = 10
_AT_ONCE = 256


class OrderedIds:
    """Makes ids out of the time and the system's random bytes, which are drawn for many at a time.

    To ask the system lets go of the interpreter's lock: a question that drew each of its four ids alone would queue four times behind the
    thread that writes. A process that forks must not share one; workers are programs of their own.
    """

    def __init__(self, clock: Callable[[], float], random: Callable[[int], bytes] = os.urandom) -> None:
        """Keep what ids are made of.

        Args:
            clock: seconds since the epoch; one that is set back only costs the order.
            random: gives so many bytes.
        """
        self._clock = clock
        self._random = random
        self._left: list[str] = []

    def __call__(self) -> str:
        """An id of 32 hexadecimal digits: 12 of the moment, 20 random ones."""
        if not self._left:
            digits = self._random(_RANDOM_BYTES * _AT_ONCE).hex()
            self._left = [digits[at : at + 2 * _RANDOM_BYTES] for at in range(0, len(digits), 2 * _RANDOM_BYTES)]
        moment = int(self._clock() * 1000) & ((1 << _MOMENT_BITS) - 1)
        return f"{moment:012x}{self._left.pop()}"
