"""The arithmetic of the simulation: windows, firing, budgets, events, scores."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.budget import detection_seconds
from slo.simulation.approaches import APPROACHES, approach_spans
from slo.simulation.budgets import month_of
from slo.simulation.courses import courses
from slo.simulation.events import Event
from slo.simulation.firing import Condition, Span, firing, joined
from slo.simulation.history import Grid, History, divided, grid_over, sums
from slo.simulation.replay import significance
from slo.simulation.scoring import score, significant
from slo.spec import CompositeSLI, Direction, RawSLI, Severity, TimeSliceSLI, Window
from tests.slo.simulated import DAY, EACH_MINUTE, EVALUATION, EVENTS, history, minutes, of, slo, spec

COUNTS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.booleans()), min_size=1, max_size=60)


def made(events: list[tuple[int, int, bool]], start: float = 0.0) -> History:
    valid = [math.nan if gap else float(good + bad) for good, bad, gap in events]
    return history(valid, [float(bad) for _, bad, _ in events], start=start)


@given(events=COUNTS, window=st.integers(1, 70), start=st.sampled_from([0.0, 1.7e9]))
def test_windows_by_prefix_sums_are_those_by_brute_force(
    events: list[tuple[int, int, bool]], window: int, start: float
) -> None:
    """At every instant a window holds the events of exactly its minutes, gaps left out."""
    told = made(events, start)
    grid = grid_over({"asked": {(): told}}, 60.0)
    bad, valid = sums(told, grid).over(window * 60.0)
    for place in range(grid.count):
        inside = [one for one in events[max(0, place - window) : place] if not one[2]]
        assert bad[place] == pytest.approx(sum(wrong for _, wrong, _ in inside))
        assert valid[place] == pytest.approx(sum(good + wrong for good, wrong, _ in inside))


@given(events=COUNTS, seconds=st.integers(1, 4000))
def test_windows_of_any_length_lie_between_their_whole_steps(events: list[tuple[int, int, bool]], seconds: int) -> None:
    """A window that is no whole number of evaluations holds at least what the next shorter whole one does, at most the longer's."""
    told = made(events)
    found = sums(told, grid_over({"asked": {(): told}}, 30.0))
    shorter, longer = (found.over(30.0 * math.floor(seconds / 30 + more))[1] for more in (0, 1))
    between = found.over(float(seconds))[1]
    assert (shorter - 1e-6 <= between).all()
    assert (between <= longer + 1e-6).all()


@given(events=COUNTS)
def test_long_windows_sum_the_counts_of_every_evaluation(events: list[tuple[int, int, bool]]) -> None:
    """Beyond an hour the five-minute counts of each evaluation are summed, both ends counted, as `sum_over_time` does."""
    told = made(events)
    one = slo()
    grid = grid_over({"asked": {(): told}}, 60.0)
    course = courses(one, {}, {"asked": {(): told}}, grid, EACH_MINUTE)[()]
    recorded = course.recorded(7200.0)
    prefix = sums(told, grid)
    for place in range(grid.count):
        samples = range(max(0, place - 120), place + 1)
        bad, valid = (sum(total[at] - total[max(0, at - 5)] for at in samples) for total in (prefix.bad, prefix.valid))
        if valid > 0:
            assert recorded[place] == pytest.approx(bad / valid)
        else:
            assert math.isnan(recorded[place])


@given(holds=st.lists(st.booleans(), min_size=1, max_size=80), waits=st.integers(0, 5), every=st.integers(1, 3))
def test_an_alert_fires_as_prometheus_steps_through_it(holds: list[bool], waits: int, every: int) -> None:
    """Pending at the first evaluation that holds, firing after `for`, gone at the first that does not: the machine, step by step."""
    grid = Grid(0.0, 60.0, len(holds))
    step = 60.0 * every
    condition = Condition(np.array(holds), step, waits * step, 0.0)
    fires = {round(at) for span in firing(condition, grid) for at in np.arange(span.start, span.end + span.open, step)}
    since: int | None = None
    for place in range(0, len(holds), every):
        since = (place if since is None else since) if holds[place] else None
        expected = since is not None and (place - since) // every >= waits
        assert (place * 60 in fires) == expected


