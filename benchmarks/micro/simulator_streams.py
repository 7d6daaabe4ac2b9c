"""Many streams at once: how late the simulator's tokens leave, and how late a client sees them.

    python benchmarks/micro/simulator_streams.py --streams 1000 --gap 0.1 --tokens 600
    python benchmarks/micro/simulator_streams.py --peer asgi

Server and client are processes of their own on the same machine. Lateness is the instant a token left minus the instant it was planned
for, from the server's own log; the client's figure is the instant of the read that brought the token, minus the same plan.
`--peer asgi` measures the obvious alternative instead: a raw ASGI app on uvicorn that sleeps before each token. Nothing is asserted.
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
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

ROOT = Path(__file__).parents[2]
_REQUEST = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
_CONTENT = b'"delta":{"content":"'


@dataclass(slots=True)
class Seen:
    """What one stream's client saw: the server's name for it, and when each token came (monotonic seconds)."""

    request: str = ""
    arrived: list[float] = field(default_factory=list)
    done: bool = False


class Reader(asyncio.Protocol):
    """As little as a client can do: counts the tokens in each read."""

    def __init__(self, request: bytes, seen: Seen, left: asyncio.Future[None]) -> None:
        self._request = request
        self._seen = seen
        self._left = left
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask at once."""
        self._transport = transport
        transport.write(self._request)  # type: ignore[attr-defined] # a TCP transport

    def data_received(self, data: bytes) -> None:
        """Stamp the tokens in a read."""
        now = time.monotonic()
        if not self._seen.request:
            self._seen.request = data.partition(b'"id":"')[2].partition(b'"')[0].decode()
        self._seen.arrived += [now] * data.count(_CONTENT)
        if b"[DONE]" in data:
            self._seen.done = True
            self._leave()

    def connection_lost(self, _: Exception | None) -> None:
        """The server closed first: the stream was cut."""
        self._leave()

    def _leave(self) -> None:
        if not self._left.done():
            self._left.set_result(None)
        if self._transport is not None:
            self._transport.close()


async def ask(port: int, streams: int, rate: float) -> tuple[list[Seen], list[float]]:
    """Start streams at a rate per second; returns what each saw, and how late this loop was for itself."""
    loop = asyncio.get_running_loop()
    body = json.dumps(
        {"model": "courtsight-sim", "stream": True, "messages": [{"role": "user", "content": "Apa itu hukum?"}]}
    )
    request = _REQUEST.format(length=len(body), body=body).encode()
    seen = [Seen() for _ in range(streams)]
    left = [loop.create_future() for _ in range(streams)]
    begun = loop.time()
    lags: list[float] = []
    lag = loop.create_task(_loop_lag(lags))
    for number, (one, end) in enumerate(zip(seen, left, strict=True)):
        await asyncio.sleep(begun + number / rate - loop.time())
        await loop.create_connection(lambda one=one, end=end: Reader(request, one, end), "127.0.0.1", port)
    await asyncio.gather(*left)
    lag.cancel()
    return seen, lags


async def _loop_lag(lags: list[float]) -> None:
    while True:
        asked = time.monotonic() + 0.02
        await asyncio.sleep(0.02)
        lags.append(time.monotonic() - asked)


def quantiles(values: list[float]) -> str:
    """p50, p95, p99 and the greatest, in milliseconds."""
    ordered = sorted(values)
    if not ordered:
        return "nothing"
    picked = {f"p{share * 100:g}": ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.95, 0.99)}
    return "  ".join(f"{name} {value * 1000:.2f} ms" for name, value in {**picked, "max": ordered[-1]}.items())


def start(options: argparse.Namespace, folder: Path) -> tuple[subprocess.Popen[str], int]:
    """The server under test, and its port."""
    if options.peer == "asgi":
        command = [sys.executable, str(Path(__file__).with_name("asgi_peer.py")), str(folder / "truth.jsonl")]
        command += [str(options.ttft), str(options.gap), str(options.tokens)]
    else:
        profile = folder / "profile.yaml"
        profile.write_text(
            f"name: measured\nttft: {{shape: constant, seconds: {options.ttft}}}\n"
            f"inter_token: {{shape: constant, seconds: {options.gap}}}\n"
            f"tokens: {{all: {options.tokens}}}\ndefault_kind: all\nanswers: {{mode: filler}}\n",
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "simulator", "serve", "--profile", str(profile), "--port", "0"]
        command += ["--truth", str(folder / "truth.jsonl")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(json.loads(process.stdout.readline())["port"])


def report(
    options: argparse.Namespace, folder: Path, seen: list[Seen], lags: list[float], cpu: float, took: float
) -> None:
    """Print the figures."""
    records = {}
    for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if "request" in record:
            records[record["request"]] = record
    late: list[float] = []
    client: list[float] = []
    gaps: list[float] = []
    whole = 0
    for one in seen:
        record = records.get(one.request)
        if record is None:
            continue
        whole += one.done and len(one.arrived) == len(record["planned"])
        late += [sent - planned for planned, sent in zip(record["planned"], record["sent"], strict=False)]
        client += [came - planned for planned, came in zip(record["planned"], one.arrived, strict=False)]
        gaps += [abs(b - a - options.gap) for a, b in zip(one.arrived, one.arrived[1:], strict=False)]
    print(
        f"server            {options.peer or 'simulator'}, {options.streams} streams, gap {options.gap} s, {options.tokens} tokens"
    )
    print(f"whole streams     {whole} of {len(seen)}")
    print(f"tokens            {len(late)} in {took:.1f} s, early {sum(value < 0 for value in late)}")
    print(f"left late by      {quantiles(late)}")
    print(f"seen late by      {quantiles(client)}")
    print(f"gap off by        {quantiles(gaps)}")
    print(f"client loop lag   {quantiles(lags)}")
    print(f"server processor  {cpu / took:.3f} of a core, {cpu / max(1, len(late)) * 1e6:.1f} us a token")


def main() -> int:
    """Run once and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50.0, help="streams started per second (default: 50)")
    parser.add_argument("--ttft", type=float, default=0.5, help="seconds (default: 0.5)")
    parser.add_argument("--gap", type=float, default=0.2, help="seconds between tokens (default: 0.2)")
    parser.add_argument("--tokens", type=int, default=300, help="of each stream (default: 300, a minute)")
    parser.add_argument("--peer", choices=["asgi"], help="measure the alternative instead of the simulator")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process, port = start(options, folder)
        try:
            begun = time.monotonic()
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                seen, lags = runner.run(ask(port, options.streams, options.rate))
            took = time.monotonic() - begun
        finally:
            process.terminate()
            process.wait(timeout=30)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        report(options, folder, seen, lags, used.ru_utime + used.ru_stime, took)
    return 0


if __name__ == "__main__":
    sys.exit(main())
