"""`make drill-storage`: nothing acknowledged is lost, nothing is stored twice, whatever is killed.

    python -m benchmarks.durability [--kills 200] [--only sqlite|postgresql] [--seed N] [--folder DIR]

Sixteen writers ask over HTTP; the service is killed with SIGKILL at seeded moments and started again, once with SQLite, once with PostgreSQL and
Redis, which are frozen, killed and stopped in between. Exit status: 0 nothing was found, 1 something was, 2 wrong input, 5 the drill
could not be done, 130 interrupted. `drill-storage.json` and the logs lie in the folder.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.durability.drill import Outcome
from benchmarks.durability.stage import DATABASES, ROOT, Stage, run_stage
from slo.evidence import write_atomically
from slo.verdict import EXIT_INTERRUPTED, EXIT_OF_VERDICT, Verdict
from target.errors import StackError
from target.stack import interruptible

_SEED = 20261121


def main(arguments: list[str] | None = None) -> int:
    """Drill, print the table, write the file."""
    options = _options(arguments)
    begun = datetime.now(UTC)
    folder = options.folder or ROOT / ".cache" / "drill-storage" / begun.strftime("%Y%m%dT%H%M%SZ")
    outcomes: list[Outcome] = []
    try:
        with interruptible():
            for name in [options.only] if options.only else DATABASES:
                stage = Stage(name, options.kills, options.seed, folder / name, _reporter(name))
                outcomes.append(asyncio.run(run_stage(stage)))
    except (StackError, OSError) as error:
        print(f"drill-storage: {error}", file=sys.stderr)
        return EXIT_OF_VERDICT[Verdict.ERROR]
    except KeyboardInterrupt:
        print("drill-storage: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    passed = all(outcome.passed for outcome in outcomes)
    file = folder / "drill-storage.json"
    found = {
        "started_at": begun.isoformat(),
        "seed": options.seed,
        "passed": passed,
        "drills": [*map(asdict, outcomes)],
    }
    write_atomically(file, json.dumps(found, indent=1).encode())
    print("\n".join(table(outcomes)))
    print(f"{'PASS' if passed else 'FAIL'}: {file}")
    return EXIT_OF_VERDICT[Verdict.PASS if passed else Verdict.FAIL]


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.durability", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--kills", type=_positive, default=200, help="kills of the service for each database (default: 200)"
    )
    parser.add_argument("--only", choices=DATABASES, help="one database alone")
    parser.add_argument("--seed", type=int, default=_SEED, help=f"draws moments and questions (default: {_SEED})")
    parser.add_argument(
        "--folder", type=Path, help="a new folder for result and logs (default: below .cache/drill-storage)"
    )
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give 1 or more; without a kill nothing is shown")
    return number


def _reporter(name: str) -> Callable[[str], object]:
    begun = time.monotonic()
    return lambda words: print(f"{name:10} {time.monotonic() - begun:5.0f} s  {words}", flush=True)


def table(outcomes: list[Outcome]) -> list[str]:
    """What was done and found, a line for each database, and a line for each finding."""
    lines = [
        f"{'database':11}{'kills':>6}{'faults':>7}{'questions':>10}{'acknowledged':>13}{'tries':>7}{'kept':>7}{'start s':>9}{'s':>6}"
    ]
    for one in outcomes:
        start = f"{statistics.median(one.start_seconds):.2f}" if one.start_seconds else "-"
        lines.append(
            f"{one.name:11}{one.kills:6}{sum(one.faults.values()):7}{one.questions:10}{one.acknowledged:13}"
            f"{one.tries:7}{one.kept_messages:7}{start:>9}{one.seconds:6.0f}"
        )
    for one in outcomes:
        for finding in one.findings:
            lines += [
                f"{one.name}: {finding.name}, {finding.count}:",
                *(f"    {example}" for example in finding.examples),
            ]
    return lines


if __name__ == "__main__":
    sys.exit(main())
