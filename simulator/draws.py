"""Seeded chance: what a request draws depends on the seed, the purpose and the request's key, and on nothing else."""

from __future__ import annotations

import random
from hashlib import blake2b

_STEPS = 1 << 52  # with half a step added every value is exact, and neither 0 nor 1


class Draws:
    """The sequence of one request for one purpose; the same seed, purpose and key give the same sequence on every machine."""

    def __init__(self, seed: int, purpose: str, key: str) -> None:
        digest = blake2b(f"{seed}/{purpose}/{key}".encode(), digest_size=8).digest()
        self._source = random.Random(int.from_bytes(digest))  # noqa: S311 - repeatable chance is the purpose

    def share(self) -> float:
        """A number in the open interval (0, 1)."""
        return (self._source.getrandbits(52) + 0.5) / _STEPS

    def shares(self, count: int) -> list[float]:
        """The next `count` numbers in (0, 1)."""
        bits = self._source.getrandbits
        return [(bits(52) + 0.5) / _STEPS for _ in range(count)]

    def below(self, count: int) -> int:
        """A whole number from 0 to `count` - 1."""
        return int(self.share() * count)
