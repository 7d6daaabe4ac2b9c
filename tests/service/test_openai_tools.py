"""Clients of OpenAI's API over a real socket, what benchmark tools send, and retries of a service that is killed."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import orjson
import pytest
import yaml

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus" / "fixture.jsonl"
REQUESTS = Path(__file__).parent / "data" / "openai_requests.jsonl"
SENT = [orjson.loads(line) for line in REQUESTS.read_bytes().splitlines()]
PASSWORD = "a long enough password"
QUESTION = "Apa itu hukum pidana?"
KEY = {"Idempotency-Key": "the-one"}
WITHIN_SECONDS = 400.0


@pytest.mark.parametrize("sent", SENT, ids=[one["from"] for one in SENT])
def test_what_benchmark_tools_send_is_answered(house: Any, sent: dict[str, Any]) -> None:
    """The very bodies of GuideLLM and AIPerf get content, an end with a reason, and usage above zero."""
    response = house.send("POST", "/v1/chat/completions", "judge", json=sent["body"])
    assert response.status_code == 200
    if not sent["body"]["stream"]:
        usage = response.json()["usage"]
        assert response.json()["choices"][0]["message"]["content"]
    else:
        lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
        assert lines[-1] == "[DONE]"
        chunks = [orjson.loads(line) for line in lines[:-1]]
        assert any(one["choices"] and one["choices"][0]["delta"].get("content") for one in chunks)
        assert [one["choices"][0]["finish_reason"] for one in chunks if one["choices"]][-1] in ("stop", "length")
        usage = chunks[-1]["usage"]
    assert usage["prompt_tokens"] > 0
    assert 0 < usage["completion_tokens"] <= sent["body"].get("max_completion_tokens", 10_000)


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COURTSIGHT_")}
    return {
        **kept,
        "COURTSIGHT_ENVIRONMENT": "development",
        "COURTSIGHT_DATABASE": str(folder / "service.db"),
        "COURTSIGHT_CORPUS": str(CORPUS),
        "COURTSIGHT_JWT_SECRET": "Zb3kq9XwTt7uPq2LmN8vYrCs5dHgJf1KaEoQiW0",
    }


def _account(folder: Path) -> None:
    account = orjson.dumps({"username": "ana", "role": "judge", "password": PASSWORD})
    command = [sys.executable, "-m", "service", "accounts", "create-many", "-"]
    subprocess.run(command, cwd=ROOT, env=_environment(folder), input=account, check=True, timeout=WITHIN_SECONDS)


@contextmanager
def serving(folder: Path, providers: str | None = None) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A service on a free port; whatever is left of it at the end is killed."""
    log = folder / f"log-{time.monotonic_ns()}"
    command = [sys.executable, "-m", "service", "serve", "--port", "0"]
    models = {"COURTSIGHT_PROVIDERS": providers} if providers else {}
    with log.open("wb") as errors:
        process = subprocess.Popen(command, cwd=ROOT, env=_environment(folder) | models, stderr=errors)
    try:
        deadline = time.monotonic() + WITHIN_SECONDS
        while b'"started"' not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        listening = next(line for line in log.read_bytes().splitlines() if b'"listening"' in line)
        yield process, f"http://127.0.0.1:{orjson.loads(listening)['port']}"
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _token(url: str) -> str:
    body = {"username": "ana", "password": PASSWORD}
    token: str = httpx.post(f"{url}/v1/auth/token", json=body, timeout=WITHIN_SECONDS).json()["access_token"]
    return token


