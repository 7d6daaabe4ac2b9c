"""The whole rule file of a spec. Pure: the same spec gives the same rules, and nothing is read or written.

With `scale` over 1 the rules run faster for a drill: durations are divided, everything else stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from alerts.absence import service_alerts, sli_absent_alerts
from alerts.burn import burn_alerts
from alerts.model import Group, Rule, RuleFile
from alerts.pace import Pace
from alerts.ratios import BASE_WINDOW, LONGEST_DENSE_WINDOW, LONGEST_RAW_WINDOW, sloth_id
from alerts.recording import (
    Demand,
    demands,
    fast_recordings,
    long_recordings,
    period_recordings,
    sampled_recordings,
    slice_recordings,
)
from slo.spec import SLO, CompositeSLI, Spec, TimeSliceSLI

FAST_INTERVAL = Decimal(30)
LONG_INTERVAL = Decimal(120)
PERIOD_INTERVAL = Decimal(240)
"""Seconds; under Prometheus' look-back of five minutes, past which a recorded sample is no longer seen."""
SAMPLED_INTERVAL = BASE_WINDOW
"""As long as the range of the counts, so that no event is counted twice and none is left out; read by ranges only."""


def rule_file(spec: Spec, scale: int | Decimal = 1) -> RuleFile:
    """Recording rules and alerts for every SLO of the spec.

    Args:
        spec: A loaded spec.
        scale: By how much to divide every duration (ranges, `for`, intervals; at least a second stays). Names and labels keep
            their words: in a drill at scale 60 the series of `1h` looks back a minute.

    Raises:
        ValueError: The scale is under 1.
    """
    pace = Pace(scale)
    demand = demands(spec)
    service = Group(f"{spec.service}-service", pace.seconds(FAST_INTERVAL), service_alerts(spec, pace))
    # Composites come last, each behind those that it reads: it sees what its components have just recorded.
    by_id = {slo.id: slo for slo in spec.slos}
    slos = sorted(spec.slos, key=lambda slo: _depth(slo, by_id))
    return RuleFile(spec.service, (service, *(group for slo in slos for group in _groups(spec, slo, demand, pace))))


def _depth(slo: SLO, by_id: Mapping[str, SLO]) -> int:
    """How many composites stand on one another below this one, itself counted; 0 for other kinds."""
    if not isinstance(slo.sli, CompositeSLI):
        return 0
    return 1 + max(_depth(by_id[component], by_id) for component, _ in slo.sli.components)


def _groups(spec: Spec, slo: SLO, demand: Demand, pace: Pace) -> tuple[Group, ...]:
    # An alert stands behind the recording of its long window in one group: it reads samples of the same evaluation.
    name = sloth_id(slo)
    quick = [window for window in slo.windows if window.long <= LONGEST_RAW_WINDOW]
    slow = [window for window in slo.windows if LONGEST_RAW_WINDOW < window.long <= LONGEST_DENSE_WINDOW]
    slowest = [window for window in slo.windows if window.long > LONGEST_DENSE_WINDOW]
    fast: tuple[Rule, ...] = (
        *fast_recordings(slo, demand, pace),
        *burn_alerts(spec, slo, quick, pace),
        *sli_absent_alerts(spec, slo, pace),
    )
    long: tuple[Rule, ...] = (*long_recordings(slo, demand, pace), *burn_alerts(spec, slo, slow, pace))
    period: tuple[Rule, ...] = (*period_recordings(slo, demand, pace), *burn_alerts(spec, slo, slowest, pace))
    slice_length = slo.sli.slice if isinstance(slo.sli, TimeSliceSLI) else FAST_INTERVAL
    groups = (
        Group(f"{name}-slices", pace.seconds(slice_length), slice_recordings(slo, demand, pace)),
        Group(name, pace.seconds(FAST_INTERVAL), fast),
        Group(f"{name}-sampled", pace.seconds(SAMPLED_INTERVAL), sampled_recordings(slo, demand)),
        Group(f"{name}-long", pace.seconds(LONG_INTERVAL), long),
        Group(f"{name}-period", pace.seconds(PERIOD_INTERVAL), period),
    )
    return tuple(group for group in groups if group.rules)
