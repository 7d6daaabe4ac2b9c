"""A thousand answers at once through our client: what it adds to the time of each token.

    nice -n -15 python benchmarks/micro/llm_streams.py
    nice -n -15 python benchmarks/micro/llm_streams.py --search

Simulator and client are a process each on the same machine. Streams of 150 tokens, TTFT 0.5 s, a token each 0.2 s, 50 started a second.
The truth is the simulator's own log. Added TTFT: first text seen by the client minus the start of its call, less the same as the simulator
knows it (first token handed to the socket minus the last byte of the request read). The log names requests by its own ids: calls are
matched to it in the order in which they began, 20 ms apart, and a call that the log has begun before it or a second after it is an
error. Inter-token time: gaps between texts, beside the gaps
between the writes. A client whose loop is late by more than 10 ms (p95) measured itself, and the run is void. `--search` shortens the gap
until a goal is missed; 150 tokens then last less long, so fewer streams run at once (printed): `--tokens 600` keeps them all running.
Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import uvloop

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from service.llm.calls import AttemptLimits, Call, Message, Model, Text  # noqa: E402 - the clone's folder comes first
from service.llm.client import OpenAIProvider  # noqa: E402 - as above
from service.llm.endpoints import Endpoint  # noqa: E402 - as above
from service.llm.failures import ProviderError  # noqa: E402 - as above

MOST_ADDED_TTFT = 0.050
MOST_GAP_DIFFERENCE = 0.030
MOST_LOOP_LAG = 0.010
GAPS = (0.2, 0.15, 0.1, 0.075, 0.05, 0.04, 0.03, 0.02)
_MODEL = Model("m", "simulator", "courtsight-sim", 32_768, 4_096, 0.0, 0.0, 0.0)
_LIMITS = AttemptLimits(10.0, 30.0, 30.0, 300.0)


@dataclass(slots=True)
class Seen:
    """What one stream's caller saw, in monotonic seconds."""

    begun: float = 0.0
    texts: list[float] = field(default_factory=list)
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """One run, in seconds; processor times as shares of a core."""

    errors: int
    at_once: int
    added_ttft: list[float]
    seen_gaps: list[float]
    true_gaps: list[float]
    late: list[float]
    lag: list[float]
    client_cpu: float
    server_cpu: float

    @property
    def gap_difference(self) -> float:
        """p95 of the gaps seen, less p95 of the gaps sent."""
        return p95(self.seen_gaps) - p95(self.true_gaps)

    @property
    def void(self) -> bool:
        """Whether the client measured itself."""
        return p95(self.lag) > MOST_LOOP_LAG

    @property
    def holds(self) -> bool:
        """Whether every goal is met."""
        return (
            not self.errors
            and not self.void
            and p95(self.added_ttft) <= MOST_ADDED_TTFT
            and abs(self.gap_difference) <= MOST_GAP_DIFFERENCE
        )


def p95(values: Sequence[float]) -> float:
    """The value that 95 % do not exceed; infinite when there is none."""
    return sorted(values)[int(0.95 * (len(values) - 1))] if values else float("inf")


async def one(provider: OpenAIProvider, name: str, seen: Seen) -> None:
    """One answer, each text stamped."""
    call = Call(_MODEL, (Message("user", "Apa itu hukum?"),), 4_096, 0.0, name)
    seen.begun = time.monotonic()
    try:
        async for chunk in provider.stream(call, _LIMITS):
            if isinstance(chunk, Text):
                seen.texts.append(time.monotonic())
    except ProviderError as error:
        seen.failed = error.reason


async def ask(port: int, options: argparse.Namespace) -> tuple[list[Seen], list[float]]:
    """Start the streams at their rate; what each saw, and how late this loop was for itself."""
    provider = OpenAIProvider(
        Endpoint("simulator", f"http://127.0.0.1:{port}/v1", external=False, connections=options.streams), time.time
    )
    loop = asyncio.get_running_loop()
    seen = [Seen() for _ in range(options.streams)]
    lags: list[float] = []
    lag = loop.create_task(_loop_lag(lags))
    begun = loop.time()
    tasks = []
    for number, each in enumerate(seen):
        await asyncio.sleep(begun + number / options.rate - loop.time())
        tasks.append(loop.create_task(one(provider, f"stream-{number}", each)))
    await asyncio.gather(*tasks)
    lag.cancel()
    await provider.close()
    return seen, lags


async def _loop_lag(lags: list[float]) -> None:
    while True:
        asked = time.monotonic() + 0.02
        await asyncio.sleep(0.02)
        lags.append(time.monotonic() - asked)


