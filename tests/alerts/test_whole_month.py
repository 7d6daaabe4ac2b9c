"""The error ratio of thirty days, from raw counters: what lies between evaluated by promtool, held against the events that were made up.

A sample every half minute, and an evaluation every five, which is the interval of the group that keeps counts for weeks. The day before the
window is much worse than any in it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest

from alerts.model import RuleFile
from alerts.rules import rule_file
from slo import names
from slo.load import parse_spec
from tests.alerts.story import HEAD, ORDERS, RATIO, Story, Tell, cumulative

pytestmark = pytest.mark.integration

SAMPLE_SECONDS = 30
HOUR = 3600 // SAMPLE_SECONDS
DAY = 24 * HOUR
DAYS = 30
BUSY_HOURS = range(9, 17)
DAY_BEFORE = 0.2
"""Error ratio of the day before the window."""
RESTARTS = 3 * DAYS
GAP = HOUR // 6


@dataclass(frozen=True)
class Month:
    """A day and the window after it.

    Attributes:
        busy: Error ratio of the busy hours in the window.
        quiet: Error ratio of its other hours.
        within: How far from the truth the ratio may be, as a share of it.
        gaps: How often nobody scrapes the counters for ten minutes; with any, they also begin anew three times a day.
        scraped: The truth is that of the events outside the gaps; else of all.
    """

    name: str
    busy: float
    quiet: float
    within: float
    gaps: int = 0
    scraped: bool = False

    def events(self) -> tuple[list[int], list[int]]:
        """Good and bad events between each sample and the one before."""
        chosen = random.Random(self.name)
        good, bad = [], []
        for number in range((1 + DAYS) * DAY):
            day, hour = number // DAY, number % DAY // HOUR
            busy = hour in BUSY_HOURS
            valid = (1500 if day % 7 in (5, 6) else 2000) if busy else 20
            ratio = DAY_BEFORE if not day else self.busy if busy else self.quiet
            # A ratio that few events cannot show is met by more errors now and fewer then.
            wrong = min(valid, int(valid * ratio + chosen.random()))
            good.append(valid - wrong)
            bad.append(wrong)
        return good, bad

    def unseen(self) -> frozenset[int]:
        """The samples that nobody takes."""
        chosen = random.Random(f"gaps of {self.name}")
        begins = [DAY + chosen.randrange(DAYS * DAY - GAP) for _ in range(self.gaps)]
        return frozenset(number for begin in begins for number in range(begin, begin + GAP))

    def counter(self, increments: Sequence[int]) -> str:
        """What is scraped of a counter, in promtool's notation."""
        return " ".join(self._scraped(increments)) if self.gaps else cumulative(increments)

    def counted(self, increments: Sequence[int]) -> int:
        """The events of the window that belong to the truth."""
        left_out = self.unseen() if self.scraped else frozenset()
        return sum(count for number, count in enumerate(increments) if number >= DAY and number not in left_out)

    def _scraped(self, increments: Sequence[int]) -> Iterator[str]:
        chosen = random.Random(f"restarts of {self.name}")
        restarts, gaps = set(chosen.sample(range(DAY, (1 + DAYS) * DAY), RESTARTS)), self.unseen()
        total = 0
        yield "0"
        for number, increment in enumerate(increments):
            # A restart amid two scrapes: what was counted since the first of them is lost.
            total = increment // 2 if number in restarts else total + increment
            yield "_" if number in gaps else str(total)


MONTHS = (
    Month("busy", 0.01, 0.0, within=0.001),
    Month("quiet", 0.0, 0.05, within=0.001),
    Month("busy-some-gaps", 0.01, 0.0, within=0.005, gaps=10),
    Month("quiet-some-gaps", 0.0, 0.05, within=0.005, gaps=10),
    Month("busy-many-gaps", 0.01, 0.0, within=0.005, gaps=3 * DAYS, scraped=True),
    Month("quiet-many-gaps", 0.0, 0.05, within=0.005, gaps=3 * DAYS, scraped=True),
)


def kept_for_weeks(rules: RuleFile) -> tuple[RuleFile, str]:
    """The counts that are kept once in five minutes, with what they are taken from, and the rule that sums thirty days of them.

    That one is asked at the end only: evaluated every five minutes, it would read a month of counts nine thousand times.
    """
    pair = {names.BAD_EVENTS_5M, names.VALID_EVENTS_5M}
    wanted = {*pair, *(record + names.SAMPLED for record in pair)}
    groups = (
        replace(group, rules=tuple(rule for rule in group.rules if getattr(rule, "record", "") in wanted))
        for group in rules.groups
    )
    whole = next(rule for rule in rules.recordings() if rule.record == RATIO + "30d")
    return RuleFile(rules.service, tuple(group for group in groups if group.rules)), whole.expr


def test_thirty_days_from_raw_counters_are_true(told: Tell) -> None:
    """Errors in busy or in quiet hours: the ratio of the window is within 0.1 % of the truth, with restarts and gaps within 0.5 %.

    What nobody scrapes is in no window: ten gaps in a month are few enough to say nothing of that, and with ninety the truth is that of the rest.
    """
    spec = parse_spec((HEAD.format(objective="99.9%", window="30d") + "    group_by: month\n").encode(), "shop.yaml")
    rules, ratio = kept_for_weeks(rule_file(spec))
    story = Story(spec, {}, f"{SAMPLE_SECONDS}s", evaluated="5m", rules=rules)
    for month in MONTHS:
        events = dict(zip(("200", "500"), month.events(), strict=True))
        for code, increments in events.items():
            labels = f'job="shop",instance="{month.name}",month="{month.name}",code="{code}"'
            story.series[f"http_requests_total{{{labels}}}"] = month.counter(increments)
        good, bad = map(month.counted, events.values())
        truth, share = bad / (good + bad), len(BUSY_HOURS) / 24
        mean = share * month.busy + (1 - share) * month.quiet
        assert abs(mean - truth) / truth > 0.5, "a mean of ratios would pass as well"
        shown = ratio.replace(ORDERS, f'{ORDERS[:-1]},month="{month.name}"}}')
        story.near(f"{1 + DAYS}d", shown, truth, within=month.within)
    told(story)
