"""Our EventStream against Starlette's StreamingResponse: 30 chunks, processor time of the server for a stream.

    python benchmarks/micro/sse_streams.py --streams 2000 --json sse.json

`burst` makes all chunks in one turn of the event loop, as the extractive engine does; `paced` lets the loop turn before each, as many tokens of a
model come in one packet; `single` waits 4 ms before each, longer than any are gathered, so that each leaves alone: there most is the kernel's and the timers'.
Goal: EventStream at least 1.3 times as much per processor, in a burst and paced, in the same FastAPI app under the same uvicorn. `as served` is the same
response behind our routes and our reader of connections, as the service has it. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import urllib.request
from collections.abc import AsyncGenerator
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from driving import get, interleaved, serve, show, started, summary  # noqa: E402 - a script finds its neighbours itself
from starlette.types import ASGIApp  # noqa: E402 - see below

CHUNKS = 30
GOALS = {"EventStream, burst": 1.3, "EventStream, paced": 1.3}
PAUSES = {"paced": 0.0, "single": 0.004}
KINDS = {
    "StreamingResponse, burst": ("streaming", "burst"),
    "EventStream, burst": ("ours", "burst"),
    "StreamingResponse, paced": ("streaming", "paced"),
    "EventStream, paced": ("ours", "paced"),
    "StreamingResponse, single": ("streaming", "single"),
    "EventStream, single": ("ours", "single"),
    "EventStream as served, burst": ("served", "burst"),
    "EventStream as served, paced": ("served", "paced"),
    "EventStream as served, single": ("served", "single"),
}


def app_of(kind: str, pace: str) -> ASGIApp:
    """A FastAPI app with one stream."""
    from fastapi import FastAPI  # noqa: PLC0415 - only servers need them
    from starlette.responses import Response, StreamingResponse  # noqa: PLC0415 - as above

    from service.api.routing import DirectApp, DirectRoute  # noqa: PLC0415 - as above
    from service.api.streaming import EventStream, frame  # noqa: PLC0415 - as above

    async def frames() -> AsyncGenerator[bytes, None]:
        pause = PAUSES.get(pace)
        for _ in range(CHUNKS):
            if pause is not None:
                await asyncio.sleep(pause)
            yield frame("delta", {"text": "kata demi kata "})

    async def stream() -> Response:
        if kind == "streaming":
            return StreamingResponse(frames(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        return EventStream(frames(), 60.0, on_closed=lambda: None, on_late=lambda: b"")

    if kind != "served":
        app = FastAPI(openapi_url=None)
        app.get("/stream")(stream)
        return app
    direct = DirectApp(openapi_url=None)
    direct.router.routes.append(DirectRoute("/stream", lambda request: stream()))  # noqa: ARG005 - what such a route gives
    return direct


def reader(kind: str) -> str | type[asyncio.Protocol]:
    """What reads connections: ours where streams are served as we serve them, else uvicorn's."""
    from service.serving.reading import reader_of  # noqa: PLC0415 - only servers need it

    return reader_of(lambda problem: str(problem).encode()) if kind == "served" else "httptools"


def answered(port: int) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers but the date, and body of a stream: all must tell the same."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stream", timeout=30) as answer:
        headers = sorted((name.lower(), text) for name, text in answer.headers.items() if name.lower() != "date")
        return answer.status, headers, answer.read()


def main() -> int:
    """Measure, print, perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", nargs=2, metavar=("KIND", "PACE"), help="be the server")
    parser.add_argument("--streams", type=int, default=2000, help="in each run (default: 2000)")
    parser.add_argument("--rounds", type=int, default=5, help="pairs (default: 5)")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args()
    if options.serve:
        serve(app_of(*options.serve), reader(options.serve[0]))
        return 0
    servers = {name: started(__file__, *kind) for name, kind in KINDS.items()}
    try:
        ports = {name: port for name, (_, port) in servers.items()}
        requests = dict.fromkeys(ports, get("/stream"))
        told = {name: answered(port) for name, port in ports.items()}
        assert len({repr(one) for one in told.values()}) == 1, told
        found = interleaved(ports, requests, options.streams, options.rounds, ends=b"\r\n0\r\n\r\n")
    finally:
        for process, _ in servers.values():
            process.terminate()
            process.wait(timeout=30)
    result = {}
    for pace in ("burst", "paced", "single"):
        pair = {name: runs for name, runs in found.items() if name.endswith(pace)}
        result |= summary(pair, f"StreamingResponse, {pace}")
    show(result, "StreamingResponse", GOALS, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
