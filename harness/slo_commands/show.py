"""`courtsight slo show`: what a spec holds, one line for each SLO."""

from __future__ import annotations

import argparse
from decimal import Decimal
from pathlib import Path
from typing import Any

from harness.slo_commands.reading import EXIT_FINE, as_json, table
from slo.quantities import format_duration, format_number, format_ratio
from slo.spec import SLO, CompositeSLI, EventsSLI, LatencySLI, RatioSLI, RawSLI, TimeSliceSLI

SENTENCE = "list the SLOs of a spec: kind, objective, window, budget, alerts"
EXAMPLES = (
    "courtsight slo show slo/specs/courtsight.yaml",
    "courtsight slo show slo/specs/courtsight.yaml --json",
)

_KINDS: dict[type, str] = {
    RatioSLI: "ratio",
    LatencySLI: "latency",
    EventsSLI: "events",
    RawSLI: "raw",
    TimeSliceSLI: "time_slices",
    CompositeSLI: "composite",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Which spec."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a spec")


def run(options: argparse.Namespace) -> int:
    """Print the table."""
    from slo.load import load_spec  # noqa: PLC0415 - imported when the command runs

    spec = load_spec(options.file)
    entries = [entry(slo) for slo in spec.slos]
    if options.json:
        print(as_json({"service": spec.service, "deployment": spec.deployment, "slos": entries}))
        return EXIT_FINE
    heads = ("id", "kind", "objective", "window", "budget", "alerts")
    print(table(heads, [_row(found) for found in entries]))
    return EXIT_FINE


def kind_of(slo: SLO) -> str:
    """The spec's word for the kind of the SLI."""
    return _KINDS[type(slo.sli)]


def window_of(slo: SLO) -> str:
    """The SLO window as people write it: `30d`, or `month`."""
    return "month" if slo.calendar else format_duration(slo.window)


def entry(slo: SLO) -> dict[str, Any]:
    """One SLO as a plain document; the error budget in minutes is that of a total outage."""
    return {
        "id": slo.id,
        "title": slo.title,
        "kind": kind_of(slo),
        "objective": format_ratio(slo.objective),
        "window": window_of(slo),
        "budget_minutes": float(slo.window * slo.error_budget / 60),
        "group_by": list(slo.group_by),
        "owner": slo.owner,
        "alerts": [
            {
                "severity": window.severity.value,
                "long": format_duration(window.long),
                "short": format_duration(window.short),
                "for": format_duration(window.hold) if window.hold else "0s",
                "budget_share": format_ratio(window.budget_share),
            }
            for window in slo.windows
        ],
    }


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    alerts = ", ".join(f"{alert['severity']} {alert['long']}/{alert['short']}" for alert in found["alerts"])
    name = found["id"] + (f" by {', '.join(found['group_by'])}" if found["group_by"] else "")
    minutes = found["budget_minutes"]
    budget = f"{minutes:.1f} min" if minutes >= 1 else f"{format_number(Decimal(f'{minutes:.3g}'))} min"
    return name, found["kind"], found["objective"], found["window"], budget, alerts or "none"
