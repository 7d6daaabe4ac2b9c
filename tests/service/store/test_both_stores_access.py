"""Keys, standing, roles and the audit trail are the same on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from service.store.access import standing
from service.store.accounts import (
    LookalikeError,
    all_accounts,
    disable_account,
    enable_account,
    has_accounts,
    insert_accounts,
    set_role,
)
from service.store.audit import AuditEvent, audit_since, write_events
from service.store.keys import (
    ApiKey,
    count_live_keys,
    find_key,
    insert_key,
    insert_key_among,
    key_holder,
    keys_of,
    revoke_key,
)
from service.store.revocations import revoke
from service.store.store import Store
from service.store.work import Work, run
from tests.service.store.conftest import person

OLD_ACCOUNT = (
    "INSERT INTO accounts (id, username, role, password_hash, created_at) VALUES ('old', $1, 'judge', 'h', 1.0)"
)


def key(number: int, ends: float | None = None) -> ApiKey:
    return ApiKey(f"k{number}", "id-ana", "skrip", "abcd…wxyz", ("read", "write"), None, float(number), ends, None)


def test_of_names_that_differ_by_capitals_one_is_made(place: Any) -> None:
    """Also when they are made at the same moment; those of a database from before stay, and others are still made beside them."""
    names = ("ana", "Ana", "ANA", "aNa", "anA")

    async def story(store: Store) -> list[object]:
        made = (store.write(lambda name=name: insert_accounts([person(name)])) for name in names)  # type: ignore[misc]
        return await asyncio.gather(*made, return_exceptions=True)

    outcomes = place.tell(story)
    assert sum(outcome is None for outcome in outcomes) == 1
    assert sum(isinstance(outcome, LookalikeError) for outcome in outcomes) == 4
    (kept,) = place.read(all_accounts)
    other = kept.username.swapcase()
    place.write(lambda: run(OLD_ACCOUNT, other))
    place.write(lambda: insert_accounts([person("budi")]))
    assert {account.username for account in place.read(all_accounts)} == {kept.username, other, "budi"}


def test_a_key_is_found_by_its_digest_and_revoked_once(peopled: Any) -> None:
    """Newest first, with its account's role of now; a second revocation keeps the first moment and leaves no second line."""

    async def story(store: Store) -> None:
        for number, ends in ((1, None), (2, 5.0)):
            made = key(number, ends)
            await store.write(lambda made=made: insert_key(made, f"digest{made.id}", by="id-ana"))
        holder = await store.read(lambda: key_holder("digestk1"))
        assert holder is not None
        assert (holder.key_id, holder.role, bool(holder.disabled), holder.revoked_at) == ("k1", "judge", False, None)
        assert await store.read(lambda: key_holder("' OR 1=1--")) is None
        assert [one.id for one in await store.read(lambda: keys_of("id-ana"))] == ["k2", "k1"]
        assert await store.read(lambda: count_live_keys("id-ana", 6.0)) == 1
        for moment in (7.0, 8.0):
            await store.write(lambda moment=moment: revoke_key("k1", moment, by="id-ana"))
        found = await store.read(lambda: find_key("k1"))
        assert found is not None
        assert (found.revoked_at, found.scopes) == (7.0, ("read", "write"))
        lines = await store.read(lambda: audit_since(1.0, 100))
        assert [event.action for event in lines if event.action.startswith("key")] == ["key_made"] * 2 + ["key_revoked"]

    peopled.tell(story)


def test_an_account_stands_as_it_is_now(peopled: Any) -> None:
    """Role, suspension and revocation show in the one query that every request makes."""

    async def story(store: Store) -> None:
        assert await store.read(has_accounts)
        await store.write(lambda: set_role("ana", "public", 2.0, by="x"))
        await store.write(lambda: disable_account("ana", 3.0, by="x"))
        await store.write(lambda: revoke("j1", 99.0, 4.0))
        one = await store.read(lambda: standing("id-ana", "j1"))
        assert one is not None
        assert (one.role, one.disabled, one.valid_after, one.revoked) == ("public", True, 3.0, True)
        assert await store.write(lambda: enable_account("ana", 5.0, by="x"))
        other = await store.read(lambda: standing("id-ana", "j2"))
        assert other is not None
        assert (other.disabled, other.revoked) == (False, False)
        assert await store.read(lambda: standing("nobody", "j1")) is None

    peopled.tell(story)


def test_sums_are_kept_in_the_trail(peopled: Any) -> None:
    """What came many times is one line that says how often."""

    async def story(store: Store) -> None:
        event = AuditEvent(60.0, "credential_refused", "more in this minute", times=100_000)
        await store.write(lambda: write_events([event]))
        assert list(await store.read(lambda: audit_since(60.0, 10))) == [event]

    peopled.tell(story)


def test_keys_that_are_made_at_once_are_counted_one_after_the_other(peopled: Any) -> None:
    """Of twelve at the same time as many are made as the account may have, whichever they are."""

    async def story(store: Store) -> list[bool]:
        wanted = [key(number, None) for number in range(1, 13)]
        return await asyncio.gather(
            *(store.write(lambda one=one: insert_key_among(one, f"digest{one.id}", 5, by="id-ana")) for one in wanted)
        )

    assert sum(peopled.tell(story)) == 5
    assert peopled.look("SELECT count(*) FROM api_keys") == [(5,)]


def test_no_number_of_revoked_keys_hides_one_that_opens_something(peopled: Any) -> None:
    """The list ends at 500, and what its owner may have to revoke stands in it, in its place."""

    def many() -> Work[None]:
        yield from insert_key(key(1), "digest of the old one", by="id-ana")
        for number in range(2, 503):
            made = replace(key(number), revoked_at=600.0)
            yield from insert_key(made, f"digest{made.id}", by="id-ana")

    async def story(store: Store) -> list[str]:
        await store.write(many)
        return [one.id for one in await store.read(lambda: keys_of("id-ana"))]

    assert peopled.tell(story) == [f"k{number}" for number in range(502, 3, -1)] + ["k1"]
