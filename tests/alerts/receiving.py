"""A real Alertmanager on loopback, what is sent to it, and stand-ins for who receives."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from harness.tools import find_tools
from target.monitoring import AlertmanagerPlan, start_alertmanager

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "alerts" / "templates"
EVIL = '<!channel> & <b>"x"</b>'


@dataclass
class Inbox:
    """What came to the stand-in of a receiver: path and body of each request."""

    url: str
    came: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def wait(self, path: str, seconds: float = 180.0) -> list[dict[str, Any]]:
        """Everything that came to a path, once something did."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            found = [body for where, body in list(self.came) if where == path]
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"nothing came to {path}: {[where for where, _ in self.came]}")


@contextmanager
def inbox() -> Iterator[Inbox]:
    """A stand-in for every receiver that speaks HTTP."""
    box = Inbox("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            box.came.append((self.path, json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    box.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield box
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def alertmanager(config: bytes, folder: Path) -> Iterator[str]:
    """A real Alertmanager with this configuration, ended afterwards; gives its address."""
    binary = find_tools(ROOT).alertmanager
    assert binary is not None, "alertmanager is missing: run make setup"
    (folder / "templates").symlink_to(TEMPLATES)
    plan = AlertmanagerPlan(binary, folder, folder / "alertmanager.log", config.decode())
    running = start_alertmanager(plan)
    try:
        yield running.url
    finally:
        running.child.stop(grace_seconds=5.0)


def alert(name: str, *, base: str = "", **labels: str) -> dict[str, Any]:
    """An alert as Prometheus sends it; `base` stands before runbook and board, which are paths without."""
    runbook = f"{base}/docs/runbooks/{name}.md" if base else f"docs/runbooks/{name}.md"
    return {
        "endsAt": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        "labels": {"alertname": name, "sloth_service": "courtsight", "owner": "courtsight-operations", **labels},
        "annotations": {
            "summary": f"{name} {EVIL}",
            "description": f"What happened: {EVIL}",
            "runbook": runbook,
            "runbook_url": runbook,
            "dashboard": f"{base}/d/courtsight-overview",
            "dashboard_url": f"{base}/d/courtsight-overview",
        },
    }
