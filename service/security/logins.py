"""How often somebody may try a password: a delay that grows for an account, a bound for an address, a pace for all and for each.

An account is never locked: whoever locks after failures lets anybody lock anybody out. Names count whether they exist or not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from service.quotas.limits import Demand, Limit, QuotaStore
from service.quotas.windows import SlidingWindows

WINDOW_SECONDS = 900.0
FREE_FAILURES = 5
MOST_OF_AN_ADDRESS = 20
LONGEST_DELAY_SECONDS = 60.0
PACE = 9.0
"""Logins a second in all: 9 x 20 ms of argon2id are a tenth of two cores."""
BURST = 20
_OF_ALL = Demand(Limit("address", "login-pace", BURST, BURST / PACE), "everybody")
_OF_ONE = Limit("user", "login-one", BURST, 20.0)
"""A name from an address, with whatever password: twenty tabs at once, one a second in the long run.

Whoever has an account could take the whole pace otherwise, and keep everybody else out.
"""
_OF_A_NAME = Limit("user", "login-name", 100, WINDOW_SECONDS)
_OF_AN_ADDRESS = Limit("address", "login-address", 100, WINDOW_SECONDS)
"""More than is ever let in: these only count."""
_MOST_COUNTED = 20_000
"""Names and addresses in memory. Counted is only who was let in: at the pace above 8,120 in one window, so that none pushes out another."""


class LoginLimits(Protocol):
    """Counts failures. Those who log in rightly are not, however many people do it at once behind one address."""

    async def begin(self, name: str, address: str, now: float) -> float:
        """Seconds that this attempt has to wait; 0 lets it in."""

    async def failed(self, name: str, address: str, now: float) -> None:
        """The attempt was wrong."""

    async def passed(self, name: str) -> None:
        """The attempt was right: the account's failures are forgotten."""


@dataclass(slots=True)
class _Count:
    times: int
    since: float
    last: float


class LoginCounts:
    """The limits of one process, which learns with each failure how many the others saw.

    A right password forgets an account's failures for all, where this process saw one; another that counted some itself keeps those until its
    window ends. A process that has not heard yet lets one more attempt in: N processes, N - 1 more guesses in a window. The pace, and what one
    name takes of it from one address, are one for all who share the counts: were they of each process, N of them would let a guesser be N times
    as quick, and an account of one's own would take the whole pace of nine. The slots for hashing are of each process.
    """

    def __init__(self, shared: QuotaStore | None = None) -> None:
        self._shared = shared
        self._pace = shared or SlidingWindows()
        self._names: dict[bytes, _Count] = {}
        self._addresses: dict[bytes, _Count] = {}

    async def begin(self, name: str, address: str, now: float) -> float:
        """See `LoginLimits.begin`."""
        # Only looked at: were a place made for who is turned away, names without end would push out those that failed.
        of_name, of_address = (
            _standing(self._names, _digest(name), now),
            _standing(self._addresses, _digest(address), now),
        )
        if of_address is not None and of_address.times >= MOST_OF_AN_ADDRESS:
            return max(1.0, of_address.since + WINDOW_SECONDS - now)
        if of_name is not None and (wait := of_name.last + _delay(of_name.times) - now) > 0:
            return wait
        one = Demand(_OF_ONE, _digest(f"{_digest(name).hex()} {address}").hex())
        pace = await self._pace.take([_OF_ALL, one], now)
        if not pace.allowed:
            return pace.retry_after_seconds
        if of_name is not None and of_name.times >= FREE_FAILURES:
            # From here on one attempt for each delay, not all that wait for its end.
            of_name.last = now
        return 0.0

    async def failed(self, name: str, address: str, now: float) -> None:
        """See `LoginLimits.failed`. What runs at once is bounded by the queue for hashing: twenty-two."""
        of_name, of_address = _made(self._names, _digest(name), now), _made(self._addresses, _digest(address), now)
        for count in (of_name, of_address):
            count.times += 1
            count.last = now
        if self._shared is not None:
            of_name.times = max(of_name.times, await _counted(self._shared, _OF_A_NAME, name, now))
            of_address.times = max(of_address.times, await _counted(self._shared, _OF_AN_ADDRESS, address, now))

    async def passed(self, name: str) -> None:
        """See `LoginLimits.passed`."""
        known = self._names.pop(_digest(name), None)
        # Most have never failed: they cost the others nothing.
        if self._shared is not None and known is not None and known.times:
            await self._shared.forget(Demand(_OF_A_NAME, _digest(name).hex()))


def _standing(counts: dict[bytes, _Count], place: bytes, now: float) -> _Count | None:
    """What was counted in the window that runs, None when nothing was."""
    count = counts.get(place)
    # Either way: a clock that was set back must not keep anybody out until it is there again.
    if count is None or abs(now - count.since) >= WINDOW_SECONDS:
        return None
    count.last = min(count.last, now)
    return count


def _made(counts: dict[bytes, _Count], place: bytes, now: float) -> _Count:
    """The same; a window that begins now when none runs."""
    count = _standing(counts, place, now)
    if count is None:
        counts.pop(place, None)
        if len(counts) >= _MOST_COUNTED:
            del counts[next(iter(counts))]
        count = counts[place] = _Count(0, now, now)
    return count


async def _counted(store: QuotaStore, limit: Limit, text: str, now: float) -> int:
    """Count a failure for all processes, and give how many there were in the window, this one included."""
    decision = await store.take([Demand(limit, _digest(text).hex())], now)
    return limit.requests - decision.remaining


def _delay(failures: int) -> float:
    """Seconds after the last attempt: none for the first failures, then 1, 2, 4, … up to a minute."""
    if failures < FREE_FAILURES:
        return 0.0
    return min(LONGEST_DELAY_SECONDS, 2.0 ** min(failures - FREE_FAILURES, 16))


def _digest(text: str) -> bytes:
    """Names are kept as hashes: what people type into the wrong field is sometimes their password."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
