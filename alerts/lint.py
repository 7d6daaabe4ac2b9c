"""Findings about alerts that are well formed and still do not protect: those that cannot fire, fire too late, or fire on one failure.

The standard windows were made for objectives around 99.9 %. At 95 % a total outage must last 14.4 x 5 % x 60 min = 43.2 minutes
before the fast page speaks, and at 90 % it never does (sloth#341); LLM services live at such objectives. With little traffic the
opposite is true: one failure among seventy requests an hour pages at 99.9 % (sloth PR#459).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from alerts.burn import burn_alert_name
from slo.budget import burn_rate_factor, detection_seconds, firing_ratio
from slo.quantities import format_duration, format_number, format_ratio
from slo.spec import SLO, CompositeSLI, RawSLI, Severity, Spec, TimeSliceSLI, Window
from slo.windows import WindowPolicy, alert_windows

LATEST_PAGE = Decimal(900)
"""Seconds of total outage within which the fastest page shall fire, `for` not counted; ours."""
TOTAL = Decimal(1)


class Weight(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about the alerts of an SLO.

    Attributes:
        severity: An error is an alert that cannot do its work, a warning one that does it late, a notice a condition to know.
        slo: Id of the SLO.
        message: What is so, with the numbers behind it.
        advice: What would mend it.
    """

    severity: Weight
    slo: str
    message: str
    advice: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.slo}: {self.message} ({self.advice})"


def lint(spec: Spec, policy: WindowPolicy | None = None) -> tuple[Finding, ...]:
    """All findings about the burn-rate alerts of the spec, SLO by SLO; with a policy the advice names windows that would work."""
    return tuple(finding for slo in spec.slos for finding in _findings(slo, policy))


def lonely_failure_events(slo: SLO, window: Window) -> int:
    """The most valid events in the long window at which a single bad one still fires the alert; zero where it never does."""
    threshold = firing_ratio(slo, window)
    return max(0, int((1 / threshold).to_integral_value(ROUND_CEILING)) - 1)


def _findings(slo: SLO, policy: WindowPolicy | None) -> Iterator[Finding]:
    for window in slo.windows:
        if firing_ratio(slo, window) >= 1:
            yield _unreachable(slo, window, policy)
    yield from (found for found in (_no_page(slo, policy), _late_page(slo, policy), _lonely(slo)) if found is not None)


def _unreachable(slo: SLO, window: Window, policy: WindowPolicy | None) -> Finding:
    instead = _instead(slo, window.severity, policy)
    return Finding(
        Weight.ERROR,
        slo.id,
        f"{_named(slo, window)} can never fire: it needs more than {_arithmetic(slo, window)} bad events",
        instead
        or f"give this pair a factor under {format_number(_floor(1 / slo.error_budget))}, or raise the objective",
    )


def _no_page(slo: SLO, policy: WindowPolicy | None) -> Finding | None:
    if any(window.severity is Severity.PAGE and firing_ratio(slo, window) < 1 for window in slo.windows):
        return None
    derived = () if policy is None else alert_windows(slo.objective, slo.window, policy)
    if any(window.severity is Severity.PAGE for window in derived):
        advice = _instead(slo, Severity.PAGE, policy) or "add a pair with severity: page"
        return Finding(Weight.NOTICE, slo.id, "no burn rate pages: none of its windows does", advice)
    burn = format_number(_floor(1 / slo.error_budget))
    return Finding(
        Weight.NOTICE,
        slo.id,
        f"no burn rate pages: at {format_ratio(slo.objective)} even a total outage burns only {burn} times too fast",
        "ServiceDown pages for an outage; raise the objective if slowness or errors shall wake somebody",
    )


def _late_page(slo: SLO, policy: WindowPolicy | None) -> Finding | None:
    pages = [window for window in slo.windows if window.severity is Severity.PAGE]
    times = [(detection, window) for window in pages if (detection := _outage_seconds(slo, window)) is not None]
    if not times:
        return None
    seconds, fastest = min(times, key=lambda entry: entry[0])
    if seconds <= LATEST_PAGE:
        return None
    minutes = format_number((seconds / 60).quantize(Decimal("0.1")))
    factor = format_number(_floor(LATEST_PAGE / fastest.long / slo.error_budget))
    return Finding(
        Weight.WARNING,
        slo.id,
        f"{_named(slo, fastest)} pages only {minutes} min into a total outage, before 'for' of {format_duration(fastest.hold)}: "
        f"{_arithmetic(slo, fastest)} of {format_duration(fastest.long)}",
        _instead(slo, Severity.PAGE, policy) or f"a factor up to {factor} pages within {format_duration(LATEST_PAGE)}",
    )


def _instead(slo: SLO, severity: Severity, policy: WindowPolicy | None) -> str:
    """The windows that would work, as people write them into a spec; empty when nobody knows better ones, or a time slice is too long for them."""
    if policy is None:
        return ""
    slice_ = slo.sli.slice if isinstance(slo.sli, TimeSliceSLI) else 0
    found = alert_windows(slo.objective, slo.window, policy)
    if any(window.short < slice_ for window in found):
        return ""
    better = [window for window in found if window.severity is severity]
    pairs = ", ".join(
        f"{format_ratio(window.budget_share)} in {format_duration(window.long)}/{format_duration(window.short)} "
        f"for {format_duration(window.hold)} (factor {format_number(burn_rate_factor(window, slo.window))})"
        for window in better
    )
    return f"'windows: reachable' gives {pairs}" if pairs else ""


def _outage_seconds(slo: SLO, window: Window) -> Decimal | None:
    seconds = detection_seconds(slo, window, TOTAL)
    return None if seconds is None else seconds - window.hold


def _lonely(slo: SLO) -> Finding | None:
    """How little traffic is too little; a raw ratio counts no events, and a composite leaves it to its components."""
    if isinstance(slo.sli, (RawSLI, CompositeSLI)):
        return None
    what, instead = (
        "event",
        "expect more traffic than that, set least_events, or send synthetic requests in quiet hours",
    )
    if isinstance(slo.sli, TimeSliceSLI):
        what, instead = "slice", "expect traffic in more slices than that, or send synthetic requests in quiet hours"
    counts = [(window, lonely_failure_events(slo, window)) for window in slo.windows]
    counts = [(window, count) for window, count in counts if count >= slo.least_events]
    told = [
        f"{count} in {format_duration(window.long)} ({burn_alert_name(slo, window.severity)}, and as few in {format_duration(window.short)})"
        for window, count in counts
        if count
    ]
    if not told:
        return None
    return Finding(
        Weight.NOTICE,
        slo.id,
        f"a single bad {what} fires while there are at most this many valid {what}s: {', '.join(told)}",
        instead,
    )


def _named(slo: SLO, window: Window) -> str:
    pair = f"{format_duration(window.long)}/{format_duration(window.short)}"
    return f"{burn_alert_name(slo, window.severity)} ({pair})"


def _arithmetic(slo: SLO, window: Window) -> str:
    factor = format_number(burn_rate_factor(window, slo.window))
    return f"{factor} x {format_ratio(slo.error_budget)} = {format_ratio(firing_ratio(slo, window))}"


def _floor(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.1"), rounding=ROUND_FLOOR)
