"""Guessing passwords is slow, floods are turned away, and nobody can lock anybody out."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from service.quotas.limits import QuotaStore
from service.quotas.shared_windows import SharedWindows, make_table
from service.quotas.windows import SlidingWindows
from service.security.logins import (
    BURST,
    FREE_FAILURES,
    LONGEST_DELAY_SECONDS,
    MOST_OF_AN_ADDRESS,
    PACE,
    WINDOW_SECONDS,
    LoginCounts,
)
from service.security.passwords import hasher
from tests.service.conftest import PASSWORD


@pytest.fixture(scope="module")
def password_hash() -> str:
    """One as accounts have it: here it counts what a login costs."""
    return hasher().hash(PASSWORD)


class Door:
    """Attempts at one moment after the other, without an event loop in each test."""

    def __init__(self, shared: QuotaStore | None = None) -> None:
        self.counts = LoginCounts(shared)
        self.now = 1_000.0

    def begin(self, name: str = "ana", address: str = "10.0.0.1") -> float:
        return asyncio.run(self.counts.begin(name, address, self.now))

    def fail(self, name: str = "ana", address: str = "10.0.0.1") -> None:
        asyncio.run(self.counts.failed(name, address, self.now))

    def attempt(self, name: str = "ana", address: str = "10.0.0.1") -> float:
        """A wrong password, when it is let in."""
        wait = self.begin(name, address)
        if wait == 0:
            self.fail(name, address)
        return wait

    def passed(self, name: str = "ana") -> None:
        asyncio.run(self.counts.passed(name))


def test_a_delay_grows_with_failures_and_is_never_a_lock() -> None:
    """Five failures are free, then each doubles the wait up to a minute; who waits may always try again."""
    door, waits = Door(), []
    for number in range(14):
        wait = door.attempt(address=f"10.0.0.{number}")
        waits.append(wait)
        door.now += wait
        if wait:
            assert door.attempt(address=f"10.0.0.{number}") == 0
    assert waits[:FREE_FAILURES] == [0.0] * FREE_FAILURES
    assert waits[FREE_FAILURES:] == [min(LONGEST_DELAY_SECONDS, 2.0**n) for n in range(9)]


def test_attempts_within_the_delay_do_not_lengthen_it() -> None:
    """Hammering a name keeps its owner away for no longer than the delay that the counted failures made."""
    door = Door()
    for _ in range(FREE_FAILURES):
        door.attempt()
    waits = {door.attempt() for _ in range(50)}
    assert waits == {1.0}
    door.now += 1.0
    assert door.attempt(address="10.9.9.9") == 0


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    """An hour back, and nobody waits for that hour; seconds back, and the wait is not longer than it was."""
    door = Door()
    door.now = 1_000_000.0
    for _ in range(FREE_FAILURES):
        door.attempt()
    door.now -= 30.0
    assert door.begin() == 1.0
    door.now += 1.0
    assert door.attempt() == 0
    for number in range(BURST + 1):
        door.attempt(f"n{number}", "10.0.0.7")
    door.now -= 4 * WINDOW_SECONDS
    assert door.attempt() == 0
    assert door.attempt("n1", "10.0.0.7") == 0


def test_a_right_password_forgets_the_failures() -> None:
    """Who gets in begins anew, and the address is not charged for it."""
    door = Door()
    for number in range(30):
        door.now += 2
        for _ in range(FREE_FAILURES - 1):
            assert door.attempt(address=f"10.1.{number}.1") == 0
        assert door.begin() == 0
        door.passed()


def test_many_who_log_in_rightly_at_once_are_not_counted() -> None:
    """Twenty people behind one address, and twenty tabs of one account, all get in."""
    door = Door()
    assert [door.begin("ana" if n % 2 else f"n{n}") for n in range(20)] == [0.0] * 20


def test_one_account_leaves_others_their_place() -> None:
    """Whoever logs in rightly without end, from one address, takes twenty at once and then one a second of the nine; behind the same address others get in."""
    door = Door()
    let_in = 0
    for _ in range(6_000):
        door.now += 0.01
        let_in += door.begin("ana") == 0
    assert BURST <= let_in <= BURST + 60
    assert door.begin("budi") == 0
    assert door.begin("ana", "10.0.0.2") == 0
    door.now += door.begin("ana")
    assert door.begin("ana") == 0


def test_one_account_leaves_others_their_place_over_all_workers() -> None:
    """Nine workers let in of one account what one would: each by itself, they would let it take the whole pace."""
    table = make_table(64)
    try:
        doors = [Door(SharedWindows(table)) for _ in range(9)]
        let_in = 0
        for number in range(6_000):
            door = doors[number % len(doors)]
            door.now = 1_000.0 + number / 100
            let_in += door.begin("ana") == 0
        assert BURST <= let_in <= BURST + 60
        assert doors[0].begin("budi") == 0
    finally:
        os.close(table)


def test_who_is_turned_away_pushes_out_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and addresses without end, nearly all refused by the pace, make nobody's failures forgotten."""
    monkeypatch.setattr("service.security.logins._MOST_COUNTED", 100)
    door = Door()
    for _ in range(FREE_FAILURES):
        door.attempt()
    for number in range(500):
        door.begin(f"n{number}", f"10.3.{number // 250}.{number % 250}")
    assert door.begin(address="10.9.9.9") == 1.0


