"""What a limit is, what is asked of it, and what comes of that.

A window of `seconds` is cut into SLOTS slots of the clock; the running slot and the SLOTS before it are counted. So no window of that length, wherever
it begins, ever holds more than `requests` requests (a token bucket or GCRA lets nearly twice as many through), and a place comes free at most
`seconds / SLOTS` later than with a log of every request, which would cost memory by the request instead of by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

SLOTS = 12

Kind = Literal["address", "user", "key", "session"]
KINDS: tuple[Kind, ...] = ("address", "user", "key", "session")
"""Who is counted: the client's address, an account, an API key, a conversation."""
DECISIONS = ("taken", "refused")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `requests` in any `seconds`; `name` is unique in a deployment and shown to clients."""

    kind: Kind
    name: str
    requests: int
    seconds: float
    slot_seconds: float = field(init=False, compare=False)
    """Length of one slot: made once, for each request asks for it."""

    def __post_init__(self) -> None:
        """Derive what follows from the rest."""
        object.__setattr__(self, "slot_seconds", self.seconds / SLOTS)

    @property
    def policy(self) -> str:
        """The limit as an item of `RateLimit-Policy`."""
        return f'"{self.name}";q={self.requests};w={self.seconds:.0f}'


# Demands, counts and decisions are made several times for each request: a frozen dataclass takes three times as long to make as a tuple.
class Demand(NamedTuple):
    """One request of a subject (an id, an address) under a limit."""

    limit: Limit
    subject: str


class Decision(NamedTuple):
    """What came of some demands: the limit that is nearest to its end, and how near.

    `remaining` requests fit before `reset_seconds` have passed; after that the oldest that counts is forgotten. When not `allowed`, nothing was
    counted, and the same would be allowed in `retry_after_seconds` (0 when allowed).
    """

    allowed: bool
    limit: Limit
    remaining: int
    reset_seconds: float
    retry_after_seconds: float = 0.0


class Count(NamedTuple):
    """What stands under one limit before a request: how many, and in how many seconds the oldest slot is forgotten."""

    limit: Limit
    used: int
    reset_seconds: float


class QuotaStore(Protocol):
    """Counts, for one process or for many."""

    async def take(self, demands: Sequence[Demand], now: float) -> Decision:
        """Count one request under all of these limits, or, when one has no place, under none.

        Args:
            demands: at least one.
            now: seconds since the epoch; a store that several machines share asks its own clock instead.
        """

    async def forget(self, demand: Demand) -> None:
        """Count nothing of a subject under a limit any more; what cannot be forgotten now ends with its window."""


def decide(counts: Sequence[Count]) -> Decision:
    """The decision on one request, given what stood before it; it is counted by the caller when it is allowed."""
    nearest = counts[0]
    left = nearest.limit.requests - nearest.used
    for count in counts:
        if count.limit.requests - count.used < left:
            nearest, left = count, count.limit.requests - count.used
    if left > 0:
        return Decision(True, nearest.limit, left - 1, nearest.reset_seconds)  # noqa: FBT003 - the first member of the tuple
    full = [count for count in counts if count.used >= count.limit.requests]
    slowest = max(full, key=lambda count: count.reset_seconds)
    return Decision(
        allowed=False,
        limit=slowest.limit,
        remaining=0,
        reset_seconds=slowest.reset_seconds,
        retry_after_seconds=slowest.reset_seconds,
    )
