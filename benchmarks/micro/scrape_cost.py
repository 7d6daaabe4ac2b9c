"""What a scrape a second costs those who ask: chat's p99 with and without it, at 5,000 series and 60 % of what the service can do.

    python benchmarks/micro/scrape_cost.py [--pairs 10] [--blocks 4] [--seconds 2] [--against CHECKOUT] [--quick] [--json scrape.json]

Open loop: questions leave at their planned moments, whatever became of those before, and each counts from its planned moment, so that a
service that stalls is not asked less. A pair is some short blocks with a scrape each second and as many without, in changing order, so that a machine whose speed
drifts is as slow for both; p99 is of all answers of a pair with, and of all without. Each pair begins with a moment at full speed, of which the questions get 60 %.
Whoever scrapes is a process of its own beside the client, on one connection, with its request ready made. Beside the service as it is stands one that lets
prometheus_client render the page in its event loop, at one go, or with `--against` the service of another checkout. The page is filled up with families as large as
the service's own, as a deployment with many models would have them. Nothing is asserted.

Told are the median of the pairs' ratios with an interval for it (bootstrap, 95 %), how long a scrape takes beside the questions, and the processor time that one costs:
the server's own, asked alone behind each block without scrapes, when what the block has counted is to be written.

It takes some `4 x blocks x pairs x seconds` and two minutes, and a quarter of a minute with `--quick`; the time left is told. A block in which the service falls so far behind
that it takes twice its seconds is thrown away with its pair.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import math
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

import uvloop  # noqa: E402 - a script finds its neighbours itself
from chat_driving import Conversations, Server, pinned, spare  # noqa: E402 - as above
from chat_http import Bench, on_stage  # noqa: E402 - as above
from chat_library import talks  # noqa: E402 - as above

GOAL = 1.3
_LOAD = 0.6
"""Of what the service can do."""
_FULL_SPEED_QUESTIONS = 320
"""Asked at the beginning of each pair, to know what that is just now."""
_REST_SECONDS = 2.0
"""After a block that fell behind: until the service has answered what nobody waits for any more."""
OURS, INLINE, OTHER = "in turns (ours)", "inline, prometheus_client", "the other checkout"
_FIRST_SCRAPE = 0.3
"""Seconds of a block before the first one."""
_SETTLING_SECONDS = 0.3
"""Until a server whose block is over has done what was left to do behind the answers."""
_FAMILY_SERIES = 255
_BUCKETS = 17
"""Series of one child of the histograms that fill the page: fourteen edges, infinity, count and sum."""
_ACCEPT = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
"""As Prometheus 2.42 asks; it takes gzip, too."""
_LINES = 64


def serve(kind: str, series: int) -> int:
    """Be the service, its page filled up to so many series."""
    from prometheus_client import Histogram  # noqa: PLC0415 - only the server needs them
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - as above

    from service.__main__ import main as service_main  # noqa: PLC0415 - as above
    from service.telemetry.metrics import Metrics  # noqa: PLC0415 - as above

    made = Metrics.__init__

    def filled(self: Metrics, *args: Any, **named: Any) -> None:  # noqa: ANN401 - whatever metrics are made of
        made(self, *args, **named)
        page, _ = self.render(_ACCEPT)
        there = sum(1 for line in page.splitlines() if not line.startswith(b"#"))
        for first in range(0, series - there, _FAMILY_SERIES):
            name = f"chatbot_filling_{first}_seconds"
            more = Histogram(name, "Of the benchmark", ["model"], registry=self.registry)
            for number in range(min(_FAMILY_SERIES, series - there - first) // _BUCKETS):
                more.labels(f"model-{number}").observe(0.1)

    async def at_one_go(self: Metrics, accept: str, *, packed: bool = False) -> tuple[bytes, str]:
        encoder, media_type = choose_encoder(accept)
        page = encoder(self.registry)
        return gzip.compress(page) if packed else page, media_type

    Metrics.__init__ = filled  # type: ignore[method-assign]
    if kind == INLINE:
        Metrics.page = at_one_go  # type: ignore[method-assign]
    return service_main(["serve", "--port", "0"])


class _Line(asyncio.Protocol):
    """One connection: sends when told, and notes when the whole answer is there."""

    def __init__(self, free: asyncio.Queue[_Line], source: Conversations, latencies: list[float]) -> None:
        self._free = free
        self._source = source
        self._latencies = latencies
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait to be told."""
        self.transport: Any = transport
        self._free.put_nowait(self)

    def ask(self, planned: float, what: Any, request: bytes) -> None:  # noqa: ANN401 - the source's own name
        """Send a request that was planned for a moment."""
        self._planned, self._what = planned, what
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Look for the end of the answer."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        assert head.startswith(b"HTTP/1.1 200"), head
        if len(body) >= int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            self._latencies.append(time.perf_counter() - self._planned)
            self._source.done(self._what, body)
            self._buffer = b""
            self._free.put_nowait(self)


