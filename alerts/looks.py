"""What promtool is asked in a story, and what it must answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from alerts.burn import burn_alert_name, burn_labels
from alerts.ratios import slo_labels, sloth_id
from alerts.subjects import Subject
from alerts.traffic import MINUTE, InputSeries
from slo import names
from slo.quantities import format_duration
from slo.sli import matchers
from slo.spec import Cell, Window, cell


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
class Fired:
    """An alert that fires: all its labels but the name, and its annotations with everything filled in."""

    labels: Cell
    annotations: Cell


@dataclass(frozen=True, slots=True)
class AlertLook:
    """All alerts of a name that fire at one instant; none is silence."""

    at: Decimal
    alert: str
    fired: tuple[Fired, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One story: its sentence, its traffic and the looks taken at it."""

    title: str
    series: tuple[InputSeries, ...]
    looks: tuple[Look, ...]
    alerts: tuple[AlertLook, ...] = ()


def merged(title: str, cases: Iterable[Case]) -> Case:
    """Stories of several SLOs told at once; they share no series."""
    parts = tuple(cases)
    by_moment: dict[tuple[Decimal, str], tuple[Fired, ...]] = {}
    for part in parts:
        for look in part.alerts:
            by_moment[look.at, look.alert] = by_moment.get((look.at, look.alert), ()) + look.fired
    return Case(
        title,
        tuple(series for part in parts for series in part.series),
        tuple(look for part in parts for look in part.looks),
        tuple(AlertLook(at, alert, fired) for (at, alert), fired in by_moment.items()),
    )


def firing(subject: Subject, window: Window) -> str:
    """The alert of this pair of windows while it fires, of every group."""
    return "ALERTS" + matchers(cell({**_identity(subject, window), "alertstate": "firing"}))


def pending(subject: Subject, window: Window) -> str:
    """The same while it fires or is about to."""
    return "ALERTS" + matchers(cell(_identity(subject, window)))


def fired(subject: Subject, window: Window) -> Sample:
    """The alert of the failing group with all its labels, and so of no other group."""
    return _seen(subject, window, "firing")


def begun(subject: Subject, window: Window) -> Sample:
    """The same at the first evaluation at which its condition holds: it waits for as long as its `for` is, if at all."""
    return _seen(subject, window, "pending" if window.hold else "firing")


def fired_labels(subject: Subject, window: Window) -> dict[str, str]:
    """All labels of a firing alert but its name and state."""
    shown = {names.SLO_WINDOW: format_duration(window.long), **dict(subject.groups[0])}
    return {**shown, **dict(burn_labels(subject.slo, window))}


def recorded(subject: Subject, word: str, group: Mapping[str, str]) -> str:
    """Labels of a recorded error ratio over a window written like `5m`."""
    return matchers(cell({**dict(slo_labels(subject.slo)), names.SLO_WINDOW: word, **group}))


def rounded_up(seconds: Decimal, step: Decimal) -> Decimal:
    """The first evaluation that does not lie before."""
    return (seconds / step).to_integral_value(ROUND_CEILING) * step


def minutes(seconds: Decimal) -> int:
    """Whole minutes that cover this time."""
    return int((seconds / MINUTE).to_integral_value(ROUND_CEILING))


def _seen(subject: Subject, window: Window, state: str) -> Sample:
    every = {**fired_labels(subject, window), **_identity(subject, window), "alertstate": state}
    return Sample("ALERTS" + matchers(cell(every)), "1")


def _identity(subject: Subject, window: Window) -> dict[str, str]:
    return {
        "alertname": burn_alert_name(subject.slo, window.severity),
        names.LONG_WINDOW: format_duration(window.long),
        names.SLO_ID: sloth_id(subject.slo),
    }
