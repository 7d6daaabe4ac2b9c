"""Intervals and sample sizes, against numbers worked out elsewhere."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.statistics import (
    NOTHING,
    Interval,
    Measurement,
    contradiction,
    extreme,
    least_n_flawless,
    least_n_for_quantile,
    mean,
    p95,
    quantile,
    ratio,
    wilson_interval,
)

SAMPLES = st.lists(st.floats(min_value=0, max_value=1e6, allow_nan=False), min_size=1, max_size=120)


@pytest.mark.parametrize(
    ("value", "n", "interval", "said"),
    [
        (3.0, 80, Interval(4.5, 5.6, "order-statistics"), "below its interval, which begins at 4.5"),
        (6.0, 80, Interval(4.5, 5.6, "order-statistics"), "above its interval, which ends at 5.6"),
        (0.955, 20, wilson_interval(19, 20), "no whole number of events"),
        (1.5, 20, Interval(None, None, "wilson"), "no whole number of events"),
        (0.95, 200, wilson_interval(19, 20), "not that of 190 good events of 200"),
        (0.95, 20, Interval(0.9, None, "wilson"), "not that of 19 good events of 20"),
    ],
)
def test_a_measurement_may_contradict_itself(value: float, n: int, interval: Interval, said: str) -> None:
    """A value outside its bounds, a share of no whole number of events, and bounds of other events are told."""
    assert said in contradiction(Measurement(value, n, interval))


@settings(deadline=None)
@given(n=st.integers(min_value=1, max_value=10**6), share=st.floats(min_value=0, max_value=1))
def test_what_we_measure_does_not_contradict_itself(n: int, share: float) -> None:
    """Every share, quantile, mean and extreme that these functions make agrees with its own bounds."""
    samples = [share * (1 + step) for step in range(min(n, 200))]
    made = [
        ratio(round(share * n), n),
        p95(samples),
        mean(samples, resamples=20),
        extreme(samples, largest=True),
        NOTHING,
    ]
    assert [contradiction(one) for one in made] == [""] * len(made)


def test_wilson_of_38_in_40() -> None:
    """The textbook case: 38 of 40 is 0.835 to 0.986 with both sides together at 95 %."""
    interval = wilson_interval(38, 40, sides=2)
    assert interval.lower == pytest.approx(0.835, abs=5e-4)
    assert interval.upper == pytest.approx(0.986, abs=5e-4)


def test_one_sided_bounds_are_nearer() -> None:
    """Each bound alone at 95 % lies inside the interval whose bounds share the 5 %."""
    one, two = wilson_interval(38, 40), wilson_interval(38, 40, sides=2)
    assert one.lower is not None
    assert one.upper is not None
    assert two.lower is not None
    assert two.upper is not None
    assert two.lower < one.lower < 38 / 40 < one.upper < two.upper


def test_wilson_at_the_ends() -> None:
    """No failures bound the share by 1 from above, no successes by 0 from below, nothing by nothing."""
    assert wilson_interval(10, 10).upper == 1.0
    assert wilson_interval(0, 10).lower == 0.0
    assert wilson_interval(0, 0).lower is None
    assert wilson_interval(0, 0).upper is None


@pytest.mark.parametrize(("successes", "n"), [(-1, 10), (11, 10), (1, 0)])
def test_counts_that_make_no_share(successes: int, n: int) -> None:
    """More successes than events, or fewer than none, is a mistake of the caller."""
    with pytest.raises(ValueError, match="is no share"):
        wilson_interval(successes, n)


@settings(deadline=None)
@given(st.integers(1, 5000), st.data())
def test_wilson_holds_the_share_inside(n: int, data: st.DataObject) -> None:
    """The bounds lie around the share and between 0 and 1."""
    successes = data.draw(st.integers(0, n))
    interval = wilson_interval(successes, n)
    assert interval.lower is not None
    assert interval.upper is not None
    assert 0 <= interval.lower <= successes / n + 1e-12
    assert successes / n - 1e-12 <= interval.upper <= 1


def test_no_events_are_no_ratio() -> None:
    """A share of no events has no value; it is not 0 and not 1."""
    assert ratio(0, 0) == NOTHING
    assert ratio(0, 0).value is None
    assert ratio(3, 4).value == 0.75


@pytest.mark.parametrize(("q", "n"), [(0.95, 59), (0.99, 299), (0.999, 2995)])
def test_fewest_samples_that_bound_a_quantile(q: float, n: int) -> None:
    """1 - q^n reaches 95 % first at these n: 59, 299 and 2,995."""
    assert least_n_for_quantile(q) == n
    assert 1 - q**n >= 0.95 > 1 - q ** (n - 1)


@pytest.mark.parametrize(("n", "bounded"), [(58, False), (59, True)])
def test_the_p95_is_bounded_from_59_samples(n: int, bounded: bool) -> None:
    """58 samples give no upper bound of a p95, 59 give their largest."""
    interval = p95([float(step) for step in range(1, n + 1)]).interval
    assert interval is not None
    assert (interval.upper is not None) is bounded
    assert interval.upper == (59.0 if bounded else None)


def test_flawless_events_that_show_95_percent() -> None:
    """52 flawless scenarios show 95 % with one-sided confidence; 51 do not."""
    assert least_n_flawless(0.95) == 52
    for n, shown in ((52, True), (51, False)):
        lower = wilson_interval(n, n).lower
        assert lower is not None
        assert (lower >= 0.95) is shown


@pytest.mark.parametrize("objective", [0.0, 1.0, 1.5])
def test_no_number_of_events_shows_certainty(objective: float) -> None:
    """An objective of 100 % is not shown by any number of events."""
    with pytest.raises(ValueError, match="no number of events"):
        least_n_flawless(objective)


def test_the_p95_is_the_nearest_rank() -> None:
    """The p95 of 1 to 100 is 95, an observed value, whatever the order of the samples."""
    samples = [float(step) for step in range(1, 101)]
    random.Random(1).shuffle(samples)
    measurement = p95(samples)
    assert measurement.value == 95.0
    assert measurement.n == 100
    assert measurement.interval is not None
    assert measurement.interval.lower == 91.0
    assert measurement.interval.upper == 99.0


def test_the_p95_of_one_sample() -> None:
    """One sample is its own p95 and bounds it on no side from above."""
    measurement = p95([2.0])
    assert measurement.value == 2.0
    assert measurement.interval is not None
    assert measurement.interval.upper is None


def test_the_order_statistic_bounds_match_the_binomial() -> None:
    """For n = 100 the bounds' ranks are the ones that the exact binomial distribution gives."""

    def at_most(k: int) -> float:
        return sum(math.comb(100, i) * 0.95**i * 0.05 ** (100 - i) for i in range(k + 1))

    upper = next(k for k in range(1, 101) if at_most(k - 1) >= 0.95)
    lower = max(k for k in range(1, 101) if 1 - at_most(k - 1) >= 0.95)
    interval = p95([float(step) for step in range(1, 101)]).interval
    assert interval is not None
    assert (interval.lower, interval.upper) == (float(lower), float(upper))


