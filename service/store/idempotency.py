"""Idempotency keys: who is answering a request that may be sent again, and the answer it got.

A row is a claim until it holds a body. A claim is leased: the process that answers renews it, and when that process is killed the lease
runs out and the next request with the key answers. `holder` fences the old one off: only the holder can put the body, and it does so in
the transaction that keeps the messages. The row goes with its message, so that what a person deletes cannot be replayed.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.errors import KeyBusy, KeyMismatch
from service.store.work import Work, found, one, run

KEPT_SECONDS = 86_400.0
"""How long a key is remembered, from its first request."""
LEASE_SECONDS = 10.0
"""How long a claim holds without being renewed."""
_AHEAD_SECONDS = LEASE_SECONDS + 60.0
"""No lease ends later than this but by a clock that was set back since: whoever waited for it would wait for hours. Clocks of machines differ by less."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One request's claim to its key: `holder` is the id that this request's answer will have."""

    account_id: str
    key: str
    fingerprint: str
    holder: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer that an earlier request with the key got, as JSON text."""

    body: str


_CLAIM = (
    "INSERT INTO idempotency (account_id, key, fingerprint, holder, leased_until, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
    " ON CONFLICT (account_id, key) DO UPDATE SET holder = excluded.holder, leased_until = excluded.leased_until"
    " WHERE idempotency.body IS NULL AND idempotency.leased_until NOT BETWEEN $6 AND $7"
    " AND idempotency.fingerprint = excluded.fingerprint"
    " RETURNING holder"
)


def take(claim: Claim, now: float) -> Work[Stored | None]:
    """Claim a key; gives the answer that it got already, or None when the claim is this request's.

    Raises:
        KeyMismatch: the key belongs to another request.
        KeyBusy: somebody is answering; `look` tells when they have.
    """
    yield from run("DELETE FROM idempotency WHERE created_at < $1", now - KEPT_SECONDS)
    values = (
        claim.account_id,
        claim.key,
        claim.fingerprint,
        claim.holder,
        now + LEASE_SECONDS,
        now,
        now + _AHEAD_SECONDS,
    )
    if (yield from found(_CLAIM, *values)):
        return None
    stored = yield from look(claim, now)
    if stored is None:
        raise KeyBusy("The key is being claimed by several requests at once. Send it again in a moment.")
    return stored


def look(claim: Claim, now: float) -> Work[Stored | None]:
    """What became of a key that somebody else claimed: its answer, or None when it is free to be claimed.

    Raises:
        KeyMismatch: the key belongs to another request.
        KeyBusy: somebody is still answering.
    """
    row = yield from one(
        "SELECT fingerprint, body, leased_until FROM idempotency WHERE account_id = $1 AND key = $2",
        claim.account_id,
        claim.key,
    )
    if row is None:
        return None
    fingerprint, body, leased_until = row
    if fingerprint != claim.fingerprint:
        raise KeyMismatch("This Idempotency-Key was used for another request. Make a new key for each new request.")
    if body is not None:
        return Stored(body)
    if not now <= leased_until <= now + _AHEAD_SECONDS:
        return None
    raise KeyBusy("A request with this Idempotency-Key is still being answered. Send it again in a moment.")


def renew(claim: Claim, now: float) -> Work[None]:
    """Hold a claim for another lease."""
    yield from run(
        "UPDATE idempotency SET leased_until = $1 WHERE account_id = $2 AND key = $3 AND holder = $4 AND body IS NULL",
        now + LEASE_SECONDS,
        claim.account_id,
        claim.key,
        claim.holder,
    )


def fulfil(claim: Claim, message_id: str, body: str) -> Work[None]:
    """Put the answer under its key; belongs into the transaction that keeps the message.

    Raises:
        KeyBusy: the lease ran out and somebody else answers: nothing of this answer may be kept.
    """
    mine = yield from found(
        "UPDATE idempotency SET body = $1, message_id = $2"
        " WHERE account_id = $3 AND key = $4 AND holder = $5 AND body IS NULL RETURNING key",
        body,
        message_id,
        claim.account_id,
        claim.key,
        claim.holder,
    )
    if not mine:
        raise KeyBusy("Another request with this Idempotency-Key took over. Send it again for its answer.")


def release(claim: Claim) -> Work[None]:
    """Give a key back that got no answer, so that the next request with it is answered at once."""
    yield from run(
        "DELETE FROM idempotency WHERE account_id = $1 AND key = $2 AND holder = $3 AND body IS NULL",
        claim.account_id,
        claim.key,
        claim.holder,
    )
