"""The stories of one SLO beside its windows: births, restarts, single values, and what is recorded of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from alerts import recorded, stories
from alerts.subjects import subject_of
from alerts.traffic import Stretch, scattered
from slo import names
from slo.load import SPECS_FOLDER, load_spec
from slo.spec import Spec

MINUTE = Decimal(60)
PROOF = load_spec(SPECS_FOLDER / "proof.yaml")


def test_a_series_forgotten_by_a_restart_comes_back_as_new(spec: Spec) -> None:
    """Its old count is five times what it has afterwards, and each short window is looked at between the restart and the birth."""
    story = stories.reborn(subject_of(spec, spec.slo("availability")))
    assert story is not None
    assert any(f"{5 * stories.BORN}x" in entry.values and f" {stories.BORN}x" in entry.values for entry in story.series)
    edge = (stories.OLD_MINUTES + stories.ABSENT_MINUTES // 2) * 60
    assert {look.at - edge for look in story.looks} >= {300, 3600}


@pytest.mark.parametrize("slo", ["availability", "ttft"])
def test_a_relabelled_target_shows_its_series_twice(spec: Spec, slo: str) -> None:
    """The old ones end without a mark, the new ones begin far on a minute later, and every short window is still without errors."""
    story = stories.relabelled(subject_of(spec, spec.slo(slo)))
    new = {entry.series: entry.values for entry in story.series if "relabelled" in entry.series}
    old = {entry.series: entry.values for entry in story.series if entry.series not in new}
    assert {name.replace(',relabelled="yes"', "") for name in new} == set(old)
    assert all(values.startswith(f"_x{stories.OLD_MINUTES + 1} ") for values in new.values())
    assert not any("stale" in values for values in old.values())
    zeros = [look.expr for look in story.looks if look.samples and "+ 0" in look.expr]
    assert len(zeros) >= 3


def test_windows_that_reach_no_birth_are_not_asked_about_it(spec: Spec) -> None:
    """With a short window of a minute the proof of right rules failed: when it was looked at, the series was not born yet."""
    slo = spec.slo("availability")
    lengths = map(Decimal, (60, 61, 120, 180))
    windows = tuple(replace(window, short=length) for window, length in zip(slo.windows, lengths, strict=True))
    story = stories.reborn(subject_of(spec, replace(slo, windows=windows)))
    assert story is not None
    edge = (stories.OLD_MINUTES + stories.ABSENT_MINUTES // 2) * MINUTE
    birth = (stories.OLD_MINUTES + stories.ABSENT_MINUTES) * MINUTE
    assert {120, 180} <= {look.at - edge for look in story.looks}
    assert all(look.at >= birth for look in story.looks)


@pytest.mark.parametrize(("window", "known"), [(3600, 0), (4200, 0), (5400, 1), (86400, 1)])
def test_an_slo_window_that_idle_time_empties_keeps_nothing(spec: Spec, window: int, known: int) -> None:
    """After seventy idle minutes a longer window knows what it knew, and a shorter one has nothing to tell."""
    story = stories.idle(subject_of(spec, replace(spec.slo("availability"), window=Decimal(window), windows=())))
    assert sum(bool(look.samples) for look in story.looks) == known


def test_good_events_that_are_forgotten_count_whole_when_they_are_back(spec: Spec) -> None:
    """Before the first bad events no series is missed; the good ones vanish for longer than five minutes and come back with a high count."""
    story = stories.first_errors(subject_of(spec, spec.slo("availability")))
    assert story is not None
    first = story.looks[0]
    assert first.expr == 'ALERTS{sloth_id="courtsight-availability"}'
    assert not first.samples
    assert any(f"stale _x6 {stories.BORN}x" in entry.values for entry in story.series)
    *_, valid = (look for look in story.looks if names.VALID_EVENTS_5M in look.expr)
    assert f"- {3 * stories.BORN})" in valid.expr
    (bad,) = (look for look in story.looks if names.BAD_EVENTS_5M in look.expr)
    assert f"- {2 * stories.BORN})" in bad.expr
    assert valid.at > bad.at


def test_every_value_that_counts_is_born_late_once(spec: Spec) -> None:
    """Of each good and each bad outcome there is a series, so that a rule that forgets one of them where they are born is noticed."""
    story = stories.first_errors(subject_of(spec, spec.slo("availability")))
    assert story is not None
    born = {entry.series: entry.values.split()[-1] for entry in story.series}
    assert len(born) == 5
    assert set(born.values()) == {f"{stories.BORN}x20", f"{stories.BORN}x8"}


def test_a_birth_is_looked_for_in_windows_that_hold_it(spec: Spec) -> None:
    """Three minutes after it a window of three minutes begins with the newborn series, which it cannot tell from an old one; one of five holds the birth."""
    slo = spec.slo("availability")
    short = replace(slo, windows=(replace(slo.windows[0], short=3 * MINUTE),))
    story = stories.first_errors(subject_of(spec, short))
    assert story is not None
    counted = [look.expr for look in story.looks if look.expr.startswith("abs(slo:sli_error")]
    assert [any(f"rate{word}{{" in expr for expr in counted) for word in ("3m", "5m", "1h")] == [False, True, True]


def test_each_value_alone_is_a_series_of_the_sli(spec: Spec) -> None:
    """One value after another is there alone, without a minute between them, and silence is asked of each; a latency has no values."""
    story = stories.each_alone(subject_of(spec, spec.slo("availability")))
    assert story is not None
    assert [entry.values for entry in story.series] == [
        "0x3 stale",
        *(f"_x{4 * turn} 0x3 stale" for turn in range(1, 5)),
    ]
    assert [look.at / 60 for look in story.looks] == [3, 7, 11, 15, 19]
    assert not any(look.samples for look in story.looks)
    assert stories.each_alone(subject_of(spec, spec.slo("ttft"))) is None


def test_every_component_fails_in_its_own_measure() -> None:
    """What is recorded of a composite is looked at while its second component has half the errors of the first: no larger one stands for the sum."""
    subject = subject_of(PROOF, PROOF.slo("whole"))
    stretches = recorded.days_of(subject)
    first, second = (
        recorded.Truth(part, told, MINUTE).ratio(Decimal(3600))
        for part, told in zip(
            subject.components,
            (stretches, tuple(replace(one, error_ratio=one.error_ratio / 2) for one in stretches)),
            strict=True,
        )
    )
    low, high = recorded.Truth(subject, stretches, MINUTE).ratio(Decimal(3600))
    assert float(low) == pytest.approx(float(3 * first[0] + second[0]) / 4)
    assert float(high) == pytest.approx(float(3 * first[1] + second[1]) / 4)
    assert second[1] < first[0]


@pytest.mark.parametrize("slo", ["answered", "regional", "fresh", "reached", "monthly", "lenient"])
def test_the_last_sample_weighs_more_than_the_tolerance(slo: str) -> None:
    """Of the bad events, slices or time that a long window sums, its last sample makes up more than what the tests let pass."""
    subject = subject_of(PROOF, PROOF.slo(slo))
    for stretches, step, length in (
        (recorded.days_of(subject), recorded.SHORT_STEP, Decimal(3 * 86400)),
        (recorded.weeks_of(subject), recorded.LONG_STEP, PROOF.slo(slo).window),
    ):
        truth = recorded.Truth(subject, stretches, step)
        assert truth.end % step == 0
        span = subject.slice or recorded.BASE
        samples = [truth.end - step * number for number in range(int(min(length, truth.end - 1) / step))]
        weights = [truth.sample(at - span, at)[0] for at in samples]
        tolerance = recorded.TOLERANCE if subject.counts else recorded.TIME_TOLERANCE
        assert weights[0] > sum(weights) * tolerance


def test_recorded_values_are_those_of_all_instances_and_of_every_value(spec: Spec) -> None:
    """What is recorded is looked at with three instances, none of which has the error ratio of all, and with each outcome that counts."""
    subject = subject_of(spec, spec.slo("availability"))
    told = "\n".join(entry.series for entry in recorded.recent(subject).series)
    for value in ("ok", "abstained", "refused", "timeout", "error"):
        assert f'outcome="{value}"' in told
    assert {f'instance="instance-{number}"' in told for number in range(3)} == {True}
    shares = [own for (own,) in scattered((Stretch(1, Decimal("0.1")),), 3)]
    assert len({Decimal(own.bad) / own.valid for own in shares}) == 3
