"""Counts a request as it becomes known: by its address first, by who asks once that is known, by its conversation last."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.errors import QuotaExceeded
from service.quotas.limits import Decision, Demand, Kind, Limit, QuotaStore
from service.quotas.rules import QuotaRules

if TYPE_CHECKING:
    from service.security.access import Caller
    from service.telemetry.record import RequestRecord

Counted = Callable[[str, str, str], None]
"""Told each decision: role, kind of the limit, `taken` or `refused`."""
_WHOSE: dict[Kind, str] = {
    "address": "this address",
    "user": "this account",
    "key": "this key",
    "session": "this conversation",
}


@dataclass(frozen=True, slots=True)
class _Caught:
    """Limits of a kind with their part of `RateLimit-Policy`, made once."""

    kind: Kind
    limits: tuple[Limit, ...]
    policy: str


class Turnstile:
    """Takes a request's places, leaves the headers in its record, and refuses it when there is none."""

    def __init__(self, rules: QuotaRules, store: QuotaStore, wall_clock: Callable[[], float], counted: Counted) -> None:
        self._rules = rules
        self._store = store
        self._wall_clock = wall_clock
        self._counted = counted
        self._made: dict[tuple[Kind, str, str | None], _Caught] = {}

    def count_address(self, record: RequestRecord, address: str, quota: str | None) -> Awaitable[None]:
        """Count a request of nobody known yet. `quota` names the one of a network that the installation measures from.

        Raises:
            QuotaExceeded: too many came from there.
        """
        record.quota = quota
        return self._take(record, ((address, self._caught("address", record.role, quota)),))

    def count_caller(self, record: RequestRecord, caller: Caller) -> Awaitable[None]:
        """Count a request of a known account, and of the key that it shows.

        Raises:
            QuotaExceeded: the account or the key has asked too often.
        """
        credential = caller.credential
        quota = credential.quota or record.quota
        role = caller.role.name
        wanted: list[tuple[str, _Caught]] = []
        # A key with a quota of its own does not use up its owner's.
        if credential.kind != "key" or credential.quota not in self._rules.named:
            wanted.append((caller.account_id, self._caught("user", role, quota)))
        if credential.kind == "key":
            wanted.append((credential.id, self._caught("key", role, quota)))
        return self._take(record, wanted)

    async def count_session(self, record: RequestRecord, caller: Caller, conversation_id: str | None) -> None:
        """Count a question in a conversation that there is; the first one of a new conversation makes it and has all its places.

        Raises:
            QuotaExceeded: too many were asked in it.
        """
        if conversation_id is None:
            return
        caught = self._caught("session", caller.role.name, caller.credential.quota or record.quota)
        await self._take(record, ((f"{caller.account_id}/{conversation_id}", caught),))

    async def _take(self, record: RequestRecord, wanted: Sequence[tuple[str, _Caught]]) -> None:
        """Take the places of kinds of limits, each with its subject."""
        demands = [Demand(limit, subject) for subject, caught in wanted for limit in caught.limits]
        if not demands:
            return
        decision = await self._store.take(demands, self._wall_clock())
        for _, caught in wanted:
            if caught.policy:
                policy = record.rate_policy
                record.rate_policy = f"{policy}, {caught.policy}" if policy else caught.policy
        if not decision.allowed:
            record.rate = decision
            self._counted(record.role, decision.limit.kind, "refused")
            raise _refused(decision)
        if record.rate is None or decision.remaining < record.rate.remaining:
            record.rate = decision
        for _, caught in wanted:
            self._counted(record.role, caught.kind, "taken")

    def _caught(self, kind: Kind, role: str, quota: str | None) -> _Caught:
        # A name that the deployment does not know is a key's; folded, so that nobody's keys make this grow.
        known = quota if quota in self._rules.named else None
        key = (kind, role, known)
        made = self._made.get(key)
        if made is None:
            limits = self._rules.limits(kind, role, known)
            made = self._made[key] = _Caught(kind, limits, ", ".join(limit.policy for limit in limits))
        return made


def _refused(decision: Decision) -> QuotaExceeded:
    limit = decision.limit
    return QuotaExceeded(
        f"At most {limit.requests} requests in {limit.seconds:.0f} seconds are allowed for {_WHOSE[limit.kind]}. "
        f"Try again in {max(1, math.ceil(decision.retry_after_seconds))} seconds.",
        retry_after_seconds=decision.retry_after_seconds,
    )