@pytest.mark.parametrize("ratio", ["0.02", "0.1", "0.5", "1"])
@pytest.mark.parametrize("number", range(4))
def test_a_constant_fault_fires_when_the_arithmetic_says(ratio: str, number: int) -> None:
    """After a clean time every pair fires within an evaluation of factor x budget / error ratio x window, plus `for`."""
    one = slo()
    window = one.windows[number]
    predicted = detection_seconds(one, window, Decimal(ratio))
    assert predicted is not None
    found = of(one, minutes(12_000, (5000, 7000, float(ratio))))
    (span,) = found.pairs[number].told.spans
    # Long windows sum counts of five minutes: a fault reaches them within that time.
    slack = 120 if window.long <= 3600 else 120 + 300
    assert abs(span.start - 5000 * 60 - float(predicted)) <= slack
    assert span.open


def test_no_events_fire_nothing() -> None:
    """Without traffic, and where nobody scraped, there is no ratio: no alert, no event, an unknown budget."""
    for valid in (0.0, math.nan):
        found = of(slo(), history([valid] * 300, [0.0] * 300))
        assert not found.alerts.spans
        assert not found.events
        assert math.isnan(found.budget.left)
        assert found.budget.exhausted is None


def test_a_gap_is_no_zero() -> None:
    """Half an hour that nobody saw amid a fault ends the page, because nothing is known; the same half hour without failures does not count."""
    faulty = minutes(300, (100, 120, 0.5))
    unseen = faulty.valid.copy()
    unseen[130:160] = np.nan
    seen, gap = of(slo(), faulty), of(slo(), replace(faulty, valid=unseen))
    assert len(seen.pairs[0].told.spans) == 1
    assert len(gap.pairs[0].told.spans) == 2
    assert gap.budget.left < 0
    assert gap.budget.left == pytest.approx(1 - (90 * 50) / (270 * 100 / 300 * 43200 * 0.001), rel=0.02)


def test_little_traffic_is_guarded() -> None:
    """With `least_events` an alert waits for so many valid events in its long window."""
    told = minutes(200, (60, 30, 1.0), rate=1.0)
    assert of(slo(), told).pairs[0].told.spans
    assert not of(slo(least_events=61), told).pairs[0].told.spans
    assert of(slo(least_events=60), told).pairs[0].told.spans


def test_the_budget_of_a_window() -> None:
    """Bad events as a share of what a whole window may have; exhausted at the minute in which they reach it."""
    one = slo(window=DAY)
    found = of(one, minutes(1440, (600, 60, 0.01), (900, 60, 0.1)))
    assert found.budget.left == pytest.approx(1 - (60 + 600) / 144)
    assert found.budget.exhausted == pytest.approx(900 * 60 + (144 - 60) / 10 * 60, abs=61)


def test_a_rolling_budget_comes_back() -> None:
    """What is older than the window is forgiven; the least that was left is remembered."""
    found = of(slo(window=DAY), minutes(3 * 1440, (100, 60, 0.01)))
    assert found.budget.left == pytest.approx(1.0)
    assert found.budget.lowest == pytest.approx(1 - 60 / 144)


def test_the_last_day_foretells() -> None:
    """A steady burn of half the budget's rate runs out two windows after it began; nothing spent foretells nothing."""
    half = of(slo(window=10 * DAY), minutes(5 * 1440, (0, 5 * 1440, 0.0005)))
    assert half.budget.exhausted is None
    assert half.budget.projected == pytest.approx(20 * DAY, rel=0.01)
    assert of(slo(), minutes(1440)).budget.projected is None


@pytest.mark.parametrize(("rate", "day"), [(0.0005, None), (0.0016, 19.4), (0.00104, 29.8), (0.0011, 28.2)])
def test_a_calendar_month_runs_out_within_a_month_or_never(rate: float, day: float | None) -> None:
    """At half the pace the next month begins anew before this one's budget is gone; where this month holds out, the next may not."""
    june, quiet = 1_780_272_000.0, 10 if rate == 0.00104 else 0
    bad = np.full(15 * 1440, 100 * rate)
    bad[: quiet * 1440] = 0.0
    found = of(slo(calendar=True), History(june, 60.0, np.full(15 * 1440, 100.0), bad), start=june).budget
    if day is None:
        assert found.projected is None
        return
    assert found.projected is not None
    assert (found.projected - june) / DAY == pytest.approx(day if not quiet else 30 + day, rel=0.05)


def test_a_calendar_month_begins_anew() -> None:
    """On the first of February, UTC, the whole budget is back."""
    january = 1_704_067_200.0
    count = 40 * 1440
    bad = np.zeros(count)
    bad[29 * 1440 : 29 * 1440 + 60] = 50.0
    told = History(january, 60.0, np.full(count, 100.0), bad)
    found = of(slo(calendar=True), told, start=january)
    assert found.budget.left == pytest.approx(1.0)
    assert found.budget.lowest == pytest.approx(1 - 3000 / (31 * 144_000 * 0.001))
    assert month_of(january + 1) == (january, january + 31 * DAY)
    assert month_of(january - 1)[1] == january


