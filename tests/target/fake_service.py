"""A tiny service for tests of the stack: the commands and the readiness page of the real one, and nothing else.

`FAKE_MODE` makes it fail the way a real one could: `exit` (ends at once), `never` (is never ready), `stubborn` (ignores SIGTERM),
`no-accounts` (cannot create accounts).
"""

from __future__ import annotations

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

MODE = os.environ.get("FAKE_MODE", "")


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'chatbot_build_info 1\n{"status": "ready"}' if self.path != "/metrics" else b"chatbot_build_info 1\n"
        self.send_response(503 if MODE == "never" else 200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(host: str, port: str) -> None:
    """Serves, after printing the whole environment, unless the mode says otherwise."""
    if MODE == "exit":
        sys.exit("fake service: no index")
    if MODE == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(json.dumps(dict(os.environ)), flush=True)
    HTTPServer((host, int(port)), Page).serve_forever()


def create_accounts(file: str) -> None:
    """Leaves in the database file which roles came, and with which mode their file was written."""
    if MODE == "no-accounts":
        sys.exit("fake service: the database is locked")
    roles = [json.loads(line)["role"] for line in Path(file).read_text(encoding="utf-8").splitlines()]
    mode = oct(Path(file).stat().st_mode & 0o777)
    Path(os.environ["COURTSIGHT_DATABASE"]).write_text(json.dumps({"roles": roles, "mode": mode}), encoding="utf-8")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", "--host", host, "--port", port]:
            serve(host, port)
        case ["accounts", "create-many", file]:
            create_accounts(file)
        case other:
            sys.exit(f"fake service: unknown command {other}")
