"""How one process ends: by a word to stop while it is asked again and again, and by a second word while answers are still on their way."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.service.test_worker_life import (
    WITHIN_SECONDS,
    Hammer,
    Running,
    hammered,
    logged_in,
    started,
    total,
    wait_for,
)

pytestmark = pytest.mark.integration

DRAIN_SECONDS = "300"
"""Longer than a test waits: a process that ends before was cut, and did not just run out of time."""
LOCK_SECONDS = "30"
"""How long an answer waits for a locked database."""


@contextmanager
def served(folder: Path, workers: int, **changes: str) -> Iterator[Running]:
    """A service of so many workers, and a judge's token."""
    with started(folder, "--workers", str(workers), **changes) as running:
        wait_for(lambda: len(running.events("started")) == workers, "every worker")
        running.token = logged_in(running.url)
        yield running


@pytest.mark.parametrize("delay", ["0", "0.5"])
def test_one_process_stops_without_a_failed_request(tmp_path: Path, delay: str) -> None:
    """SIGTERM under load: every connection that was accepted gets its answer, all of them are kept, and the status is 0."""
    with served(tmp_path, 1, COURTSIGHT_DRAIN_DELAY_SECONDS=delay) as running:

        def work(hammer: Hammer) -> None:
            wait_for(lambda: len(hammer.answers) > 10, "answers before the end")
            hammer.gone = True
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(WITHIN_SECONDS) == 0

        hammered(running, work)


def _ask(running: Running, *, stream: bool) -> httpx.Response:
    headers = {"Authorization": f"Bearer {running.token}"}
    body = {"message": "Apa itu hukum pidana?", "stream": stream}
    return httpx.post(f"{running.url}/v1/chat", json=body, headers=headers, timeout=WITHIN_SECONDS)


def _refuses(running: Running) -> bool:
    try:
        httpx.get(f"{running.url}/health/live")
    except httpx.ConnectError:
        return True
    except httpx.HTTPError:
        return False  # taken by a process that was just closing
    return False


def _last_event(stream: httpx.Response) -> tuple[str, dict[str, Any]]:
    name, told = stream.text.strip().split("\n\n")[-1].split("\n")
    return name.removeprefix("event: "), orjson.loads(told.removeprefix("data: "))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_word_to_stop_cuts_says_so_and_loses_nothing(tmp_path: Path, workers: int) -> None:
    """Answers that cannot be kept yet hold the drain up; the second SIGTERM ends them with 503 or a last event, and what was acknowledged is there."""
    changes = {"COURTSIGHT_DRAIN_SECONDS": DRAIN_SECONDS, "COURTSIGHT_DATABASE_TIMEOUT_SECONDS": LOCK_SECONDS}
    with served(tmp_path, workers, **changes) as running, ThreadPoolExecutor(2) as clients:
        acknowledged = {_ask(running, stream=False).json()["id"] for _ in range(4)}
        with closing(sqlite3.connect(running.database, WITHIN_SECONDS, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            whole, stream = (clients.submit(_ask, running, stream=streamed) for streamed in (False, True))
            wait_for(lambda: total(running, "chatbot_requests_in_flight") == 2, "two answers under way")
            running.process.send_signal(signal.SIGTERM)
            wait_for(lambda: _refuses(running), "no process listens any more")
            assert (running.process.poll(), whole.done(), stream.done()) == (None, False, False)
            running.process.send_signal(signal.SIGTERM)
            refused = whole.result(WITHIN_SECONDS)
            name, told = _last_event(stream.result(WITHIN_SECONDS))
            holder.execute("ROLLBACK")
        assert (refused.status_code, refused.json()["code"]) == (503, "not_ready")
        assert (name, told["code"]) == ("error", "not_ready")
        assert running.process.wait(WITHIN_SECONDS) == 0
    with closing(sqlite3.connect(running.database)) as connection:
        kept = {row[0] for row in connection.execute("SELECT id FROM messages WHERE author = 'assistant'")}
    assert acknowledged <= kept


@pytest.mark.parametrize("first", ["workers", "supervisor"])
def test_a_word_to_the_whole_group_is_one_word(tmp_path: Path, first: str) -> None:
    """Whoever stops a service as systemd does tells supervisor and workers, and each worker hears it twice: its answers end well all the same."""
    changes = {"COURTSIGHT_DRAIN_SECONDS": DRAIN_SECONDS, "COURTSIGHT_DATABASE_TIMEOUT_SECONDS": LOCK_SECONDS}
    with served(tmp_path, 2, **changes) as running, ThreadPoolExecutor(4) as clients:
        told = [*running.pids().values(), running.process.pid]
        with closing(sqlite3.connect(running.database, WITHIN_SECONDS, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            asked = [clients.submit(_ask, running, stream=streamed) for streamed in (False, True, False, True)]
            wait_for(lambda: total(running, "chatbot_requests_in_flight") == len(asked), "answers under way")
            for pid in told if first == "workers" else reversed(told):
                os.kill(pid, signal.SIGTERM)
            wait_for(lambda: _refuses(running), "no process listens any more")
            holder.execute("ROLLBACK")
        answers = [one.result(WITHIN_SECONDS) for one in asked]
        assert [one.status_code for one in answers] == [200] * len(asked)
        assert [_last_event(one)[0] for one in answers if "event: start" in one.text] == ["done", "done"]
        assert running.process.wait(WITHIN_SECONDS) == 0
