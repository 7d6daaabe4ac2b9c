"""A word to stop at a moment when nobody serves yet, and a log that stands still: the process ends, by a status and in few words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import orjson
import pytest

from tests.service.test_serve_command import PASSWORD, ROOT, environment, run

pytestmark = pytest.mark.integration

WITHIN_SECONDS = 400.0
NOISE = (b"Traceback", b"RuntimeWarning", b"never awaited", b"Fatal Python error")


@contextmanager
def beginning(folder: Path, *arguments: str, python: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """A service that has just been started, its standard error to be read from; one that does not end is killed, and reading ends."""
    command = [sys.executable, *python, "-m", "service", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(folder), stderr=subprocess.PIPE)
    patience = threading.Timer(WITHIN_SECONDS, process.kill)
    patience.start()
    try:
        yield process
    finally:
        patience.cancel()
        if process.poll() is None:
            process.kill()
        process.wait()
        errors(process).close()


def errors(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stderr
    return process.stderr


def read_until(process: subprocess.Popen[bytes], words: bytes) -> bytes:
    told = b""
    for line in errors(process):
        told += line
        if words in line:
            return told
    raise AssertionError(told)


@pytest.mark.parametrize(("number", "words"), [(signal.SIGTERM, b"told to stop"), (signal.SIGINT, b"interrupted")])
def test_a_word_to_stop_while_parts_are_loaded_is_one_line(
    tmp_path: Path, number: signal.Signals, words: bytes
) -> None:
    """Between the first import and the last one a signal ends the process with the status that shells give it: the first process of a container hears it, too."""
    with beginning(tmp_path, python=("-X", "importtime")) as process:
        read_until(process, b" service.errors")
        process.send_signal(number)
        rest = errors(process).read()
        assert process.wait(WITHIN_SECONDS) == 128 + number
    told = [line for line in rest.splitlines() if not line.startswith(b"import time:")]
    assert told == [b"courtsight: " + words]


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_word_to_stop_as_soon_as_it_listens_ends_it_like_any_other(
    tmp_path: Path, workers: str, number: signal.Signals, status: int
) -> None:
    """Whoever has read `listening` may stop the service at once: no warning, no traceback, the usual status."""
    with beginning(tmp_path, "--workers", workers) as process:
        read_until(process, b'"listening"')
        process.send_signal(number)
        rest = errors(process).read()
        assert process.wait(WITHIN_SECONDS) == status
    assert [noise for noise in NOISE if noise in rest] == []


def test_the_end_of_a_terminal_harms_no_worker(tmp_path: Path) -> None:
    """SIGHUP reaches the whole group: the supervisor loads anew, and no worker ends by the signal itself, not even one that has just been started."""
    with beginning(tmp_path, "--workers", "2") as process:
        first = orjson.loads(read_until(process, b'"worker_ready"').splitlines()[-1])
        second = orjson.loads(read_until(process, b'"worker_ready"').splitlines()[-1])
        for pid in (first["pid"], second["pid"], process.pid):
            os.kill(pid, signal.SIGHUP)
        told = read_until(process, b'"reloaded"')
        process.send_signal(signal.SIGTERM)
        rest = errors(process).read()
        assert process.wait(WITHIN_SECONDS) == 0
    ended = [line for line in map(orjson.loads, (told + rest).splitlines()) if line["event"] == "worker_ended"]
    assert {line["status"] for line in ended} == {0}


def test_a_log_that_nobody_reads_stops_no_answer_and_no_end(tmp_path: Path) -> None:
    """Standard error is a pipe that fills up: questions are answered all the same, and SIGTERM ends the process."""
    account = orjson.dumps({"username": "ana", "role": "judge", "password": PASSWORD}).decode()
    assert run(["accounts", "create-many", "-"], environment(tmp_path), account).returncode == 0
    with beginning(tmp_path) as process:
        told = read_until(process, b'"started"')
        port = next(line["port"] for line in map(orjson.loads, told.splitlines()) if line["event"] == "listening")
        # Some three hundred bytes a line against a pipe of 64 KiB.
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=WITHIN_SECONDS) as client:
            assert {client.get("/v1/nothing").status_code for _ in range(350)} == {404}
            page = client.get("/metrics").text
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_SECONDS) == 0
        rest = errors(process).read()
    assert 'chatbot_http_requests_total{code="404",method="GET",route="unmatched"} 350.0' in page
    assert rest.endswith(b"\n") or b"\n" in rest
    assert [noise for noise in NOISE if noise in rest] == []
