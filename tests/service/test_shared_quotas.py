"""Quotas that several workers count in memory that they share."""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from service.quotas.limits import Decision, Demand, Limit
from service.quotas.shared_windows import SharedWindows, make_table
from service.quotas.windows import SlidingWindows
from service.sharing.opening import open_sharing

ROOT = Path(__file__).parents[2]
MINUTE = Limit("user", "minute", 5, 60.0)
HOUR = Limit("address", "hour", 9, 3600.0)
NOW = 1_795_000_000.0


@pytest.fixture
def table() -> Iterator[int]:
    made = make_table(64)
    yield made
    os.close(made)


def take(store: SharedWindows | SlidingWindows, subject: str, now: float, *limits: Limit) -> Decision:
    return asyncio.run(store.take([Demand(limit, subject) for limit in limits], now))


def test_two_workers_count_as_one(table: int) -> None:
    """What one has let in, the other has no place for."""
    first, second = SharedWindows(table), SharedWindows(table)
    taken = [take((first, second)[n % 2], "ana", NOW, MINUTE) for n in range(6)]
    assert [one.allowed for one in taken] == [True] * 5 + [False]
    assert take(second, "budi", NOW, MINUTE).allowed


def test_while_redis_is_away_the_workers_of_a_machine_count_together(table: int) -> None:
    """Two workers whose Redis does not answer allow together what one would."""
    deployment: Any = SimpleNamespace(name="any", generation=SimpleNamespace(cache=SimpleNamespace(seconds=60.0)))
    stores = [
        open_sharing("redis://127.0.0.1:1/0", "a secret", deployment, lambda _: None, SharedWindows(table)).quotas
        for _ in range(2)
    ]
    demand = Demand(MINUTE, "ana")
    taken = [asyncio.run(stores[n % 2].take([demand], NOW)).allowed for n in range(6)]
    assert taken == [True] * 5 + [False]


def test_it_decides_as_the_store_of_one_process(table: int) -> None:
    """A thousand requests of some subjects over an hour and a half get the same decisions from both."""
    shared, alone, draw, now = SharedWindows(table), SlidingWindows(), random.Random(4), NOW
    for _ in range(1000):
        now += draw.expovariate(0.2)
        subject = draw.choice("abc")
        assert take(shared, subject, now, MINUTE, HOUR) == take(alone, subject, now, MINUTE, HOUR)


def test_what_is_forgotten_is_forgotten_for_all_and_of_one_alone(table: int) -> None:
    """A subject has its places back in every worker, another one has not."""
    first, second = SharedWindows(table), SharedWindows(table)
    for _ in range(5):
        take(first, "ana", NOW, MINUTE)
        take(first, "budi", NOW, MINUTE)
    asyncio.run(second.forget(Demand(MINUTE, "ana")))
    assert take(first, "ana", NOW, MINUTE).remaining == MINUTE.requests - 1
    assert not take(second, "budi", NOW, MINUTE).allowed


def test_it_never_grows(table: int) -> None:
    """Ten thousand subjects fit into a table for five hundred: who asked longest ago is forgotten."""
    store, before = SharedWindows(table), os.fstat(table).st_size
    assert all(take(store, str(number), NOW + number, MINUTE).allowed for number in range(10_000))
    assert os.fstat(table).st_size == before


@pytest.mark.integration
def test_a_worker_that_dies_or_stops_with_the_locks_holds_nobody_up(table: int) -> None:
    """While another process holds every lock and is stopped, and after it is killed, requests are decided."""
    code = f"import fcntl, time; fcntl.lockf({table}, fcntl.LOCK_EX); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], pass_fds=[table], stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.send_signal(signal.SIGSTOP)
        store = SharedWindows(table)
        assert take(store, "ana", NOW, MINUTE).allowed
        holder.kill()
        holder.wait()
        fcntl.lockf(table, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(table, fcntl.LOCK_UN)
        assert take(store, "ana", NOW, MINUTE).remaining == 3
