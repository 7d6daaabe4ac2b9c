"""Extractive chat over HTTP with everything on, against bare FastAPI, a usual stack, and two workers of ours.

    python benchmarks/micro/chat_http.py --questions 10000 --rounds 5 --json chat.json

On: sign-in by token, quotas, metrics, log lines, 1 % traces to a collector in this process, a history of two turns and more, durable writes
(synchronous FULL), 100,000 passages. Off: the answer cache, which the extractive engine has none of. 32 connections carry on some 1,250
conversations of the shipped mix; no question comes twice with the same one before it. Rounds are interleaved, servers are pinned to one
core and the client to the other; two workers share both with the client. Every hundredth answer is compared with the one that the
same service gives when it has nothing else to do. Linux only, for the pinning. Nothing is asserted; goals are printed beside what was measured.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

import jwt  # noqa: E402 - a script finds its neighbours itself
from chat_driving import CONNECTIONS, Conversations, Repeated, Round, Server, drive, start  # noqa: E402 - as above
from chat_library import ROOT, Talk, library, talks  # noqa: E402 - as above
from driving import get, serve  # noqa: E402 - as above
from instrumented_endpoint import _Collector as Collector  # noqa: E402 - as above
from instrumented_endpoint import bare  # noqa: E402 - as above

BARE, OURS, USUAL, TWO = "bare FastAPI", "ours", "usual stack", "ours, two workers"
ROLES = ("admin", "judge", "lawyer", "researcher", "public")
GOALS = {
    "ours / bare FastAPI": 0.22,
    "ours / usual stack": 6.0,
    "two workers / one": 1.3,
    "p99 / p50 (at most)": 3.0,
}
_PASSWORD = "correct horse battery"  # noqa: S105 - of accounts that live as long as the benchmark
_FLEETING = frozenset({"id", "conversation_id", "request_id", "processing_time"})
_SLOW_SHARE = 4
"""The usual stack gets a part of each measured round's conversations: it would need minutes for all."""


class Bench:
    """The servers, and what they are asked."""

    def __init__(self, options: argparse.Namespace, folder: Path, collector: str) -> None:
        self._options = options
        self._folder = folder
        self._secret = secrets.token_urlsafe(48)
        self._collector = collector
        self._library = library(options.passages, options.seed)
        self.servers: dict[str, Server] = {}
        self.tokens: dict[str, Mapping[str, str]] = {}
        self.instead: Sequence[str] = ()

    def start(self, names: Sequence[str]) -> None:
        """Start these servers, each with a database of its own."""
        cores = sorted(os.sched_getaffinity(0))
        first = self._folder / "accounts.db"
        for role in () if first.exists() else ROLES:
            command = [
                "-m",
                "service",
                "accounts",
                "create",
                "--username",
                role,
                "--role",
                role,
                "--password-file",
                "-",
            ]
            environment = {**os.environ, **self._environment(first)}
            subprocess.run(
                [sys.executable, *command], cwd=ROOT, env=environment, input=f"{_PASSWORD}\n", text=True, check=True
            )
        for number, name in enumerate(names, len(self.servers)):
            database = self._folder / f"{number}.db"
            log = self._folder / f"{number}.log"
            if name == BARE:
                one = start([__file__, "--serve-bare"], {}, frozenset(cores[:1]), log, _printed)
            elif name == USUAL:
                one = start(
                    [str(Path(__file__).with_name("usual_stack.py"))],
                    self._usual(database),
                    frozenset(cores[:1]),
                    log,
                    _printed,
                )
                claims = {"iat": time.time(), "exp": time.time() + 3600}
                self.tokens[name] = {
                    role: jwt.encode({"sub": f"user-{role}", **claims}, self._secret) for role in ROLES
                }
            else:
                shutil.copy(first, database)
                workers = 2 if name == TWO else 1
                command = self.instead or ["-m", "service", "serve", "--port", "0", "--workers", str(workers)]
                mine = frozenset(cores[:workers])
                one = start(command, self._environment(database), mine, log, _listening)
                _until_ready(one.port)
                self.tokens[name] = {role: _token(one.port, role) for role in ROLES}
            self.servers[name] = one
            if name in (USUAL, BARE):
                _until(one.port, "/metrics" if name == USUAL else "/bench")

    def _environment(self, database: Path) -> dict[str, str]:
        return {
            "COURTSIGHT_ENVIRONMENT": "development",
            "COURTSIGHT_DATABASE": str(database),
            "COURTSIGHT_JWT_SECRET": self._secret,
            "COURTSIGHT_CORPUS": str(self._library),
            "COURTSIGHT_TRACE_SHARE": "0.01",
            "COURTSIGHT_OTLP_ENDPOINT": self._collector,
        }

    def _usual(self, database: Path) -> dict[str, str]:
        return {
            "USUAL_DATABASE": str(database),
            "USUAL_LIBRARY": str(self._library),
            "USUAL_SECRET": self._secret,
            "USUAL_COLLECTOR": self._collector,
        }

    def ask(self, name: str, asked: Mapping[int, Talk]) -> tuple[Round, Conversations]:
        """Open the conversations, then measure."""
        conversations = Conversations(asked, self.tokens[name])
        drive(self.servers[name], conversations)
        conversations.open_all()
        return drive(self.servers[name], conversations), conversations

    def unloaded(self, talk: Talk, turn: int) -> dict[str, Any]:
        """The answer to one turn of a talk, asked one after the other of a service that has nothing else to do."""
        conversations = Conversations({0: Talk(talk.role, talk.questions[: turn + 1])}, self.tokens[OURS])
        drive(self.servers[OURS], conversations, 1)
        conversations.open_all()
        last: dict[str, Any] = {}

        def note(what: Any, body: bytes) -> None:  # noqa: ANN401 - the source's own
            nonlocal last
            last = json.loads(body)
            keep(what, body)

        keep = conversations.done
        conversations.done = note  # type: ignore[method-assign]
        drive(self.servers[OURS], conversations, 1)
        return last

    def stop(self) -> None:
        """End what was started."""
        for server in self.servers.values():
            server.process.terminate()
        for server in self.servers.values():
            server.process.wait(timeout=60)


