"""The life of an idempotency key, on either database."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from service.errors import KeyBusy, KeyMismatch
from service.store.conversations import delete_conversation
from service.store.idempotency import KEPT_SECONDS, LEASE_SECONDS, Claim, Stored, fulfil, look, release, renew, take
from service.store.store import Store
from service.store.work import Job, Work
from tests.service.store.conftest import Place
from tests.service.store.stories import conversation

MINE = Claim("id-ana", "key", "print", "a-one")
OTHER = replace(MINE, holder="a-two")


def answer(claim: Claim, body: str) -> Work[None]:
    """Keep a conversation with the answer of a key, as a turn does."""
    yield from conversation("id-ana", "one", 5.0)
    yield from fulfil(claim, "a-one", body)


def test_a_key_is_claimed_answered_and_replayed(peopled: Place) -> None:
    """The first claims, others wait, the answer is given to all, another fingerprint is refused, another account is free."""
    assert peopled.write(lambda: take(MINE, 10.0)) == [None]
    with pytest.raises(KeyBusy):
        peopled.write(lambda: take(OTHER, 11.0))
    with pytest.raises(KeyBusy):
        peopled.read(lambda: look(OTHER, 11.0))
    peopled.write(lambda: answer(MINE, "{}"))
    assert peopled.write(lambda: take(OTHER, 12.0)) == [Stored("{}")]
    assert peopled.read(lambda: look(OTHER, 12.0)) == Stored("{}")
    with pytest.raises(KeyMismatch):
        peopled.write(lambda: take(replace(OTHER, fingerprint="another"), 12.0))
    assert peopled.write(lambda: take(replace(OTHER, account_id="id-budi"), 12.0)) == [None]


def test_a_claim_that_ran_out_is_taken_over_and_fenced_off(peopled: Place) -> None:
    """After the lease another one claims; the old holder keeps nothing, not even its messages, and cannot release it."""
    peopled.write(lambda: take(MINE, 10.0))
    peopled.write(lambda: renew(MINE, 15.0))
    with pytest.raises(KeyBusy):
        peopled.write(lambda: take(OTHER, 15.0 + LEASE_SECONDS))
    late = 15.1 + LEASE_SECONDS
    assert peopled.read(lambda: look(OTHER, late)) is None
    assert peopled.write(lambda: take(OTHER, late)) == [None]
    with pytest.raises(KeyBusy):
        peopled.write(lambda: answer(MINE, "{}"))
    assert peopled.look("SELECT count(*) FROM messages") == [(0,)]
    peopled.write(lambda: release(MINE))
    assert peopled.look("SELECT holder FROM idempotency") == [("a-two",)]


def test_a_claim_of_a_clock_that_was_ahead_is_free(peopled: Place) -> None:
    """A process claimed, was killed, and the clock was set back: nobody waits until it is there again. A minute's difference of machines is borne."""
    peopled.write(lambda: take(MINE, 10_000.0))
    with pytest.raises(KeyBusy):
        peopled.write(lambda: take(OTHER, 9_945.0))
    assert peopled.read(lambda: look(OTHER, 6_400.0)) is None
    assert peopled.write(lambda: take(OTHER, 6_400.0)) == [None]
    with pytest.raises(KeyBusy):
        peopled.write(lambda: answer(MINE, "{}"))


def test_a_released_key_is_free_and_an_answered_one_stays(peopled: Place) -> None:
    """Releasing gives back a claim; an answer outlives it, and goes with its conversation or after a day."""
    peopled.write(lambda: take(MINE, 10.0), lambda: release(MINE))
    assert peopled.read(lambda: look(OTHER, 10.0)) is None
    peopled.write(lambda: take(MINE, 10.0), lambda: answer(MINE, "{}"), lambda: release(MINE))
    assert peopled.read(lambda: look(OTHER, 10.0)) == Stored("{}")
    assert peopled.write(lambda: take(replace(OTHER, key="next"), 10.0 + KEPT_SECONDS + 1)) == [None]
    assert peopled.look("SELECT key FROM idempotency") == [("next",)]
    peopled.write(lambda: delete_conversation("id-ana", "one"))


def test_one_of_many_claims_at_once(peopled: Place) -> None:
    """Eight that claim at the same moment: one holds the key, the others are told that it is busy."""

    async def story(store: Store) -> list[object]:
        claims = [replace(MINE, holder=f"h{number}") for number in range(8)]
        return await asyncio.gather(*(store.write(_begun(claim)) for claim in claims), return_exceptions=True)

    found = peopled.tell(story)
    assert found.count(None) == 1
    assert sum(isinstance(one, KeyBusy) for one in found) == 7


def _begun(claim: Claim) -> Job[Stored | None]:
    return lambda: take(claim, 10.0)
