"""Every kind of SLI, evaluated by promtool: what its recorded ratios say, against truths worked out here."""

from __future__ import annotations

import random

import pytest

from alerts.rules import rule_file
from tests.alerts.story import BAD, GOOD, ORDERS, RATIO, Story, Tell, cumulative, shop

pytestmark = pytest.mark.integration


def of(slo: str) -> str:
    """Selector of what is recorded for an SLO of the shop."""
    return f'{{sloth_id="shop-{slo}"}}'


def test_restarts_and_gaps_stay_within_half_a_percent(told: Tell) -> None:
    """Three restarts and thirty minutes without scrapes in a day: the ratio of the window is within 0.5 % of the truth."""
    chosen = random.Random(5)
    bad = [chosen.randrange(5, 40) for _ in range(1440)]
    good = [2000 + 1000 * (minute // 60 % 24 in range(9, 17)) - wrong for minute, wrong in enumerate(bad)]
    restarts, gaps = (200, 700, 1100), [*range(300, 310), *range(900, 910), *range(1300, 1310)]

    def with_trouble(increments: list[int]) -> str:
        values, total = ["0"], 0
        for minute, increment in enumerate(increments):
            total = increment if minute in restarts else total + increment
            values.append("_" if minute in gaps else str(total))
        return " ".join(values)

    story = Story(shop(window="1d"), {GOOD: with_trouble(good), BAD: with_trouble(bad)})
    told(story.near("1d", f"{RATIO}1d{ORDERS}", sum(bad) / sum(bad + good), within=0.005))


def test_good_events_may_be_named_instead_of_bad_ones(told: Tell) -> None:
    """Bad is what is valid and not good; where nothing good was ever seen, everything was bad."""
    more = """
  kept:
    title: Kept
    objective: 99%
    events: {valid: 'jobs_total', good: 'jobs_total{result="done"}'}
"""
    done, lost = 'jobs_total{job="shop",result="done"}', 'jobs_total{job="shop",result="lost"}'
    told(
        Story(shop(more=more), {done: "0+97x60", lost: "0+3x60"}).near(
            "40m", f"{RATIO}1h{of('kept')}", 0.03, within=1e-6
        )
    )
    told(Story(shop(more=more), {lost: "0+3x60"}).near("40m", f"{RATIO}1h{of('kept')}", 1, within=1e-6))


def test_expressions_count_over_each_window(told: Tell) -> None:
    """`[$window]` becomes each window, and the counts of an expression are summed as those of a counter."""
    more = """
  probes:
    title: Probes
    objective: 99%
    events: {valid: 'count_over_time(probe_success[$window])', bad: 'count_over_time((probe_success == 0)[$window:1m])'}
"""
    story = Story(shop(more=more), {'probe_success{to="a"}': "1x80 0x9 1x60"})
    told(
        story.near("100m", f"{RATIO}1h{of('probes')}", 10 / 61, within=0.02).near(
            "149m", f"{RATIO}5m{of('probes')} + 1", 1, within=1e-9
        )
    )


def test_a_raw_ratio_weighs_time(told: Tell) -> None:
    """Long windows are means over time; NaN of an idle source is left out and poisons nothing."""
    more = """
  raw:
    title: Raw
    objective: 99%
    raw: {error_ratio: 'sum(increase(broken_total[$window])) / sum(increase(parts_total[$window]))'}
"""
    broken, parts = cumulative([0] * 120 + [50] * 60 + [0] * 150), cumulative([100] * 180 + [0] * 30 + [100] * 120)
    story = Story(shop(more=more), {"broken_total": broken, "parts_total": parts})
    story.near("178m", f"{RATIO}6h{of('raw')}", 1 / 6, within=0.1).near(
        "178m", f"{RATIO}1h{of('raw')}", 0.5, within=0.05
    )
    story.sees("205m", f"{RATIO}5m{of('raw')}").near("329m", f"{RATIO}6h{of('raw')}", 60 / 300 / 2, within=0.05)
    told(story)


def test_a_slice_is_bad_when_it_misses_its_limit_and_empty_ones_are_not_counted(told: Tell) -> None:
    """Ten of sixty minutes had under 99 % good orders, whatever their traffic; thirty idle minutes count for nothing."""
    more = """
  minutes:
    title: Good minutes
    objective: 90%
    time_slices: {slice: 2m, at_least: 99%, ratio: {metric: http_requests_total, label: code, good: ["200"], bad: ["500"]}}
  quick:
    title: Quick minutes
    objective: 90%
    time_slices: {slice: 1m, at_most: 2, value: 'max_over_time(delay_seconds[$window])'}
"""
    series = {
        GOOD: cumulative([1000] * 40 + [10] * 10 + [1000] * 10 + [0] * 30),
        BAD: cumulative([5] * 40 + [1] * 10 + [5] * 10 + [0] * 30),
        "delay_seconds": "1x39 3x14 1x5 _x30",
    }
    story = Story(shop(more=more), series)
    story.near("62m", f"{RATIO}2h{of('minutes')}", 10 / 60, within=0.12)
    story.near("89m", f"{RATIO}2h{of('minutes')}", 10 / 60, within=0.12)
    told(story.near("62m", f"{RATIO}2h{of('quick')}", 15 / 60, within=0.12))


COMPOSITE = """
  paid:
    title: Orders paid
    objective: 99%
    events: {valid: 'paid_total', bad: 'paid_total{code="500"}'}
  whole:
    title: The whole
    objective: 99%
    window: 28d
    composite: {components: {orders: 3, paid: 1}}
"""


def test_a_composite_weighs_the_components_that_had_traffic(told: Tell) -> None:
    """Three parts of 2 % and one of 10 % are 4 %; while nobody pays, the whole is what the orders are."""
    series = {
        GOOD: "0+980x240",
        BAD: "0+20x240",
        'paid_total{job="shop",code="200"}': "0+90x60 5400x180",
        'paid_total{job="shop",code="500"}': "0+10x60 600x180",
    }
    story = Story(shop(more=COMPOSITE), series)
    story.near("50m", f"{RATIO}30m{of('whole')}", 0.04, within=1e-6)
    story.near("50m", f"{RATIO}28d{of('whole')}", 0.04, within=1e-6)
    story.near("200m", f"{RATIO}30m{of('whole')}", 0.02, within=1e-6)
    told(story.sees("100m", 'count(ALERTS{alertname="WholeBudgetBurnPage",alertstate="firing"})'))


def test_every_ratio_that_a_composite_reads_is_recorded() -> None:
    """The components record the composite's windows beside their own, its 28 days and month too."""
    rules = rule_file(shop(more=COMPOSITE.replace("window: 28d", "window: month")))
    recorded = {(rule.record, dict(rule.labels)["sloth_slo"]) for rule in rules.recordings()}
    whole = {record for record, slo in recorded if slo == "whole" and record.startswith(RATIO)}
    assert f"{RATIO}month" in whole
    for component in ("orders", "paid"):
        assert whole <= {record for record, slo in recorded if slo == component}


def test_a_calendar_month_begins_anew_on_its_first_day(told: Tell) -> None:
    """The budget counts from the first of the month, UTC, and forgets the month before; alerts go on over the turn."""
    # promtool begins at 1970-01-01: after 31 days it is February. Half a day of January was slow, and one day of February.
    more = """
  slow:
    title: Quick half hours
    objective: 99%
    window: month
    alerting: {windows: [{severity: ticket, budget_share: 10%, long: 1d, short: 2h, for: 1h}]}
    time_slices: {slice: 30m, at_most: 2, value: 'max_over_time(delay_seconds[$window])'}
"""
    month = f"{RATIO}month{of('slow')}"
    story = Story(shop(more=more), {"delay_seconds": "1x1439 9x23 1x71 9x47"}, step="30m")
    story.near("743h30m", month, 24 / (31 * 48), within=0.05)
    story.near("766h", f"{month} + 1", 1, within=1e-9)
    story.sees("766h", f"sum(slo:time_period:days{of('slow')})", ("{}", 28))
    told(story.near("791h30m", month, 0.5, within=0.05))


def test_a_bad_first_hour_does_not_overspend_a_calendar_month(told: Tell) -> None:
    """The budget that is left is that of the whole month, as `simulate` reckons: an hour at ten times the budget costs ten hours of 744 at first."""
    more = """
  letters:
    title: Letters sent
    objective: 99%
    window: month
    ratio: {metric: letters_total, label: result, good: [sent], bad: [lost]}
"""
    letters = {"sent": "0+90x12 1180+100x140", "lost": "0+10x12 120+0x140"}
    series = {f'letters_total{{job="shop",result="{result}"}}': values for result, values in letters.items()}
    story = Story(shop(more=more), series, step="5m")
    left, rate = (f"slo:period_{word}:ratio{of('letters')}" for word in ("error_budget_remaining", "burn_rate"))
    story.near("1h", left, 1 - 10 / 744, within=0.002)
    story.near("1h", rate, 10, within=0.05)
    # By noon as many hours are over as the errors are thinner.
    told(story.near("12h", left, 1 - 10 / 744, within=0.002))
