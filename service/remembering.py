"""Remembers what pure functions made of their latest keys, because the same passages and words come again with every question."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from itertools import islice
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
            if len(self) >= self._most:
                for old in list(islice(self, max(1, self._most // 4))):
                    del self[old]
            self[key] = value
        return value


def remembered(most: int, longest: int = 2_000) -> Callable[[Callable[[str], V]], Callable[[str], V]]:
    """Let a pure function of a text remember what it made of the latest `most` texts; what is longer than `longest` is made anew."""

    def remembering(make: Callable[[str], V]) -> Callable[[str], V]:
        known = lru_cache(maxsize=most)(make)

        @wraps(make)
        def look(text: str) -> V:
            return known(text) if len(text) <= longest else make(text)

        return look

    return remembering
