"""Recording rules of one SLO, under Sloth's names.

Groups of their own interval, because a range over 30 days costs what thousands of short ones cost (sloth#435, pyrra#1440):

- *fast*: counts over five minutes, error ratios that the alerts of this group read, present burn rate;
- *slices*: one sample for each time slice;
- *sampled*: the counts once in five minutes, so that no event is in two of them, and by month where a calendar asks for it;
- *long*: error ratios of hours and days, and shorter ones that only the alerts of this group read;
- *period*: error ratio of the whole SLO window, the budget that is left, and what never changes, which boards read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from alerts.model import RecordingRule
from alerts.pace import Pace
from alerts.ratios import (
    BASE_WINDOW,
    CURRENT_MONTH,
    LONGEST_DENSE_WINDOW,
    LONGEST_RAW_WINDOW,
    MONTH_GONE,
    MONTH_WORD,
    Pair,
    counts,
    error_ratio,
    month_ratio,
    recorded_pair,
    selected,
    slices,
    slo_labels,
    sloth_id,
)
from slo import names
from slo.quantities import UNITS, format_duration, format_number
from slo.spec import SLO, CompositeSLI, Spec, TimeSliceSLI, cell

__all__ = ["BASE_WINDOW", "LONGEST_RAW_WINDOW", "Demand", "demands", "selected", "slo_labels", "sloth_id", "windows_of"]

SLOTH_WINDOWS = tuple(Decimal(seconds) for seconds in (300, 1800, 3600, 7200, 21600, 86400, 259200))
"""Windows that Sloth records beside the SLO's own; people's dashboards read them."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What composites ask of a component beside its own windows, and how the spec's SLOs are called."""

    sloth_ids: dict[str, str]
    windows: Mapping[str, frozenset[Decimal]]
    months: frozenset[str]


def demands(spec: Spec) -> Demand:
    """What every composite of the spec asks of its components, and these of theirs."""
    windows: dict[str, frozenset[Decimal]] = {}
    months: set[str] = set()
    composites = {slo.id: slo for slo in spec.slos if isinstance(slo.sli, CompositeSLI)}

    def ask(slo: SLO, asked: frozenset[Decimal], *, calendar: bool) -> None:
        if not isinstance(slo.sli, CompositeSLI):
            return
        for component, _ in slo.sli.components:
            windows[component] = windows.get(component, frozenset()) | asked
            if calendar:
                months.add(component)
            if component in composites:
                ask(composites[component], asked, calendar=calendar)

    for slo in composites.values():
        ask(slo, frozenset(windows_of(slo)), calendar=slo.calendar)
    return Demand({slo.id: sloth_id(slo) for slo in spec.slos}, windows, frozenset(months))


def windows_of(slo: SLO, also: frozenset[Decimal] = frozenset()) -> tuple[Decimal, ...]:
    """Every window over which an error ratio is recorded, shortest first: Sloth's, those of its alerts, and those asked for."""
    pairs = {length for window in slo.windows for length in (window.long, window.short)}
    return tuple(sorted({*SLOTH_WINDOWS, *pairs, slo.window, *also}))


def fast_recordings(slo: SLO, demand: Demand, pace: Pace) -> tuple[RecordingRule, ...]:
    """Counts, the ratios that cannot wait, and the present burn rate."""
    return (
        *_pair_rules(recorded_pair(slo), counts(slo, pace), slo),
        *(_ratio(slo, window, demand, pace) for window in _hurried(slo, demand)),
        RecordingRule(names.CURRENT_BURN_RATE, _burn_rate(slo, format_duration(BASE_WINDOW)), slo_labels(slo)),
    )


def slice_recordings(slo: SLO, demand: Demand, pace: Pace) -> tuple[RecordingRule, ...]:
    """One sample for each time slice; nothing for other kinds."""
    if not isinstance(slo.sli, TimeSliceSLI):
        return ()
    rules = _pair_rules(recorded_pair(slo), slices(slo, slo.sli, pace), slo)
    return (*rules, *_dated(slo)) if _by_month(slo, demand) else rules


def sampled_recordings(slo: SLO, demand: Demand) -> tuple[RecordingRule, ...]:
    """The counts again, seldom enough for windows of weeks, and with their month where a calendar month is asked for."""
    pair = recorded_pair(slo)
    if pair is None:
        return ()
    if isinstance(slo.sli, TimeSliceSLI):
        return ()
    weeks = max(_windows(slo, demand)) > LONGEST_DENSE_WINDOW
    kept = _pair_rules(pair.sampled(), (selected(pair.bad, slo), selected(pair.valid, slo)), slo) if weeks else ()
    return (*kept, *_dated(slo)) if _by_month(slo, demand) else kept


def long_recordings(slo: SLO, demand: Demand, pace: Pace) -> tuple[RecordingRule, ...]:
    """Error ratios up to three days that can wait, without the SLO window's own where no alert reads it."""
    hurried = _hurried(slo, demand)
    longer = (
        window
        for window in _windows(slo, demand)
        if window <= LONGEST_DENSE_WINDOW and not _unread(slo, window) and window not in hurried
    )
    return tuple(_ratio(slo, window, demand, pace) for window in longer)


