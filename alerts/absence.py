"""Alerts for what burn rates cannot see.

When the service is gone its series go with it, every ratio becomes empty and no burn-rate alert fires (sloth#380). So absence is
watched apart: the service that answers no scrape, the service that nobody scrapes, an SLI without series, and with the
watchdog the alerting chain itself.
"""

from __future__ import annotations

from decimal import Decimal

from alerts.burn import links, runbook_path
from alerts.model import AlertRule
from alerts.pace import Pace
from alerts.ratios import BASE_WINDOW, slo_labels
from slo import names
from slo.quantities import format_duration
from slo.sli import WINDOW, matchers, over, series_of
from slo.spec import SLO, CompositeSLI, EventsSLI, RawSLI, Severity, Spec, TimeSliceSLI, cell

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
    """Alerts about the service as a whole, and the watchdog.

    Without a selector nobody knows which targets are the service's, and `up` of all of them would wake people for everybody's: then the
    watchdog stands alone.
    """
    if not spec.selector:
        return (_watchdog(spec),)
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


def sli_absent_alerts(spec: Spec, slo: SLO, pace: Pace) -> tuple[AlertRule, ...]:
    """The alert that fires when what the SLI is computed from does not exist; a composite leaves it to its components."""
    what = sli_series(slo, pace)
    if what is None:
        return ()
    description = (
        f"No series matches the SLI of {slo.id} ({slo.title}) for {format_duration(SLI_ABSENT_HOLD)}. "
        "Its burn-rate alerts are blind until it is back."
    )
    own = {**dict(slo_labels(slo)), **_loudness(Severity.TICKET.value), names.OWNER: slo.owner}
    labels = {**slo.tags_of(Severity.TICKET), **own}
    alert = AlertRule(
        alert=SLI_ABSENT,
        expr=f"absent({what})",
        hold=pace.seconds(SLI_ABSENT_HOLD),
        labels=cell(labels),
        annotations=(
            ("summary", f"{slo.id} cannot be computed: its series are missing"),
            ("description", description),
            *links(spec, runbook_path(SLI_ABSENT), slo),
        ),
    )
    return (alert,)


def sli_series(slo: SLO, pace: Pace) -> str | None:
    """What has to exist for the SLI to say anything: series, or the value of an expression; None for a composite."""
    sli = slo.sli
    if isinstance(sli, CompositeSLI):
        return None
    window = pace.range(sli.slice if isinstance(sli, TimeSliceSLI) else BASE_WINDOW)
    if isinstance(sli, RawSLI):
        return over(sli.error_ratio, window)
    counted = sli.of if isinstance(sli, TimeSliceSLI) else sli
    return over(counted if isinstance(counted, str) else series_of(counted, slo), window)


def reach(slo: SLO) -> Decimal:
    """How many seconds back the alert about missing series looks: over a range where an expression asks for one, else not at all."""
    sli = slo.sli
    counted = sli.of if isinstance(sli, TimeSliceSLI) else sli
    ranged = isinstance(counted, str | RawSLI) or (isinstance(counted, EventsSLI) and WINDOW in counted.valid)
    if not ranged:
        return Decimal(0)
    return sli.slice if isinstance(sli, TimeSliceSLI) else BASE_WINDOW


def _loudness(severity: str) -> dict[str, str]:
    return {names.SEVERITY: severity, names.SLO_SEVERITY: severity}


def _service_alert(
    spec: Spec, name: str, *, expr: str, hold: Decimal, severity: Severity, summary: str, description: str
) -> AlertRule:
    labels = {**_loudness(severity.value), names.SLO_SERVICE: spec.service, names.OWNER: spec.owner}
    annotations = (
        ("summary", summary),
        ("description", description),
        *links(spec, runbook_path(name)),
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
            *links(spec, runbook_path(WATCHDOG)),
        ),
    )
