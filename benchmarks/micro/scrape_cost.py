"""What a scrape a second costs those who ask: chat's p99 with and without it, at 5,000 series and 60 % of what the service can do.

    python benchmarks/micro/scrape_cost.py [--pairs 10] [--seconds 4] [--quick] [--json scrape.json]

Open loop: questions leave at their planned moments, whatever became of those before, and each counts from its planned moment, so that a
service that stalls is not asked less. A pair is one run with a scrape each second and one without, in changing order. Beside the service
as it is stands one that lets prometheus_client render the page in its event loop, at one go. The page is filled up with families as large as the service's own,
as a deployment with many models would have them. Nothing is asserted.

It takes some `2 x 2 x pairs x seconds` and a minute, at most twice that, and a quarter of a minute with `--quick`; the time left is told. On a machine that became
slower since the saturation was measured the questions would pile up without end: a run ends when it has taken twice its seconds, its
pair is thrown away, and the rate is lowered by a fifth. How many pairs remained is told beside the ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import signal
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

import uvloop  # noqa: E402 - a script finds its neighbours itself
from chat_driving import Conversations, Server, pinned, spare  # noqa: E402 - as above
from chat_http import Bench, on_stage  # noqa: E402 - as above
from chat_library import talks  # noqa: E402 - as above

GOAL = 1.3
_LOAD, _SLOWER = 0.6, 0.8
"""Of what the service can do, and what becomes of that rate when it was too much."""
_REST_SECONDS = 2.0
"""After a run that fell behind: until the service has answered what nobody waits for any more."""
OURS, INLINE = "in turns (ours)", "inline, prometheus_client"
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


class _Scraper(threading.Thread):
    """Asks for the page each second."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._over = threading.Event()
        self.seconds: list[float] = []
        self.page = b""

    def run(self) -> None:
        """Until it is over."""
        while not self._over.is_set():
            began = time.perf_counter()
            headers = {"Accept": _ACCEPT, "Accept-Encoding": "gzip"}
            asked = Request(f"http://127.0.0.1:{self._port}/metrics", headers=headers)
            with urlopen(asked, timeout=30) as answer:  # noqa: S310 - an address of our own
                # Looked at when nothing is measured any more: this thread shares an interpreter with the client.
                self.page = answer.read()
            self.seconds.append(time.perf_counter() - began)
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

    def pair(self, number: int) -> bool:
        """Both runs, the order changing from pair to pair; False when the service fell so far behind that they say nothing."""
        order = (True, False) if number % 2 else (False, True)
        try:
            found = {scraped: self._run(scraped=scraped) for scraped in order}
        except TimeoutError:
            self._rate *= _SLOWER
            time.sleep(_REST_SECONDS)
            return False
        self.with_scrapes.append(found[True])
        self.without.append(found[False])
        self.ratios.append(found[True] / found[False])
        return True

    def _run(self, *, scraped: bool) -> float:
        server = self._bench.servers[self._name]
        source = Conversations(dict(enumerate(self._talks)), self._bench.tokens[self._name], sys.maxsize)
        # On the client's cores like the client: on all of them it would take the server's now and then, which no scraper from elsewhere does.
        with pinned(spare(server)):
            scraper = _Scraper(server.port) if scraped else None
            if scraper:
                scraper.start()
            try:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    latencies = sorted(runner.run(_open_loop(server, source, self._rate, self._options.seconds)))
            finally:
                if scraper:
                    scraper.end()
        if scraper:
            self.scrapes += scraper.seconds
            self.series = sum(1 for line in gzip.decompress(scraper.page).splitlines() if not line.startswith(b"#"))
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
            "pairs": len(self.ratios),
            "ratios": self.ratios,
        }


def show(found: dict[str, dict[str, Any]]) -> None:
    """The table."""
    print(
        f"{'page rendered':24}{'series':>8}{'rate':>7}{'scrape ms':>11}{'p99 ms':>9}{'without':>9}{'ratio':>20}{'pairs':>7}{'goal':>6}"
    )
    for name, one in found.items():
        spread = f"{one['ratio']:.2f} ({one['ratio_low']:.2f}-{one['ratio_high']:.2f})"
        goal = f"{GOAL:.1f}" if name == OURS else ""
        print(
            f"{name:24}{one['series']:8}{one['rate']:7.0f}{one['scrape_ms']:11.1f}{one['p99_with_ms']:9.1f}"
            f"{one['p99_without_ms']:9.1f}{spread:>20}{one['pairs']:7}{goal:>6}"
        )


def measure(bench: Bench, options: argparse.Namespace, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Saturate once, then the pairs of both in turn.

    Raises:
        SystemExit: the machine was too busy for as many pairs as were wanted.
    """
    asked = dict(enumerate(talks(options.warm_up, options.seed)))
    found = []
    for name in names:
        full, _ = bench.ask(name, asked)
        rate = full.answers / full.seconds
        print(f"{name}: {rate:.0f} answers a second at most, asked {rate * _LOAD:.0f}", file=sys.stderr, flush=True)
        found.append(Pairs(bench, name, options, rate * _LOAD))
    done = failed = 0
    begun = time.perf_counter()
    while done < options.pairs:
        told = [pairs.pair(done) for pairs in found]
        done, failed = done + 1, failed + (not all(told))
        left = (time.perf_counter() - begun) / done * (options.pairs - done)
        behind = f", {failed} of them fell behind" if failed else ""
        print(f"pair {done} of {options.pairs}{behind}, about {left:.0f} s left", file=sys.stderr, flush=True)
    if not all(pairs.ratios for pairs in found):
        raise SystemExit(
            "scrape_cost: this machine is too busy: not one pair could be measured. Try again when it has less to do."
        )
    return {name: pairs.figures() for name, pairs in zip(names, found, strict=True)}


def main() -> int:
    """Measure, print, perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", choices=[OURS, INLINE], help=argparse.SUPPRESS)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run (default: 4)")
    parser.add_argument("--series", type=int, default=5_000)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--warm-up", type=int, default=1_500, help="questions that warm up and find the saturation")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="one short pair over few passages, to see that it runs")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args()
    if options.quick:
        options.pairs, options.seconds, options.passages, options.warm_up = 1, 1.0, 2_000, 100
    if options.serve:
        return serve(options.serve, options.series)
    # Told to stop, it still ends its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with on_stage(options) as bench:
        for name in (OURS, INLINE):
            bench.instead = ["benchmarks/micro/scrape_cost.py", "--serve", name, "--series", str(options.series)]
            bench.start([name])
        found = measure(bench, options, [OURS, INLINE])
    show(found)
    if options.json:
        options.json.write_text(json.dumps({"goal": GOAL, "results": found}, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
