"""Burn-rate alerts of one SLO: one rule for each pair of windows.

One rule per pair, never two pairs joined by `or`, so that the alert itself says which pair fired (pyrra#1883). The expression shows
factor and error budget apart, `> (14.4 * 0.001)`, so that a person can check it against the Site Reliability Workbook.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from urllib.parse import quote_plus

from alerts.model import AlertRule
from alerts.pace import Pace
from alerts.ratios import selected, slo_labels
from slo import names
from slo.budget import burn_rate_factor
from slo.quantities import format_duration, format_number, format_ratio
from slo.sli import counted, valid_events
from slo.spec import SLO, Cell, RawSLI, Severity, Spec, TimeSliceSLI, Window, cell


def burn_alert_name(slo: SLO, severity: Severity) -> str:
    """Name shared by all SLOs of a family: `LatencyRoleBudgetBurnPage`."""
    return f"{names.alert_stem(slo.name)}BudgetBurn{severity.capitalize()}"


def runbook_path(alert: str) -> str:
    """Path of the alert's runbook inside the project."""
    return f"docs/runbooks/{alert}.md"


def board_link(spec: Spec, slo: SLO | None = None) -> str:
    """Where the overview board is, narrowed to the labels of the SLO; a path in Grafana where the spec names no address."""
    known = {name: quote_plus(value) for name, value in slo.labels} if slo else {}
    # What is found in the series may hold anything, and ends no address.
    found = {name: f"{{{{ $labels.{name} | urlquery }}}}" for name in slo.group_by} if slo else {}
    chosen = "&".join(f"var-{name}={value}" for name, value in {**known, **found}.items())
    return spec.links.board(f"/d/{spec.service}-overview" + (f"?{chosen}" if chosen else ""))


def links(spec: Spec, runbook: str, slo: SLO | None = None) -> Cell:
    """Where to read on: each under our name, and under the one that Alertmanager's and Grafana's templates look for.

    Args:
        spec: Says where runbooks and boards are to be found.
        runbook: Address, or path from the project's root.
        slo: The SLO to whose labels the board is narrowed; None for the whole service.
    """
    runbook, board = spec.links.runbook(runbook), board_link(spec, slo)
    return (("runbook", runbook), ("runbook_url", runbook), ("dashboard", board), ("dashboard_url", board))


def burn_alerts(spec: Spec, slo: SLO, windows: Iterable[Window], pace: Pace) -> tuple[AlertRule, ...]:
    """The alerts of this SLO for these pairs of windows, in their order."""
    return tuple(_burn_alert(spec, slo, window, pace) for window in windows)


def burn_labels(slo: SLO, window: Window) -> Cell:
    """Labels that the rule adds: the SLO, how loud, which pair of windows, whose it is, and what people want on it."""
    factor = burn_rate_factor(window, slo.window)
    return cell(
        {
            **slo.tags_of(window.severity),
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
        expr=_expr(slo, window, pace),
        hold=pace.seconds(window.hold),
        labels=burn_labels(slo, window),
        annotations=alert_annotations(spec, slo, window, name),
    )


def _expr(slo: SLO, window: Window, pace: Pace) -> str:
    limit = f"({format_number(burn_rate_factor(window, slo.window))} * {format_number(slo.error_budget)})"
    long, short = (
        f"({selected(names.sli_error(format_duration(length)), slo)} > {limit})"
        for length in (window.long, window.short)
    )
    return f"{long}\nand ignoring ({names.SLO_WINDOW})\n{short}{_enough(slo, window.long, pace)}"


def _enough(slo: SLO, long: Decimal, pace: Pace) -> str:
    """The guard against little traffic: so many valid events in the long window; nothing where events are not counted."""
    if not slo.least_events or counted(slo) is None:
        return ""
    # From the counters, however long the window: the mean of recorded counts would take the first hours of a Prometheus for the whole day.
    groups = ", ".join(slo.group_by)
    return f"\nand on ({groups})\n({valid_events(slo, pace.range(long))} >= {slo.least_events})"


def alert_annotations(spec: Spec, slo: SLO, window: Window, name: str) -> Cell:
    """What the alert of this pair of windows says to people, with the placeholders that Prometheus fills in."""
    long, short, period = (format_duration(length) for length in (window.long, window.short, slo.window))
    factor = format_number(burn_rate_factor(window, slo.window))
    what = {TimeSliceSLI: "time slices", RawSLI: "time"}.get(type(slo.sli), "events")
    were, too = ("was", "much") if what == "time" else ("were", "many")
    of = f" ({', '.join(f'{name} {_label(name)}' for name in slo.group_by)})" if slo.group_by else ""
    description = (
        f"{{{{ $value | humanizePercentage }}}} of the {what} of {slo.id}{of} {were} bad over the last {long}, and too {too} over "
        f"the last {short}; {format_ratio(slo.error_budget)} may be. At this pace at least "
        f"{format_ratio(window.budget_share)} of the error budget of {period} is spent within {long}."
    )
    return (
        ("summary", f"{slo.title}: {slo.id}{of} burns its error budget over {factor} times too fast"),
        ("description", description),
        *links(spec, slo.runbook or runbook_path(name), slo),
    )


def _label(name: str) -> str:
    return f"{{{{ $labels.{name} }}}}"
