"""The cases in which an alert must speak or keep silent: traffic, and what has to be seen when.

Each case is worked out from the spec's numbers (`slo.budget`), not from the rules, so that a rule that strays from them fails it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from alerts.burn import burn_alert_name, burn_labels
from alerts.recording import LONGEST_RAW_WINDOW, selected, slo_labels, sloth_id
from alerts.traffic import MINUTE, InputSeries, Stretch, counters
from slo import names
from slo.budget import burn_rate_factor, detection_seconds, firing_ratio
from slo.quantities import format_duration, format_number
from slo.sli import matchers
from slo.spec import SLO, Cell, Window, cell

BLIP_MINUTES = 4
UNDER, OVER = Decimal("0.99"), Decimal("1.01")
SIX_DECIMALS = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Sample:
    """A series and its value at one instant; `series` is written with all its labels."""

    series: str
    value: str


@dataclass(frozen=True, slots=True)
class Look:
    """What a query must yield at one instant, in seconds from the start; no samples means an empty result."""

    at: Decimal
    expr: str
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One story: its sentence, its traffic and the looks taken at it."""

    title: str
    series: tuple[InputSeries, ...]
    looks: tuple[Look, ...]


def merged(title: str, cases: Iterable[Case]) -> Case:
    """Stories of several SLOs told at once; they share no series."""
    parts = tuple(cases)
    return Case(
        title,
        tuple(series for part in parts for series in part.series),
        tuple(look for part in parts for look in part.looks),
    )


def fire(slo: SLO, window: Window, step: Decimal) -> Case:
    """After a clean long window a fault: silent until predicted, firing within one evaluation, silent again after its end.

    The error ratio is chosen so that the prediction lies in the middle of an evaluation step: there it does not matter whether a range
    counts the sample on its left end (Prometheus 2 does, 3 does not). Where that ratio would exceed one, it is a total outage.
    """
    steps = (window.long / step / 4).to_integral_value(ROUND_FLOOR) + Decimal("0.5")
    wanted = firing_ratio(slo, window) * window.long / (steps * step)
    ratio = min(Decimal(1), wanted.quantize(SIX_DECIMALS))
    predicted = detection_seconds(slo, window, ratio)
    if predicted is None:
        return never(slo, window, step)
    pending = ((predicted - window.hold) / step).to_integral_value(ROUND_FLOOR) * step
    hold = _rounded_up(window.hold, step)
    fault_minutes = _minutes(pending + hold + 3 * step)
    clean = Stretch(_minutes(window.long))
    after = Stretch(_minutes(window.short + 3 * step))
    ended = (clean.minutes + fault_minutes) * MINUTE
    looks = (
        Look(window.long + pending + hold - step, _firing(slo, window)),
        Look(window.long + pending + hold + step, _firing(slo, window), (_fired(slo, window),)),
        Look(ended + _rounded_up(window.short, step) + step, _firing(slo, window)),
    )
    return Case("", counters(slo, (clean, Stretch(fault_minutes, ratio), after)), looks)


def never(slo: SLO, window: Window, step: Decimal) -> Case:
    """An alert that cannot fire stays silent through an outage as long as its long window and its `for`."""
    length = _rounded_up(window.long + window.hold, step) + 2 * step
    looks = (Look(length, _firing(slo, window)),)
    return Case("", counters(slo, (Stretch(_minutes(length), Decimal(1)),)), looks)


def just_under(slo: SLO, window: Window, step: Decimal) -> Case:
    """A steady error ratio one percent below the limit does not fire."""
    length = _steady_length(window, step)
    ratio = min(Decimal(1), firing_ratio(slo, window) * UNDER)
    return Case("", _steady(slo, ratio, length), (Look(length, _firing(slo, window)),))


def just_over(slo: SLO, window: Window, step: Decimal) -> Case:
    """A steady error ratio one percent above the limit fires, where there is such a ratio."""
    length = _steady_length(window, step)
    ratio = firing_ratio(slo, window) * OVER
    samples = (_fired(slo, window),) if ratio <= 1 else ()
    return Case("", _steady(slo, min(Decimal(1), ratio), length), (Look(length, _firing(slo, window), samples),))