def start(options: argparse.Namespace, gap: float, folder: Path) -> tuple[subprocess.Popen[str], int]:
    """The simulator, and its port."""
    profile = folder / "profile.yaml"
    profile.write_text(
        f"name: measured\nttft: {{shape: constant, seconds: {options.ttft}}}\n"
        f"inter_token: {{shape: constant, seconds: {gap}}}\n"
        f"tokens: {{all: {options.tokens}}}\ndefault_kind: all\nanswers: {{mode: filler}}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "simulator", "serve", "--profile", str(profile), "--port", "0"]
    command += ["--truth", str(folder / "truth.jsonl")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(json.loads(process.stdout.readline())["port"])


def run(options: argparse.Namespace, gap: float) -> Figures:
    """One run on a simulator of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        process, port = start(options, gap, folder)
        begun, used = time.monotonic(), time.process_time()
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                seen, lags = runner.run(ask(port, options))
            took, used = time.monotonic() - begun, time.process_time() - used
        finally:
            process.terminate()
            process.wait(timeout=30)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        server = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        lines = (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    records = [record for record in map(json.loads, lines) if "request" in record]
    return figures(seen, records, lags, options.tokens, used / took, server / took)


def _at_once(seen: list[Seen]) -> int:
    """The most streams that ran at the same time."""
    steps = sorted([(one.begun, 1) for one in seen] + [(one.texts[-1], -1) for one in seen if one.texts])
    running = most = 0
    for _, step in steps:
        running += step
        most = max(most, running)
    return most


def _whole(one: Seen, record: dict[str, Any], tokens: int) -> bool:
    return not one.failed and len(one.texts) == tokens and 0 <= record["arrived"] - one.begun <= 1


def figures(
    seen: list[Seen], records: list[dict[str, Any]], lags: list[float], tokens: int, cpu: float, server: float
) -> Figures:
    """What the client saw, held to the truth."""
    in_order = sorted(records, key=lambda record: float(record["arrived"]))
    pairs = list(zip(seen, in_order, strict=False))
    wrong = sum(not _whole(one, record, tokens) for one, record in pairs) + abs(len(seen) - len(records))
    found = Figures(wrong, _at_once(seen), [], [], [], [], lags, cpu, server)
    for one, record in pairs:
        if one.texts and record["sent"]:
            found.added_ttft.append((one.texts[0] - one.begun) - (record["sent"][0] - record["arrived"]))
        found.seen_gaps.extend(later - sooner for sooner, later in pairwise(one.texts))
        found.true_gaps.extend(later - sooner for sooner, later in pairwise(record["sent"]))
        found.late.extend(sent - planned for planned, sent in zip(record["planned"], record["sent"], strict=False))
    return found


def show(options: argparse.Namespace, gap: float, found: Figures) -> None:
    """Print one run."""
    verdict = "VOID: the client's loop was late" if found.void else "holds" if found.holds else "does not hold"
    print(f"{options.streams} streams of {options.tokens} tokens, a token each {gap * 1000:g} ms: {verdict}")
    print(f"  errors                 {found.errors}")
    print(f"  at once                {found.at_once} streams")
    print(f"  added TTFT p95         {p95(found.added_ttft) * 1000:.2f} ms (goal 50)")
    print(
        f"  inter-token p95        seen {p95(found.seen_gaps) * 1000:.2f} ms, sent {p95(found.true_gaps) * 1000:.2f} ms,"
        f" difference {found.gap_difference * 1000:+.2f} ms (goal within 30)"
    )
    print(f"  client loop lag p95    {p95(found.lag) * 1000:.2f} ms (void above 10)")
    print(f"  simulator late p95     {p95(found.late) * 1000:.2f} ms")
    print(
        f"  processor              client {found.client_cpu:.2f}, simulator {found.server_cpu:.2f} of a core",
        flush=True,
    )


def main() -> int:
    """Run once, or search."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50.0, help="streams started per second (default: 50)")
    parser.add_argument("--ttft", type=float, default=0.5, help="seconds (default: 0.5)")
    parser.add_argument("--gap", type=float, default=0.2, help="seconds between tokens (default: 0.2)")
    parser.add_argument("--tokens", type=int, default=150, help="of each stream (default: 150)")
    parser.add_argument("--search", action="store_true", help="shorten the gap until a goal is missed")
    options = parser.parse_args()
    if not options.search:
        show(options, options.gap, run(options, options.gap))
        return 0
    shortest = None
    for gap in GAPS:
        found = run(options, gap)
        show(options, gap, found)
        if not found.holds:
            break
        shortest = gap
    print("shortest inter-token time that holds:", f"{shortest * 1000:g} ms" if shortest else "none")
    return 0


if __name__ == "__main__":
    sys.exit(main())