def period_recordings(slo: SLO, demand: Demand, pace: Pace) -> tuple[RecordingRule, ...]:
    """Error ratio and burn rate of the whole SLO window, the share of its budget that is left (negative when overspent), constants."""
    labels = slo_labels(slo)
    period = MONTH_WORD if slo.calendar else format_duration(slo.window)
    longest = [window for window in _windows(slo, demand) if window > LONGEST_DENSE_WINDOW or _unread(slo, window)]
    month = (_month(slo, demand, pace),) if _by_month(slo, demand) else ()
    return (
        *(_ratio(slo, window, demand, pace) for window in longest),
        *month,
        RecordingRule(names.PERIOD_BURN_RATE, _burn_rate(slo, period), labels),
        RecordingRule(names.PERIOD_BUDGET_REMAINING, _remaining(slo), labels),
        *_constants(slo),
    )


def _windows(slo: SLO, demand: Demand) -> tuple[Decimal, ...]:
    return windows_of(slo, demand.windows.get(slo.id, frozenset()))


def _unread(slo: SLO, window: Decimal) -> bool:
    """Whether it is the SLO window, and no alert waits for its ratio."""
    return window == slo.window and all(window != pair.long for pair in slo.windows)


def _hurried(slo: SLO, demand: Demand) -> tuple[Decimal, ...]:
    """Windows that are looked at every half minute: the shortest, those of alerts up to an hour, those that composites ask for."""
    alerts = {
        length for window in slo.windows if window.long <= LONGEST_RAW_WINDOW for length in (window.long, window.short)
    }
    asked = {*alerts, BASE_WINDOW, *demand.windows.get(slo.id, frozenset())}
    return tuple(
        window
        for window in _windows(slo, demand)
        if window <= LONGEST_RAW_WINDOW and window in asked and not _unread(slo, window)
    )


def _by_month(slo: SLO, demand: Demand) -> bool:
    return slo.calendar or slo.id in demand.months


def _dated(slo: SLO) -> tuple[RecordingRule, ...]:
    """The counts with the month in which they are taken."""
    pair = recorded_pair(slo)
    if pair is None:
        return ()
    bad, valid = (
        f"{selected(name, slo)}\n* on () group_left ({names.MONTH})\n{CURRENT_MONTH}" for name in (pair.bad, pair.valid)
    )
    return _pair_rules(pair.of_month(), (bad, valid), slo)


def _pair_rules(pair: Pair | None, exprs: tuple[str, str] | None, slo: SLO) -> tuple[RecordingRule, ...]:
    if pair is None or exprs is None:
        return ()
    labels = slo_labels(slo)
    return (RecordingRule(pair.bad, exprs[0], labels), RecordingRule(pair.valid, exprs[1], labels))


def _ratio(slo: SLO, window: Decimal, demand: Demand, pace: Pace) -> RecordingRule:
    word = format_duration(window)
    labels = cell({**dict(slo_labels(slo)), names.SLO_WINDOW: word})
    return RecordingRule(names.sli_error(word), error_ratio(slo, window, pace, demand.sloth_ids), labels)


def _month(slo: SLO, demand: Demand, pace: Pace) -> RecordingRule:
    labels = cell({**dict(slo_labels(slo)), names.SLO_WINDOW: MONTH_WORD})
    return RecordingRule(names.sli_error(MONTH_WORD), month_ratio(slo, pace, demand.sloth_ids), labels)


def _burn_rate(slo: SLO, window: str) -> str:
    return f"{selected(names.sli_error(window), slo)} / {format_number(slo.error_budget)}"


def _remaining(slo: SLO) -> str:
    """What is left of the budget: of a calendar month, that of the whole month, if the rest of it is as busy as it was so far."""
    burnt = f"1 - {selected(names.PERIOD_BURN_RATE, slo)}"
    return f"{burnt} * scalar({MONTH_GONE})" if slo.calendar else burnt


def _constants(slo: SLO) -> tuple[RecordingRule, ...]:
    labels = slo_labels(slo)
    info = {
        names.OWNER: slo.owner,
        "sloth_mode": "courtsight",
        "sloth_objective": format_number(slo.objective * 100),
        "sloth_spec": "courtsight/slo/v1",
        "sloth_version": "1",
    }
    days = "days_in_month()" if slo.calendar else f"vector({format_number(slo.window / UNITS['d'])})"
    return (
        RecordingRule(names.OBJECTIVE, f"vector({format_number(slo.objective)})", labels),
        RecordingRule(names.ERROR_BUDGET, f"vector({format_number(slo.error_budget)})", labels),
        RecordingRule(names.PERIOD_DAYS, days, labels),
        RecordingRule(names.SLO_INFO, "vector(1)", cell({**dict(labels), **info})),
    )
