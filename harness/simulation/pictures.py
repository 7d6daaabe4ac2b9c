"""A simulation as pictures: the budget with the alerts under it, the error ratios against their limits, and how fast each alert detects."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from harness.simulation import svg
from harness.simulation.words import When, budget_words, clock, name_of, pair_name, percent, window_name
from harness.slo_commands.explain import spoken
from slo.budget import detection_seconds, firing_ratio
from slo.quantities import format_duration, format_ratio, how_many
from slo.simulation.history import Floats
from slo.simulation.replay import Pair, Simulation
from slo.simulation.scoring import significant
from slo.spec import SLO

WIDTH, LEFT, RIGHT = 860, 100.0, 840.0
COLUMNS = 370
"""Points of a line: one for each two pixels."""
DAY = 86400.0
LOW = 1e-5
"""Least error ratio that is drawn."""
DURATIONS = (60, 300, 900, 3600, 4 * 3600, 86400, 3 * 86400, 10 * 86400)


def pictures(found: Sequence[Simulation], *, dated: bool) -> dict[str, str]:
    """File name -> SVG of every simulation; the detection curve, which no history changes, once for each SLO."""
    drawn: dict[str, str] = {}
    for one in found:
        name = _file_name(one, drawn)
        when = clock(one.start, dated=dated)
        drawn[f"{name}-budget.svg"] = budget_picture(one, name, when)
        if one.pairs:
            drawn[f"{name}-errors.svg"] = errors_picture(one, name, when)
            drawn.setdefault(f"{_slug(one.slo.id)}-detection.svg", detection_picture(one.slo, _slug(one.slo.id)))
    return drawn


def budget_picture(one: Simulation, name: str, when: When) -> str:
    """The burn-down of the budget, significant events behind it, and a row for each alert under it."""
    time = _time_axis(one)
    top, bottom = 60.0, 260.0
    left = np.clip(1 - _last(one, one.budget.spent), -0.5, 1.0)
    lowest = 0.0 if np.isnan(left).all() else min(0.0, float(np.nanmin(left)))
    scale = _Axis(1.0, lowest, top, bottom)
    parts = [
        svg.label(
            16, 24, f"{name_of(one)}: error budget of {window_name(one)} at {format_ratio(one.slo.objective)}", "head"
        ),
        svg.label(
            16,
            44,
            f"{budget_words(one, when)}. Shaded: events that cost at least {percent(one.threshold)} of it.",
            "soft",
        ),
        *_event_boxes(one, time, top, bottom, when),
    ]
    for share in (1.0, 0.75, 0.5, 0.25, 0.0, *([-0.5] if lowest <= -0.5 else [])):
        y = scale(share)
        parts += [
            svg.rule(LEFT, y, RIGHT, y, "limit" if share == 0 else "grid"),
            svg.label(LEFT - 8, y + 4, f"{share:.0%}", "soft end"),
        ]
    parts += _days(one, time, top, bottom, when)
    parts.append(svg.course(_columns(time), scale.all(left), "good"))
    y = bottom + 44
    for number, pair in enumerate(one.pairs):
        parts += _alert_row(pair, number, y, time, when)
        y += 22
    words = f"{budget_words(one, when)}. {_fired_words(one)}"
    return svg.document(
        f"{name}-budget", f"Error budget of {name_of(one)} over time", words, (WIDTH, int(y + 8)), parts
    )


def errors_picture(one: Simulation, name: str, when: When) -> str:
    """A strip for each pair of windows: the error ratio over both, and the limit that both must pass."""
    time, height, top = _time_axis(one), 96.0, 60.0
    parts = [
        svg.label(16, 24, f"{name_of(one)}: error ratio over each pair of windows", "head"),
        svg.label(16, 44, "An alert needs both lines over its limit; logarithmic.", "soft"),
    ]
    end = top
    for number, pair in enumerate(one.pairs):
        begin, end = top + number * (height + 34), top + number * (height + 34) + height
        parts += _days(one, time, begin + 16, end, when if pair is one.pairs[-1] else None)
        parts += _strip(one, pair, number, _Axis(0.0, math.log10(LOW), begin + 16, end), time)
    bottom = end
    words = "; ".join(f"{pair_name(pair.window)} fires over {_limit(one.slo, pair)}" for pair in one.pairs)
    title = f"Error ratios of {name_of(one)} against the limits of its alerts"
    return svg.document(f"{name}-errors", title, f"{words}. {_fired_words(one)}", (WIDTH, int(bottom + 34)), parts)


def detection_picture(slo: SLO, name: str) -> str:
    """Time from a constant fault to each alert, over the share of events that the fault fails."""
    top, bottom = 60.0, 330.0
    ratios = np.logspace(math.log10(float(slo.error_budget)), 0.0, COLUMNS)
    across, up = (
        _Axis(math.log10(ratios[0]), 0.0, LEFT, RIGHT),
        _Axis(math.log10(DURATIONS[-1]), math.log10(60), top, bottom),
    )
    parts = [
        svg.label(16, 24, f"{slo.id}: how soon each alert tells of a constant fault", "head"),
        svg.label(
            16, 44, f"After a clean time; error budget {format_ratio(slo.error_budget)}, both axes logarithmic.", "soft"
        ),
    ]
    for seconds in DURATIONS:
        y = up(math.log10(seconds))
        parts += [
            svg.rule(LEFT, y, RIGHT, y),
            svg.label(LEFT - 8, y + 4, format_duration(Decimal(seconds)), "soft end"),
        ]
    for ratio in _decades(float(slo.error_budget)):
        x = across(math.log10(ratio))
        parts += [svg.rule(x, top, x, bottom), svg.label(x, bottom + 18, percent(ratio), "soft mid")]
    parts.append(svg.label((LEFT + RIGHT) / 2, bottom + 38, "events that the fault fails", "soft mid"))
    entries, words = {}, []
    for number, window in enumerate(slo.windows):
        found = [detection_seconds(slo, window, Decimal(repr(float(ratio)))) for ratio in ratios]
        times = np.array([np.nan if one is None else float(one) for one in found])
        parts.append(
            svg.course(
                across.all(np.log10(ratios)), up.all(np.log10(np.maximum(times, 60.0))), f"c{svg.colour(number)}"
            )
        )
        said = f"{window.severity.value} {format_duration(window.long)}/{format_duration(window.short)}"
        entries[said] = f"c{svg.colour(number)}"
        words.append(f"{said}: {'never' if found[-1] is None else spoken(float(found[-1]))} into a total outage")
    parts += svg.legend(LEFT, bottom + 64, entries, 185)
    title = f"Detection time of the alerts of {slo.id} over the error ratio"
    return svg.document(
        f"{name}-detection", title, "; ".join(words) or "It has no alert.", (WIDTH, int(bottom + 84)), parts
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """From values to places: `first` lies at `begin`, `last` at `end`."""

    first: float
    last: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        return self.begin + (value - self.first) / (self.last - self.first or 1.0) * (self.end - self.begin)

    def all(self, values: Floats) -> Floats:
        """Many at once."""
        return np.asarray(
            self.begin + (values - self.first) / (self.last - self.first or 1.0) * (self.end - self.begin)
        )


def _time_axis(one: Simulation) -> _Axis:
    return _Axis(one.start, one.end, LEFT, RIGHT)


def _columns(time: _Axis) -> Floats:
    return np.linspace(time.begin, time.end, COLUMNS)


def _last(one: Simulation, values: Floats) -> Floats:
    """The value at each column."""
    places = np.linspace(one.budget.begin, len(values) - 1, COLUMNS).astype(np.int64)
    return values[places]


def _peaks(one: Simulation, values: Floats) -> Floats:
    """The highest value around each column, so that no short peak is lost."""
    edges = np.linspace(one.budget.begin, len(values), COLUMNS + 1).astype(np.int64)
    known = np.where(np.isnan(values), -1.0, values)
    highest = np.array(
        [
            known[first:last].max(initial=-1.0)
            for first, last in zip(edges[:-1], np.maximum(edges[1:], edges[:-1] + 1), strict=True)
        ]
    )
    return np.where(highest < 0, np.nan, highest)


def _strip(one: Simulation, pair: Pair, number: int, axis: _Axis, time: _Axis) -> list[str]:
    limit, name = float(firing_ratio(one.slo, pair.window)), f"c{svg.colour(number)}"
    long, short = (
        np.log10(np.clip(_peaks(one, one.course.recorded(float(length))), LOW, 1.0))
        for length in (pair.window.long, pair.window.short)
    )
    words = f"{pair_name(pair.window)}: limit {_limit(one.slo, pair)}"
    parts = [
        svg.label(LEFT, axis.begin - 5, words),
        svg.label(
            RIGHT,
            axis.begin - 5,
            f"thick: {format_duration(pair.window.long)}, thin: {format_duration(pair.window.short)}",
            "soft end",
        ),
    ]
    for ratio in (1.0, 0.01, 0.0001):
        y = axis(math.log10(ratio))
        parts += [svg.rule(LEFT, y, RIGHT, y), svg.label(LEFT - 8, y + 4, percent(ratio), "soft end")]
    columns = _columns(time)
    parts += [svg.course(columns, axis.all(short), f"{name} thin"), svg.course(columns, axis.all(long), name)]
    if limit <= 1:
        y = axis(math.log10(max(limit, LOW)))
        parts.append(svg.rule(LEFT, y, RIGHT, y, "limit"))
    return parts


def _event_boxes(one: Simulation, time: _Axis, top: float, bottom: float, when: When) -> list[str]:
    return [
        svg.box(
            time(event.start),
            top,
            max(1.5, time(event.end) - time(event.start)),
            bottom - top,
            "event",
            f"{when(event.start)}, {spoken(event.end - event.start)}: {percent(event.cost)} of the budget",
        )
        for event in significant(one.events, one.threshold)
    ]


def _alert_row(pair: Pair, number: int, y: float, time: _Axis, when: When) -> list[str]:
    parts = [svg.label(LEFT - 8, y + 11, pair_name(pair.window), "end"), svg.rule(LEFT, y + 7, RIGHT, y + 7)]
    for span in pair.told.spans:
        x = time(max(span.start, time.first))
        tip = f"{pair_name(pair.window)} fired {when(span.start)} for {spoken(span.seconds)}"
        parts.append(svg.box(x, y, max(3.0, time(span.end) - x), 14, f"f{svg.colour(number)}", tip))
    return parts


def _days(one: Simulation, time: _Axis, top: float, bottom: float, when: When | None) -> list[str]:
    """A line for every so many days, and what they are called unless somebody else says so."""
    length = one.end - one.start
    step = next((every for every in (1, 2, 5, 10, 15, 30, 60) if length / DAY / every <= 12), 90) * DAY
    if length < 3 * DAY:
        step = max(3600.0, round(length / 8 / 3600) * 3600.0)
    parts, at = [], one.start
    while at < one.end:
        parts.append(svg.rule(time(at), top, time(at), bottom))
        if when is not None:
            parts.append(svg.label(time(at), bottom + 18, _day_name(when(at), whole_days=step >= DAY), "soft mid"))
        at += step
    return parts


def _day_name(text: str, *, whole_days: bool) -> str:
    """`day 3`, or the date without its century; with the time of the day where lines are hours apart."""
    return (text.rpartition(" ")[0] if whole_days else text).removeprefix("20")


def _fired_words(one: Simulation) -> str:
    counts = (f"{pair_name(pair.window)} fired {how_many(len(pair.told.spans), 'time')}" for pair in one.pairs)
    return "; ".join(counts) or "It has no alert"


def _limit(slo: SLO, pair: Pair) -> str:
    return percent(float(firing_ratio(slo, pair.window)))


def _decades(least: float) -> list[float]:
    first = math.floor(math.log10(least))
    marks = [step * 10.0**power for power in range(first, 1) for step in (1, 2, 5)]
    found = [mark for mark in marks if least * 0.999 <= mark <= 1]
    return found if len(found) <= 10 else [mark for mark in found if f"{mark:e}".startswith("1")]


def _file_name(one: Simulation, taken: dict[str, str]) -> str:
    name = _slug("-".join([one.slo.id, *(value for _, value in one.group)]))
    tries = [name, *(f"{name}-{number}" for number in range(2, len(taken) + 3))]
    return next(found for found in tries if f"{found}-budget.svg" not in taken)


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text)[:80] or "slo"
