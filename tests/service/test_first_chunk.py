"""The first words of an answer leave as soon as they may be shown: over a real socket, while the model that writes is held behind them.

A sentence may be shown once it is whole and was checked, that is with the first word of the next one: there the model is held.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml

from tests.service.test_openai_tools import QUESTION, _account, _token, serving

pytestmark = pytest.mark.integration

PATIENCE_SECONDS = 120.0
"""So long a client waits for the first chunk; one that is held back does not come at all, because the model waits for the client."""


@dataclass
class HeldModel:
    """A provider on a socket: it streams its first sentence, then nothing until it is released, then the end."""

    listener: socket.socket
    says: list[str] = field(default_factory=list)
    """The first sentence, then the rest."""
    released: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

    def serve(self) -> None:
        """Answer one call after the other until the listener is closed."""
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            with line:
                self._answer(line)

    def _answer(self, line: socket.socket) -> None:
        head, _, body = _until_blank(line)
        left = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]) - len(body)
        while left > 0:
            left -= len(line.recv(65_536))
        self.asked += 1
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        first, rest = self.says
        line.sendall(_chunk({"content": first}))
        self.released.wait(2 * PATIENCE_SECONDS)
        line.sendall(_chunk({"content": rest}) + _chunk({}, "stop") + b"data: [DONE]\n\n")


def _until_blank(line: socket.socket) -> tuple[bytes, bytes, bytes]:
    got = b""
    while b"\r\n\r\n" not in got:
        got += line.recv(65_536)
    return got.partition(b"\r\n\r\n")


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    told = {"id": "held", "object": "chat.completion.chunk", "created": 0, "model": "held", "choices": [choice]}
    return b"data: " + orjson.dumps(told) + b"\n\n"


@contextmanager
def held_model(folder: Path) -> Iterator[tuple[HeldModel, str]]:
    """The provider, and the file that names it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        model = {"name": "held", "wire_name": "held", "context_tokens": 32_768, "output_tokens": 1_024}
        prices = {"input_usd_per_million": 0, "output_usd_per_million": 0}
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        file = folder / "providers.yaml"
        limits = dict.fromkeys(
            ("first_token_seconds", "between_tokens_seconds", "attempt_seconds", "total_seconds"), 500
        )
        provider = {"name": "held", "base_url": base_url, "models": [{**model, **prices}]}
        named = {"limits": limits, "providers": [provider]}
        file.write_text(yaml.safe_dump(named), encoding="utf-8")
        held = HeldModel(listener)
        thread = threading.Thread(target=held.serve, daemon=True)
        thread.start()
        try:
            yield held, str(file)
        finally:
            held.released.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE_SECONDS)


def _native(event: dict[str, Any]) -> str:
    return str(event.get("text", ""))


def _openai(event: dict[str, Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in event.get("choices", ()))


def test_the_first_chunk_is_never_buffered(tmp_path: Path) -> None:
    """While a model says nothing behind its first sentence, the client has that sentence already, in both dialects; the rest follows."""
    _account(tmp_path)
    with held_model(tmp_path) as (held, providers), serving(tmp_path, providers) as (_, url):
        # Neither dialect is given what the other one was told: both are written.
        headers = {"Authorization": f"Bearer {_token(url)}", "Cache-Control": "no-store"}
        said = [{"role": "user", "content": QUESTION}]
        own_words = {"model": "courtsight-extractive", "messages": said}
        answer = httpx.post(f"{url}/v1/chat/completions", json=own_words, headers=headers, timeout=PATIENCE_SECONDS)
        passage = answer.json()["courtsight"]["citations"][0]["quote"]
        sentence = f"“{passage.partition('. ')[0].rstrip('.')}” [1]."
        held.says = [f"{sentence} Lalu", f" {sentence}"]
        dialects: list[tuple[str, dict[str, Any], Callable[[dict[str, Any]], str]]] = [
            ("/v1/chat", {"message": QUESTION, "stream": True}, _native),
            ("/v1/chat/completions", {"model": "courtsight", "messages": said, "stream": True}, _openai),
        ]
        for number, (route, body, words) in enumerate(dialects, 1):
            held.released.clear()
            with httpx.stream("POST", url + route, json=body, headers=headers, timeout=PATIENCE_SECONDS) as stream:
                texts = _texts(stream, words)
                assert next(texts).strip() == sentence
                assert held.asked == number
                assert not held.released.is_set()
                held.released.set()
                assert sentence in "".join(texts)


def _texts(stream: httpx.Response, words: Callable[[dict[str, Any]], str]) -> Iterator[str]:
    """The words of a stream's events, as they arrive."""
    for line in stream.iter_lines():
        if line.startswith("data: {"):
            text = words(orjson.loads(line[6:]))
            if text:
                yield text
