"""Burn-rate alerts of one SLO: one rule for each pair of windows.

One rule per pair, never two pairs joined by `or`, so that the alert itself says which pair fired (pyrra#1883). The expression shows
factor and error budget apart, `> (14.4 * 0.001)`, so that a person can check it against the Site Reliability Workbook.
"""

from __future__ import annotations

from collections.abc import Iterable

from alerts.model import AlertRule
from alerts.pace import Pace
from alerts.recording import selected, slo_labels
from slo import names
from slo.budget import burn_rate_factor
from slo.quantities import format_duration, format_number, format_ratio
from slo.spec import SLO, Cell, Severity, Spec, Window, cell


def burn_alert_name(slo: SLO, severity: Severity) -> str:
    """Name shared by all SLOs of a family: `LatencyRoleBudgetBurnPage`."""
    family = "".join(part.capitalize() for part in slo.name.split("-"))
    return f"{family}BudgetBurn{severity.capitalize()}"


def runbook_path(alert: str) -> str:
    """Path of the alert's runbook inside the project."""
    return f"docs/runbooks/{alert}.md"


def board_link(spec: Spec, slo: SLO | None = None) -> str:
    """Path of the overview board in Grafana, narrowed to the labels of the SLO."""
    chosen = "&".join(f"var-{name}={value}" for name, value in (slo.labels if slo else ()))
    return f"/d/{spec.service}-overview" + (f"?{chosen}" if chosen else "")


def burn_alerts(spec: Spec, slo: SLO, windows: Iterable[Window], pace: Pace) -> tuple[AlertRule, ...]:
    """The alerts of this SLO for these pairs of windows, in their order."""
    return tuple(_burn_alert(spec, slo, window, pace) for window in windows)


def burn_labels(slo: SLO, window: Window) -> Cell:
    """Labels that the rule adds: the SLO, how loud, which pair of windows, whose it is."""
    factor = burn_rate_factor(window, slo.window)
    return cell(
        {
            **dict(slo_labels(slo)),
            names.SLO_SEVERITY: window.severity.value,
            names.SEVERITY: window.severity.value,
            names.LONG_WINDOW: format_duration(window.long),
            names.SHORT_WINDOW: format_duration(window.short),
            names.BURN_RATE_FACTOR: format_number(factor),
            names.OWNER: slo.owner,
        }
    )


def _burn_alert(spec: Spec, slo: SLO, window: Window, pace: Pace) -> AlertRule:
    name = burn_alert_name(slo, window.severity)
    return AlertRule(
        alert=name,
        expr=_expr(slo, window),
        hold=pace.seconds(window.hold),
        labels=burn_labels(slo, window),
        annotations=_annotations(spec, slo, window, name),
    )


def _expr(slo: SLO, window: Window) -> str:
    limit = f"({format_number(burn_rate_factor(window, slo.window))} * {format_number(slo.error_budget)})"
    long, short = (
        f"({selected(names.sli_error(format_duration(length)), slo)} > {limit})"
        for length in (window.long, window.short)
    )
    return f"{long}\nand ignoring ({names.SLO_WINDOW})\n{short}"


def _annotations(spec: Spec, slo: SLO, window: Window, name: str) -> Cell:
    long, short, period = (format_duration(length) for length in (window.long, window.short, slo.window))
    factor = format_number(burn_rate_factor(window, slo.window))
    description = (
        f"{{{{ $value | humanizePercentage }}}} of the events of {slo.id} were bad over the last {long}, and too many over "
        f"the last {short}; {format_ratio(slo.error_budget)} may be. At this pace at least "
        f"{format_ratio(window.budget_share)} of the error budget of {period} is spent within {long}."
    )
    return (
        ("summary", f"{slo.title}: {slo.id} burns its error budget over {factor} times too fast"),
        ("description", description),
        ("runbook", runbook_path(name)),
        ("dashboard", board_link(spec, slo)),
    )
