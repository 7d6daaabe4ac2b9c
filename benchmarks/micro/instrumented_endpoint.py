"""A JSON endpoint with everything of ours around it, against bare FastAPI: processor time of the server for a request.

    python benchmarks/micro/instrumented_endpoint.py --requests 8000 --json endpoint.json

Around the route stand request id, headers, hosts, credential, quotas, metrics, log line and trace, all as the service is wired, and the
collector of cycles looks as rarely as the serving process has it (bare FastAPI keeps Python's own pace); spans go by OTLP to a collector in this process. Goals: at least 0.75 of bare FastAPI's throughput per processor at 1 % traces,
0.35 at 100 %. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from driving import (  # noqa: E402 - a script finds its neighbours itself
    ROOT,
    get,
    interleaved,
    serve,
    show,
    started,
    summary,
)
from starlette.requests import Request as Asked  # noqa: E402 - see below
from starlette.responses import Response  # noqa: E402 - see below
from starlette.types import ASGIApp  # noqa: E402 - see below

SHARES = {"ours, 1 % traces": "0.01", "ours, 10 % traces": "0.1", "ours, 100 % traces": "1"}
GOALS = {"ours, 1 % traces": 0.75, "ours, 100 % traces": 0.35}
BARE = "bare FastAPI"
_ACCOUNT = b'{"username": "bench", "password": "correct horse battery"}'


def bare() -> ASGIApp:
    """The floor: FastAPI with one route and nothing else."""
    from fastapi import FastAPI  # noqa: PLC0415 - only servers need it

    app = FastAPI(openapi_url=None)

    @app.get("/bench")
    async def bench() -> dict[str, bool]:
        return {"ok": True}

    return app


def ours() -> ASGIApp:
    """The service as it is wired, with one more route, which does nothing but let the caller in."""
    from service.api.routing import DirectRoute  # noqa: PLC0415 - only servers need them
    from service.api.wire import Json  # noqa: PLC0415 - as above
    from service.app import create_app  # noqa: PLC0415 - as above
    from service.services import enter, services_of  # noqa: PLC0415 - as above
    from service.serving.running import collect_rarely  # noqa: PLC0415 - as above
    from service.settings import load_settings  # noqa: PLC0415 - as above

    collect_rarely()
    app = create_app(load_settings())

    async def bench(request: Asked) -> Response:
        await enter(request, services_of(request))
        return Json({"ok": True})

    app.router.add_api_route("/bench", bench, methods=["GET"], route_class_override=DirectRoute)
    # First, as in the bare app: routes are tried in order.
    app.router.routes.insert(0, app.router.routes.pop())
    return app


class _Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take a batch and say so."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Nothing."""


def main() -> int:
    """Measure, print, perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", choices=["bare", "ours"], help="be the server")
    parser.add_argument("--requests", type=int, default=8000, help="in each run (default: 8000)")
    parser.add_argument("--rounds", type=int, default=5, help="pairs (default: 5)")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args()
    if options.serve:
        serve(bare() if options.serve == "bare" else ours())
        return 0
    collector = ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    collector.daemon_threads = True
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    servers = {BARE: started(__file__, "bare")}
    with tempfile.TemporaryDirectory() as name:
        try:
            requests = {BARE: get("/bench")}
            for kind, share in SHARES.items():
                _settings(Path(name) / f"{share}.db", share, collector.server_address[1])
                servers[kind] = started(__file__, "ours")
                requests[kind] = get("/bench", {"Authorization": f"Bearer {_token(servers[kind][1])}"})
            ports = {kind: port for kind, (_, port) in servers.items()}
            found = interleaved(ports, requests, options.requests, options.rounds)
        finally:
            for process, _ in servers.values():
                process.terminate()
                process.wait(timeout=30)
            collector.shutdown()
    show(summary(found, BARE), BARE, GOALS, options.json)
    return 0


def _settings(database: Path, share: str, collector: int) -> None:
    """The environment of the next server, with an account in its database."""
    os.environ |= {
        "COURTSIGHT_ENVIRONMENT": "development",
        "COURTSIGHT_DATABASE": str(database),
        "COURTSIGHT_JWT_SECRET": "a-secret-for-benchmarks-of-more-than-32-bytes",
        "COURTSIGHT_CORPUS": str(ROOT / "tests" / "service" / "corpus" / "fixture.jsonl"),
        "COURTSIGHT_TRACE_SHARE": share,
        "COURTSIGHT_OTLP_ENDPOINT": f"http://127.0.0.1:{collector}",
    }
    command = [sys.executable, "-m", "service", "accounts", "create", "--username", "bench", "--role", "judge"]
    subprocess.run([*command, "--password-file", "-"], cwd=ROOT, input="correct horse battery\n", text=True, check=True)


def _token(port: int) -> str:
    asked = Request(f"http://127.0.0.1:{port}/v1/auth/token", _ACCOUNT, {"Content-Type": "application/json"})
    with urlopen(asked, timeout=30) as answer:  # noqa: S310 - an address of our own
        return str(json.loads(answer.read())["access_token"])


if __name__ == "__main__":
    sys.exit(main())
