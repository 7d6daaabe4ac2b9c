"""A simulation for people: tables and sparklines in plain text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import numpy as np

from harness.slo_commands.explain import spoken
from harness.slo_commands.reading import table
from slo.quantities import format_duration, format_ratio, how_many
from slo.simulation.approaches import Approach
from slo.simulation.events import Event
from slo.simulation.firing import Span
from slo.simulation.history import Floats
from slo.simulation.replay import Simulation, Told
from slo.simulation.scoring import Score, significant, telling
from slo.simulation.what_if import Variant
from slo.spec import Severity, Window

DAY = 86400.0
BLOCKS = "▁▂▃▄▅▆▇█"
UNKNOWN = " "
COLUMNS = 60
MOST_EVENTS = 8
NONE = "–"
SCORE_HEADS = ("alerts", "precision", "recall", "detection (median, worst)", "reset (median)", "firing")

When = Callable[[float], str]


def clock(start: float, *, dated: bool) -> When:
    """How instants are told: by date, or where there is none as `day 3 14:19`."""
    if dated:
        return lambda at: datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%MZ")

    def by_day(at: float) -> str:
        day, rest = divmod(round(at - start), int(DAY))
        return f"day {day + 1} {rest // 3600:02d}:{rest % 3600 // 60:02d}"

    return by_day


def name_of(simulation: Simulation) -> str:
    """Id of the SLO, with its group."""
    group = ", ".join(f"{name} {value}" for name, value in simulation.group)
    return simulation.slo.id + (f" ({group})" if group else "")


def window_name(simulation: Simulation) -> str:
    """The SLO window in the spec's words."""
    return "month" if simulation.slo.calendar else format_duration(simulation.slo.window)


def pair_name(window: Window) -> str:
    """`page 1h/5m`."""
    return f"{window.severity.value} {format_duration(window.long)}/{format_duration(window.short)}"


def in_words(simulation: Simulation, when: When) -> str:
    """Everything about one SLO."""
    slo, budget = simulation.slo, simulation.budget
    events = float(simulation.course.weights.valid[-1] - simulation.course.weights.valid[budget.begin])
    lines = [
        f"{name_of(simulation)}: {slo.title}",
        f"  {format_ratio(slo.objective)} over {window_name(simulation)}, {when(simulation.start)} to {when(simulation.end)}",
        f"  {budget_words(simulation, when)}",
    ]
    if not events > 0:
        return "\n".join([*lines, "  nothing is known of this time: there were no events"])
    lines += [
        "",
        f"  left    {sparkline(left_over_time(simulation))}  budget, 100% to 0%",
        f"  errors  {sparkline(errors_over_time(simulation))}  highest hour, 0 to {_highest(simulation)}",
        f"  alerts  {alert_line(simulation)}  P page, t ticket",
        "",
        *_indented(_events(simulation, when)),
        "",
        *_indented(_alerts(simulation, when)),
    ]
    if simulation.rivals:
        lines += ["", *_indented(_approaches(simulation))]
    return "\n".join(line.rstrip() for line in lines)


def compared_words(found: Sequence[tuple[Variant, Sequence[Simulation]]], when: When) -> str:
    """The table of what-ifs of one SLO."""
    heads = (
        "objective",
        "window",
        "alert windows",
        "least budget left",
        "ran out",
        "pages",
        "tickets",
        *SCORE_HEADS[1:4],
    )
    rows = [_variant_row(variant, one, when) for variant, simulations in found for one in simulations]
    first = found[0][1][0]
    said = f"what if (the first line is the SLO as it is; significant: {percent(first.threshold)} of its budget)"
    return "\n".join([said, *_indented(table(heads, rows))])


def definitions() -> str:
    """The words that the tables use, exactly."""
    return (
        "An event is a stretch with more bad events than the budget's share; it is significant when it cost at least the share said above.\n"
        "precision: alerts that saw significant events / alerts; recall: significant events that an alert told / significant events;\n"
        "detection: begin of the event to alert; reset: end of the event to end of the alert (Site Reliability Workbook, chapter 5)."
    )


def budget_words(simulation: Simulation, when: When) -> str:
    """What is left, and when it ran out or would."""
    budget = simulation.budget
    if np.isnan(budget.left):
        return "budget: unknown"
    said = f"budget: {percent(1 - budget.left)} spent, {percent(budget.left)} left"
    if budget.exhausted is not None:
        return f"{said}; it ran out {when(budget.exhausted)}"
    if budget.projected is None:
        return said
    return f"{said}; at the last day's pace it runs out {when(budget.projected)}"


def percent(ratio: float | None) -> str:
    """A share for people, in three digits."""
    if ratio is None or np.isnan(ratio):
        return NONE
    scaled = ratio * 100
    text = f"{scaled:.0f}" if abs(scaled) >= 100 else f"{scaled:.3g}"
    return f"{Decimal(text):f}%"


def sparkline(values: Floats) -> str:
    """Values between 0 and 1 as blocks; NaN is left blank."""
    return "".join(
        UNKNOWN if np.isnan(value) else BLOCKS[min(len(BLOCKS) - 1, int(max(0.0, value) * len(BLOCKS)))]
        for value in values
    )


def left_over_time(simulation: Simulation, columns: int = COLUMNS) -> Floats:
    """Budget that is left at the end of each of so many equal parts of the time, 1 to 0."""
    budget = simulation.budget
    places = np.linspace(budget.begin, budget.grid.count - 1, columns + 1).astype(np.int64)[1:]
    return np.asarray(np.clip(1 - budget.spent[places], 0.0, 1.0), dtype=np.float64)


