"""The witness beside a measurement: what it calls busy, and that it looks at all."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.e2e.witness import LOOK_SECONDS, Witness


def test_a_witness_looks_while_it_is_entered() -> None:
    """It has seen something by the time it has looked once, in words too, and looks no more afterwards."""
    before = threading.active_count()
    with Witness() as witness:
        assert threading.active_count() == before + 1
        while not witness.looks:
            threading.Event().wait(0.001)
    assert threading.active_count() == before
    assert "of the processors' time, and a sleep woke" in str(witness)


@pytest.mark.parametrize(
    ("stolen", "lateness", "busy"),
    [
        (None, (), False),
        (0.049, (0.001,) * 99, False),
        (0.05, (0.001,) * 99, True),
        (0.0, (0.001,) * 20_000 + (9.0,) * 2, False),
        (0.0, (0.001,) * 20_000 + (9.0,) * 3, True),
        (0.0, (0.001,) * 400 + (2.0,), True),
        (None, (0.001,) * 90 + (0.1,) * 10, True),
    ],
)
def test_busy_is_a_host_that_takes_or_sleeps_that_last(
    stolen: float | None, lateness: tuple[float, ...], busy: bool
) -> None:
    """A twentieth of the processors' time, one sleep in twenty that lasts twice as long, or a twentieth of the time in long ones; single ones are usual."""
    witness = Witness()
    witness.stolen, witness.looks = stolen, list(lateness)
    assert witness.busy is busy


@given(st.lists(st.floats(0, 5), min_size=1, max_size=12))
def test_lateness_is_that_of_one_moment_in_twenty(lateness: list[float]) -> None:
    """By counting: of all moments of the time, those that a due event would be later at than the figure are a twentieth, or fewer where it is none."""
    witness = Witness()
    witness.looks = lateness
    found = witness._late_at_moments()
    whole = sum(LOOK_SECONDS + late for late in lateness)
    beyond = sum(max(0.0, late - found) for late in lateness)
    if found > 0:
        assert beyond == pytest.approx(0.05 * whole)
    else:
        assert beyond <= 0.05 * whole * (1 + 1e-9)