def test_after_the_free_failures_one_attempt_gets_in_for_each_delay() -> None:
    """Of fifty that wait for its end, one is let in."""
    door = Door()
    for number in range(FREE_FAILURES):
        door.attempt(address=f"10.0.0.{number}")
    door.now += 1.0
    assert [door.begin(address=f"10.1.0.{n}") for n in range(50)].count(0.0) == 1


def test_an_address_is_turned_away_for_the_rest_of_its_window() -> None:
    """Twenty failures with whatever names; afterwards the window begins anew, and other addresses never wait."""
    door = Door()
    for number in range(MOST_OF_AN_ADDRESS):
        door.now += 1
        assert door.attempt(f"name{number}") == 0
    wait = door.attempt("another")
    assert wait == pytest.approx(WINDOW_SECONDS - MOST_OF_AN_ADDRESS + 1)
    assert door.attempt("another", "10.0.0.2") == 0
    door.now += wait
    assert door.attempt("another") == 0


def pushed(doors: list[Door], seconds: int) -> int:
    """How many get in when a hundred a second, all of them strangers, knock at the doors in turn."""

    async def push() -> int:
        taken, now = 0, doors[0].now
        for number in range(100 * seconds):
            now += 0.01
            counts = doors[number % len(doors)].counts
            taken += await counts.begin(f"m{number}", f"10.1.{number % 250}.{number // 250}", now) == 0
        doors[0].now = now
        return taken

    return asyncio.run(push())


def test_all_logins_together_keep_a_pace() -> None:
    """A burst is taken, then at most nine a second, whoever they are, and after Retry-After there is a place."""
    door = Door()
    waits = [door.begin(f"n{n}", f"10.0.{n}.1") for n in range(100)]
    assert waits.count(0.0) == BURST
    assert 0.85 * 20 * PACE <= pushed([door], 20) <= 20 * PACE
    door.now += max(door.begin("ana", "10.0.0.1"), 0.0)
    assert door.begin("ana", "10.0.0.1") == 0


def test_workers_of_a_machine_keep_one_pace() -> None:
    """Two processes over one table let in together what one would: a guesser gains nothing by several workers."""
    table = make_table(64)
    try:
        doors = [Door(SharedWindows(table)) for _ in range(2)]
        assert [doors[n % 2].begin(f"n{n}", f"10.0.{n}.1") for n in range(100)].count(0.0) == BURST
        assert 0.85 * 20 * PACE <= pushed(doors, 20) <= 20 * PACE
    finally:
        os.close(table)