def errors_over_time(simulation: Simulation, columns: int = COLUMNS) -> Floats:
    """The highest hourly error ratio of each part, against the highest of all."""
    every = _by_part(simulation, columns)
    highest = np.nanmax(every) if not np.isnan(every).all() else 0.0
    return every / highest if highest > 0 else every


def alert_line(simulation: Simulation, columns: int = COLUMNS) -> str:
    """`P` where a page fired, `t` where a ticket did."""
    marks = ["·"] * columns
    for severity, mark in ((Severity.TICKET, "t"), (Severity.PAGE, "P")):
        told = simulation.by_severity.get(severity)
        for span in told.spans if told else ():
            first, last = (_column(simulation, at, columns) for at in (span.start, span.end))
            marks[first : last + 1] = [mark] * (last + 1 - first)
    return "".join(marks)


def _column(simulation: Simulation, at: float, columns: int) -> int:
    share = (at - simulation.start) / max(1.0, simulation.end - simulation.start)
    return int(np.clip(share * columns, 0, columns - 1))


def _by_part(simulation: Simulation, columns: int) -> Floats:
    hourly, begin = simulation.course.plain(3600.0), simulation.budget.begin
    places = np.linspace(begin, len(hourly), columns + 1).astype(np.int64)
    parts = (hourly[first:last] for first, last in pairwise(places))
    return np.array([np.nan if not len(part) or np.isnan(part).all() else np.nanmax(part) for part in parts])


def _highest(simulation: Simulation) -> str:
    every = _by_part(simulation, COLUMNS)
    return percent(None if np.isnan(every).all() else float(np.nanmax(every)))


def _events(simulation: Simulation, when: When) -> str:
    large = significant(simulation.events, simulation.threshold)
    small = len(simulation.events) - len(large)
    share = percent(simulation.threshold)
    if not large:
        return f"No significant event (none cost {share} of the budget); {how_many(small, 'smaller one')}."
    heads = ("significant event", "length", "cost", "told by")
    shown = sorted(sorted(large, key=lambda event: -event.cost)[:MOST_EVENTS], key=lambda event: event.start)
    rows = [
        (when(event.start), spoken(event.end - event.start), percent(event.cost), _tellers(simulation, event))
        for event in shown
    ]
    rest = f" The {MOST_EVENTS} largest are shown." if len(large) > MOST_EVENTS else ""
    return f"{how_many(len(large), 'significant event')} (cost at least {share} of the budget), {how_many(small, 'smaller one')}.{rest}\n{table(heads, rows)}"


def _tellers(simulation: Simulation, event: Event) -> str:
    told = ((pair, telling(pair.told.spans, event)) for pair in simulation.pairs)
    found = [f"{pair_name(pair.window)} after {_after(spans[0], event)}" for pair, spans in told if spans]
    return ", ".join(found) or "nobody"


def _after(span: Span, event: Event) -> str:
    return spoken(max(0.0, span.start - event.start)) if span.start > event.start else "0 s (it fired already)"


def _alerts(simulation: Simulation, when: When) -> str:
    heads = ("alert", "first", "longest", *SCORE_HEADS)
    rows = [_alert_row(pair_name(pair.window), pair.told, when) for pair in simulation.pairs]
    rows += [_alert_row(f"all {severity.value}s", told, when) for severity, told in simulation.by_severity.items()]
    return table(heads, rows) if rows else "It has no burn-rate alert."


def _alert_row(name: str, told: Told, when: When) -> tuple[str, ...]:
    first = when(told.spans[0].start) if told.spans else NONE
    longest = spoken(max(span.seconds for span in told.spans)) if told.spans else NONE
    return name, first, longest, *score_cells(told.score)


def score_cells(score: Score) -> tuple[str, ...]:
    """Alerts, precision, recall, detection, reset, firing."""
    worst = f", {spoken(max(score.detection))}" if len(score.detection) > 1 else ""
    masked = f" ({score.masked} masked)" if score.masked else ""
    detection = NONE if score.median_detection is None else spoken(score.median_detection) + worst + masked
    reset = NONE if score.median_reset is None else spoken(score.median_reset)
    firing = spoken(score.firing) if score.firing else NONE
    return str(score.alerts), percent(score.precision), percent(score.recall), detection, reset, firing


def _approaches(simulation: Simulation) -> str:
    heads = ("approach of the workbook", *SCORE_HEADS)
    rows = [(approach_name(rival.approach), *score_cells(rival.told.score)) for rival in simulation.rivals]
    return table(heads, [*rows, ("these rules, all alerts", *score_cells(simulation.alerts.score))])


def approach_name(approach: Approach) -> str:
    """`4: burn rate over 1h (5%)`."""
    return f"{approach.number}: {approach.title}"


def _variant_row(variant: Variant, simulation: Simulation, when: When) -> tuple[str, ...]:
    budget, score = simulation.budget, simulation.alerts.score
    counts = (
        str(simulation.by_severity[severity].score.alerts) if severity in simulation.by_severity else NONE
        for severity in (Severity.PAGE, Severity.TICKET)
    )
    ran_out = NONE if budget.exhausted is None else when(budget.exhausted)
    group = "".join(f" ({name} {value})" for name, value in simulation.group)
    windows = variant.windows + group
    return (
        variant.objective,
        variant.window,
        windows,
        percent(budget.lowest),
        ran_out,
        *counts,
        *score_cells(score)[1:4],
    )


def _indented(text: str) -> list[str]:
    return [f"  {line}" if line else "" for line in text.splitlines()]
