"""`courtsight slo show`: what a spec holds, one line for each SLO."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from harness.slo_commands.reading import EXIT_FINE, as_json, table
from slo.quantities import format_duration, format_ratio
from slo.spec import SLO, LatencySLI, RatioSLI

SENTENCE = "list the SLOs of a spec: objective, window, budget, alerts"
EXAMPLES = (
    "courtsight slo show slo/specs/courtsight.yaml",
    "courtsight slo show slo/specs/courtsight.yaml --json",
)


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
    words: dict[type, str] = {RatioSLI: "ratio", LatencySLI: "latency"}
    return words[type(slo.sli)]


def entry(slo: SLO) -> dict[str, Any]:
    """One SLO as a plain document; the error budget in minutes is that of a total outage."""
    return {
        "id": slo.id,
        "title": slo.title,
        "kind": kind_of(slo),
        "objective": format_ratio(slo.objective),
        "window": format_duration(slo.window),
        "budget_minutes": float(slo.window * slo.error_budget / 60),
        "owner": slo.owner,
        "alerts": [
            {
                "severity": window.severity.value,
                "long": format_duration(window.long),
                "short": format_duration(window.short),
                "for": format_duration(window.hold),
                "budget_share": format_ratio(window.budget_share),
            }
            for window in slo.windows
        ],
    }


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    alerts = ", ".join(f"{alert['severity']} {alert['long']}/{alert['short']}" for alert in found["alerts"])
    return (
        found["id"],
        found["kind"],
        found["objective"],
        found["window"],
        f"{found['budget_minutes']:.1f} min",
        alerts or "none",
    )
