"""The cases of one pair of windows: on which side of the limit each tells its traffic, for any objective."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import cases
from alerts.subjects import subject_of
from alerts.tests_for import step_for
from alerts.traffic import Counter, InputSeries
from slo.budget import detection_seconds, firing_ratio
from slo.load import SPECS_FOLDER, load_spec, load_windows
from slo.spec import Spec, Window

MINUTE = Decimal(60)
STANDARD = load_windows()
PROOF = load_spec(SPECS_FOLDER / "proof.yaml")


@given(millionths=st.integers(min_value=1, max_value=999_999), pair=st.integers(min_value=0, max_value=3))
def test_the_looks_lie_on_both_sides_of_the_prediction(spec: Spec, millionths: int, pair: int) -> None:
    """For any objective, silence is asked before the predicted moment and firing within one evaluation after it."""
    slo = replace(spec.slo("availability"), objective=1 - Decimal(millionths) / 1_000_000)
    window = STANDARD[pair]
    step = step_for(window)
    story = cases.fire(subject_of(spec, slo), window, step)
    if firing_ratio(slo, window) >= 1:
        assert not any(look.samples for look in story.looks)
        return
    before, firing, *held, cleared = story.looks
    assert not cleared.samples
    assert all(look.samples and firing.at < look.at < cleared.at for look in held)
    wanted = firing_ratio(slo, window) * window.long / ((int(window.long / step / 4) + Decimal("0.5")) * step)
    ratio = min(Decimal(1), wanted.quantize(Decimal(1) / cases.events_for(firing_ratio(slo, window))))
    predicted = detection_seconds(slo, window, ratio)
    assert predicted is not None
    assert not before.samples
    assert before.at < window.long + predicted
    # Neither a total outage nor a ratio of few millionths can be chosen so that it does not matter which ends of a range of samples count.
    bad, more = (int(firing_ratio(slo, window) * among / ratio / step) for among in (window.long, window.long + step))
    late = 2 if window.long > 3600 and more > bad else 1
    assert window.long + predicted < firing.at <= window.long + predicted + late * step
    assert firing.samples


def increments(entry: InputSeries) -> list[int]:
    """What a made-up counter without gaps grows by, minute by minute."""
    totals: list[int] = []
    for part in entry.values.split():
        first, _, rest = part.partition("+")
        step, _, times = rest.partition("x")
        totals += [int(first) + int(step or 0) * count for count in range(int(times or 0) + 1)]
    return [after - before for before, after in pairwise(totals)]


@pytest.mark.parametrize("slo_id", ["answered", "in-time", "taken", "lenient", "monthly", "regional"])
def test_a_short_spike_spends_the_same_whether_or_not_a_range_holds_its_left_end(slo_id: str) -> None:
    """Over a window with its first minute (Prometheus 2) and without (3) the spike is 99 % of the limit, and no more an evaluation later."""
    subject = subject_of(PROOF, PROOF.slo(slo_id))
    for window in (window for window in subject.slo.windows if window.long <= 3600):
        story = cases.spike(subject, window, MINUTE)
        grown = {entry.series: increments(entry) for entry in story.series}
        counters = [source for source in subject.sources if isinstance(source, Counter)]
        good, bad = ([grown[one.series] for one in counters if one.bad is kind] for kind in (False, True))
        every = next((grown[one.series] for one in counters if one.bad is None), None)
        limit, long = firing_ratio(subject.slo, window), int(window.long / MINUTE)
        for number, end in enumerate(int(look.at / MINUTE) for look in story.looks[:2]):
            for start in (end - long, end - long + 1):
                right = sum(sum(one[start:end]) for one in good)
                valid = sum(every[start:end]) if every else right + sum(sum(one[start:end]) for one in bad)
                ratio = Decimal(valid - right) / valid
                assert ratio <= limit * Decimal("0.99") + Decimal("0.00001"), (window, end, start)
                assert number or ratio > limit * Decimal("0.985"), (window, end, start)


@pytest.mark.parametrize(("long", "short"), [(120, 60), (300, 60), (360, 60), (420, 60), (450, 90), (2730, 300)])
def test_a_short_spike_fits_into_windows_of_any_length(long: int, short: int) -> None:
    """Windows of few minutes, and such that are no whole minutes: the story lasts as long as they do, and ends clean."""
    lenient = PROOF.slo("lenient")
    window = replace(lenient.windows[0], long=Decimal(long), short=Decimal(short))
    story = cases.spike(subject_of(PROOF, replace(lenient, windows=(window,))), window, MINUTE)
    for entry in story.series:
        grown = increments(entry)
        assert min(grown) >= 0
        assert len(grown) * 60 >= long + 3 * 60


@pytest.mark.parametrize("objective", ["0.99999", "0.999999", "0.99999999"])
@pytest.mark.parametrize("pair", range(4))
def test_one_percent_is_made_up_at_any_objective(spec: Spec, objective: str, pair: int) -> None:
    """At five nines a percent over the limit of three days is a tenth of an event in a million: there are as many as it takes, and none is rounded away."""
    slo = replace(spec.slo("availability"), objective=Decimal(objective))
    window, subject = STANDARD[pair], subject_of(spec, slo)
    limit, step = firing_ratio(slo, window), step_for(window)
    shares = {}
    for tell in (cases.just_over, cases.calm_again, cases.fire):
        story = tell(subject, window, step)
        grown = {entry.series: increments(entry) for entry in story.series}
        counters = [source for source in subject.sources if isinstance(source, Counter)]
        good, bad = (next(grown[one.series] for one in counters if one.bad is kind) for kind in (False, True))
        shares[tell.__name__] = [Decimal(ill) / (ill + well) / limit for well, ill in zip(good, bad, strict=True)]
    assert min(shares["just_over"]) > Decimal("1.005")
    assert Decimal("0.98") < shares["calm_again"][-minutes_of(step) - 1] < Decimal("0.995")
    assert max(shares["fire"]) > 1


def minutes_of(step: Decimal) -> int:
    return int(step / MINUTE)


def test_few_bad_events_among_enough_must_fire(spec: Spec) -> None:
    """`least_events` counts valid events: in a minute with twice as many, of which fewer are bad, the alert is expected to fire."""
    slo = replace(spec.slo("availability"), least_events=60)
    story = cases.few_bad(subject_of(spec, slo), STANDARD[0], Decimal(60))
    assert story is not None
    assert [bool(look.samples) for look in story.looks] == [True]
    late = replace(STANDARD[0], short=Decimal(120))
    trickle = cases.few_bad(subject_of(spec, slo), late, Decimal(60))
    assert trickle is not None
    assert any(entry.values.endswith("+1x3") for entry in trickle.series)
    lenient = replace(slo, objective=Decimal("0.95"))
    assert cases.few_bad(subject_of(spec, lenient), STANDARD[0], Decimal(60)) is None


def test_just_over_is_silent_where_one_percent_more_is_more_than_all(spec: Spec) -> None:
    """At a limit of 99.36 % one percent more than it does not exist, so nothing is expected to fire."""
    slo = replace(spec.slo("availability"), objective=Decimal("0.931"))
    assert firing_ratio(slo, STANDARD[0]) == Decimal("0.9936")
    assert not cases.just_over(subject_of(spec, slo), STANDARD[0], MINUTE).looks[0].samples


@given(millionths=st.integers(min_value=200, max_value=700_000), pair=st.integers(min_value=0, max_value=3))
def test_a_spike_spends_just_less_than_what_fires(spec: Spec, millionths: int, pair: int) -> None:
    """For any objective the spike stays one percent under the long window's limit, and is a share of events that exists."""
    slo = replace(spec.slo("availability"), objective=1 - Decimal(millionths) / 1_000_000)
    window = STANDARD[pair]
    limit = min(Decimal(1), firing_ratio(slo, window))
    good, bad = map(increments, cases.spike(subject_of(spec, slo), window, step_for(window)).series)
    assert min(good) >= 0
    assert min(bad) >= 0
    end = max(minute for minute, grown in enumerate(bad, start=1) if grown)
    seen = slice(max(0, end - int(window.long / 60)), end)
    assert sum(bad[seen]) <= Decimal("0.9901") * limit * sum(map(sum, zip(good[seen], bad[seen], strict=True)))


