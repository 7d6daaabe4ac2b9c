"""Recording rules of one SLO, under Sloth's names.

Three groups, because a range over 30 days costs what thousands of short ones cost (sloth#435, pyrra#1440):

- *fast*: counts over five minutes, error ratios up to an hour straight from the counters, constants, present burn rate;
- *long*: error ratios of hours and days, from the recorded counts;
- *period*: error ratio of the whole SLO window and the budget that is left.

Counts are summed first and divided last: the mean of ratios weighs a quiet night like a busy day (sloth#241). A window without
valid events yields no sample instead of NaN, which would stay in every longer window until it aged out (sloth#133).
"""

from __future__ import annotations

from decimal import Decimal

from alerts.model import RecordingRule
from alerts.pace import Pace
from slo import names
from slo.quantities import UNITS, format_duration, format_number
from slo.sli import bad_events, matchers, valid_events
from slo.spec import SLO, Cell, RatioSLI, cell

BASE_WINDOW = Decimal(300)
"""Range of the recorded counts."""
LONGEST_RAW_WINDOW = Decimal(3600)
"""Up to here a ratio reads the counters themselves; beyond, it sums recorded counts."""


def slo_labels(slo: SLO) -> Cell:
    """Labels of everything that is recorded for this SLO: Sloth's three, and what singles it out of its family."""
    own = {names.SLO_ID: sloth_id(slo), names.SLO_SERVICE: slo.service, names.SLO_NAME: slo.id}
    return cell({**dict(slo.labels), **own})


def sloth_id(slo: SLO) -> str:
    """The id under which Sloth's dashboards know the SLO: `courtsight-availability`."""
    return f"{slo.service}-{slo.id}"


def selected(metric: str, slo: SLO) -> str:
    """A recorded series of this SLO."""
    return metric + matchers(((names.SLO_ID, sloth_id(slo)),))


def windows_of(slo: SLO) -> tuple[Decimal, ...]:
    """Every window over which an error ratio is recorded, shortest first."""
    pairs = {length for window in slo.windows for length in (window.long, window.short)}
    return tuple(sorted({BASE_WINDOW, *pairs, slo.window}))


def fast_recordings(slo: SLO, pace: Pace) -> tuple[RecordingRule, ...]:
    """Counts, short ratios, constants and the present burn rate."""
    short = (window for window in windows_of(slo) if window <= LONGEST_RAW_WINDOW and window != slo.window)
    return (
        *_counts(slo, pace),
        *(_ratio(slo, window, pace) for window in short),
        *_constants(slo),
        RecordingRule(names.CURRENT_BURN_RATE, _burn_rate(slo, BASE_WINDOW), slo_labels(slo)),
    )


def long_recordings(slo: SLO, pace: Pace) -> tuple[RecordingRule, ...]:
    """Error ratios of the windows over an hour, without the SLO window's own."""
    longer = (window for window in windows_of(slo) if window > LONGEST_RAW_WINDOW and window != slo.window)
    return tuple(_ratio(slo, window, pace) for window in longer)


def period_recordings(slo: SLO, pace: Pace) -> tuple[RecordingRule, ...]:
    """Error ratio and burn rate of the whole SLO window, and the share of its budget that is left (negative when overspent)."""
    labels = slo_labels(slo)
    return (
        _ratio(slo, slo.window, pace),
        RecordingRule(names.PERIOD_BURN_RATE, _burn_rate(slo, slo.window), labels),
        RecordingRule(names.PERIOD_BUDGET_REMAINING, f"1 - {selected(names.PERIOD_BURN_RATE, slo)}", labels),
    )


def _counts(slo: SLO, pace: Pace) -> tuple[RecordingRule, ...]:
    window = pace.range(BASE_WINDOW)
    return (
        RecordingRule(names.BAD_EVENTS_5M, _bad(slo, window), slo_labels(slo)),
        RecordingRule(names.VALID_EVENTS_5M, valid_events(slo, window), slo_labels(slo)),
    )


def _bad(slo: SLO, window: str) -> str:
    """Bad events that never lie below zero and are zero where only their series is missing.

    A latency SLI has no such fallback: a missing bucket edge means that nothing is known, and `SLISeriesAbsent` says so.
    """
    bad = bad_events(slo, window)
    if isinstance(slo.sli, RatioSLI):
        return f"{bad}\nor\n0 * {valid_events(slo, window)}"
    # increase() extrapolates each series on its own, so that the bucket may exceed the count by a hair after a restart.
    return f"clamp_min({bad}, 0)"


def _ratio(slo: SLO, window: Decimal, pace: Pace) -> RecordingRule:
    word = format_duration(window)
    labels = cell({**dict(slo_labels(slo)), names.SLO_WINDOW: word})
    expr = _raw_ratio(slo, window, pace) if window <= LONGEST_RAW_WINDOW else _summed_ratio(slo, window, pace)
    return RecordingRule(names.sli_error(word), expr, labels)


def _raw_ratio(slo: SLO, window: Decimal, pace: Pace) -> str:
    span = pace.range(window)
    bad = _bad(slo, span)
    grouped = f"(\n{bad}\n)" if "\n" in bad else bad
    return f"{grouped}\n/\n({valid_events(slo, span)} > 0)"


def _summed_ratio(slo: SLO, window: Decimal, pace: Pace) -> str:
    span = pace.range(window)
    bad, valid = selected(names.BAD_EVENTS_5M, slo), selected(names.VALID_EVENTS_5M, slo)
    return f"sum_over_time({bad}[{span}])\n/\n(sum_over_time({valid}[{span}]) > 0)"


def _burn_rate(slo: SLO, window: Decimal) -> str:
    ratio = selected(names.sli_error(format_duration(window)), slo)
    return f"{ratio}\n/ on ({names.SLO_ID}) group_left\n{selected(names.ERROR_BUDGET, slo)}"


def _constants(slo: SLO) -> tuple[RecordingRule, ...]:
    labels = slo_labels(slo)
    info = {
        names.OWNER: slo.owner,
        "sloth_objective": format_number(slo.objective * 100),
        "sloth_spec": "courtsight/slo/v1",
    }
    return (
        RecordingRule(names.OBJECTIVE, f"vector({format_number(slo.objective)})", labels),
        RecordingRule(names.ERROR_BUDGET, f"vector({format_number(slo.error_budget)})", labels),
        RecordingRule(names.PERIOD_DAYS, f"vector({format_number(slo.window / UNITS['d'])})", labels),
        RecordingRule(names.SLO_INFO, "vector(1)", cell({**dict(labels), **info})),
    )
