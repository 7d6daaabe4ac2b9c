"""Where a chat server spends its processor time: samples of the stack while the chat benchmark's questions are asked.

    python benchmarks/micro/chat_profile.py --questions 3000 --top 40 --json profile.json

The system's profiling timer interrupts the server once in so many milliseconds of processor time (its own and its threads'); the innermost
frame of ours or of a known library is what the sample counts for. That costs the server a few percent and, unlike a tracing profiler, does not make
small functions look dear. The writer's thread shows as time in which the event loop waits.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

import chat_http  # noqa: E402 - a script finds its neighbours itself
from chat_http import on_stage  # noqa: E402 - as above
from chat_library import talks  # noqa: E402 - as above

_EVERY_SECONDS = 0.002
_STAGES: Mapping[str, tuple[str, ...]] = {
    "retrieval": ("service/retrieval/", "tantivy/"),
    "understanding, composing, checking": (
        "service/chat/",
        "service/listening.py",
        "service/weighing.py",
        "service/text.py",
    ),
    "tools": ("service/tools/",),
    "answering": ("service/answering.py", "service/telling.py", "service/llm/", "service/remembering.py"),
    "store, minutes, turns": ("service/store/", "service/minutes.py", "service/turns.py"),
    "access": ("service/security/", "service/services.py"),
    "edge, quotas": ("service/edge/", "service/quotas/"),
    "telemetry": ("service/telemetry/", "opentelemetry/", "prometheus_client/"),
    "routes, JSON": ("service/api/", "service/exchange.py"),
    "FastAPI, Starlette": ("fastapi/", "starlette/"),
    "uvicorn": ("uvicorn/",),
}


class Sampler:
    """Counts what the main thread is in."""

    def __init__(self) -> None:
        self.own: Counter[str] = Counter()
        self.within: Counter[str] = Counter()

    def __call__(self, _: int, frame: FrameType | None) -> None:
        """Take one sample."""
        seen: set[str] = set()
        innermost = ""
        while frame is not None:
            file = _short(frame.f_code.co_filename)
            if file:
                name = f"{file}:{frame.f_code.co_name}"
                innermost = innermost or name
                seen.add(name)
            frame = frame.f_back
        self.own[innermost or "event loop and other threads"] += 1
        self.within.update(seen)


def _short(file: str) -> str:
    for package in ("service", "fastapi", "starlette", "uvicorn", "opentelemetry", "prometheus_client", "tantivy"):
        place = file.rfind(f"/{package}/")
        if place >= 0:
            return file[place + 1 :]
    return ""


def serve(into: Path) -> int:
    """Be the service, and write the samples when it ends."""
    from service.__main__ import main as service_main  # noqa: PLC0415 - only the server needs it

    sampler = Sampler()

    def reset(*_: object) -> None:
        sampler.own.clear()
        sampler.within.clear()

    signal.signal(signal.SIGUSR1, reset)
    signal.signal(signal.SIGPROF, sampler)
    signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS, _EVERY_SECONDS)
    try:
        return service_main(["serve", "--port", "0"])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        into.write_text(json.dumps({"own": sampler.own, "within": sampler.within}), encoding="utf-8")


def stages(own: Mapping[str, int]) -> dict[str, float]:
    """The share of each stage."""
    whole = sum(own.values())
    shares = dict.fromkeys([*_STAGES, "event loop and other threads"], 0.0)
    for name, count in own.items():
        stage = next((one for one, files in _STAGES.items() if name.startswith(files)), "event loop and other threads")
        shares[stage] += count / whole
    return shares


def main() -> int:
    """Profile, print, perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--questions", type=int, default=3_000)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--top", type=int, default=25, help="functions to show, by their own samples and by those within them"
    )
    parser.add_argument("--json", type=Path, help="write the samples to this file as well")
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve)
    # Told to stop, it still ends its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "samples.json"
        with on_stage(options) as bench:
            bench.instead = ["benchmarks/micro/chat_profile.py", "--serve", str(into)]
            bench.start([chat_http.OURS])
            asked = list(talks(options.questions, options.seed))
            warm, measured = asked[: len(asked) // 3], asked[len(asked) // 3 :]
            bench.ask(chat_http.OURS, dict(enumerate(warm)))
            bench.servers[chat_http.OURS].process.send_signal(signal.SIGUSR1)
            one, _ = bench.ask(chat_http.OURS, dict(enumerate(measured)))
        samples = json.loads(into.read_text(encoding="utf-8"))
    each = one.server_seconds / one.answers * 1e6
    whole = sum(samples["own"].values())
    print(f"{each:.0f} us of processor an answer, {whole} samples")
    for stage, share in stages(samples["own"]).items():
        print(f"  {stage:<40}{share:7.1%}{share * each:8.0f} us")
    for kind in ("own", "within"):
        print(kind)
        for name, count in Counter(samples[kind]).most_common(options.top):
            print(f"  {name:<70}{count / whole:7.1%}{count / whole * each:8.0f} us")
    if options.json:
        options.json.write_text(json.dumps({"cpu_us": each, **samples}, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
