"""The simulation against the generated rules: the same histories through promtool, firing times compared."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
import pytest

from alerts.ratios import BASE_WINDOW, LONGEST_DENSE_WINDOW, LONGEST_RAW_WINDOW
from alerts.rules import rule_file
from harness.slo_commands.simulate import replay_of_rules
from slo.quantities import format_duration
from slo.simulation.courses import Evaluation
from slo.simulation.history import History
from slo.simulation.replay import Pair, Replay, simulate
from slo.spec import Cell, Spec
from tests.alerts.story import Story, Tell, cumulative, shop

MINUTE = 60.0
Counts = tuple[Sequence[int], Sequence[int]]
"""Good and bad events of each step."""


def evaluation(step: float) -> Evaluation:
    """Promtool evaluates every group at one step."""
    return Evaluation(step, step, step, *map(float, (BASE_WINDOW, LONGEST_RAW_WINDOW, LONGEST_DENSE_WINDOW)))


def history(counts: Counts, step: float, gaps: Sequence[int] = ()) -> History:
    good, bad = (np.array(part, dtype=np.float64) for part in counts)
    valid = good + bad
    for place in gaps:
        valid[place] = np.nan
    return History(0.0, step, valid, bad)


def busy_days(steps: int, step: float, faults: Sequence[tuple[int, int, float]], seed: int, rate: int = 900) -> Counts:
    """Traffic that swells and ebbs, a few errors always, and faults: first step, how many, which share fails."""
    chosen = random.Random(seed)
    good, bad = [], []
    for place in range(steps):
        hour = place * step / 3600 % 24
        events = int(rate * step / MINUTE * (0.2 + (8 <= hour < 18)) * chosen.uniform(0.8, 1.2) + chosen.random())
        share = max([0.0002, *(ratio for first, length, ratio in faults if first <= place < first + length)])
        wrong = min(events, int(events * share * chosen.uniform(0.9, 1.1) + chosen.random()))
        good.append(events - wrong)
        bad.append(wrong)
    return good, bad


def series(counts: Mapping[Cell, Counts], gaps: Sequence[int] = ()) -> dict[str, str]:
    """The counters that promtool gets; in a gap nobody scrapes, and nothing happens."""
    found = {}
    for group, (good, bad) in counts.items():
        labels = "".join(f',{name}="{value}"' for name, value in group)
        for code, events in (("200", good), ("500", bad)):
            if gaps:
                values, total = ["0"], 0
                for place, count in enumerate(events):
                    total += 0 if place in gaps else count
                    values.append("_" if place in gaps else str(total))
                text = " ".join(values)
            else:
                text = cumulative(events)
            found[f'http_requests_total{{job="shop",instance="a",code="{code}"{labels}}}'] = text
    return found


def looks(story: Story, pairs: Sequence[Pair], group: Cell, slo: str, step: float, *, slack: int = 0) -> int:
    """Ask promtool for the state around every begin and end of firing, and for how long it fired in all; count the spans."""
    spans = 0
    for pair in pairs:
        labels = "".join(f',{name}="{value}"' for name, value in group)
        long = format_duration(pair.window.long)
        alert = f'ALERTS{{alertstate="firing",sloth_id="shop-{slo}",long_window="{long}"{labels}}}'
        for span in pair.told.spans:
            spans += 1
            for at, fires in (
                (span.start - (slack + 1) * step, False),
                (span.start + slack * step, True),
                (span.end - (slack + 1) * step, True),
                (span.end + slack * step, False),
            ):
                if (
                    not (span.open and at >= span.end - step)
                    and at >= 0
                    and (fires or not near(pair, at, slack * step))
                ):
                    seen = (("{}", 1.0),) if fires else ()
                    story.sees(format_duration(Decimal(at)) if at else "0s", f"max({alert}) ^ 0", *seen)
    return spans


def near(pair: Pair, at: float, slack: float) -> bool:
    """Whether another span of the pair is so near that the state cannot be told from outside."""
    return any(span.start - slack <= at < span.end + slack for span in pair.told.spans)


def total(story: Story, pairs: Sequence[Pair], slo: str, end: float, step: float, *, slack: int = 0) -> None:
    """How many evaluations each pair of an ungrouped SLO fired at, in all."""
    for pair in pairs:
        alert = f'ALERTS{{alertstate="firing",sloth_id="shop-{slo}",long_window="{format_duration(pair.window.long)}"}}'
        fired = sum(round(span.seconds / step) + span.open for span in pair.told.spans)
        span = format_duration(Decimal(end + step))
        expr = f"abs((sum(count_over_time({alert}[{span}])) or vector(0)) - {fired}) <= bool {2 * slack * len(pair.told.spans)}"
        story.sees(format_duration(Decimal(end)), expr, ("{}", 1.0))


def replayed(
    spec: Spec, slo: str, counts: Mapping[Cell, Counts], step: float, gaps: Sequence[int] = ()
) -> dict[Cell, tuple[Pair, ...]]:
    """What the simulation says, by group."""
    histories = {slo: {group: history(found, step, gaps) for group, found in counts.items()}}
    found = simulate(spec, spec.slo(slo), histories, Replay(evaluation(step), 0.0, rivals=False))
    return {one.group: one.pairs for one in found}


SHORT = ((60, 30, 0.08), (150, 4, 0.9), (220, 60, 0.02), (330, 3, 1.0), (380, 45, 0.6), (470, 12, 1.0))
LONG = ((100, 30, 0.02), (200, 40, 0.9), (420, 300, 0.003), (800, 60, 0.5))


@pytest.mark.integration
@pytest.mark.parametrize("objective", ["99.9%", "95%"])
def test_short_windows_fire_when_promtool_says(told: Tell, objective: str) -> None:
    """Nine hours minute by minute, standard and derived windows: every begin and end of firing is the same evaluation."""
    spec, step, steps = shop(objective=objective), MINUTE, 540
    counts = {(): busy_days(steps, step, SHORT, seed=3)}
    pairs = replayed(spec, "orders", counts, step)[()]
    story = Story(spec, series(counts))
    assert looks(story, pairs, (), "orders", step) >= 3
    total(story, pairs, "orders", steps * step, step)
    told(story)


@pytest.mark.integration
@pytest.mark.parametrize("objective", ["99.9%", "95%"])
def test_long_windows_fire_when_promtool_says(told: Tell, objective: str) -> None:
    """Three and a half days in steps of five minutes, windows of up to three days: the same evaluations again."""
    spec, step, steps = shop(objective=objective), 5 * MINUTE, 1000
    counts = {(): busy_days(steps, step, LONG, seed=4)}
    pairs = replayed(spec, "orders", counts, step)[()]
    slow = [pair for pair in pairs if pair.window.long > LONGEST_RAW_WINDOW]
    story = Story(spec, series(counts), step="5m")
    assert looks(story, slow, (), "orders", step) >= 3
    total(story, slow, "orders", steps * step, step)
    told(story)


REGIONS = """
  regions:
    title: Orders by region
    objective: 99%
    window: 28d
    group_by: region
    least_events: 2000
    events: {valid: 'http_requests_total', bad: 'http_requests_total{code=~"5.."}'}