@given(millionths=st.integers(min_value=200, max_value=900_000), pair=st.integers(min_value=0, max_value=3))
def test_a_burst_after_calm_is_seen_in_the_next_evaluation(spec: Spec, millionths: int, pair: int) -> None:
    """Silent under the limit, and pending one evaluation later, where a burst stands clear of the limit."""
    slo = replace(spec.slo("availability"), objective=1 - Decimal(millionths) / 1_000_000)
    window = STANDARD[pair]
    step = step_for(window)
    looks = cases.calm_again(subject_of(spec, slo), window, step).looks
    assert not looks[0].samples
    seen = [look for look in looks if look.expr == looks[0].expr and look.samples]
    assert [look.at - looks[0].at for look in seen] in ([step], [])
    assert bool(seen) or firing_ratio(slo, window) > Decimal("0.5")
    assert not seen or firing_ratio(slo, window) < 1
    assert all('alertstate="pending"' in look.samples[0].series for look in seen)


def test_a_burst_of_slices_is_told_where_one_of_them_decides() -> None:
    """At 99 % the first bad slice after a calm time is over the limit of six hours; at five minutes fewer than one may be bad, and nothing is asked."""
    fresh = PROOF.slo("fresh")
    fast, _, _, slow = sorted(fresh.windows, key=lambda window: window.long)

    def bursts(window: Window) -> int:
        looks = cases.calm_again(subject_of(PROOF, fresh), window, step_for(window)).looks
        return sum(bool(look.samples) for look in looks)

    assert (bursts(fast), bursts(slow)) == (0, 1)


