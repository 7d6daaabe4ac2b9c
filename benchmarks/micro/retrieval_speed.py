"""How fast a question finds its passages: the whole public call, from the text of the question to passages with their text.

    python benchmarks/micro/retrieval_speed.py --passages 100000 --queries 500 --peer fts5 --json out.json

Passages and questions come from a seeded generator: 60,000 Indonesian-looking words by Zipf's law, 60 words a passage; questions of six
words, once from rank > 200 and once of any rank. No cache of answers exists; the memory of stems begins empty, and `--forget-stems`
takes it away altogether. Building and asking are processes of their own, so that each one's memory is its own. Peers are asked the same
questions in turn with ours, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import itertools
import json
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from service.retrieval.analysis import Analyser  # noqa: E402 - a script of the repository, which is no installed package
from service.retrieval.document import Document  # noqa: E402 - as above
from service.retrieval.embedded import EmbeddedRetriever  # noqa: E402 - as above
from service.retrieval.generation import build_generation, open_generation  # noqa: E402 - as above

WORDS = 60_000
PASSAGE_WORDS = 60
QUESTION_WORDS = 6
COMMON = 200
_ONSETS = ("b", "c", "d", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "w", "y", "ng", "ny", "sy", "")
_VOWELS = ("a", "i", "u", "e", "o", "ai", "au")
_CODAS = ("", "", "", "n", "ng", "r", "s", "t", "k", "l", "m", "h")
_PREFIXES = ("", "", "", "me", "mem", "men", "ber", "di", "ter", "pe", "pem", "ke")
_SUFFIXES = ("", "", "", "an", "kan", "i", "nya", "lah")


class Language:
    """Words and how often they come: the word of rank r with a chance of 1/r."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311 - a reproducible benchmark
        found: dict[str, None] = {}
        while len(found) < WORDS:
            stem = "".join(self._syllable(draw) for _ in range(draw.choice((2, 2, 3))))
            found[draw.choice(_PREFIXES) + stem + draw.choice(_SUFFIXES)] = None
        self.words = tuple(found)
        self._chances = list(itertools.accumulate(1 / rank for rank in range(1, WORDS + 1)))

    def text(self, draw: random.Random, count: int, after_rank: int = 0) -> str:
        """So many words, of all ranks or of those after one."""
        if not after_rank:
            return " ".join(draw.choices(self.words, cum_weights=self._chances, k=count))
        lowest, highest = self._chances[after_rank - 1], self._chances[-1]
        places = (bisect.bisect(self._chances, draw.uniform(lowest, highest)) for _ in range(count))
        return " ".join(self.words[min(place, WORDS - 1)] for place in places)

    @staticmethod
    def _syllable(draw: random.Random) -> str:
        return draw.choice(_ONSETS) + draw.choice(_VOWELS) + draw.choice(_CODAS)


def documents(seed: int, count: int) -> Iterator[Document]:
    """Articles of one passage each."""
    language, draw, day = Language(seed), random.Random(seed + 1), date(2026, 1, 1)  # noqa: S311 - as above
    for number in range(count):
        text = language.text(draw, PASSAGE_WORDS)
        law = f"UU {number // 500}/2000"
        yield Document(
            f"d{number}", "statute", f"Pasal {number % 500}", text, law, None, str(number % 500), 2000, "berlaku", None,
            law, day, "unverified", demo=False,
        )  # fmt: skip


def questions(seed: int, count: int) -> dict[str, list[str]]:
    """The two sets."""
    language, draw = Language(seed), random.Random(seed + 2)  # noqa: S311 - as above
    return {
        f"rank > {COMMON}": [language.text(draw, QUESTION_WORDS, COMMON) for _ in range(count)],
        "any rank": [language.text(draw, QUESTION_WORDS) for _ in range(count)],
    }


def build(seed: int, passages: int, folder: Path) -> dict[str, float]:
    """Write a generation; the seconds without those of the generator, which is run once more alone."""
    started, busy = time.perf_counter(), time.process_time()
    build_generation(documents(seed, passages), folder)
    whole, busy = time.perf_counter() - started, time.process_time() - busy
    memory = _peak_bytes()
    started, alone = time.perf_counter(), time.process_time()
    for _ in documents(seed, passages):
        pass
    return {
        "build_seconds": whole - (time.perf_counter() - started),
        "build_processor_seconds": busy - (time.process_time() - alone),
        "build_peak_bytes": memory,
        "disk_bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
    }


def fts5(folder: Path, seed: int, passages: int) -> Callable[[str], Any]:
    """SQLite's full-text search, any word may match, ranked by its bm25."""
    connection = sqlite3.connect(folder / "peer.db")
    connection.execute("CREATE VIRTUAL TABLE passages USING fts5(title, text)")
    rows = ((document.title, document.text) for document in documents(seed, passages))
    connection.executemany("INSERT INTO passages VALUES (?, ?)", rows)
    connection.execute("INSERT INTO passages(passages) VALUES ('optimize')")
    connection.commit()
    select = "SELECT rowid, text, rank FROM passages WHERE passages MATCH ? ORDER BY rank LIMIT 10"
    return lambda question: connection.execute(select, (" OR ".join(question.split()),)).fetchall()


