"""The table of verdicts: contract, evidence, and everything that is missing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.spec import Direction, Gate, Kind, Phase, Requirement, Statistic, Unit
from slo.statistics import NOTHING, Interval, Measurement, p95, ratio
from slo.verdict import EXIT_OF_READINESS, EXIT_OF_VERDICT, Readiness, Strength, Verdict, judge, shown


def _gate(
    limit: str,
    *,
    unit: Unit = Unit.SECONDS,
    direction: Direction = Direction.AT_MOST,
    least_n: int = 59,
    strong: bool = False,
    margin: str = "0",
) -> Gate:
    needed = Requirement({(): Decimal(limit)}, {(): least_n}, strong)
    return Gate(
        "g", "A gate", Kind.LATENCY, unit, Statistic.P95, direction, ((),), {Phase.BUILD: needed}, Decimal(margin)
    )


def _share(limit: str, **more: object) -> Gate:
    return _gate(limit, unit=Unit.RATIO, direction=Direction.AT_LEAST, **more)  # type: ignore[arg-type] # passed on


def test_far_under_the_limit_is_a_strong_pass() -> None:
    """A p95 whose upper bound keeps the limit passes on strong evidence."""
    judgement = judge(_gate("4"), (), Phase.BUILD, p95([1.0] * 100))
    assert (judgement.verdict, judgement.strength) == (Verdict.PASS, Strength.STRONG)


def test_close_under_the_limit_is_a_weak_pass() -> None:
    """A value that keeps the limit while its interval crosses it passes on weak evidence, where the phase allows that."""
    samples = [1.0] * 95 + [9.0] * 5
    judgement = judge(_gate("4"), (), Phase.BUILD, p95(samples))
    assert (judgement.verdict, judgement.strength) == (Verdict.PASS, Strength.WEAK)


def test_a_phase_that_asks_for_strength_gets_inconclusive() -> None:
    """The same weak value is INCONCLUSIVE where strong evidence is asked."""
    samples = [1.0] * 95 + [9.0] * 5
    judgement = judge(_gate("4", strong=True), (), Phase.BUILD, p95(samples))
    assert (judgement.verdict, judgement.strength) == (Verdict.INCONCLUSIVE, Strength.WEAK)
    assert judgement.more_needed is None


def test_over_the_limit_fails() -> None:
    """A value over the limit is FAIL; so is one on the very edge of it, from above."""
    assert judge(_gate("4"), (), Phase.BUILD, p95([4.001] * 100)).verdict is Verdict.FAIL
    assert judge(_gate("4"), (), Phase.BUILD, p95([4.0] * 100)).verdict is Verdict.PASS


def test_too_few_good_samples_are_inconclusive() -> None:
    """Fifty fast answers are no p95: INCONCLUSIVE, with the number that is lacking."""
    judgement = judge(_gate("4"), (), Phase.BUILD, p95([1.0] * 50))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.more_needed == 9
    assert judgement.reason == "1 s against at most 4 s, on n = 50; at least 59 are needed"


def test_too_few_bad_samples_are_inconclusive_until_they_are_clear() -> None:
    """A few slow answers prove nothing, until even their lower bound breaks the limit."""
    unclear = Measurement(5.0, 10, Interval(3.0, None, "order-statistics"))
    unbounded = Measurement(5.0, 10, Interval(None, 6.0, "order-statistics"))
    clear = Measurement(5.0, 10, Interval(4.5, None, "order-statistics"))
    assert judge(_gate("4"), (), Phase.BUILD, unclear).verdict is Verdict.INCONCLUSIVE
    assert judge(_gate("4"), (), Phase.BUILD, unbounded).verdict is Verdict.INCONCLUSIVE
    assert judge(_gate("4"), (), Phase.BUILD, clear).verdict is Verdict.FAIL
    assert judge(_gate("4"), (), Phase.BUILD, clear).strength is Strength.STRONG


@pytest.mark.parametrize(
    "nothing",
    [
        NOTHING,
        Measurement(None, 100),
        Measurement(1.0, 0),
        Measurement(5.0, 0, Interval(4.5, 5.5, "order-statistics")),
        Measurement(float("nan"), 100),
        Measurement(float("inf"), 9),
    ],
)
def test_nothing_measured_is_inconclusive(nothing: Measurement) -> None:
    """No value, no samples, or no number is INCONCLUSIVE, never 0 and never a PASS."""
    judgement = judge(_gate("4"), (), Phase.BUILD, nothing)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.more_needed == 59


def test_a_share_without_interval_is_weak() -> None:
    """A value that nobody bounded cannot be strong."""
    judgement = judge(_share("0.95"), (), Phase.BUILD, Measurement(1.0, 100))
    assert (judgement.verdict, judgement.strength) == (Verdict.PASS, Strength.WEAK)


def test_flawless_scenarios_need_fifty_two() -> None:
    """Forty flawless scenarios pass 95 % weakly; strong evidence needs twelve more."""
    judgement = judge(_share("0.95", strong=True, least_n=10), (), Phase.BUILD, ratio(40, 40))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.more_needed == 12
    assert judge(_share("0.95", strong=True, least_n=10), (), Phase.BUILD, ratio(52, 52)).verdict is Verdict.PASS


def test_a_failed_share_is_strong_when_its_whole_interval_is_bad() -> None:
    """90 of 100 breaks 99.9 % for certain."""
    judgement = judge(_share("0.999"), (), Phase.BUILD, ratio(90, 100))
    assert (judgement.verdict, judgement.strength) == (Verdict.FAIL, Strength.STRONG)


@pytest.mark.parametrize(("value", "warned"), [(3.5, False), (3.61, True), (4.0, True)])
def test_the_warning_band_of_a_limit(value: float, warned: bool) -> None:
    """Over 90 % of the time allowed is a warning."""
    judgement = judge(_gate("4", margin="0.1"), (), Phase.BUILD, p95([value] * 100))
    assert judgement.in_warning_band is warned


@pytest.mark.parametrize(("good", "warned"), [(10000, False), (9992, False), (9990, True)])
def test_the_warning_band_of_a_share(good: int, warned: bool) -> None:
    """Over 90 % of the error budget used is a warning: 9 or 10 bad of 10,000 at 99.9 %."""
    judgement = judge(_share("0.999", margin="0.1"), (), Phase.BUILD, ratio(good, 10000))
    assert judgement.in_warning_band is warned


@pytest.mark.parametrize(
    ("good", "n", "warned"), [(9991, 10_000, False), (99_910, 100_000, False), (99_909, 100_000, True)]
)
def test_the_edge_of_a_warning_band_is_no_matter_of_rounding(good: int, n: int, *, warned: bool) -> None:
    """Exactly 90 % of the error budget is not over 90 %, although 1 - 0.9991 is more than 0.0009 in binary."""
    assert judge(_share("0.999", margin="0.1"), (), Phase.BUILD, ratio(good, n)).in_warning_band is warned


def test_the_warning_band_of_a_least_score() -> None:
    """A satisfaction of 4.2 keeps 4.0, and lies within 10 % of it."""
    gate = _gate("4", unit=Unit.SCORE, direction=Direction.AT_LEAST, margin="0.1")
    assert judge(gate, (), Phase.BUILD, Measurement(4.2, 100)).in_warning_band
    assert not judge(gate, (), Phase.BUILD, Measurement(4.5, 100)).in_warning_band


@pytest.mark.parametrize(("value", "warned"), [(3.4, False), (3.5, False), (3.6, True)])
def test_a_warning_of_its_own(value: float, warned: bool) -> None:
    """Where the spec gives the warning as a value, a pass beyond it is in the band."""
    gate = replace(_gate("4"), warning={(): Decimal("3.5")})
    assert judge(gate, (), Phase.BUILD, p95([value] * 100)).in_warning_band is warned


def test_a_cell_that_the_gate_does_not_know() -> None:
    """Judging an unknown cell, or a phase that does not ask, is a mistake of the caller."""
    with pytest.raises(KeyError):
        judge(_gate("4"), (("role", "judge"),), Phase.BUILD, NOTHING)
    with pytest.raises(KeyError):
        judge(_gate("4"), (), Phase.PUBLIC, NOTHING)


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(1, 400), st.booleans(), st.sampled_from(["0.5", "0.95", "0.999", "1"]))
def test_a_pass_always_keeps_contract_and_least_n(good: int, more: int, strong: bool, limit: str) -> None:
    """Whatever the counts: a PASS has its value at or over the contract, on enough events."""
    n = good + more
    judgement = judge(_share(limit, strong=strong), (), Phase.BUILD, ratio(good, n))
    if judgement.verdict is Verdict.PASS:
        assert n >= 59
        assert good / n >= float(limit)
        assert not strong or judgement.strength is Strength.STRONG


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.9997, Unit.RATIO, "99.97 %"),
        (1.0, Unit.RATIO, "100 %"),
        (0.0123, Unit.SECONDS, "12.3 ms"),
        (3.456, Unit.SECONDS, "3.46 s"),
        (5.0, Unit.COUNT, "5"),
    ],
)
def test_values_for_people(value: float, unit: Unit, text: str) -> None:
    """A value is shown with its unit."""
    assert shown(value, unit) == text


def test_every_word_has_an_exit_status() -> None:
    """0 for good, 1 for broken, 3 for unknown, 4 for conditional, 5 for errors."""
    assert EXIT_OF_READINESS == {
        Readiness.GO: 0,
        Readiness.NO_GO: 1,
        Readiness.UNDECIDED: 3,
        Readiness.CONDITIONAL: 4,
    }
    assert EXIT_OF_VERDICT == {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3, Verdict.ERROR: 5}
