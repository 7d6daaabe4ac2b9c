"""Answers, keys, feedback, retries, audit and usage on either database: each function once, and what sets the databases apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from service.errors import KeyBusy, KeyMismatch
from service.store.access import Standing, standing
from service.store.accounts import disable_account, enable_account, set_role
from service.store.answers import answers_behind, find_answer, insert_answer, passages_by
from service.store.audit import AuditEvent, audit_since, events_of, write_events
from service.store.feedback import Feedback, feedback_on, feedback_to, put_feedback
from service.store.idempotency import LEASE_SECONDS, Claim, Stored, fulfil, look, release, renew, take
from service.store.keys import ApiKey, count_live_keys, find_key, insert_key, key_holder, keys_of, revoke_key
from service.store.revocations import revoke
from service.store.store import Store
from service.store.sums import settle, unsettled
from service.store.usage import all_talk, all_usage, own_talk, own_usage
from service.store.work import Work, one, run
from tests.service.store.conftest import Place
from tests.service.store.stories import ANSWER, conversation, turn

HOUR = 3600.0
CLAIM = Claim("id-ana", "k", "f", "a-c0")


@pytest.fixture
def talked(peopled: Place) -> Place:
    """Ana asked twice in one conversation, in two hours; budi once."""
    peopled.write(
        lambda: conversation("id-ana", "c0", 10.0, ("p-one", "p-two")),
        lambda: turn("id-ana", "c0", "later", HOUR + 10, ("p-two",)),
        lambda: conversation("id-budi", "c1", HOUR + 20),
    )
    return peopled


@pytest.mark.parametrize("as_told", [str.encode, str], ids=["UTF-8", "text"])
def test_a_record_is_text_however_it_was_told(peopled: Place, as_told: Callable[[str], str | bytes]) -> None:
    """A record that comes as UTF-8 is kept as the text that it says, and is found by what is text."""
    record = '{"steps":["“Pasal 1 – 2” → é 😀"]}'
    saved = replace(ANSWER, message_id="a-c0", account_id="id-ana", conversation_id="c0", record=as_told(record))

    def told() -> Work[None]:
        yield from run("DELETE FROM answers WHERE message_id = 'a-c0'")
        yield from insert_answer(saved, {})

    peopled.write(lambda: conversation("id-ana", "c0", 10.0), told)
    found = peopled.read(lambda: find_answer("a-c0"))
    assert found is not None
    assert found.record == record
    assert peopled.read(lambda: one("SELECT count(*) FROM answers WHERE record LIKE '%“Pasal 1 – 2” → é%'")) == (1,)


def test_answers_and_their_passages_are_found(talked: Place) -> None:
    """An answer comes back whole, those of a conversation in order, and each passage once."""
    found = talked.read(lambda: find_answer("a-c0"))
    assert found is not None
    assert (found.account_id, found.confidence, found.cost_usd, found.hour) == ("id-ana", 0.5, 0.25, 0)
    assert talked.read(lambda: find_answer("nothing")) is None
    assert [one.message_id for _, one in talked.read(lambda: answers_behind("c0", 0, 10))] == ["a-c0", "a-later"]
    ((place, first),) = talked.read(lambda: answers_behind("c0", 0, 1))
    assert first.message_id == "a-c0"
    assert [one.message_id for _, one in talked.read(lambda: answers_behind("c0", place, 10))] == ["a-later"]
    assert set(talked.read(lambda: passages_by(["p-two", "p-one", "p-two", "p-none"]))) == {"p-one", "p-two"}


def test_feedback_is_replaced(talked: Place) -> None:
    """The last word of a reader counts."""
    talked.write(
        lambda: put_feedback(Feedback("a-later", 2, "lama", 5.0)), lambda: put_feedback(Feedback("a-later", 4, "", 6.0))
    )
    assert talked.read(lambda: feedback_to("a-later")) == Feedback("a-later", 4, "", 6.0)
    assert set(talked.read(lambda: feedback_on("c0"))) == {"a-c0", "a-later"}
    assert talked.read(lambda: feedback_to("a-none")) is None


def test_usage_is_the_same_before_and_after_it_is_summed_up(talked: Place) -> None:
    """Hours and days are counted out of the answers, then out of the sums, with the same numbers."""
    live = talked.read(lambda: all_usage(0, 3)), talked.read(lambda: all_talk(0, 1))
    assert [(one.hour, one.requests, one.input_tokens, one.seconds) for one in live[0]] == [
        (0, 1, 10, 2.0),
        (1, 2, 20, 4.0),
    ]
    assert [one.requests for one in talked.read(lambda: own_usage("id-ana", 0, 3))] == [1, 1]
    assert [(one.conversations, one.users) for one in talked.read(lambda: own_talk("id-ana", 0, 1))] == [(1, 1)]
    later = 30 * HOUR
    assert talked.read(lambda: unsettled(later))
    talked.write(lambda: settle(later), lambda: settle(later))
    assert not talked.read(lambda: unsettled(later))
    assert (talked.read(lambda: all_usage(0, 3)), talked.read(lambda: all_talk(0, 1))) == live


def test_keys_are_listed_counted_found_and_revoked(peopled: Place) -> None:
    """A key leads to its account as it is now; a revoked or expired one does not count."""
    key = ApiKey("k1", "id-ana", "skrip", "cs_…x", ("read",), None, 1.0, 50.0, None)
    peopled.write(
        lambda: insert_key(key, "digest-1", by="id-ana"),
        lambda: insert_key(replace(key, id="k2", expires_at=None), "digest-2", by="id-ana"),
        lambda: set_role("ana", "lawyer", 2.0),
    )
    holder = peopled.read(lambda: key_holder("digest-1"))
    assert holder is not None
    assert (holder.account_id, holder.role, bool(holder.disabled)) == ("id-ana", "lawyer", False)
    assert peopled.read(lambda: key_holder("digest-none")) is None
    assert peopled.read(lambda: count_live_keys("id-ana", 10.0)) == 2
    assert peopled.read(lambda: count_live_keys("id-ana", 60.0)) == 1
    peopled.write(lambda: revoke_key("k2", 20.0, by="id-ana"))
    revoked = peopled.read(lambda: find_key("k2"))
    assert revoked is not None
    assert revoked.revoked_at == 20.0
    assert {one.id for one in peopled.read(lambda: keys_of("id-ana"))} >= {"k1"}


def test_how_an_account_stands_is_one_question(peopled: Place) -> None:
    """Role, lock and revocation of a token come together."""
    peopled.write(lambda: revoke("j", 99.0, 1.0), lambda: disable_account("budi", 5.0))
    assert peopled.read(lambda: standing("id-ana", "j")) == Standing(
        "judge", disabled=False, valid_after=0.0, revoked=True
    )
    budi = peopled.read(lambda: standing("id-budi", "other"))
    assert budi == Standing("judge", disabled=True, valid_after=5.0, revoked=False)
    peopled.write(lambda: enable_account("budi", 6.0))
    assert peopled.read(lambda: standing("nobody", "j")) is None


def test_the_trail_is_read_by_moment_and_conversation(peopled: Place) -> None:
    """Events come back in their order, the newest of them when there are too many."""
    events = [AuditEvent(float(n), "read", f"s{n}", "id-ana", "r", "c0" if n % 2 else "") for n in range(10, 16)]
    peopled.write(lambda: write_events(events))
    assert list(peopled.read(lambda: audit_since(10.0, 4))) == events[2:]
    assert list(peopled.read(lambda: events_of("c0"))) == events[1::2]


def test_a_retry_gets_what_the_first_got(talked: Place) -> None:
    """A key is claimed once, kept by renewing, given up, taken over when its lease is out, and then answers every retry."""
    second = replace(CLAIM, holder="somebody else")
    assert talked.write(lambda: take(CLAIM, 0.0)) == [None]
    with pytest.raises(KeyBusy):
        talked.write(lambda: take(second, 1.0))
    talked.write(lambda: renew(CLAIM, 5.0))
    with pytest.raises(KeyBusy):
        talked.read(lambda: look(second, LEASE_SECONDS + 1))
    talked.write(lambda: release(CLAIM))
    assert talked.read(lambda: look(second, 6.0)) is None
    assert talked.write(lambda: take(second, 7.0), lambda: take(CLAIM, 8.0 + LEASE_SECONDS)) == [None, None]
    talked.write(lambda: fulfil(CLAIM, "a-c0", '{"answer": 1}'))
    assert talked.write(lambda: take(second, 20.0)) == [Stored('{"answer": 1}')]
    with pytest.raises(KeyMismatch):
        talked.write(lambda: take(replace(second, fingerprint="other"), 21.0))


def test_of_many_claims_at_once_one_wins(peopled: Place) -> None:
    """Requests with the same key that arrive together are answered by one of them."""

    async def story(store: Store) -> list[object]:
        claims = [replace(CLAIM, holder=f"h{n}") for n in range(8)]
        return await asyncio.gather(
            *(store.write(lambda claim=claim: take(claim, 1.0)) for claim in claims), return_exceptions=True
        )

    outcomes = peopled.tell(story)
    assert sum(outcome is None for outcome in outcomes) == 1
    assert sum(isinstance(outcome, KeyBusy) for outcome in outcomes) == 7