PEERS: dict[str, Callable[[Path, int, int], Callable[[str], Any]]] = {"fts5": fts5}


def ask(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Ask every question of ours, and every so many of each peer right after."""
    before = _resident_bytes()
    started = time.perf_counter()
    index = open_generation(folder, Analyser(1 if options.forget_stems else 200_000), time.perf_counter)
    opened = time.perf_counter() - started
    retriever = EmbeddedRetriever(index)
    loop = asyncio.new_event_loop()
    peers = {name: PEERS[name](folder.parent, options.seed, options.passages) for name in options.peer}
    sets: dict[str, Any] = {}
    for name, asked in questions(options.seed, options.queries).items():
        ours, cpu, found, pairs = [], [], 0, {peer: [] for peer in peers}
        for number, question in enumerate(asked):
            busy = time.thread_time()
            spent, search = _timed(lambda question=question: loop.run_until_complete(retriever.search(question)))
            cpu.append(time.thread_time() - busy)
            ours.append(spent)
            found += len(search.hits)
            for peer, run in peers.items() if number % options.peer_every == 0 else ():
                pairs[peer].append((_timed(lambda run=run, question=question: run(question))[0], spent))
        sets[name] = {"n": len(asked), "hits": found / len(asked), **_quantiles(ours), "processor": _quantiles(cpu)}
        for peer, both in pairs.items():
            sets[name][peer] = {
                "n": len(both),
                **_quantiles([theirs for theirs, _ in both]),
                "times_slower": statistics.median(theirs / spent for theirs, spent in both),
            }
    loop.close()
    return {
        "open_seconds": opened,
        "resident_bytes_before": before,
        "resident_bytes": _resident_bytes(),
        "anonymous_bytes": _resident_bytes("RssAnon"),
        "noise_ratio": _noise(),
        "sets": sets,
    }


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = run()
    return time.perf_counter() - started, found


def _quantiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {f"p{share}_seconds": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 95, 99)}


def _noise() -> float:
    """How unsteady the machine is: the p95 over the median of a loop that always does the same."""
    spent = [_timed(lambda: sum(range(20_000)))[0] for _ in range(500)]
    return _quantiles(spent)["p95_seconds"] / _quantiles(spent)["p50_seconds"]


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _resident_bytes(field: str = "VmRSS") -> int:
    """What this process holds right now; where the system does not tell, its peak."""
    status = Path("/proc/self/status")
    if not status.exists():
        return _peak_bytes()
    lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
    return int(lines[field].split()[0]) * 1024


def table(result: dict[str, Any]) -> str:
    """The result for people: milliseconds and megabytes."""
    mega = 1e6
    built = (
        f"{result['passages']:,} passages, seed {result['seed']}; built in {result['build_seconds']:.1f} s"
        f" ({result['build_processor_seconds']:.1f} s of processor, peak {result['build_peak_bytes'] / mega:.0f} MB),"
        f" {result['disk_bytes'] / mega:.0f} MB on the disk, opened in {result['open_seconds']:.2f} s"
    )
    memory = (
        f"memory while asking {result['resident_bytes'] / mega:.0f} MB, {result['anonymous_bytes'] / mega:.0f} MB of it not file"
        f" pages ({result['resident_bytes_before'] / mega:.0f} MB before opening); a fixed loop's p95 is"
        f" {result['noise_ratio']:.2f} of its median"
    )
    head = f"{'questions':<14}{'who':<8}{'n':>6}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}{'times slower':>14}"
    lines = [built, memory, head]
    for name, found in result["sets"].items():
        rows = [
            ("ours", found),
            (" cpu", {"n": found["n"], **found["processor"]}),
            *((peer, found[peer]) for peer in PEERS if peer in found),
        ]
        for who, row in rows:
            times = f"{row['times_slower']:14.0f}" if "times_slower" in row else f"{'':>14}"
            values = "".join(f"{row[f'p{share}_seconds'] * 1000:10.3f}" for share in (50, 95, 99))
            lines.append(f"{name:<14}{who:<8}{row['n']:>6}{values}{times}")
    return "\n".join(lines)


def _stage(stage: str, folder: Path, arguments: list[str]) -> dict[str, Any]:
    command = [sys.executable, __file__, *arguments, "--stage", stage, "--folder", str(folder)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How fast a question finds its passages.")
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=500, help="questions of each set")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--peer", choices=sorted(PEERS), action="append", default=[])
    parser.add_argument("--peer-every", type=int, default=10, help="ask a peer every so many questions")
    parser.add_argument("--forget-stems", action="store_true", help="stem every word of every question anew")
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--stage", choices=("build", "ask"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Build, ask, print."""
    options = _options(arguments)
    if options.stage == "build":
        print(json.dumps(build(options.seed, options.passages, options.folder)))
        return 0
    if options.stage == "ask":
        print(json.dumps(ask(options, options.folder)))
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "generation"
        result = {"passages": options.passages, "seed": options.seed}
        result |= _stage("build", folder, arguments) | _stage("ask", folder, arguments)
    print(table(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