@settings(deadline=None)
@given(SAMPLES, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_a_quantile_is_observed_and_inside_its_bounds(samples: list[float], q: float) -> None:
    """The value is one of the samples and lies between its bounds; repeating the call changes nothing."""
    measurement = quantile(samples, q)
    assert measurement.value in samples
    assert measurement.interval is not None
    if measurement.interval.lower is not None:
        assert measurement.interval.lower <= measurement.value
    if measurement.interval.upper is not None:
        assert measurement.interval.upper >= measurement.value
    assert quantile(samples, q) == measurement


@pytest.mark.parametrize("q", [0.0, 1.0, -0.1, 95.0])
def test_a_quantile_lies_inside_zero_and_one(q: float) -> None:
    """95 is no quantile; 0.95 is."""
    with pytest.raises(ValueError, match="is no quantile"):
        quantile([1.0], q)


def test_nothing_measured_has_no_statistic() -> None:
    """No samples have no quantile, mean or extreme, and n = 0."""
    assert quantile([], 0.5) == NOTHING
    assert mean([]) == NOTHING
    assert extreme([], largest=True) == NOTHING


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_samples_must_be_numbers(bad: float) -> None:
    """A sample that is no finite number is refused instead of vanishing in a mean."""
    for statistic in (p95, mean, lambda samples: extreme(samples, largest=True)):
        with pytest.raises(ValueError, match="not a finite number"):
            statistic([1.0, bad])


def test_the_bootstrap_repeats() -> None:
    """The same samples and seed give the same bounds; they lie around the mean."""
    samples = [float(step % 7) for step in range(50)]
    measurement = mean(samples, seed=3)
    assert measurement == mean(list(reversed(samples)), seed=3)
    assert measurement.interval is not None
    assert measurement.interval.method == "bootstrap"
    assert measurement.interval.lower is not None
    assert measurement.interval.upper is not None
    assert measurement.interval.lower < (measurement.value or 0) < measurement.interval.upper


def test_many_samples_take_the_normal_bounds() -> None:
    """Over 2,000 samples the normal bounds stand in for the bootstrap: mean plus and minus 1.645 standard errors."""
    measurement = mean([0.0, 1.0] * 1250)
    assert measurement.interval is not None
    assert measurement.interval.method == "normal"
    assert measurement.interval.lower == pytest.approx(0.5 - 1.6449 * 0.5001 / 50, abs=1e-5)
    assert measurement.interval.upper == pytest.approx(0.5 + 1.6449 * 0.5001 / 50, abs=1e-5)


def test_a_single_sample_has_no_interval() -> None:
    """The mean of one sample is that sample, and says nothing about its own spread."""
    measurement = mean([4.0])
    assert measurement.value == 4.0
    assert measurement.interval is not None
    assert measurement.interval.lower is None
    assert measurement.interval.upper is None


def test_extremes_bound_themselves() -> None:
    """The largest and the smallest sample are what they are."""
    assert extreme([3.0, 1.0, 2.0], largest=True).value == 3.0
    assert extreme([3.0, 1.0, 2.0], largest=False).value == 1.0