def test_time_slices_are_good_or_bad_whatever_their_traffic() -> None:
    """Slices under the limit are bad, empty ones are not counted, busy ones weigh as much as quiet ones."""
    sli = TimeSliceSLI(Decimal(60), EVENTS, Direction.AT_LEAST, Decimal("0.99"))
    valid = [1000.0] * 40 + [10.0] * 10 + [1000.0] * 10 + [0.0] * 30
    bad = [5.0] * 40 + [1.0] * 10 + [5.0] * 10 + [0.0] * 30
    found = of(slo(sli=sli), history(valid, bad))
    assert found.course.recorded(7200.0)[60] == pytest.approx(10 / 60)
    assert found.course.recorded(7200.0)[90] == pytest.approx(10 / 60)
    assert found.course.weights.valid[-1] == 60


def test_slices_of_a_value_are_bad_by_their_share() -> None:
    """Of a value in PromQL only the share of bad slices can be told: a quarter of them is every fourth."""
    sli = TimeSliceSLI(Decimal(60), "max(delay_seconds)", Direction.AT_MOST, Decimal(2))
    found = of(slo(sli=sli), minutes(80, (0, 80, 0.25)))
    assert found.course.weights.bad[-1] == 20


def test_raw_ratios_weigh_time() -> None:
    """A quiet bad hour weighs like a busy good one in long windows, and by events where the expression counts over its window."""
    valid, bad = [1000.0] * 180 + [10.0] * 60, [0.0] * 180 + [5.0] * 60
    fixed = of(slo(sli=RawSLI("broken_ratio")), history(valid, bad))
    ranged = of(slo(sli=RawSLI("sum(increase(broken[$window])) / sum(increase(all[$window]))")), history(valid, bad))
    assert fixed.course.recorded(4 * 3600.0)[-1] == pytest.approx(60 * 0.5 / 240, rel=0.01)
    assert fixed.course.recorded(3600.0)[-1] == pytest.approx(0.5, rel=0.02)
    assert ranged.course.recorded(3600.0)[210] == pytest.approx(30 * 5 / (30 * 1000 + 30 * 10))
    assert ranged.course.recorded(4 * 3600.0)[-1] > 0.1


def test_a_composite_weighs_the_components_that_had_traffic() -> None:
    """Three parts of 2 % and one of 10 % are 4 %; while the second has no traffic, the whole is the first."""
    first, second = slo(name="orders"), slo(name="paid")
    whole = slo(name="whole", sli=CompositeSLI((("orders", Decimal(3)), ("paid", Decimal(1)))))
    valid = [100.0] * 60 + [0.0] * 180
    histories = {
        "orders": {(): minutes(240, (0, 240, 0.02))},
        "paid": {(): history(valid, [10.0] * 60 + [0.0] * 180)},
    }
    by_id = {one.id: one for one in (first, second, whole)}
    grid = grid_over(histories, 60.0)
    course = courses(whole, by_id, histories, grid, EACH_MINUTE)[()]
    assert course.recorded(1800.0)[50] == pytest.approx(0.04)
    assert course.recorded(1800.0)[200] == pytest.approx(0.02)
    assert course.events(1800.0) is None


def test_groups_are_simulated_each_for_itself() -> None:
    """A fault of one group fires that group's alerts alone."""
    from slo.simulation.replay import Replay, simulate

    one = slo()
    east, west = (("region", "east"),), (("region", "west"),)
    histories = {"asked": {east: minutes(300, (100, 60, 0.5)), west: minutes(300)}}
    found = {each.group: each for each in simulate(spec(one), one, histories, Replay(EVALUATION, 0.0))}
    assert found[east].alerts.spans
    assert not found[west].alerts.spans


def test_stretches_near_each_other_are_one_event_while_they_burn_too_fast() -> None:
    """Ten bad minutes, a pause of half an hour, ten more: one event; two hours apart they are two; a single failure long ago joins nothing."""
    near, far = (
        of(slo(), minutes(600, (100, 10, 0.5), (140, 10, 0.5))),
        of(slo(), minutes(600, (100, 10, 0.5), (230, 10, 0.5))),
    )
    assert [(event.start, event.end) for event in near.events] == [(6000.0, 9000.0)]
    assert len(far.events) == 2
    drop = of(slo("0.95"), minutes(600, (100, 1, 0.06), (150, 10, 0.5)))
    assert [event.start for event in drop.events] == [6000.0, 9000.0]


