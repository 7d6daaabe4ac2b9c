"""How long a simulation takes: every SLO of the shipped spec over months of minutes, its alerts and the workbook's approaches beside.

    python benchmarks/micro/slo_simulate.py [--days 30 90] [--rounds 3] [--json FILE]

Goal: 11 SLOs over 90 days at steps of a minute in under 2 s, made-up history included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # a program of its own, run from the clone

from slo.load import SPECS_FOLDER, load_spec
from slo.simulation.courses import Evaluation
from slo.simulation.history import Groups
from slo.simulation.incidents import parse_incident
from slo.simulation.replay import Replay, simulate
from slo.simulation.scenario import DEFAULT_START, Scenario, told
from slo.simulation.traffic import Shape, Traffic
from slo.spec import Spec

GOAL_SECONDS = 2.0
DAY = 86400.0
LEAD = 3 * DAY
EVALUATION = Evaluation(fast=30.0, slow=120.0, slowest=240.0, base=300.0, longest_direct=3600.0, longest_dense=259200.0)
STORY = Scenario(
    traffic=Traffic(Shape.WEEKLY, 20_000.0),
    errors=0.0001,
    incidents=(parse_incident("2h at 5% from day 3 14:00"), parse_incident("20m outage from day 9 10:00 every 10d")),
)


def once(spec: Spec, days: float) -> tuple[float, float]:
    """Seconds of one simulation of every SLO, by the clock and of the processor."""
    started, worked = time.perf_counter(), time.process_time()
    end = DEFAULT_START + days * DAY
    histories: dict[str, Groups] = {
        slo.id: {(): told(STORY, slo, DEFAULT_START, end, step=60.0, lead=LEAD)} for slo in spec.slos
    }
    for slo in spec.slos:
        simulate(spec, slo, histories, Replay(EVALUATION, DEFAULT_START))
    return time.perf_counter() - started, time.process_time() - worked


def main() -> int:
    """Print the table; nothing fails by being slow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, nargs="+", default=[30, 90])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    spec = load_spec(SPECS_FOLDER / "courtsight.yaml")
    figures = {}
    for days in options.days:
        rounds = [once(spec, days) for _ in range(options.rounds)]
        figures[days] = tuple(statistics.median(times) for times in zip(*rounds, strict=True))
    print(f"{len(spec.slos)} SLOs, steps of a minute, median of {options.rounds} rounds; goal {GOAL_SECONDS:g} s")
    for days, (seconds, processor) in figures.items():
        print(f"{days:>4} days {seconds:8.3f} s {processor:8.3f} s of the processor")
    if options.json:
        options.json.write_text(json.dumps({"slos": len(spec.slos), "seconds": figures}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