async def _open_loop(server: Server, source: Conversations, rate: float, seconds: float) -> list[float]:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    free: asyncio.Queue[_Line] = asyncio.Queue()
    lines = [
        (await loop.create_connection(lambda: _Line(free, source, latencies), "127.0.0.1", server.port))[1]
        for _ in range(_LINES)
    ]
    begun = time.perf_counter()
    ends = begun + 2 * seconds
    for number in range(int(rate * seconds)):
        planned = begun + number / rate
        if (wait := planned - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        async with asyncio.timeout(max(0.0, ends - time.perf_counter())):
            line = await free.get()
        taken = source.take()
        if taken is None:
            raise TimeoutError("every conversation has a question under way: the service is far behind")
        line.ask(planned, *taken)
    async with asyncio.timeout(max(0.0, ends - time.perf_counter())):
        for _ in lines:
            (await free.get()).transport.close()
    return latencies


def scrape(port: int) -> int:
    """Be the scraper: for each line on standard input with seconds and the moment of the first scrape, scrape each second for so long; what it took is a line of JSON."""
    request = f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {_ACCEPT}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    for line in sys.stdin:
        begun = time.perf_counter()
        seconds, first = map(float, line.split())
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            took = []
            for number in range(math.ceil(seconds - first)):
                planned = first + number
                time.sleep(max(0.0, begun + planned - time.perf_counter()))
                asked = time.perf_counter()
                connection.sendall(request)
                body = _read(connection)
                took.append(time.perf_counter() - asked)
        # Looked at when nothing is measured any more.
        page = gzip.decompress(body)
        series = sum(1 for one in page.splitlines() if not one.startswith(b"#"))
        print(json.dumps({"seconds": took, "series": series, "bytes": len(page), "packed": len(body)}), flush=True)
    return 0


def _read(connection: socket.socket) -> bytes:
    """The body of one answer."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(1 << 20)
    head, _, body = read.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(1 << 20)
    return body


class _Scraper:
    """The process that scrapes, on the client's cores: on all of them it would take the server's now and then, which no scraper from elsewhere does."""

    def __init__(self, server: Server) -> None:
        self._server = server
        command = [sys.executable, __file__, "--scrape", str(server.port)]
        with pinned(spare(server)):
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begin(self, seconds: float, first: float = _FIRST_SCRAPE) -> None:
        """Scrape for so long, from this moment on."""
        assert self._process.stdin
        self._process.stdin.write(f"{seconds} {first}\n")
        self._process.stdin.flush()

    def told(self) -> dict[str, Any]:
        """What became of it."""
        assert self._process.stdout
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    def cpu_seconds(self) -> float:
        """Processor time that one scrape costs the server while nobody asks it anything else."""
        time.sleep(_SETTLING_SECONDS)
        before = _cpu_seconds(self._server)
        self.begin(0.1, 0.0)
        self.told()
        return _cpu_seconds(self._server) - before

    def end(self) -> None:
        """Let it be over."""
        self._process.communicate(timeout=30)


def _cpu_seconds(server: Server) -> float:
    """Processor time of the server's threads, by the scheduler's clock: that of `Server` counts hundredths of a second."""
    tasks = Path(f"/proc/{server.process.pid}/task").glob("*/schedstat")
    return sum(int(one.read_text(encoding="ascii").split()[0]) for one in tasks) / 1e9


class Pairs:
    """Pairs of one server."""

    def __init__(self, bench: Bench, name: str, options: argparse.Namespace) -> None:
        self._bench = bench
        self._name = name
        self._options = options
        self._server = bench.servers[name]
        self._scraper = _Scraper(self._server)
        self._rates: list[float] = []
        self.ratios: list[float] = []
        self._p99: dict[bool, list[float]] = {True: [], False: []}
        self._scrapes: list[float] = []
        self._cpu: list[float] = []
        self._page: dict[str, Any] = {}

    def pair(self, number: int) -> bool:
        """The blocks of both, the order changing; False when the service fell so far behind that they say nothing."""
        asked = dict(enumerate(talks(_FULL_SPEED_QUESTIONS, self._options.seed + 2 + number)))
        full, _ = self._bench.ask(self._name, asked)
        rate = full.answers / full.seconds * _LOAD
        latencies: dict[bool, list[float]] = {True: [], False: []}
        try:
            for block in range(self._options.blocks):
                for scraped in (True, False) if (number + block) % 2 else (False, True):
                    latencies[scraped] += self._block(rate, scraped=scraped)
        except TimeoutError:
            time.sleep(_REST_SECONDS)
            return False
        self._rates.append(rate)
        for scraped, all_of_them in latencies.items():
            self._p99[scraped].append(sorted(all_of_them)[len(all_of_them) * 99 // 100])
        self.ratios.append(self._p99[True][-1] / self._p99[False][-1])
        return True

    def _block(self, rate: float, *, scraped: bool) -> list[float]:
        seconds = self._options.seconds
        # More conversations than connections: a question never waits for the turn before it. Both kinds of blocks ask the same.
        asked = dict(enumerate(talks(max(int(rate * seconds), _LINES * 8) + 64, self._options.seed + 1)))
        source = Conversations(asked, self._bench.tokens[self._name], sys.maxsize)
        with pinned(spare(self._server)), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            if scraped:
                self._scraper.begin(seconds)
            try:
                latencies = runner.run(_open_loop(self._server, source, rate, seconds))
            finally:
                told = self._scraper.told() if scraped else None
        if told:
            self._scrapes += told.pop("seconds")
            self._page = told
        else:
            self._cpu.append(self._scraper.cpu_seconds())
        return latencies

    def figures(self) -> dict[str, Any]:
        """What was found."""
        low, high = between(self.ratios, self._options.seed)
        return {
            "ratio": statistics.median(self.ratios),
            "ratio_low": low,
            "ratio_high": high,
            "p99_with_ms": statistics.median(self._p99[True]) * 1e3,
            "p99_without_ms": statistics.median(self._p99[False]) * 1e3,
            "scrape_ms": statistics.median(self._scrapes) * 1e3,
            "scrape_cpu_ms": statistics.median(self._cpu) * 1e3,
            **self._page,
            "rate": statistics.median(self._rates),
            "pairs": len(self.ratios),
            "ratios": self.ratios,
        }

    def end(self) -> None:
        """Scrape no more."""
        self._scraper.end()


def between(ratios: Sequence[float], seed: int) -> tuple[float, float]:
    """Within which the median lies in 95 of 100 draws of as many ratios from these."""
    drawn = random.Random(seed)  # noqa: S311 - a draw that is the same each time
    medians = sorted(statistics.median(drawn.choices(ratios, k=len(ratios))) for _ in range(2_000))
    return medians[50], medians[-51]


def show(found: dict[str, dict[str, Any]]) -> None:
    """The table."""
    print(
        f"{'page rendered':26}{'series':>7}{'rate':>6}{'scrape ms':>11}{'CPU ms':>8}{'p99 ms':>8}{'without':>9}{'ratio':>20}{'pairs':>7}{'goal':>6}"
    )
    for name, one in found.items():
        spread = f"{one['ratio']:.2f} ({one['ratio_low']:.2f}-{one['ratio_high']:.2f})"
        goal = f"{GOAL:.1f}" if name == OURS else ""
        print(
            f"{name:26}{one['series']:7}{one['rate']:6.0f}{one['scrape_ms']:11.1f}{one['scrape_cpu_ms']:8.1f}{one['p99_with_ms']:8.1f}"
            f"{one['p99_without_ms']:9.1f}{spread:>20}{one['pairs']:7}{goal:>6}"
        )


def measure(bench: Bench, options: argparse.Namespace, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Warm up, then the pairs of both in turn.

    Raises:
        SystemExit: the machine was too busy for as many pairs as were wanted.
    """
    asked = dict(enumerate(talks(options.warm_up, options.seed)))
    for name in names:
        bench.ask(name, asked)
    found = [Pairs(bench, name, options) for name in names]
    failed = 0
    begun = time.perf_counter()
    try:
        for done in range(1, options.pairs + 1):
            ran = [pairs.pair(done) for pairs in found]
            failed += not all(ran)
            left = (time.perf_counter() - begun) / done * (options.pairs - done)
            behind = f", {failed} of them fell behind" if failed else ""
            ratios = ", ".join(
                f"{pairs.ratios[-1]:.2f}" if whole else "none" for pairs, whole in zip(found, ran, strict=True)
            )
            print(
                f"pair {done} of {options.pairs}{behind}: {ratios}; about {left:.0f} s left",
                file=sys.stderr,
                flush=True,
            )
    finally:
        for pairs in found:
            pairs.end()
    if not all(pairs.ratios for pairs in found):
        raise SystemExit(
            "scrape_cost: this machine is too busy: not one pair could be measured. Try again when it has less to do."
        )
    return {name: pairs.figures() for name, pairs in zip(names, found, strict=True)}


def main() -> int:
    """Measure, print, perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", choices=[OURS, INLINE], help=argparse.SUPPRESS)
    parser.add_argument("--scrape", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument(
        "--blocks", type=int, default=4, help="with scrapes in each pair, and as many without (default: 4)"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="of each block (default: 2)")
    parser.add_argument("--series", type=int, default=5_000)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--warm-up", type=int, default=1_500, help="questions that warm each service up")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--against",
        type=Path,
        metavar="CHECKOUT",
        help="show the service of another checkout, not the page rendered inline",
    )
    parser.add_argument("--quick", action="store_true", help="one short pair over few passages, to see that it runs")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args()
    if options.quick:
        options.pairs, options.blocks, options.seconds, options.passages, options.warm_up = 1, 1, 1.0, 2_000, 100
    if options.serve:
        return serve(options.serve, options.series)
    if options.scrape:
        return scrape(options.scrape)
    # Told to stop, it still ends its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    script = Path("benchmarks/micro/scrape_cost.py")
    beside = (OTHER, options.against.resolve() / script, OURS) if options.against else (INLINE, script, INLINE)
    with on_stage(options) as bench:
        for name, program, kind in ((OURS, script, OURS), beside):
            bench.instead = [str(program), "--serve", kind, "--series", str(options.series)]
            bench.start([name])
        found = measure(bench, options, [OURS, beside[0]])
    show(found)
    if options.json:
        options.json.write_text(json.dumps({"goal": GOAL, "results": found}, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