def test_an_error_ratio_at_the_objective_is_no_event() -> None:
    """Exactly the budget's share is allowed, for as long as one likes."""
    assert not of(slo("0.95"), minutes(2000, (0, 2000, 0.05))).events


def test_the_cost_of_an_event_is_its_share_of_the_budget() -> None:
    """A total outage of 43 minutes costs a 99.9 % objective its 30 days."""
    found = of(slo(), minutes(30 * 1440, (5000, 43, 1.0)))
    (event,) = found.events
    assert event.cost == pytest.approx(43 / 43.2)


def span(start: float, end: float, looked_back: float = 3600.0, pending: float | None = None) -> Span:
    return Span(start, end, start if pending is None else pending, looked_back)


def test_precision_recall_detection_and_reset() -> None:
    """Two significant events, one of them told, and one alert for nothing worth it: 50 % and 50 %."""
    happened = (Event(1000.0, 2000.0, 0.05), Event(90_000.0, 90_100.0, 0.001), Event(200_000.0, 201_000.0, 0.03))
    found = score((span(1300.0, 2600.0), span(90_060.0, 90_400.0)), happened, 0.02)
    assert (found.precision, found.recall) == (0.5, 0.5)
    assert found.detection == (300.0,)
    assert found.reset == (600.0,)
    assert len(significant(happened, 0.02)) == 2


def test_small_events_that_are_significant_together_make_an_alert_precise() -> None:
    """Three blips within the long window that cost the threshold together are worth one alert."""
    happened = tuple(Event(at, at + 60.0, 0.01) for at in (1000.0, 5000.0, 9000.0))
    assert score((span(9500.0, 9900.0, 10_000.0),), happened, 0.025).precision == 1.0
    assert score((span(9500.0, 9900.0, 600.0),), happened, 0.025).precision == 0.0


def test_an_alert_that_fires_already_masks() -> None:
    """An event that begins while an old alert still fires counts as told, at once, and as masked."""
    found = score((span(100.0, 5000.0),), (Event(50.0, 200.0, 0.1), Event(1000.0, 1500.0, 0.1)), 0.02)
    assert (found.alerted, found.masked, found.detection) == (2, 1, (50.0, 0.0))
    assert found.reset == (3500.0,), "the first event's end is hidden by the second"


def test_a_slow_alert_tells_of_an_event_that_ended_while_it_waited() -> None:
    """What counts is when its expression began to hold, not when `for` ended; one that began long after tells nothing."""
    happened = (Event(1000.0, 2000.0, 0.1),)
    assert score((span(9000.0, 12_000.0, pending=1900.0),), happened, 0.02).recall == 1.0
    assert score((span(9000.0, 12_000.0, pending=8000.0),), happened, 0.02).recall == 0.0


def test_without_alerts_there_is_no_precision_and_without_events_no_recall() -> None:
    """None, neither zero nor one."""
    nothing = score((), (), 0.02)
    assert nothing.precision is None
    assert nothing.recall is None
    assert nothing.median_detection is None
    assert nothing.median_reset is None


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 30)), max_size=12))
def test_joined_spans_cover_the_same_time(parts: list[tuple[int, int]]) -> None:
    """Joining loses and invents no second, and leaves no two that touch."""
    spans = [span(float(start), float(start + length)) for start, length in parts]
    found = joined(spans)
    covered = {second for one in spans for second in range(int(one.start), int(one.end))}
    assert {second for one in found for second in range(int(one.start), int(one.end))} == covered
    assert all(before.end < after.start for before, after in pairwise(found))


def test_what_is_significant_is_what_the_slo_itself_pages_for() -> None:
    """The smallest share of its pages, else of its tickets, else the workbook's 2 %."""
    one = slo()
    assert significance(one) == pytest.approx(0.02)
    tickets = tuple(window for window in one.windows if window.severity is Severity.TICKET)
    assert significance(replace(one, windows=tickets)) == pytest.approx(0.1)
    assert significance(replace(one, windows=())) == pytest.approx(0.02)


def when(number: int, *faults: tuple[int, int, float]) -> list[tuple[float, float]]:
    """Begin and end, in minutes after minute 5000, at which an approach of the workbook alerts at 99.9 % over 30 days."""
    approach = APPROACHES[number - 1]
    found = of(slo(), minutes(12_000, *faults))
    spans = approach_spans(approach, found.slo, found.course, 60.0)
    return [(each.start / 60 - 5000, each.end / 60 - 5000) for each in spans]