def test_half_of_the_window_is_clean_before_a_spike_of_time() -> None:
    """Means over minutes blur a spike of time, so more of the window is seen before it than before a spike of events."""
    window = next(one for one in PROOF.slo("reached").windows if one.long == 6 * 3600)
    ends = [
        cases.spike(subject_of(PROOF, PROOF.slo(name)), window, step_for(window)).looks[0].at
        for name in ("reached", "answered")
    ]
    assert [round(end / 3600, 1) for end in ends] == [Decimal("3.1"), Decimal("1.6")]


def test_few_slices_tell_the_factor_to_a_tenth() -> None:
    """For each pair of windows a share of the first slices lies between the limit and a tenth more and is pending, and one under it is silent."""
    subject = subject_of(PROOF, PROOF.slo("fresh"))
    for window in PROOF.slo("fresh").windows:
        story = cases.slices(subject, window, MINUTE)
        assert story is not None
        over, under, *shares = story.looks
        assert all(look.at == over.at and "ratio_rate" in look.expr for look in shares)
        assert any("ratio_rate30d" in look.expr for look in shares)
        bad = round(firing_ratio(subject.slo, window) * (over.at / 60 + 1)) or 1
        assert firing_ratio(subject.slo, window) < Decimal(bad) / int(over.at / 60 + 1)
        assert Decimal(bad) / int(over.at / 60 + 1) < firing_ratio(subject.slo, window) * Decimal("1.1")
        assert bool(over.samples) > bool(under.samples)
        assert Decimal(bad + 1) / int(under.at / 60 + 1) < firing_ratio(subject.slo, window)
    assert cases.slices(subject_of(PROOF, PROOF.slo("answered")), STANDARD[0], MINUTE) is None


