"""The witness beside a measurement: what it calls busy, and that it looks at all."""

from __future__ import annotations

import threading

import pytest

from tests.e2e.witness import Witness


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
        (0.0, (0.001,) * 95 + (9.0,) * 4, False),
        (None, (0.001,) * 90 + (0.1,) * 10, True),
    ],
)
def test_busy_is_a_host_that_takes_or_sleeps_that_last(
    stolen: float | None, lateness: tuple[float, ...], busy: bool
) -> None:
    """A twentieth of the processors' time, or one sleep in twenty that lasts twice as long; single long ones are usual."""
    witness = Witness()
    witness.stolen, witness.looks = stolen, list(lateness)
    assert witness.busy is busy
