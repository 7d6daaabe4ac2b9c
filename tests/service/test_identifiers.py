"""Ids that nobody guesses, and that stand in the order of time."""

from __future__ import annotations

import os
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from service.identifiers import OrderedIds


def test_ids_are_distinct_over_several_draws() -> None:
    """A thousand ids of one moment, out of several draws of random bytes, are a thousand different ones of 32 hexadecimal digits."""
    asked: list[int] = []

    def random(size: int) -> bytes:
        asked.append(size)
        return os.urandom(size)

    ids = OrderedIds(lambda: 1_800_000_000.0, random)
    made = [ids() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in made)
    assert len(asked) > 1


def test_every_random_byte_is_used_once() -> None:
    """The ids of one draw hold exactly its bytes behind the moment: none is given twice, and none is made of anything else."""
    draw = os.urandom(10 * 256)
    ids = OrderedIds(lambda: 1_800_000_000.0, lambda _size: draw)
    assert sorted(ids()[12:] for _ in range(256)) == sorted(draw[at : at + 10].hex() for at in range(0, len(draw), 10))


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, max_size=20, unique=True))
def test_ids_stand_in_the_order_of_time(moments: list[int]) -> None:
    """What was made in a later millisecond sorts behind what was made before, whatever the random bits say."""
    moments.sort()
    told = iter(moments)
    ids = OrderedIds(lambda: next(told) / 1000 + 0.0001, os.urandom)
    assert all(one < other for one, other in pairwise([ids() for _ in moments]))


@given(st.floats(-1e12, 1e15))
def test_a_clock_that_is_wrong_still_gives_ids(seconds: float) -> None:
    """Before the epoch, or far behind it: an id keeps its form, and its random bits."""
    draw = os.urandom(10 * 256)
    made = OrderedIds(lambda: seconds, lambda _size: draw)()
    assert len(made) == 32
    assert bytes.fromhex(made)[6:] == draw[-10:]
