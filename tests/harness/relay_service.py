"""A small chatbot that hands each question to the provider of its settings: for tests of what the harness makes of a simulated model.

Its first argument makes it do what a service must not: `fallback` (every fifth answer is its own), `cache` (counts hits), `extractive`
(says so at `/health/ready`); `good` does none of these.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

MODE = sys.argv[1]
ROUTES: dict[str, Any] = {}
NUMBERS = count(1)
COMPLEX = ("analisis", "bandingkan", "evolusi")
MEDIUM = ("perbedaan", "prosedur", "tahapan", "mengajukan", "preseden", "dasar")


def complexity_of(question: str) -> str:
    """The class that the shipped workload expects, by its words."""
    words = question.casefold()
    if any(word in words for word in COMPLEX):
        return "complex"
    return "medium" if any(word in words for word in MEDIUM) else "simple"


def answered_by_the_model(complexity: str) -> tuple[str, str]:
    """Model and text from the provider; raises OSError when it does not answer."""
    model = ROUTES["models"][complexity]
    connection = http.client.HTTPConnection(ROUTES["host"], ROUTES["port"], timeout=180)
    passage = "[1] UU 1/2023 Pasal 603. " + "Setiap orang yang merugikan keuangan negara dipidana. " * 8
    body = {"model": model["wire_name"], "messages": [{"role": "user", "content": passage}]}
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
        reply = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return model["name"], reply["choices"][0]["message"]["content"]


class Chatbot(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/metrics":
            hits = next(NUMBERS) if MODE == "cache" else 0
            page = f'# TYPE chatbot_cache_requests_total counter\nchatbot_cache_requests_total{{cache="answers",result="hit"}} {hits}\n'
            self._send(200, page.encode(), "text/plain")
            return
        engine = "extractive" if MODE == "extractive" else "providers"
        self._json(200, {"status": "ready", "engine": engine, "corpus": {"hash": "0" * 64}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/v1/auth/token":
            self._json(200, {"access_token": body["username"].removeprefix("run-")})
            return
        assert self.headers["cache-control"] == "no-store"
        complexity = complexity_of(body["message"])
        try:
            model, text = answered_by_the_model(complexity)
        except (OSError, http.client.HTTPException):
            self._json(502, {"status": 502, "code": "provider_unavailable", "title": "No answer"})
            return
        if MODE == "fallback" and next(NUMBERS) % 5 == 0:
            model = "extractive"
        answer = {
            "id": "m",
            "conversation_id": "c",
            "answer": text,
            "outcome": "ok",
            "citations": [],
            "complexity": complexity,
            "role": self.headers["authorization"].removeprefix("Bearer "),
            "tool_calls": [{"tool_name": "LegalRetriever", "outcome": "ok", "results": 1}],
            "reasoning_steps": [],
            "notices": [],
            "model": model,
        }
        if "event-stream" in self.headers.get("accept", ""):
            events = f"event: delta\ndata: {json.dumps({'text': text})}\n\nevent: done\ndata: {json.dumps(answer)}\n\n"
            self._send(200, events.encode(), "text/event-stream")
        else:
            self._json(200, answer)

    def _json(self, status: int, body: dict[str, Any]) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


def serve(host: str, port: str) -> None:
    """Read the providers file of the settings, and serve."""
    assert os.environ["COURTSIGHT_FALLBACK"] == "none"
    assert os.environ["COURTSIGHT_EXTERNAL_PROVIDERS"] == "forbidden"
    wire = yaml.safe_load(Path(os.environ["COURTSIGHT_PROVIDERS"]).read_text(encoding="utf-8"))
    (provider,) = wire["providers"]
    parts = urlsplit(provider["base_url"])
    known = {model["name"]: model for model in provider["models"]}
    models = {complexity: known[route[0]] for complexity, route in wire["routes"].items()}
    ROUTES.update(host=parts.hostname, port=parts.port, models=models)
    Server((host, int(port)), Chatbot).serve_forever()


if __name__ == "__main__":
    match sys.argv[2:]:
        case ["serve", "--host", host, "--port", port]:
            serve(host, port)
        case ["accounts", "create-many", _]:
            pass
        case other:
            sys.exit(f"relay service: unknown command {other}")