def test_the_workbooks_first_approach_alerts_on_a_hundredth_of_a_percent() -> None:
    """Ten minutes at the objective: 0.1 % errors alert after ten minutes, a total outage after one, each for ten minutes more."""
    assert when(1, (5000, 60, 0.001)) == [(10.0, 61.0)]
    assert when(1, (5000, 10, 1.0)) == [(1.0, 20.0)]


def test_the_workbooks_second_approach_takes_a_day_and_a_half_to_end() -> None:
    """36 hours at the objective: an outage of 3 minutes alerts after 2m10s and for 36 hours."""
    assert when(2, (5000, 3, 1.0)) == [(3.0, 2161.0)]


def test_the_workbooks_third_approach_misses_outages_that_pause() -> None:
    """An error ratio that dips once an hour is never told, however bad it is."""
    pausing = tuple((5000 + 60 * hour, 55, 1.0) for hour in range(10))
    assert when(3, *pausing) == []
    assert when(3, (5000, 70, 0.002)) == [(61.0, 71.0)]


def test_the_workbooks_fourth_approach_is_the_burn_rate_of_36() -> None:
    """5 % of 30 days within an hour: 3.6 % errors just do not alert, 10 % do after 21.6 minutes and an hour's reset."""
    assert when(4, (5000, 300, 0.036)) == []
    ((begin, _),) = when(4, (5000, 300, 0.1))
    assert begin == 22.0


def test_the_workbooks_sixth_approach_ends_with_its_short_window() -> None:
    """The fifth stays for days after an outage, the sixth ends with the longest short window, six hours."""
    ((_, fifth),) = when(5, (5000, 20, 1.0))
    ((_, sixth),) = when(6, (5000, 20, 1.0))
    assert fifth > 4000
    assert 300 < sixth <= 20 + 360


def test_division_of_nothing_is_nothing() -> None:
    """Zero of zero is NaN, and a sum that went a hair below zero is zero."""
    assert math.isnan(divided(np.zeros(1), np.zeros(1))[0])
    assert divided(np.array([-1e-12]), np.array([5.0]))[0] == 0.0


def test_a_history_needs_both_counts() -> None:
    """Valid and bad events of different steps are refused."""
    with pytest.raises(ValueError, match="same steps"):
        History(0.0, 60.0, np.zeros(2), np.zeros(3))


def test_own_windows_that_are_no_whole_evaluations_are_replayed() -> None:
    """A pair of 40 and 7 minutes fires as the arithmetic says."""
    own = Window(Severity.PAGE, Decimal("0.01"), Decimal(2400), Decimal(420), Decimal(0))
    one = slo(windows=(own,))
    found = of(one, minutes(400, (200, 100, 0.5)))
    predicted = detection_seconds(one, own, Decimal("0.5"))
    assert predicted is not None
    assert abs(found.pairs[0].told.spans[0].start - 12_000 - float(predicted)) <= 60


def test_a_part_of_a_month_is_taken_to_go_on_alike() -> None:
    """Ten days of January have ten days' events; the budget is that of all 31."""
    january = 1_704_067_200.0
    bad = np.zeros(10 * 1440)
    bad[1000:1060] = 50.0
    told = History(january, 60.0, np.full(10 * 1440, 100.0), bad)
    found = of(slo(calendar=True), told, start=january)
    assert found.budget.left == pytest.approx(1 - 3000 / (31 * 144_000 * 0.001))


def test_the_guard_of_long_windows_counts_their_events() -> None:
    """An event a minute: six hours hold 360, which 300 lets speak and 400 keeps silent."""
    told = minutes(1100, (1000, 100, 1.0), rate=1.0)
    spans = {least: of(slo(least_events=least), told).pairs[1].told.spans for least in (300, 400)}
    assert spans[300]
    assert not spans[400]


def test_slow_groups_are_evaluated_at_multiples_of_their_interval() -> None:
    """A history that begins at an odd minute is looked at every even one all the same."""
    found = firing(Condition(np.ones(20, dtype=np.bool_), 120.0, 0.0, 0.0), Grid(60.0, 60.0, 20))
    assert [one.start for one in found] == [120.0]


def test_what_is_significant_stays_the_same_for_every_what_if() -> None:
    """Rows can only be compared when they are held against the same share."""
    from slo.simulation.replay import Replay
    from slo.simulation.what_if import asked, compared, variants
    from slo.window_table import load_policy

    one = slo()
    found = compared(
        spec(one),
        variants(one, asked(["objective=95%", "windows=reachable"]), load_policy()),
        {"asked": {(): minutes(300)}},
        Replay(EACH_MINUTE, 0.0),
    )
    assert [each.threshold for _, (each,) in found] == pytest.approx([0.02, 0.02])
