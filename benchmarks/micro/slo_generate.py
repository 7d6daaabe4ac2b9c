"""How long rules take: from a spec's YAML text to written files, strict checks included; beside Sloth where its binary is given.

    python benchmarks/micro/slo_generate.py [--slos 1000] [--rounds 5] [--sloth PATH] [--json FILE]

Goal: 1,000 SLOs in under 2 s. Half of them count events by selectors, half are latencies; objectives are 99.9, 99.5 and 99 %. Sloth reads the same
SLOs as its own `prometheus/v1` specs, events only, for that is what it has.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # a program of its own, run from the clone

from harness.slo_commands.generate import generated
from harness.slo_commands.writing import write_folder
from slo.load import parse_spec

ROOT = Path(__file__).parents[2]
GOAL_SECONDS = 2.0
OBJECTIVES = ("99.9", "99.5", "99")


def our_spec(slos: int) -> bytes:
    """A spec of so many SLOs, in our words."""
    head = "spec: courtsight/slo/v1\nservice: shop\nowner: shop-team\nwindow: 30d\nselector: {job: shop}\nslos:\n"
    return (head + "".join(_slo(number) for number in range(slos))).encode()


def _slo(number: int) -> str:
    start = f"  desk-{number}:\n    title: Orders taken at desk {number}\n    objective: {OBJECTIVES[number % 3]}%\n"
    if number % 2:
        return start + (
            "    events:\n"
            f'      valid: http_requests_total{{handler="/desk/{number}"}}\n'
            f'      bad: http_requests_total{{handler="/desk/{number}",code=~"5.."}}\n'
        )
    return start + (
        "    latency:\n      metric: http_request_duration_seconds\n"
        f"      where: {{handler: /desk/{number}}}\n      threshold: 500ms\n"
    )


def sloth_spec(slos: int) -> bytes:
    """So many SLOs as Sloth reads them."""
    head = 'version: "prometheus/v1"\nservice: "shop"\nslos:\n'
    return (head + "".join(_sloth_slo(number) for number in range(slos))).encode()


def _sloth_slo(number: int) -> str:
    series = f'http_requests_total{{job="shop",handler="/desk/{number}"'
    return (
        f'  - name: "desk-{number}"\n    objective: {OBJECTIVES[number % 3]}\n    sli:\n      events:\n'
        f"        error_query: 'sum(rate({series},code=~\"5..\"}}[{{{{.window}}}}]))'\n"
        f"        total_query: 'sum(rate({series}}}[{{{{.window}}}}]))'\n"
        f"    alerting:\n      name: Desk{number}\n      page_alert: {{}}\n      ticket_alert: {{}}\n"
    )


def parts_of(raw: bytes, folder: Path) -> dict[str, float]:
    """Seconds of one round, part by part."""
    gc.collect()
    gc.disable()
    started = time.perf_counter()
    spec = parse_spec(raw, "spec.yaml")
    read = time.perf_counter()
    files = generated(spec, "rules", "", with_tests=False)
    made = time.perf_counter()
    write_folder(folder, files, force=False)
    ended = time.perf_counter()
    gc.enable()
    return {
        "read and check": read - started,
        "rules as text": made - read,
        "write": ended - made,
        "all": ended - started,
    }


def timed(command: list[str]) -> float:
    """Seconds of one whole program."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return time.perf_counter() - started


def figures_of(slos: int, rounds: int, sloth: Path | None, scratch: Path) -> tuple[dict[str, float], int]:
    """Medians by part, and how many rules were written; the programs take turns, so that noise meets both."""
    raw = our_spec(slos)
    ours, theirs = scratch / "ours.yaml", scratch / "theirs.yaml"
    ours.write_bytes(raw)
    theirs.write_bytes(sloth_spec(slos))
    program = [sys.executable, "-m", "harness.cli", "slo", "generate", str(ours), "-o", str(scratch / "cli")]
    beside = [str(sloth), "generate", "-i", str(theirs), "-o", str(scratch / "sloth-rules.yaml")]
    taken: dict[str, list[float]] = {}
    for number in range(rounds):
        found = parts_of(raw, scratch / "rules" / str(number)) | {"whole program": timed(program)}
        if sloth is not None:
            found["Sloth, whole program"] = timed(beside)
        for name, seconds in found.items():
            taken.setdefault(name, []).append(seconds)
    rules = sum(path.read_bytes().count(b"\n      - ") for path in (scratch / "rules" / "0").rglob("*.yaml"))
    return {name: statistics.median(seconds) for name, seconds in taken.items()}, rules


def main() -> int:
    """Print the table; nothing fails by being slow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slos", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sloth", type=Path, help="Sloth's binary, to run beside")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        figures, rules = figures_of(options.slos, options.rounds, options.sloth, Path(scratch))
    print(f"{options.slos} SLOs, {rules} rules, median of {options.rounds} rounds; goal {GOAL_SECONDS:g} s")
    for name, seconds in figures.items():
        print(f"{name:<24} {seconds:8.3f} s")
    if options.json:
        options.json.write_text(json.dumps({"slos": options.slos, "rules": rules, "seconds": figures}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