def test_processes_learn_of_each_others_failures() -> None:
    """Guesses spread over three processes are slowed down like guesses at one, but for one attempt of each that has not heard yet."""
    shared = SlidingWindows()
    doors = [Door(shared) for _ in range(3)]
    let_in = sum(doors[n % 3].attempt(address=f"10.0.0.{n}") == 0 for n in range(60))
    assert FREE_FAILURES <= let_in <= FREE_FAILURES + 2
    many = [Door(shared) for _ in range(3)]
    let_in = sum(many[n % 3].attempt(f"name{n}", "10.9.9.9") == 0 for n in range(60))
    assert MOST_OF_AN_ADDRESS <= let_in <= MOST_OF_AN_ADDRESS + 2


def test_a_right_password_forgets_the_failures_for_all_processes() -> None:
    """After it, one wrong password counts as the first one again, in the process that saw it and in one that begins."""
    shared = SlidingWindows()
    door = Door(shared)
    for _ in range(FREE_FAILURES - 1):
        door.fail()
    door.passed()
    fresh = Door(shared)
    assert [fresh.attempt() for _ in range(FREE_FAILURES)] == [0.0] * FREE_FAILURES
    assert fresh.begin() > 0


def test_what_is_counted_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names without end take no memory without end."""
    monkeypatch.setattr("service.security.logins._MOST_COUNTED", 10)
    door = Door()
    for number in range(200):
        door.now += 1
        door.attempt(f"n{number}", f"10.0.0.{number}")
    assert len(door.counts._names) == len(door.counts._addresses) == 10


def log_in(house: Any, name: str, password: str, **headers: str) -> Any:
    return house.send("POST", "/v1/auth/token", json={"username": name, "password": password}, headers=headers)


@pytest.mark.parametrize("name", ["a-judge", "nobody-at-all"])
def test_a_guesser_is_told_to_wait_whether_the_name_exists_or_not(house: Any, name: str) -> None:
    """After five failures it is 429 with Retry-After, alike for both; a forged X-Forwarded-For changes nothing."""
    seen = [log_in(house, name, "wrong", **{"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(7)]
    assert [answer.status_code for answer in seen] == [401] * 5 + [429] * 2
    assert seen[-1].json()["code"] == "rate_limited"
    assert int(seen[-1].headers["retry-after"]) >= 1
    assert {answer.json()["detail"] for answer in seen[:5]} == {"Name or password is wrong"}


def test_the_right_password_works_after_the_delay(house: Any) -> None:
    """A name that somebody else hammered still logs in."""
    for _ in range(7):
        log_in(house, "a-judge", "wrong")
    house.wall_clock.now += 2
    assert log_in(house, "a-judge", house.password).status_code == 200


def test_existing_and_missing_names_cost_the_same_work(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One read of the store and one hash, with equal parameters, for a wrong password, a missing and a disabled name."""
    services = house.app.state.services
    work: list[str] = []
    verify, read = services.passwords._verify, services.store.read

    def counted(password_hash: str, password: str) -> bool:
        work.append(f"hash {password_hash.rpartition('$')[0].rpartition('$')[0]}")
        found: bool = verify(password_hash, password)
        return found

    async def looked(job: Any) -> Any:
        work.append("read")
        return await read(job)

    monkeypatch.setattr(services.passwords, "_verify", counted)
    object.__setattr__(services, "store", type("Counting", (), {"read": staticmethod(looked)})())
    done = []
    for name in ("a-judge", "nobody", "' OR 1=1--"):
        work.clear()
        answer = log_in(house, name, "wrong")
        done.append((answer.status_code, answer.json()["detail"], len(answer.content), tuple(work)))
    assert len(set(done)) == 1
    assert done[0][3] == ("read", "hash $argon2id$v=19$m=19456,t=2,p=1")