"""


@pytest.mark.integration
def test_groups_fire_each_for_itself_when_promtool_says(told: Tell) -> None:
    """Two regions with faults of their own, one of them with too little traffic for its alerts at night."""
    spec, step = shop(more=REGIONS), MINUTE
    groups: dict[Cell, Counts] = {
        (("region", "east"),): busy_days(300, step, ((80, 40, 0.5),), seed=5),
        (("region", "west"),): busy_days(300, step, ((40, 30, 0.6), (200, 70, 0.4)), seed=6, rate=2),
        (("region", "south"),): busy_days(300, step, ((40, 30, 0.9), (200, 70, 0.4)), seed=7, rate=150),
    }
    found = replayed(spec, "regions", groups, step)
    story = Story(spec, series(groups))
    spans = {group: looks(story, pairs, group, "regions", step) for group, pairs in found.items()}
    assert spans[("region", "west"),] == 0, "the guard keeps it silent"
    assert min(spans[("region", "east"),], spans[("region", "south"),]) >= 1
    for group in found:
        if not spans[group]:
            name = ",".join(f'{key}="{value}"' for key, value in group)
            story.sees("5h", f'count_over_time(ALERTS{{alertstate="firing",sloth_id="shop-regions",{name}}}[6h])')
    told(story)


OTHERS = """
  raw:
    title: Raw
    objective: 99%
    raw: {error_ratio: 'sum(increase(http_requests_total{code="500"}[$window])) / sum(increase(http_requests_total[$window]))'}
  slices:
    title: Good minutes
    objective: 99%
    time_slices: {slice: 1m, at_least: 97%, events: {valid: 'http_requests_total', bad: 'http_requests_total{code="500"}'}}
  whole:
    title: The whole
    objective: 99.5%
    composite: {components: {orders: 3, slices: 1}}
