"""What a scrape a second costs those who ask: chat's p99 with and without it, at 5,000 series and 60 % of what the service can do.

    python benchmarks/micro/scrape_cost.py --pairs 10 --seconds 4 --json scrape.json

Open loop: questions leave at their planned moments, whatever became of those before, and each counts from its planned moment, so that a
service that stalls is not asked less. A pair is one run with a scrape each second and one without, in changing order. Beside the service
as it is stands one that renders its page in the event loop. The page is filled with so many series more, as a deployment with many models
would have them. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

import uvloop  # noqa: E402 - a script finds its neighbours itself
from chat_driving import Conversations, Server, pinned, spare  # noqa: E402 - as above
from chat_http import Bench, Collector  # noqa: E402 - as above
from chat_library import talks  # noqa: E402 - as above

GOAL = 1.3
ASIDE, INLINE = "beside the event loop", "in the event loop"
_ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
_LINES = 64


def serve(kind: str, series: int) -> int:
    """Be the service, its page filled up to so many series."""
    from prometheus_client import Histogram  # noqa: PLC0415 - only the server needs them

    from service.__main__ import main as service_main  # noqa: PLC0415 - as above
    from service.telemetry.metrics import Metrics  # noqa: PLC0415 - as above

    made = Metrics.__init__

    def filled(self: Metrics, *args: Any, **named: Any) -> None:  # noqa: ANN401 - whatever metrics are made of
        made(self, *args, **named)
        page, _ = self.render(_ACCEPT)
        there = sum(1 for line in page.splitlines() if not line.startswith(b"#"))
        more = Histogram("chatbot_filling_seconds", "Of the benchmark", ["model"], registry=self.registry)
        for number in range(max(0, series - there) // 18):
            more.labels(f"model-{number}").observe(0.1)

    Metrics.__init__ = filled  # type: ignore[method-assign]
    if kind == INLINE:
        from service.api import operations  # noqa: PLC0415 - as above

        class Inline:
            """An event loop whose executor is itself."""

            async def run_in_executor(self, _: Any, function: Any, *args: Any) -> Any:  # noqa: ANN401 - as asyncio has it
                return function(*args)

        class Asyncio:
            """The part of asyncio that the route uses."""

            get_running_loop = Inline

        operations.asyncio = Asyncio  # type: ignore[attr-defined]
    return service_main(["serve", "--port", "0"])


class _Line(asyncio.Protocol):
    """One connection: sends when told, and notes when the whole answer is there."""

    def __init__(self, free: asyncio.Queue[_Line], source: Conversations, latencies: list[float]) -> None:
        self._free = free
        self._source = source
        self._latencies = latencies
        self._buffer = b""
        self.busy = False

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
    loop, latencies = asyncio.get_running_loop(), []
    free: asyncio.Queue[_Line] = asyncio.Queue()
    lines = [
        (await loop.create_connection(lambda: _Line(free, source, latencies), "127.0.0.1", server.port))[1]
        for _ in range(_LINES)
    ]
    begun = time.perf_counter()
    for number in range(int(rate * seconds)):
        planned = begun + number / rate
        if (wait := planned - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        line = await free.get()
        taken = source.take()
        assert taken is not None, "more conversations are needed"
        line.ask(planned, *taken)
    for _ in lines:
        (await free.get()).transport.close()
    return latencies


class _Scraper(threading.Thread):
    """Asks for the page each second."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._over = threading.Event()
        self.seconds: list[float] = []
        self.series = 0

    def run(self) -> None:
        """Until it is over."""
        while not self._over.is_set():
            began = time.perf_counter()
            asked = Request(f"http://127.0.0.1:{self._port}/metrics", headers={"Accept": _ACCEPT})
            with urlopen(asked, timeout=30) as answer:  # noqa: S310 - an address of our own
                page = answer.read()
            self.seconds.append(time.perf_counter() - began)
            self.series = sum(1 for line in page.splitlines() if not line.startswith(b"#"))
            self._over.wait(max(0.0, 1 - (time.perf_counter() - began)))

    def end(self) -> None:
        """Let it be over."""
        self._over.set()
        self.join()


