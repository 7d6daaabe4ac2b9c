"""Draws and distributions: seeded, and distributed as they say."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.distributions import Constant, Empirical, Lognormal, instants
from simulator.draws import Draws

SHARES = Draws(7, "timing", "a test").shares(20_000)


def test_a_lognormal_has_its_median_and_sigma() -> None:
    """Of 20,000 draws with median 0.5 s and sigma 0.4, median and spread come out within 2 %."""
    drawn = [Lognormal(0.5, 0.4).quantile(share) for share in SHARES]
    assert statistics.median(drawn) == pytest.approx(0.5, rel=0.02)
    assert statistics.stdev(map(math.log, drawn)) == pytest.approx(0.4, rel=0.02)


def test_the_quantiles_of_a_lognormal_are_those_of_the_normal() -> None:
    """Its 97.5 % quantile is median x exp(1.96 sigma)."""
    assert Lognormal(0.5, 0.4).quantile(0.975) == pytest.approx(0.5 * math.exp(0.4 * 1.959964), rel=1e-6)


def test_a_constant_never_moves() -> None:
    """Every share gives the same seconds."""
    assert {Constant(0.2).quantile(share) for share in SHARES[:100]} == {0.2}


def test_an_empirical_distribution_draws_what_was_measured_as_often() -> None:
    """Only measured values come, each with its own frequency."""
    drawn = [Empirical((0.1, 0.1, 0.1, 0.4)).quantile(share) for share in SHARES]
    assert set(drawn) == {0.1, 0.4}
    assert drawn.count(0.4) / len(drawn) == pytest.approx(0.25, abs=0.01)


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0, 1, exclude_max=True, exclude_min=True))
def test_every_share_has_a_measured_value(seconds: list[float], share: float) -> None:
    """No share in (0, 1) falls outside of an empirical file."""
    assert Empirical(tuple(sorted(seconds))).quantile(share) in seconds


def test_instants_add_gaps_to_the_first_token() -> None:
    """The first token leaves after the first draw, each further one a gap later."""
    assert instants(Constant(0.5), Constant(0.25), [0.1, 0.2, 0.3]) == [0.5, 0.75, 1.0]


@given(st.integers(), st.text(max_size=20))
def test_draws_are_shares_and_repeat(seed: int, key: str) -> None:
    """Every draw lies strictly between 0 and 1, and the same seed and key draw the same."""
    first = Draws(seed, "timing", key).shares(5)
    assert all(0 < share < 1 for share in first)
    again = Draws(seed, "timing", key)
    assert [again.share() for _ in range(5)] == first


def test_seed_purpose_and_key_each_make_another_sequence() -> None:
    """Nothing that a request draws for one purpose moves what it draws for another."""
    sequences = {
        tuple(Draws(*given).shares(3)) for given in [(1, "a", "k"), (2, "a", "k"), (1, "b", "k"), (1, "a", "l")]
    }
    assert len(sequences) == 4


def test_below_reaches_every_number() -> None:
    """A draw below four is each of 0 to 3 in time, and nothing else."""
    draws = Draws(7, "answer", "x")
    assert {draws.below(4) for _ in range(200)} == {0, 1, 2, 3}