"""


@pytest.mark.integration
def test_other_kinds_fire_when_promtool_says(told: Tell) -> None:
    """Raw ratios, time slices and composites, within one evaluation."""
    spec, step, steps = shop(objective="99%", more=OTHERS), MINUTE, 300
    counts = {(): busy_days(steps, step, ((60, 20, 0.7), (180, 60, 0.5)), seed=8)}
    histories = {slo.id: {(): history(counts[()], step)} for slo in spec.slos}
    story = Story(spec, series(counts))
    for kind in ("raw", "slices", "whole"):
        (found,) = simulate(spec, spec.slo(kind), histories, Replay(evaluation(step), 0.0, rivals=False))
        assert looks(story, found.pairs, (), kind, step, slack=1) >= 2
        total(story, found.pairs, kind, steps * step, step, slack=1)
    told(story)


@pytest.mark.integration
def test_gaps_and_idle_hours_end_an_alert_when_promtool_says(told: Tell) -> None:
    """Twenty minutes that nobody scraped and half an hour without requests, both amid a fault: within one evaluation."""
    spec, step, steps = shop(), MINUTE, 360
    good, bad = map(list, busy_days(steps, step, ((60, 90, 0.3), (200, 120, 0.4)), seed=9))
    gaps = range(100, 120)
    for place in range(240, 270):
        good[place] = bad[place] = 0
    counts = {(): (good, bad)}
    pairs = [
        pair for pair in replayed(spec, "orders", counts, step, gaps)[()] if pair.window.long <= LONGEST_RAW_WINDOW
    ]
    story = Story(spec, series(counts, gaps))
    assert looks(story, pairs, (), "orders", step, slack=1) >= 3
    told(story)


def test_the_simulation_knows_the_intervals_of_the_groups() -> None:
    """An alert is looked at as often as the group in which the generated rules have it, over weeks too."""
    pairs = (("30m", "5m"), ("1h", "5m"), ("61m", "5m"), ("3d", "6h"), ("73h", "6h"), ("14d", "1d"))
    own = [
        f"        - {{severity: ticket, budget_share: 10%, long: {long}, short: {short}, for: 1m}}"
        for long, short in pairs
    ]
    spec = shop(objective="99.9%", more="\n".join(["    alerting:", "      windows:", *own, ""]))
    evaluation = replay_of_rules(0.0, None).evaluation
    intervals = {
        dict(rule.labels)["long_window"]: float(group.interval)
        for group in rule_file(spec).groups
        for rule in group.rules
        if "long_window" in dict(rule.labels)
    }
    assert set(intervals.values()) == {30.0, 120.0, 240.0}
    for window in spec.slo("orders").windows:
        assert evaluation.interval(float(window.long)) == intervals[format_duration(window.long)]


@pytest.mark.integration
def test_the_budget_that_is_left_is_what_the_rules_record(told: Tell) -> None:
    """After a whole window the simulation's budget is the recorded one, within half a percent of it."""
    spec, step, steps = shop(objective="99%", window="1d"), 5 * MINUTE, 330
    counts = {(): busy_days(steps, step, ((100, 6, 0.12), (200, 30, 0.008)), seed=10)}
    histories = {"orders": {(): history(counts[()], step)}}
    (found,) = simulate(spec, spec.slo("orders"), histories, Replay(evaluation(step), 0.0, rivals=False))
    assert 0.2 < found.budget.left < 0.8
    story = Story(spec, series(counts), step="5m")
    story.near(
        "1645m", 'slo:period_error_budget_remaining:ratio{sloth_id="shop-orders"}', found.budget.left, within=0.005
    )
    told(story)