class Pairs:
    """Runs of one server."""

    def __init__(self, bench: Bench, name: str, options: argparse.Namespace, rate: float) -> None:
        self._bench = bench
        self._name = name
        self._options = options
        self._rate = rate
        # More conversations than connections: a question never waits for the turn before it.
        self._talks = list(talks(max(int(rate * options.seconds), _LINES * 8) + 64, options.seed + 1))
        self.ratios: list[float] = []
        self.with_scrapes: list[float] = []
        self.without: list[float] = []
        self.scrapes: list[float] = []
        self.series = 0

    def pair(self, number: int) -> None:
        """Both runs, the order changing from pair to pair."""
        found = {scraped: self._run(scraped=scraped) for scraped in ((True, False) if number % 2 else (False, True))}
        self.with_scrapes.append(found[True])
        self.without.append(found[False])
        self.ratios.append(found[True] / found[False])

    def _run(self, *, scraped: bool) -> float:
        server = self._bench.servers[self._name]
        source = Conversations(dict(enumerate(self._talks)), self._bench.tokens[self._name], sys.maxsize)
        scraper = _Scraper(server.port) if scraped else None
        if scraper:
            scraper.start()
        with pinned(spare(server)), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            latencies = sorted(runner.run(_open_loop(server, source, self._rate, self._options.seconds)))
        if scraper:
            scraper.end()
            self.scrapes += scraper.seconds
            self.series = scraper.series
        return latencies[len(latencies) * 99 // 100]

    def figures(self) -> dict[str, Any]:
        """What was found."""
        return {
            "ratio": statistics.median(self.ratios),
            "ratio_low": min(self.ratios),
            "ratio_high": max(self.ratios),
            "p99_with_ms": statistics.median(self.with_scrapes) * 1e3,
            "p99_without_ms": statistics.median(self.without) * 1e3,
            "scrape_ms": statistics.median(self.scrapes) * 1e3,
            "series": self.series,
            "rate": self._rate,
            "ratios": self.ratios,
        }


def show(found: dict[str, dict[str, Any]]) -> None:
    """The table."""
    print(
        f"{'page rendered':24}{'series':>8}{'rate':>7}{'scrape ms':>11}{'p99 ms':>9}{'without':>9}{'ratio':>20}{'goal':>6}"
    )
    for name, one in found.items():
        spread = f"{one['ratio']:.2f} ({one['ratio_low']:.2f}-{one['ratio_high']:.2f})"
        goal = f"{GOAL:.1f}" if name == ASIDE else ""
        print(
            f"{name:24}{one['series']:8}{one['rate']:7.0f}{one['scrape_ms']:11.1f}{one['p99_with_ms']:9.1f}"
            f"{one['p99_without_ms']:9.1f}{spread:>20}{goal:>6}"
        )


def measure(bench: Bench, options: argparse.Namespace, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Saturate once, then the pairs of both in turn."""
    asked = dict(enumerate(talks(options.warm_up, options.seed)))
    found = []
    for name in names:
        full, _ = bench.ask(name, asked)
        found.append(Pairs(bench, name, options, full.answers / full.seconds * 0.6))
    for number in range(options.pairs):
        for pairs in found:
            pairs.pair(number)
    return {name: pairs.figures() for name, pairs in zip(names, found, strict=True)}


def main() -> int:
    """Measure, print, perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", choices=[ASIDE, INLINE], help=argparse.SUPPRESS)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run (default: 4)")
    parser.add_argument("--series", type=int, default=5_000)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--warm-up", type=int, default=1_500, help="questions that warm up and find the saturation")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve, options.series)
    # Told to stop, it still ends its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    collector.daemon_threads = True
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, Path(folder), f"http://127.0.0.1:{collector.server_address[1]}")
        try:
            for name in (ASIDE, INLINE):
                bench.instead = ["benchmarks/micro/scrape_cost.py", "--serve", name, "--series", str(options.series)]
                bench.start([name])
            found = measure(bench, options, [ASIDE, INLINE])
        finally:
            bench.stop()
            collector.shutdown()
    show(found)
    if options.json:
        options.json.write_text(json.dumps({"goal": GOAL, "results": found}, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
