"""Remembers what pure functions made of their latest keys, because the same passages and words come again with every question."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from itertools import islice, repeat
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(dict[K, V], Generic[K, V]):
    """`remembered[key]` makes a value once and gives it again; when there are `most` of them, the oldest quarter is forgotten.

    What is remembered is looked up at the speed of a dictionary. Clients choose most of the keys: without a bound they could fill the
    memory. `keeps` says whether a value is worth its room; without it each one is.
    """

    def __init__(self, make: Callable[[K], V], most: int, keeps: Callable[[V], bool] | None = None) -> None:
        super().__init__()
        self._make = make
        self._most = most
        self._keeps = keeps

    def __missing__(self, key: K) -> V:
        value = self._make(key)
        if self._keeps is None or self._keeps(value):
            self.keep(key, value)
        return value

    def keep(self, key: K, value: V) -> None:
        """Remember what was made of a key already."""
        if len(self) >= self._most:
            self._forget()
        self[key] = value

    def _forget(self) -> None:
        oldest = list(islice(self, max(1, self._most // 4)))
        # Another thread may have forgotten one meanwhile. No loop: as many keys go as come, some twenty with each answer.
        deque(map(self.pop, oldest, repeat(None)), maxlen=0)


def remembered(most: int, longest: int = 2_000) -> Callable[[Callable[[str], V]], Callable[[str], V]]:
    """Let a pure function of a text remember what it made of the latest `most` texts; what is longer than `longest` is made anew."""

    def remembering(make: Callable[[str], V]) -> Callable[[str], V]:
        # The dictionary's own look-up takes the function's place: a call of ours around it would cost seven times as much.
        return _OfTexts(make, most, longest).__getitem__

    return remembering


class _OfTexts(Remembered[str, V]):
    """What was made of texts, but for those that are longer than `longest`."""

    def __init__(self, make: Callable[[str], V], most: int, longest: int) -> None:
        super().__init__(make, most)
        self._longest = longest

    def __missing__(self, key: str) -> V:
        # As above, without the call of it: an answer meets a dozen new texts.
        value = self._make(key)
        if len(key) <= self._longest:
            if len(self) >= self._most:
                self._forget()
            self[key] = value
        return value
