"""The real process: starting, refusing to start, streaming over a socket, and stopping."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import orjson
import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus" / "fixture.jsonl"
SECRET = "Zb3kq9XwTt7uPq2LmN8vYrCs5dHgJf1KaEoQiW0"
PASSWORD = "a long enough password"


def environment(folder: Path, **changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COURTSIGHT_")}
    own = {
        "COURTSIGHT_DATABASE": str(folder / "service.db"),
        "COURTSIGHT_CORPUS": str(CORPUS),
        "COURTSIGHT_JWT_SECRET": SECRET,
    }
    return {**kept, **own, **changes}


def run(arguments: list[str], env: dict[str, str], text: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=env, input=text, capture_output=True, text=True, timeout=240, check=False
    )


@contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A service on a port that the system chose, with one judge."""
    env = environment(folder)
    account = orjson.dumps({"username": "ana", "role": "judge", "password": PASSWORD}).decode()
    assert run(["accounts", "create-many", "-"], env, account).returncode == 0
    log = folder / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve", "--port", "0"], cwd=ROOT, env=env, stderr=errors
        )
        try:
            yield process, f"http://127.0.0.1:{_port(process, log)}"
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        events = {line["event"]: line for line in map(orjson.loads, log.read_bytes().split(b"\n")[:-1])}
        if "started" in events:
            return int(events["listening"]["port"])
        time.sleep(0.05)
    raise AssertionError(f"the service did not start: {log.read_text()}")


def test_it_answers_streams_and_stops(tmp_path: Path) -> None:
    """A real client logs in, asks and streams; SIGTERM ends the process with status 0 and a closed database."""
    with serving(tmp_path) as (process, url), httpx.Client(base_url=url, timeout=180) as client:
        token = client.post("/v1/auth/token", json={"username": "ana", "password": PASSWORD}).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        answer = client.post("/v1/chat", json={"message": "Apa itu hukum pidana?"}, headers=headers).json()
        assert answer["outcome"] == "ok"
        body = {"message": "Apa itu hukum pidana?", "stream": True}
        with client.stream("POST", "/v1/chat", json=body, headers=headers) as stream:
            events = [line.removeprefix("event: ") for line in stream.iter_lines() if line.startswith("event: ")]
        assert (events[0], events[-1]) == ("start", "done")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=180) == 0
    assert not (tmp_path / "service.db-wal").exists()


def test_a_taken_port_is_one_line_and_status_two(tmp_path: Path) -> None:
    """Who wants a port that somebody has is told so, without a traceback."""
    with closing(socket.socket()) as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        ended = run(["serve", "--port", port], environment(tmp_path))
    assert ended.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"COURTSIGHT_CORPUS": "broken"}, "broken.jsonl:2: "),
        ({"COURTSIGHT_JWT_SECRET": ""}, "COURTSIGHT_JWT_SECRET is not set"),
        ({"COURTSIGHT_JWT_SECRET": "short"}, "COURTSIGHT_JWT_SECRET is shorter than 32 bytes"),
        ({"COURTSIGHT_LOG_LEVEL": "debug"}, "COURTSIGHT_LOG_LEVEL=debug is for development"),
        ({"COURTSIGHT_DEPLOYMENT": "courtsigth"}, "did you mean 'courtsight'?"),
        ({"COURTSIGHT_DATABASE": "/dev/null/x.db"}, "COURTSIGHT_DATABASE"),
        ({"COURTSIGHT_DATABSE": "x.db"}, "did you mean COURTSIGHT_DATABASE?"),
    ],
)
def test_what_is_wrong_before_the_start_is_one_line_and_status_two(
    tmp_path: Path, changes: dict[str, str], told: str
) -> None:
    """Broken corpora, secrets, settings and files end the start before anything listens."""
    if changes.get("COURTSIGHT_CORPUS"):
        broken = tmp_path / "broken.jsonl"
        broken.write_bytes(CORPUS.read_bytes().splitlines()[0] + b'\n{"id": "half')
        changes = {"COURTSIGHT_CORPUS": str(broken)}
    ended = run(["serve", "--port", "0"], environment(tmp_path, **changes))
    assert ended.returncode == 2, ended.stderr
    assert told in ended.stderr
    assert ended.stderr.count("\n") == 1
