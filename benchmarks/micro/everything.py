"""`make bench-micro`: every micro-benchmark, one after the other, with a line for each of what it said and of the time left.

    python benchmarks/micro/everything.py [--only store_writes …] [--folder DIR] [--quick]

Each prints its own table into `<folder>/<name>.txt`, and its figures as JSON beside it where it writes them. Exit status 1 when one of them failed: that
it is slow is no failure, its table shows the goal beside what was measured.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Program:
    """A benchmark: how long it usually takes (seconds), what makes it short, and the option that takes a JSON file."""

    seconds: float
    short: Sequence[str] = ()
    json_option: str = "--json"


PROGRAMS = {
    "store_writes": Program(40, ("--messages", "20", "--rounds", "2")),
    "instrumented_endpoint": Program(60, ("--requests", "1000", "--rounds", "1")),
    "around_answer": Program(30, ("--requests", "320", "--rounds", "1")),
    "chat_http": Program(300, ("--questions", "200", "--rounds", "1", "--passages", "2000", "--bare", "500")),
    "chat_profile": Program(60, ("--questions", "200", "--passages", "2000")),
    "scrape_cost": Program(460, ("--quick",)),
    "idle_memory": Program(60, ("--questions", "50", "--passages", "2000")),
    "sse_streams": Program(60, ("--streams", "200", "--rounds", "1")),
    "answer_cpu": Program(90, ("--questions", "200", "--warm-up", "50", "--rounds", "1", "--profiled", "50")),
    "retrieval_speed": Program(60, ("--passages", "5000", "--queries", "30")),
    "login_names": Program(60, ("--n", "20")),
    "llm_client": Program(60, ("--pairs", "1", "--calls", "64"), ""),
    "llm_chain": Program(40, ("--answers", "10", "--tokens", "20"), ""),
    "llm_streams": Program(70, ("--streams", "20", "--tokens", "10"), ""),
    "simulator_streams": Program(90, ("--streams", "20", "--tokens", "10"), ""),
    "answer_checks": Program(40, ("--questions", "20"), ""),
    "slo_generate": Program(20, ("--slos", "100", "--rounds", "1")),
    "slo_simulate": Program(10, ("--days", "7", "--rounds", "1")),
    "generators": Program(60, (), "--benchmark-json"),
}
"""What runs, in this order; `generators` are the pytest files. `retrieval_stores` needs a database of its own, `slo_scale` half an
hour: they are run by hand."""


def command(name: str, folder: Path, *, short: bool) -> list[str]:
    """The command line of a benchmark that writes below `folder`."""
    program = PROGRAMS[name]
    told = [program.json_option, str(folder / f"{name}.json")] if program.json_option else []
    if name == "generators":
        options = ["-q", "-n", "0", "-o", "addopts=--strict-markers --import-mode=importlib", "--benchmark-only"]
        return [sys.executable, "-m", "pytest", str(HERE), *options, *told]
    return [sys.executable, str(HERE / f"{name}.py"), *told, *(program.short if short else ())]


def run(name: str, folder: Path, *, short: bool) -> bool:
    """Run one; gives whether it ended well."""
    output = folder / f"{name}.txt"
    with output.open("wb") as written:
        done = subprocess.run(
            command(name, folder, short=short), cwd=ROOT, stdout=written, stderr=subprocess.STDOUT, check=False
        )
    print(output.read_text(encoding="utf-8", errors="replace").rstrip(), flush=True)
    return done.returncode == 0


def main() -> int:
    """Run them all and sum up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=tuple(PROGRAMS), nargs="+", default=list(PROGRAMS), help="these alone")
    parser.add_argument("--folder", type=Path, help="where the figures go (default: below .cache/bench-micro)")
    parser.add_argument("--quick", action="store_true", help="few repetitions: whether they run, not how fast")
    options = parser.parse_args()
    folder = options.folder or ROOT / ".cache" / "bench-micro" / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder.mkdir(parents=True, exist_ok=True)
    failed, left = [], sum(PROGRAMS[name].seconds for name in options.only)
    for place, name in enumerate(options.only, 1):
        print(f"\n== {place} of {len(options.only)}: {name}, about {left:.0f} s left in all", flush=True)
        begun = time.monotonic()
        if not run(name, folder, short=options.quick):
            failed.append(name)
        print(f"== {name}: {'failed' if name in failed else 'done'} in {time.monotonic() - begun:.0f} s", flush=True)
        left -= PROGRAMS[name].seconds
    print(f"\nfigures: {folder}" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
