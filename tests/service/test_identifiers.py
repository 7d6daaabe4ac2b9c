"""Ids that nobody guesses."""

from __future__ import annotations

import os

from service.identifiers import RandomIds


def test_ids_are_distinct_over_several_draws() -> None:
    """A thousand ids, out of several draws of random bytes, are a thousand different ones of 32 hexadecimal digits."""
    asked: list[int] = []

    def random(size: int) -> bytes:
        asked.append(size)
        return os.urandom(size)

    ids = RandomIds(random)
    made = [ids() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in made)
    assert len(asked) > 1


def test_every_random_byte_is_used_once() -> None:
    """The ids of one draw hold exactly its bytes: none is given twice, and none is made of anything else."""
    draw = os.urandom(16 * 256)
    ids = RandomIds(lambda _size: draw)
    assert sorted(ids() for _ in range(256)) == sorted(draw[at : at + 16].hex() for at in range(0, len(draw), 16))