def blip(slo: SLO, window: Window, step: Decimal) -> Case:
    """Four bad minutes after a clean long window do not fire: the worst that spends under nine tenths of what firing takes."""
    ratio = blip_ratio(slo, window)
    start = window.long
    end = start + BLIP_MINUTES * MINUTE
    clean, spike = Stretch(_minutes(start)), Stretch(BLIP_MINUTES, ratio)
    watched = 4 * step + window.hold + window.short
    moments = [start + step * count for count in range(1, int(watched / step))]
    looks = [Look(_rounded_up(at, step), _firing(slo, window)) for at in moments]
    if window.long <= LONGEST_RAW_WINDOW and ratio * BLIP_MINUTES * MINUTE / window.short > firing_ratio(slo, window):
        looks.append(_over_limit(slo, window, end))
    return Case("", counters(slo, (clean, spike, Stretch(_minutes(watched)))), tuple(looks))


def blip_ratio(slo: SLO, window: Window) -> Decimal:
    """Error ratio of the four minutes that an alert keeps silent about: up to a total outage."""
    harmless = Decimal("0.9") * firing_ratio(slo, window) * window.long / (BLIP_MINUTES * MINUTE)
    return min(Decimal(1), harmless.quantize(SIX_DECIMALS))


def idle(slo: SLO, alerts: Iterable[str]) -> Case:
    """Without traffic the short ratios are empty, not NaN; the long ones keep what they knew; nothing fires."""
    end = Decimal(80) * MINUTE
    series = counters(slo, (Stretch(10), Stretch(75, idle=True)))
    empty = [Look(end, selected(names.sli_error(word), slo)) for word in ("5m", "30m", "1h")]
    period = format_duration(slo.window)
    labels = cell({**dict(slo_labels(slo)), names.SLO_WINDOW: period})
    known = Sample(names.sli_error(period) + matchers(labels), "0")
    looks = (*empty, Look(end, selected(names.sli_error(period), slo), (known,)), *_silence(slo, alerts, end))
    return Case("", series, looks)


def restart(slo: SLO, alerts: Iterable[str]) -> Case:
    """Counters that begin at zero again, as after a restart, are no errors."""
    end = Decimal(60) * MINUTE
    series = counters(slo, (Stretch(40), Stretch(25, restart=True)))
    none_bad = Sample(names.sli_error("1h") + matchers(cell({**dict(slo_labels(slo)), names.SLO_WINDOW: "1h"})), "0")
    looks = (Look(end, selected(names.sli_error("1h"), slo), (none_bad,)), *_silence(slo, alerts, end))
    return Case("", series, looks)


def _silence(slo: SLO, alerts: Iterable[str], at: Decimal) -> tuple[Look, ...]:
    return tuple(
        Look(at, "ALERTS" + matchers((("alertname", alert), (names.SLO_ID, sloth_id(slo))))) for alert in sorted(alerts)
    )


def _steady(slo: SLO, ratio: Decimal, length: Decimal) -> tuple[InputSeries, ...]:
    return counters(slo, (Stretch(_minutes(length), ratio),))


def _steady_length(window: Window, step: Decimal) -> Decimal:
    return _rounded_up(2 * window.short + window.hold, step) + 2 * step


def _firing(slo: SLO, window: Window) -> str:
    return "ALERTS" + matchers(_identity(slo, window))


def _identity(slo: SLO, window: Window) -> Cell:
    return (
        ("alertname", burn_alert_name(slo, window.severity)),
        ("alertstate", "firing"),
        (names.LONG_WINDOW, format_duration(window.long)),
        (names.SLO_ID, sloth_id(slo)),
    )


def _fired(slo: SLO, window: Window) -> Sample:
    every = {**dict(burn_labels(slo, window)), **dict(_identity(slo, window))}
    labels = cell({**every, names.SLO_WINDOW: format_duration(window.long)})
    return Sample("ALERTS" + matchers(labels), "1")


def _over_limit(slo: SLO, window: Window, at: Decimal) -> Look:
    """The short window alone is over the limit: it is the long one that keeps the alert silent."""
    limit = f"({format_number(burn_rate_factor(window, slo.window))} * {format_number(slo.error_budget)})"
    short = selected(names.sli_error(format_duration(window.short)), slo)
    labels = cell({**dict(slo_labels(slo)), names.SLO_WINDOW: format_duration(window.short)})
    return Look(at, f"{short} > bool {limit}", (Sample(matchers(labels), "1"),))


def _rounded_up(seconds: Decimal, step: Decimal) -> Decimal:
    return (seconds / step).to_integral_value(ROUND_CEILING) * step


def _minutes(seconds: Decimal) -> int:
    return int((seconds / MINUTE).to_integral_value(ROUND_CEILING))
