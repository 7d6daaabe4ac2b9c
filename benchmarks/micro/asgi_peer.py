"""The simulator's peer in the benchmark: a raw ASGI app on uvicorn, uvloop and httptools, with one sleeping task for each stream.

    python benchmarks/micro/asgi_peer.py TRUTH TTFT GAP TOKENS

Sends the same bytes at the same planned instants and logs them alike; instants count from the arrival, so lateness does not add up.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Peer:
    """Streams `count` tokens, the first after `ttft` seconds, then one each `gap` seconds."""

    def __init__(self, truth: Path, ttft: float, gap: float, count: int) -> None:
        self._file = truth.open("w", encoding="utf-8")
        self._offsets = [ttft + gap * number for number in range(count)]
        self._served = 0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        arrived = time.monotonic()
        self._served += 1
        name = f"peer-{self._served}"
        while (await receive()).get("more_body"):
            pass
        frame = (
            f'data: {{"id":"{name}","object":"chat.completion.chunk","created":0,"model":"courtsight-sim","system_fingerprint":'
            '"fp_simulator","choices":[{"index":0,"delta":{"content":" keterangan"},"logprobs":null,"finish_reason":null}]}\n\n'
        ).encode()
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        sent: list[float] = []
        for offset in self._offsets:
            await asyncio.sleep(arrived + offset - time.monotonic())
            await send({"type": "http.response.body", "body": frame, "more_body": True})
            sent.append(time.monotonic())
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
        planned = [arrived + offset for offset in self._offsets]
        self._file.write(json.dumps({"request": name, "planned": planned, "sent": sent}) + "\n")

    def close(self) -> None:
        """Write what is left."""
        self._file.close()


def main() -> None:
    """Serve until SIGTERM."""
    truth, ttft, gap, count = sys.argv[1:]
    peer = Peer(Path(truth), float(ttft), float(gap), int(count))
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    config = uvicorn.Config(peer, loop="uvloop", http="httptools", lifespan="off", access_log=False, log_config=None)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        peer.close()


if __name__ == "__main__":
    main()
