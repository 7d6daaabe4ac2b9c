"""Circuits, retries and budgets by themselves, and what of them outlives a process."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import StorageUnavailable
from service.ledger import Ledger
from service.llm.budgets import Budgets
from service.llm.circuits import Circuit, CircuitRules
from service.llm.retries import RetryBudget, RetryRules
from service.store.sqlite.sqlite_store import SqliteStore
from service.store.work import rows

NOON = 1_795_003_200.0
"""2026-11-18, 12:00 UTC."""
DAY = "2026-11-18"
RULES = CircuitRules(window_seconds=10, least_calls=4, failure_share=0.5, open_seconds=5)


def fail(circuit: Circuit, now: float) -> None:
    permit = circuit.admit(now)
    assert permit
    circuit.failed(permit, now)


def succeed(circuit: Circuit, now: float) -> None:
    permit = circuit.admit(now)
    assert permit
    circuit.succeeded(permit, now)


def opened(now: float = 0.0) -> Circuit:
    circuit = Circuit(RULES)
    for _ in range(4):
        fail(circuit, now)
    return circuit


def test_few_failures_leave_a_circuit_closed() -> None:
    """Three failures of three calls say less than the least number of calls."""
    circuit = Circuit(RULES)
    for _ in range(3):
        fail(circuit, 0.0)
    assert circuit.state(0.0) == "closed"


def test_a_share_of_failures_opens_it() -> None:
    """Half of four calls within the window."""
    circuit = Circuit(RULES)
    for outcome in (succeed, succeed, fail, fail):
        outcome(circuit, 1.0)
    assert circuit.state(1.0) == "open"
    assert circuit.admit(1.0) is None
    assert circuit.closed_in(3.0) == 3.0


def test_old_failures_are_forgotten() -> None:
    """What lies before the window does not count."""
    circuit = Circuit(RULES)
    for _ in range(3):
        fail(circuit, 0.0)
    fail(circuit, 11.0)
    assert circuit.state(11.0) == "closed"


def test_half_open_lets_one_call_through() -> None:
    """Beside a probe nobody calls; its success closes the circuit, with a clean slate."""
    circuit = opened()
    probe = circuit.admit(5.0)
    assert probe
    assert probe.probe
    assert circuit.admit(5.0) is None
    circuit.succeeded(probe, 5.5)
    assert circuit.state(5.5) == "closed"
    fail(circuit, 5.6)
    assert circuit.state(5.6) == "closed"


def test_a_probe_that_fails_opens_it_again() -> None:
    """The time starts anew."""
    circuit = opened()
    fail(circuit, 5.0)
    assert (circuit.state(9.9), circuit.state(10.0)) == ("open", "half_open")


def test_a_probe_that_is_given_up_makes_room_for_another() -> None:
    """A reader who left during the probe does not keep the model away for ever."""
    circuit = opened()
    probe = circuit.admit(5.0)
    assert probe
    circuit.abandoned(probe)
    assert circuit.admit(5.0)


def test_late_answers_say_nothing_about_now() -> None:
    """Calls that began before the circuit opened neither close it nor count after it has closed."""
    circuit = Circuit(RULES)
    late = [permit for _ in range(8) if (permit := circuit.admit(0.0))]
    for permit in late[:4]:
        circuit.failed(permit, 1.0)
    circuit.succeeded(late[4], 2.0)
    assert circuit.state(2.0) == "open"
    succeed(circuit, 6.0)
    for permit in late[5:]:
        circuit.failed(permit, 6.5)
    assert circuit.state(6.5) == "closed"


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("sfax"), st.floats(0, 4)), max_size=60))
def test_a_circuit_never_locks_itself_up(story: list[tuple[str, float]]) -> None:
    """Whatever came before, once nothing is under way and the open time is over, a call is let through."""
    circuit, now = Circuit(RULES), 0.0
    for outcome, pause in story:
        now += pause
        permit = circuit.admit(now)
        if permit and outcome == "s":
            circuit.succeeded(permit, now)
        elif permit and outcome == "f":
            circuit.failed(permit, now)
        elif permit:
            circuit.abandoned(permit)
    assert circuit.admit(now + RULES.open_seconds)


@settings(deadline=None)
@given(st.integers(1, 20), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_within_its_bound(tried: int, draw: float) -> None:
    """Never negative, never longer than the longest, and double the bound each time until then."""
    rules = RetryRules(base_seconds=0.25, longest_seconds=2.0)
    bound = min(2.0, 0.25 * 2 ** (tried - 1))
    assert 0 <= rules.wait(tried, draw) <= bound


def test_ten_requests_earn_a_retry() -> None:
    """After the reserve is gone, a tenth of the requests may be retried."""
    budget = RetryBudget(RetryRules(share=0.1, reserve=1.0))
    assert budget.take()
    assert not budget.take()
    for _ in range(10):
        assert not budget.take()
        budget.asked()
    assert budget.take()


class Wall:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def test_a_new_day_is_a_new_budget() -> None:
    """At midnight UTC the budget is whole again, and a call that began before is settled on its own day."""
    wall = Wall()
    budgets = Budgets({"judge": 1.0}, wall)
    reservation = budgets.reserve("judge", 1.0)
    assert reservation
    assert budgets.reserve("judge", 0.01) is None
    assert budgets.seconds_left_today() == 43_200
    wall.now += 43_200
    budgets.settle(reservation, 0.9)
    assert budgets.used_ratio("judge") == 0.0
    assert budgets.of_this_process()[DAY, "judge"] == 0.9


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.6), st.floats(0, 1)), max_size=30))
def test_reservations_never_exceed_the_budget(calls: list[tuple[float, float]]) -> None:
    """As long as no call costs more than was set aside for it, a role never spends more than its budget."""
    budgets = Budgets({"judge": 1.0}, lambda: NOON)
    under_way = []
    for usd, share in calls:
        reservation = budgets.reserve("judge", usd)
        if reservation:
            under_way.append((reservation, usd * share))
        if len(under_way) > 2:
            budgets.settle(*under_way.pop(0))
        assert budgets.used_ratio("judge") <= 1.0 + 1e-6


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "service.db", 0.1, NOON)
    yield store
    asyncio.run(store.close())


def keep(ledger: Ledger) -> None:
    asyncio.run(ledger.keep())


def test_spending_outlives_the_process(store: SqliteStore) -> None:
    """A new process begins with what the day has cost so far; what a killed one had set aside counts as spent."""
    before = Budgets({"judge": 1.0}, lambda: NOON)
    ledger = Ledger(store, before, "one")
    first, second = before.reserve("judge", 0.5), before.reserve("judge", 0.25)
    assert first
    assert second
    before.settle(first, 0.25)
    keep(ledger)
    after = Budgets({"judge": 1.0}, lambda: NOON)
    asyncio.run(Ledger(store, after, "two").learn())
    assert after.used_ratio("judge") == pytest.approx(0.5)


def test_workers_see_each_other(store: SqliteStore) -> None:
    """Two processes share one budget, a round later, and writing the same sum twice adds nothing."""
    one, two = (Budgets({"judge": 1.0}, lambda: NOON) for _ in range(2))
    ledger_one, ledger_two = Ledger(store, one, "one"), Ledger(store, two, "two")
    reservation = one.reserve("judge", 0.5)
    assert reservation
    one.settle(reservation, 0.5)
    for _ in range(3):
        keep(ledger_one)
        keep(ledger_two)
    assert two.used_ratio("judge") == pytest.approx(0.5)
    assert one.used_ratio("judge") == pytest.approx(0.5)


def test_yesterdays_spending_is_not_todays(store: SqliteStore) -> None:
    """The sums of another day are left where they are."""
    wall = Wall()
    budgets = Budgets({"judge": 1.0}, wall)
    ledger = Ledger(store, budgets, "one")
    reservation = budgets.reserve("judge", 0.5)
    assert reservation
    budgets.settle(reservation, 0.5)
    keep(ledger)
    wall.now += 86_400
    keep(ledger)
    assert budgets.used_ratio("judge") == 0.0
    assert budgets.of_this_process() == {}


def test_a_locked_database_loses_no_spending(store: SqliteStore, tmp_path: Path) -> None:
    """A round that cannot write says so, and the next one writes all of it."""
    budgets = Budgets({"judge": 1.0}, lambda: NOON)
    ledger = Ledger(store, budgets, "one")
    reservation = budgets.reserve("judge", 0.5)
    assert reservation
    budgets.settle(reservation, 0.5)
    other = sqlite3.connect(tmp_path / "service.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable):
        keep(ledger)
    other.execute("ROLLBACK")
    other.close()
    keep(ledger)
    found = asyncio.run(store.read(lambda: rows("SELECT day, role, usd FROM spending")))
    assert found == [(DAY, "judge", 0.5)]
