"""What a worker holds when it has nothing to do: memory after its start, and after it was asked, one worker and two.

    python benchmarks/micro/idle_memory.py --passages 100000 --questions 1000 --json memory.json

PSS shares what several processes map among them; RSS counts it for each. The goal is held against the RSS of the largest worker, the harder of
the two. The supervisor of several workers is shown beside them. Linux only. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from chat_driving import Server, family  # noqa: E402 - a script finds its neighbours itself
from chat_http import OURS, TWO, Bench, on_stage  # noqa: E402 - as above
from chat_library import talks  # noqa: E402 - as above

GOAL_BYTES = 250e6
_SETTLING_SECONDS = 2.0


def held(server: Server) -> list[dict[str, int]]:
    """PSS, RSS and the part that is no file's, in bytes, of each process of a server, the first one first."""
    return [_memory(pid) for pid in family(server.process.pid)]


def _memory(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    sizes = {name: int(size.split()[0]) * 1024 for name, _, size in (line.partition(":") for line in lines)}
    return {"pss": sizes["Pss"], "rss": sizes["Rss"], "anonymous": sizes["Anonymous"]}


def measure(bench: Bench, options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Start each, look, ask, look again."""
    asked = dict(enumerate(talks(options.questions, options.seed)))
    found: dict[str, Any] = {}
    for name in names:
        time.sleep(_SETTLING_SECONDS)
        fresh = held(bench.servers[name])
        bench.ask(name, asked)
        time.sleep(_SETTLING_SECONDS)
        found[name] = {"fresh": fresh, "asked": held(bench.servers[name])}
    return found


def show(found: dict[str, Any]) -> None:
    """The table, in megabytes."""
    print(f"{'':22}{'process':>12}{'PSS MB':>9}{'RSS MB':>9}{'anonymous':>11}")
    for name, moments in found.items():
        for moment, processes in moments.items():
            for number, one in enumerate(processes):
                which = "worker" if len(processes) == 1 else f"worker {number}" if number else "supervisor"
                sizes = f"{one['pss'] / 1e6:9.0f}{one['rss'] / 1e6:9.0f}{one['anonymous'] / 1e6:11.0f}"
                print(f"{name + ', ' + moment:22.22}{which:>12}{sizes}")
    largest = max(one["rss"] for moments in found.values() for one in moments["fresh"])
    print(f"largest worker after its start: {largest / 1e6:.0f} MB of at most {GOAL_BYTES / 1e6:.0f}")


def main() -> int:
    """Measure, print, perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=1_000, help="asked before the second look (default: 1000)")
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args()
    # Told to stop, it still ends its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with on_stage(options) as bench:
        bench.start([OURS, TWO])
        found = measure(bench, options, [OURS, TWO])
    show(found)
    if options.json:
        options.json.write_text(json.dumps({"goal_bytes": GOAL_BYTES, "found": found}, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