def _asking(url: str, token: str, raw: bytes) -> socket.socket:
    """A connection on which a question was sent, and of whose answer nothing is read."""
    head = (
        f"POST /v1/chat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: the-one\r\n"
        f"Content-Length: {len(raw)}\r\n\r\n"
    )
    host, port = url.removeprefix("http://").split(":")
    line = socket.create_connection((host, int(port)))
    line.sendall(head.encode() + raw)
    return line


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _count(folder: Path, table: str) -> int:
    with closing(sqlite3.connect(folder / "service.db")) as connection:
        (number,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - names of this file
    return int(number)


@pytest.mark.integration
def test_the_synchronous_client_asks_over_a_socket(tmp_path: Path) -> None:
    """`openai.OpenAI` lists, asks, streams and raises, with nothing but a base URL and a key."""
    _account(tmp_path)
    with serving(tmp_path) as (_, url), openai.OpenAI(base_url=f"{url}/v1", api_key=_token(url)) as client:
        model = client.models.list().data[0].id
        said: list[Any] = [{"role": "user", "content": QUESTION}]
        answer = client.chat.completions.create(model=model, messages=said, extra_headers=KEY)
        again = client.chat.completions.create(model=model, messages=said, extra_headers=KEY)
        assert answer.id == again.id
        stream = client.chat.completions.create(model=model, messages=said, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        assert text == answer.choices[0].message.content
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="nonsense", max_retries=0).chat.completions.create(model=model, messages=said)


@pytest.mark.integration
def test_an_answer_whose_connection_was_cut_is_replayed_after_a_kill(tmp_path: Path) -> None:
    """The reply never arrived and the process is killed: the next one gives the stored answer, and stores nothing more."""
    _account(tmp_path)
    raw = orjson.dumps({"message": QUESTION})
    with serving(tmp_path) as (process, url):
        token = _token(url)
        # Nobody reads: the answer is kept as soon as its rows are there, whether or not the reply went out.
        with _asking(url, token, raw):
            _until(lambda: _count(tmp_path, "messages") > 0)
            process.send_signal(signal.SIGKILL)
            process.wait()
    with serving(tmp_path) as (_, url):
        headers = {"Authorization": f"Bearer {token}", **KEY}
        replayed = httpx.post(f"{url}/v1/chat", json={"message": QUESTION}, headers=headers, timeout=WITHIN_SECONDS)
        assert replayed.status_code == 200
        assert replayed.headers["Idempotency-Replayed"] == "true"
        assert _count(tmp_path, "messages") == 2
        assert _count(tmp_path, "answers") == 1
        address = f"{url}/v1/conversations/{replayed.json()['conversation_id']}"
        shown = httpx.get(address, headers=headers, timeout=WITHIN_SECONDS).json()
        assert shown["messages"][1]["content"] == replayed.json()["answer"]


@contextmanager
def silent_provider(folder: Path) -> Iterator[str]:
    """A provider that takes connections and never answers; gives the file that names it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        model = {"name": "silent", "wire_name": "silent", "context_tokens": 32_768, "output_tokens": 1_024}
        prices = {"input_usd_per_million": 0, "output_usd_per_million": 0}
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        providers = {"providers": [{"name": "silent", "base_url": base_url, "models": [{**model, **prices}]}]}
        file = folder / "providers.yaml"
        file.write_text(yaml.safe_dump(providers), encoding="utf-8")
        yield str(file)


@pytest.mark.integration
def test_a_claim_of_a_killed_process_is_outwaited(tmp_path: Path) -> None:
    """A process that is killed in the middle of an answer leaves its claim; the retry waits for the lease's end and answers, once."""
    _account(tmp_path)
    raw = orjson.dumps({"message": QUESTION})
    with silent_provider(tmp_path) as providers, serving(tmp_path, providers) as (process, url):
        token = _token(url)
        with _asking(url, token, raw):
            _until(lambda: _count(tmp_path, "idempotency") == 1)
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert _count(tmp_path, "messages") == 0
    with serving(tmp_path) as (_, url):
        headers = {"Authorization": f"Bearer {token}", **KEY}
        answered = httpx.post(f"{url}/v1/chat", json={"message": QUESTION}, headers=headers, timeout=WITHIN_SECONDS)
        assert answered.status_code == 200
        assert "Idempotency-Replayed" not in answered.headers
        assert _count(tmp_path, "messages") == 2