def measure(bench: Bench, options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Rounds of all servers, then the comparison of what they said."""
    asked = list(talks(options.questions, options.seed))
    share = max(1, len(asked) // (options.rounds + 1))
    found: dict[str, list[Round]] = {name: [] for name in names}
    kept: dict[str, dict[tuple[int, int], dict[str, Any]]] = {name: {} for name in names}
    for number in range(options.rounds + 1):
        mine = dict(list(enumerate(asked))[number * share : (number + 1) * share])
        for name in names if number % 2 else reversed(names):
            if name == BARE:
                one = drive(bench.servers[BARE], Repeated(get("/bench"), options.bare))
            else:
                # All of them where it warms up: what both remember of words and passages, they have of as many questions.
                part = dict(list(mine.items())[:: _SLOW_SHARE if name == USUAL and number else 1])
                one, conversations = bench.ask(name, part)
                kept[name] |= conversations.kept
            # The first round warms up; its answers are compared as well.
            if number:
                found[name].append(one)
            print(f"round {number} {name}: {one.answers / one.seconds:.0f}/s", file=sys.stderr, flush=True)
    different = {name: _different(bench, asked, kept[name], name) for name in names if name != BARE}
    return {**_summary(found), "compared": different, "distinct_questions": share * (options.rounds + 1) * 8}


def _different(
    bench: Bench, asked: Sequence[Talk], kept: Mapping[tuple[int, int], dict[str, Any]], name: str
) -> dict[str, int]:
    """How many answers were compared, and how many were other ones than those of the unloaded service."""
    differing = 0
    for (number, turn), told in kept.items():
        alone = bench.unloaded(asked[number], turn)
        same = alone["answer"] == told["answer"] if name == USUAL else _lasting(alone) == _lasting(told)
        differing += not same
    return {"compared": len(kept), "different": differing}


def _lasting(body: Mapping[str, Any]) -> dict[str, Any]:
    """What an answer says apart from ids and seconds."""
    kept = {name: value for name, value in body.items() if name not in _FLEETING}
    calls = [
        {name: value for name, value in call.items() if "seconds" not in name and "time" not in name}
        for call in body["tool_calls"]
    ]
    return {**kept, "tool_calls": calls}


def _summary(found: Mapping[str, Sequence[Round]]) -> dict[str, Any]:
    rows = {
        name: {
            "answers_per_second": statistics.median(one.answers / one.seconds for one in rounds),
            "cpu_us": statistics.median(one.server_seconds / one.answers for one in rounds) * 1e6,
            "p50_ms": statistics.median(one.quantile(0.5) for one in rounds) * 1e3,
            "p99_ms": statistics.median(one.quantile(0.99) for one in rounds) * 1e3,
            "p99_to_p50": statistics.median(one.quantile(0.99) / one.quantile(0.5) for one in rounds),
            "server_share": statistics.median(one.server_seconds / one.seconds for one in rounds),
            "client_share": statistics.median(one.client_share for one in rounds),
            "answers": sum(one.answers for one in rounds),
        }
        for name, rounds in found.items()
    }
    pairs = {"ours / bare FastAPI": (OURS, BARE), "ours / usual stack": (OURS, USUAL), "two workers / one": (TWO, OURS)}
    ratios = {
        title: _ratio(found[one], found[other])
        for title, (one, other) in pairs.items()
        if one in found and other in found
    }
    return {"servers": rows, "ratios": ratios}


def _ratio(ours: Sequence[Round], theirs: Sequence[Round]) -> dict[str, float]:
    """Pairs of the same round: answers a second, and answers for a second of the server's processor."""
    rate = [
        one.answers / one.seconds / (other.answers / other.seconds) for one, other in zip(ours, theirs, strict=True)
    ]
    cpu = [
        other.server_seconds / other.answers / (one.server_seconds / one.answers)
        for one, other in zip(ours, theirs, strict=True)
    ]
    return {
        "rate": statistics.median(rate),
        "rate_low": min(rate),
        "rate_high": max(rate),
        "per_cpu": statistics.median(cpu),
    }


def show(result: Mapping[str, Any]) -> None:
    """The tables."""
    print(
        f"{'':20}{'answers/s':>10}{'CPU us':>9}{'p50 ms':>9}{'p99 ms':>9}{'p99/p50':>9}{'server CPU':>12}{'client CPU':>12}"
    )
    for name, row in result["servers"].items():
        print(
            f"{name:20}{row['answers_per_second']:10.0f}{row['cpu_us']:9.0f}{row['p50_ms']:9.2f}{row['p99_ms']:9.2f}"
            f"{row['p99_to_p50']:9.2f}{row['server_share']:12.2f}{row['client_share']:12.2f}"
        )
    print(f"\n{'ratio':24}{'answers/s':>22}{'per CPU':>10}{'goal':>8}")
    for name, row in result["ratios"].items():
        spread = f"{row['rate']:.3f} ({row['rate_low']:.2f}-{row['rate_high']:.2f})"
        print(f"{name:24}{spread:>22}{row['per_cpu']:10.3f}{GOALS[name]:8.2f}")
    if OURS in result["servers"]:
        name = "p99 / p50 (at most)"
        print(f"{name:24}{result['servers'][OURS]['p99_to_p50']:22.2f}{'':10}{GOALS[name]:8.2f}")
    for name, row in result["compared"].items():
        print(f"{name}: {row['different']} of {row['compared']} answers differ from those of the unloaded service")


def _printed(log: Path) -> int | None:
    line = log.read_text(encoding="utf-8").partition("\n")[0]
    return int(line) if line.isdigit() else None


def _listening(log: Path) -> int | None:
    for line in log.read_text(encoding="utf-8").splitlines():
        if '"listening"' in line and line.endswith("}"):
            return int(json.loads(line)["port"])
    return None


def _until_ready(port: int) -> None:
    _until(port, "/health/ready")


def _until(port: int, path: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                answer.read()
                return
        except OSError:  # not there yet, or too busy to answer in time
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _token(port: int, role: str) -> str:
    body = json.dumps({"username": role, "password": _PASSWORD}).encode()
    asked = Request(f"http://127.0.0.1:{port}/v1/auth/token", body, {"Content-Type": "application/json"})
    with urlopen(asked, timeout=30) as answer:  # noqa: S310 - as above
        return str(json.loads(answer.read())["access_token"])


@contextlib.contextmanager
def on_stage(options: argparse.Namespace) -> Iterator[Bench]:
    """A bench without servers yet, with a folder and a collector of traces of its own; all of it ends with the block."""
    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    collector.daemon_threads = True
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, Path(folder), f"http://127.0.0.1:{collector.server_address[1]}")
        try:
            yield bench
        finally:
            bench.stop()
            collector.shutdown()


def main() -> int:
    """Measure, print, perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve-bare", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--questions", type=int, default=10_000, help="measured, all different (default: 10000)")
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds, after one that warms up (default: 5)")
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--bare", type=int, default=20_000, help="requests of a round to bare FastAPI (default: 20000)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", nargs="*", choices=[BARE, OURS, USUAL, TWO], default=[BARE, OURS, USUAL, TWO])
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args()
    # Told to stop, it still ends its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.serve_bare:
        serve(bare())
        return 0
    with on_stage(options) as bench:
        bench.start(options.only)
        result = measure(bench, options, options.only)
    result |= {"connections": CONNECTIONS, "passages": options.passages, "goals": GOALS}
    show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