def test_few_slices_of_the_short_window_stay_just_under_the_factor() -> None:
    """The long window is over the limit, and of the slices that the short one holds a share over nine tenths of it is bad; five minutes hold too few."""
    subject = subject_of(PROOF, PROOF.slo("fresh"))
    for window in PROOF.slo("fresh").windows:
        story = cases.slices_under(subject, window, MINUTE)
        if window.long == 3600:
            assert story is None
            continue
        assert story is not None
        (age,) = story.series
        well, ill = (int(part.split("x")[1]) + 1 for part in age.values.split()[-2:])
        assert Decimal("0.9") < Decimal(ill) / (well + ill) / firing_ratio(subject.slo, window) < 1
        assert [bool(look.samples) for look in story.looks] == [True, False]


def test_two_groups_never_make_one_alert(spec: Spec) -> None:
    """One group over the limit in the long window and another in the short one is expected to be silence; without groups nothing is asked."""
    slo = replace(spec.slo("availability"), group_by=("region",))
    for window in STANDARD:
        step = step_for(window)
        story = cases.crossed(subject_of(spec, slo), window, step)
        assert story is not None
        long, short, silent = story.looks
        assert [sample.value for sample in long.samples] == ["1", "0"]
        assert [sample.value for sample in short.samples] == ["0", "1"]
        assert not silent.samples
    assert cases.crossed(subject_of(spec, spec.slo("availability")), STANDARD[0], MINUTE) is None


def test_a_failure_in_little_traffic_comes_after_enough_of_it(spec: Spec) -> None:
    """Under `least_events` there were enough events, all of them before the long window: a guard over twice as long would let the failure speak."""
    slo = replace(spec.slo("availability"), least_events=60)
    window = next(one for one in STANDARD if one.long == 6 * 3600)
    step = step_for(window)
    story = cases.lonely(subject_of(spec, slo), window, step)
    good = next(entry for entry in story.series if 'outcome="ok"' in entry.series)
    _, busy, *_ = good.values.split()
    assert int(busy.split("+")[0]) * (int(busy.split("x")[1]) + 1) >= 60
    ends = (int(busy.split("x")[1]) + 1) * MINUTE
    assert all(look.at - window.long > ends > look.at - 2 * window.long for look in story.looks)
    gone = [entry for entry in story.series if entry.values.endswith("stale")]
    assert len(gone) == 3
    assert all(entry.values == f"120x{int(step / 60)} stale" for entry in gone)
    new = [entry for entry in story.series if 'instance="new"' in entry.series]
    assert len(new) == 2
    assert all(entry.values.endswith(" 120x4") for entry in new)


@pytest.mark.parametrize("pair", range(4))
@pytest.mark.parametrize("least", [2, 3, 5, 10, 11, 40])
def test_the_failures_in_little_traffic_are_fewer_than_the_guard_asks_for(spec: Spec, least: int, pair: int) -> None:
    """However few events `least_events` names, and however long an evaluation step is: as many failures would rightly fire."""
    slo = replace(spec.slo("availability"), least_events=least)
    window = STANDARD[pair]
    story = cases.lonely(subject_of(spec, slo), window, step_for(window))
    bad = [entry for entry in story.series if entry.values.startswith("0 0+0x")]
    failed = sum(sum(increments(entry)) for entry in bad)
    assert 0 < failed < least
    assert any(entry.values.endswith("stale") for entry in story.series)


def test_a_guard_of_one_event_is_none(spec: Spec) -> None:
    """A failure is an event itself, so that under `least_events: 1` it is told as without: among enough good ones."""
    bare = replace(spec.slo("availability"), least_events=0)
    told = cases.lonely(subject_of(spec, bare), STANDARD[0], MINUTE)
    assert cases.lonely(subject_of(spec, replace(bare, least_events=1)), STANDARD[0], MINUTE) == told
