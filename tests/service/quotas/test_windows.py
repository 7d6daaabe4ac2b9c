"""Limits, counted in one process or in memory that several share: exact in every window, and bounded in memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.quotas.limits import SLOTS, Decision, Demand, Limit, QuotaStore
from service.quotas.shared_windows import SharedWindows, make_table
from service.quotas.windows import SlidingWindows

TEN_A_MINUTE = Limit("session", "session-60s", 10, 60.0)
THOUSAND_A_DAY = Limit("address", "address-86400s", 1_000, 86_400.0)
HUNDRED_AN_HOUR = Limit("key", "key-3600s", 100, 3_600.0)


@contextmanager
def shared() -> Iterator[SharedWindows]:
    table = make_table(64)
    store = SharedWindows(table)
    yield store
    store.close()
    os.close(table)


def alone() -> AbstractContextManager[SlidingWindows]:
    return nullcontext(SlidingWindows())


Opening = Callable[[], AbstractContextManager[QuotaStore]]
both = pytest.mark.parametrize("opening", [alone, shared])


@pytest.fixture
def store(opening: Opening) -> Iterator[QuotaStore]:
    with opening() as opened:
        yield opened


def take(store: QuotaStore, now: float, *limits: Limit, subject: str = "a") -> Decision:
    return asyncio.run(store.take([Demand(limit, subject) for limit in limits], now))


@both
@pytest.mark.parametrize("limit", [TEN_A_MINUTE, THOUSAND_A_DAY, HUNDRED_AN_HOUR])
def test_as_many_as_the_limit_says_and_no_more(store: QuotaStore, limit: Limit) -> None:
    """The Nth request passes, the next is refused and says when to come again; then it passes."""
    now = 1_000_000.0
    left = [take(store, now, limit).remaining for _ in range(limit.requests)]
    assert left == list(range(limit.requests - 1, -1, -1))
    refused = take(store, now, limit)
    assert not refused.allowed
    assert refused.retry_after_seconds <= limit.seconds * (1 + 1 / SLOTS)
    assert not take(store, now + refused.retry_after_seconds - 0.01, limit).allowed
    assert take(store, now + refused.retry_after_seconds + 0.01, limit).allowed


@both
def test_a_refused_request_counts_under_no_limit(store: QuotaStore) -> None:
    """Whoever is refused by one limit has not used up another."""
    for _ in range(10):
        assert take(store, 0.0, TEN_A_MINUTE, THOUSAND_A_DAY).allowed
    for _ in range(50):
        assert not take(store, 0.0, TEN_A_MINUTE, THOUSAND_A_DAY).allowed
    assert take(store, 0.0, THOUSAND_A_DAY).remaining == 1_000 - 11


@both
def test_subjects_and_limits_are_counted_apart(store: QuotaStore) -> None:
    """One caller's requests are not another's."""
    for _ in range(10):
        take(store, 0.0, TEN_A_MINUTE, subject="a")
    assert not take(store, 0.0, TEN_A_MINUTE, subject="a").allowed
    assert take(store, 0.0, TEN_A_MINUTE, subject="b").allowed


@both
def test_the_decision_shows_the_limit_that_is_nearest_to_its_end(store: QuotaStore) -> None:
    """Headers tell of the limit that a caller will meet first."""
    assert take(store, 0.0, THOUSAND_A_DAY, TEN_A_MINUTE).limit == TEN_A_MINUTE


def test_memory_is_bounded_and_the_longest_unused_is_forgotten() -> None:
    """A million addresses do not fill the memory, and whoever keeps asking stays counted."""
    store = SlidingWindows(most_subjects=100)
    for number in range(10):
        take(store, 0.0, TEN_A_MINUTE, subject="busy")
        for other in range(50):
            take(store, 0.0, TEN_A_MINUTE, subject=f"{number}-{other}")
    assert len(store) == 100
    assert not take(store, 0.0, TEN_A_MINUTE, subject="busy").allowed


@both
def test_a_clock_that_is_set_back_neither_breaks_nor_opens_a_limit(store: QuotaStore) -> None:
    """Time that runs backwards still counts."""
    for second in range(10):
        take(store, 1_000.0 - second, TEN_A_MINUTE)
    assert not take(store, 950.0, TEN_A_MINUTE).allowed


@both
@pytest.mark.parametrize("limit", [TEN_A_MINUTE, HUNDRED_AN_HOUR, THOUSAND_A_DAY])
def test_a_clock_that_is_set_back_by_more_than_a_window_shuts_nobody_out(store: QuotaStore, limit: Limit) -> None:
    """Whoever had used up a limit, and whoever had not, waits for no time that comes only in days: nobody does for more than two windows."""
    now = 1_000_000_000.0
    for _ in range(limit.requests + 1):
        refused = take(store, now, limit)
    assert not refused.allowed
    back = take(store, now - 10 * limit.seconds, limit)
    assert (back.allowed, back.remaining) == (True, limit.requests - 1)
    for _ in range(limit.requests):
        refused = take(store, now - 10 * limit.seconds, limit)
    assert not refused.allowed
    later = take(store, now - 10.5 * limit.seconds, limit)
    assert not later.allowed, "what is set back by less stands"
    assert later.retry_after_seconds <= 2 * limit.seconds


@both
def test_what_is_forgotten_has_its_places_back(store: QuotaStore) -> None:
    """A subject that is forgotten under one limit begins anew there, and nowhere else."""
    for _ in range(10):
        take(store, 0.0, TEN_A_MINUTE, HUNDRED_AN_HOUR)
    asyncio.run(store.forget(Demand(TEN_A_MINUTE, "a")))
    assert take(store, 0.0, TEN_A_MINUTE).remaining == 9
    assert take(store, 0.0, HUNDRED_AN_HOUR).remaining == 89


@both
@settings(deadline=None)
@given(
    st.lists(st.floats(min_value=0.0, max_value=20.0, allow_nan=False), min_size=1, max_size=200),
    st.integers(min_value=1, max_value=12),
    st.floats(min_value=0.0, max_value=1e9, allow_nan=False),
)
def test_no_window_of_the_length_ever_holds_more(
    opening: Opening, gaps: list[float], requests: int, start: float
) -> None:
    """Whatever the times, the requests let through within any `seconds` are at most the limit, and a wait as told is enough."""
    limit, now = Limit("user", "user-60s", requests, 60.0), start
    passed: list[float] = []
    with opening() as store:
        for gap in gaps:
            now += gap
            decision = take(store, now, limit)
            if decision.allowed:
                passed.append(now)
            else:
                within = [moment for moment in passed if moment > now - limit.seconds * (1 + 1 / SLOTS)]
                assert len(within) >= requests, "refused although there was room for longer than a slot"
    for index, begin in enumerate(passed):
        assert sum(begin <= moment < begin + limit.seconds - 1e-6 for moment in passed[index:]) <= requests
