"""Alerts for what burn rates cannot see.

When the service is gone its series go with it, every ratio becomes empty and no burn-rate alert fires (sloth#380). So absence is
watched apart: the service that answers no scrape, the service that nobody scrapes, an SLI without series, and with the
watchdog the alerting chain itself.
"""

from __future__ import annotations

from decimal import Decimal

from alerts.burn import board_link, runbook_path
from alerts.model import AlertRule
from alerts.pace import Pace
from alerts.recording import slo_labels
from slo import names
from slo.quantities import format_duration
from slo.sli import counted, matchers, series_of
from slo.spec import SLO, Severity, Spec, cell

DOWN = "ServiceDown"
UNWATCHED = "ServiceUnwatched"
INSTANCE_DOWN = "InstanceDown"
SLI_ABSENT = "SLISeriesAbsent"
WATCHDOG = "Watchdog"
OUTAGES = (DOWN, UNWATCHED)
"""Alerts that explain every other one, and so silence them in Alertmanager."""

DOWN_HOLD = Decimal(60)
"""The requirements ask for "service down" after one minute."""
UNWATCHED_HOLD = Decimal(300)
INSTANCE_HOLD = Decimal(300)
SLI_ABSENT_HOLD = Decimal(600)
"""Longer than a restart with a slow start-up; ours."""
WATCHDOG_SEVERITY = "none"


def service_alerts(spec: Spec, pace: Pace) -> tuple[AlertRule, ...]:
    """Alerts about the service as a whole, and the watchdog."""
    up = names.UP + matchers(spec.selector)
    down = _service_alert(
        spec,
        DOWN,
        expr=f"max({up}) == 0",
        hold=pace.seconds(DOWN_HOLD),
        severity=Severity.PAGE,
        summary=f"{spec.service} answers no scrape",
        description=f"No instance of {spec.service} has answered Prometheus for {format_duration(DOWN_HOLD)}; "
        "nobody gets an answer.",
    )
    unwatched = _service_alert(
        spec,
        UNWATCHED,
        expr=f"absent({up})",
        hold=pace.seconds(UNWATCHED_HOLD),
        severity=Severity.PAGE,
        summary=f"{spec.service} is not scraped at all",
        description=f"Prometheus has had no target of {spec.service} for {format_duration(UNWATCHED_HOLD)}: "
        "no SLO is watched.",
    )
    instance = _service_alert(
        spec,
        INSTANCE_DOWN,
        expr=f"{up} == 0",
        hold=pace.seconds(INSTANCE_HOLD),
        severity=Severity.TICKET,
        summary=f"An instance of {spec.service} answers no scrape",
        description=f"{{{{ $labels.instance }}}} has not answered Prometheus for {format_duration(INSTANCE_HOLD)}.",
    )
    return down, unwatched, instance, _watchdog(spec)


def sli_absent_alert(spec: Spec, slo: SLO, pace: Pace) -> AlertRule:
    """The alert that fires when the series that the SLI is computed from do not exist."""
    description = (
        f"No series matches the SLI of {slo.id} ({slo.title}) for {format_duration(SLI_ABSENT_HOLD)}. "
        "Its burn-rate alerts are blind until it is back."
    )
    return AlertRule(
        alert=SLI_ABSENT,
        expr=f"absent({sli_series(slo)})",
        hold=pace.seconds(SLI_ABSENT_HOLD),
        labels=cell({**dict(slo_labels(slo)), **_loudness(Severity.TICKET.value), names.OWNER: slo.owner}),
        annotations=(
            ("summary", f"{slo.id} cannot be computed: its series are missing"),
            ("description", description),
            ("runbook", runbook_path(SLI_ABSENT)),
            ("dashboard", board_link(spec, slo)),
        ),
    )


def sli_series(slo: SLO) -> str:
    """The series without which the SLI says nothing: its valid events, or the bucket edge at its threshold."""
    sli = counted(slo)
    if sli is None:
        raise ValueError(f"{slo.id}: its events cannot be counted")
    return series_of(sli, slo)


def _loudness(severity: str) -> dict[str, str]:
    return {names.SEVERITY: severity, names.SLO_SEVERITY: severity}


def _service_alert(
    spec: Spec, name: str, *, expr: str, hold: Decimal, severity: Severity, summary: str, description: str
) -> AlertRule:
    labels = {**_loudness(severity.value), names.SLO_SERVICE: spec.service, names.OWNER: spec.owner}
    annotations = (
        ("summary", summary),
        ("description", description),
        ("runbook", runbook_path(name)),
        ("dashboard", board_link(spec)),
    )
    return AlertRule(name, expr, hold, cell(labels), annotations)


def _watchdog(spec: Spec) -> AlertRule:
    return AlertRule(
        alert=WATCHDOG,
        expr="vector(1)",
        hold=Decimal(0),
        labels=cell({names.SEVERITY: WATCHDOG_SEVERITY, names.SLO_SERVICE: spec.service, names.OWNER: spec.owner}),
        annotations=(
            ("summary", "The alerting chain works"),
            ("description", "Always firing. When its notifications stop, Prometheus or Alertmanager is broken."),
            ("runbook", runbook_path(WATCHDOG)),
        ),
    )
