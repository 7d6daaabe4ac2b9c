"""What a store promises, on either database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from service.errors import NotFound, StorageUnavailable
from service.store.accounts import (
    account_by_id,
    account_by_name,
    all_accounts,
    disable_account,
    insert_accounts,
    set_password,
)
from service.store.conversations import (
    Conversation,
    Message,
    append_messages,
    delete_conversation,
    find_conversation,
    find_message,
    insert_conversation,
    list_conversations,
    list_messages,
    messages_behind,
    recall,
    rename_conversation,
)
from service.store.revocations import revoke
from service.store.spending import spent_by_others, write_spending
from service.store.store import Store
from service.store.switches import is_on, turn
from service.store.work import Row, TakenError, Work, one, rows, run
from tests.service.store.conftest import Place, person


def begin(owner: str, conversation_id: str, at: float = 1.0) -> Work[None]:
    return insert_conversation(owner, Conversation(conversation_id, "Judul", at, 0))


def said(name: str) -> tuple[Message, Message]:
    return Message(f"q{name}", "user", f"Q{name}", 1.0), Message(f"a{name}", "assistant", f"A{name}", 1.0, "[]")


def test_accounts_are_found_changed_and_listed(peopled: Place) -> None:
    """An account is found by name and id, a password or a lock voids its tokens, and who is missing is told."""
    assert peopled.read(lambda: account_by_name("ana")) == person("ana")
    assert peopled.read(lambda: account_by_id("id-budi")) == person("budi")
    assert peopled.read(lambda: account_by_id("nobody")) is None
    done = peopled.write(
        lambda: set_password("ana", "new", 5.0),
        lambda: disable_account("budi", 6.0),
        lambda: disable_account("nobody", 6.0),
        lambda: set_password("nobody", "new", 6.0),
    )
    assert done == [True, True, False, False]
    ana, budi = peopled.read(all_accounts)
    assert (ana.password_hash, ana.tokens_valid_after, ana.disabled) == ("new", 5.0, False)
    assert (budi.tokens_valid_after, budi.disabled) == (6.0, True)
    assert ("account_password", "ana") in peopled.look("SELECT action, subject FROM audit")


def test_a_conversation_belongs_to_its_owner(peopled: Place) -> None:
    """For anybody else it is missing, whatever they try."""
    peopled.write(lambda: begin("id-ana", "c1"))
    assert peopled.read(lambda: find_conversation("id-ana", "c1")) == Conversation("c1", "Judul", 1.0, 0)
    with pytest.raises(NotFound):
        peopled.read(lambda: find_conversation("id-budi", "c1"))
    assert peopled.read(lambda: recall("id-ana", "c1", 4)) == ("Judul", ())
    with pytest.raises(NotFound):
        peopled.read(lambda: recall("id-budi", "c1", 4))
    with pytest.raises(NotFound):
        peopled.write(lambda: delete_conversation("id-budi", "c1"))
    with pytest.raises(NotFound):
        peopled.write(lambda: append_messages("id-budi", "c1", said("1")))
    assert list(peopled.read(lambda: list_conversations("id-budi", 10))) == []


def test_messages_keep_their_order(peopled: Place) -> None:
    """Messages of the same moment come back as they were said, questions newest first, also when turns are kept at once."""

    async def story(store: Store) -> None:
        await store.write(lambda: begin("id-ana", "c1"))
        await asyncio.gather(
            *(store.write(lambda n=n: append_messages("id-ana", "c1", said(str(n)))) for n in range(8))
        )
        kept = [message.content for message in await store.read(lambda: list_messages("c1"))]
        assert sorted(kept[::2]) == [f"Q{n}" for n in range(8)]
        assert [question.replace("Q", "A") for question in kept[::2]] == kept[1::2]
        assert await store.read(lambda: recall("id-ana", "c1", 2)) == ("Judul", tuple(kept[-2::-2][:2]))
        assert (await store.read(lambda: find_conversation("id-ana", "c1"))).messages == 16

    peopled.tell(story)


def test_deleting_removes_the_messages(peopled: Place) -> None:
    """Nothing of a deleted conversation stays, and its neighbour does."""
    for name in ("c1", "c2"):
        peopled.write(
            lambda name=name: begin("id-ana", name), lambda name=name: append_messages("id-ana", name, said(name))
        )
    peopled.write(lambda: delete_conversation("id-ana", "c1"))
    assert sorted(peopled.look("SELECT id FROM messages")) == [("ac2",), ("qc2",)]


def test_conversations_are_listed_newest_first(peopled: Place) -> None:
    """The list is cut to its limit after ordering."""
    peopled.write(*(lambda n=n: begin("id-ana", f"c{n}", float(n)) for n in range(3)))
    assert [one.id for one in peopled.read(lambda: list_conversations("id-ana", 2))] == ["c2", "c1"]


def test_pages_and_titles(peopled: Place) -> None:
    """Pages of conversations and messages go on where the last one ended; a title changes for its owner only."""
    peopled.write(*(lambda n=n: begin("id-ana", f"c{n}", 1.0) for n in range(3)))
    first = peopled.read(lambda: list_conversations("id-ana", 2))
    rest = peopled.read(lambda: list_conversations("id-ana", 2, (first[-1].created_at, first[-1].id)))
    assert [one.id for one in (*first, *rest)] == ["c2", "c1", "c0"]
    assert peopled.write(lambda: rename_conversation("id-ana", "c0", "Baru"))[0].title == "Baru"
    with pytest.raises(NotFound):
        peopled.write(lambda: rename_conversation("id-budi", "c0", "Milik saya"))
    peopled.write(*(lambda n=n: append_messages("id-ana", "c0", said(str(n))) for n in range(2)))
    page = peopled.read(lambda: messages_behind("c0", 0, 3))
    last = peopled.read(lambda: messages_behind("c0", page[-1][0], 3))
    assert [message.id for _, message in (*page, *last)] == ["q0", "a0", "q1", "a1"]
    assert peopled.read(lambda: find_message("id-ana", "a1"))[0] == "c0"
    with pytest.raises(NotFound):
        peopled.read(lambda: find_message("id-budi", "a1"))


def test_an_answer_that_races_a_deletion_finds_nothing(peopled: Place) -> None:
    """A turn that is kept while its conversation goes is either kept before or told that there is none; nothing is left over."""

    async def story(store: Store) -> None:
        for n in range(20):
            await store.write(lambda n=n: begin("id-ana", f"c{n}"))
            outcomes = await asyncio.gather(
                store.write(lambda n=n: append_messages("id-ana", f"c{n}", said(str(n)))),
                store.write(lambda n=n: delete_conversation("id-ana", f"c{n}")),
                return_exceptions=True,
            )
            assert outcomes[1] is None
            assert outcomes[0] is None or isinstance(outcomes[0], NotFound)
        assert await store.read(lambda: rows("SELECT id FROM messages")) == []

    peopled.tell(story)


def test_revocations_are_kept_as_long_as_they_matter(place: Place) -> None:
    """A revocation may be told twice, and is forgotten when its token has expired."""
    place.write(lambda: revoke("old", 10.0, 1.0), lambda: revoke("old", 10.0, 1.0), lambda: revoke("new", 99.0, 11.0))
    assert [row[0] for row in place.read(lambda: rows("SELECT jti FROM revoked_tokens"))] == ["new"]


def test_spending_adds_up_over_processes(place: Place) -> None:
    """A process sees what all others spent on a day; writing its sums twice changes nothing."""
    mine, theirs = {("2026-11-21", "judge"): 0.5}, {("2026-11-21", "judge"): 0.25, ("2026-11-21", "public"): 1.0}
    place.write(*(lambda: write_spending("p1", mine), lambda: write_spending("p2", theirs)) * 2)
    place.write(lambda: write_spending("p3", theirs))
    assert place.read(lambda: spent_by_others("2026-11-21", "p1")) == {"judge": 0.5, "public": 2.0}


def test_a_switch_stays_turned(place: Place) -> None:
    """A switch nobody turned is off; turning leaves a line in the audit trail."""
    assert not place.read(lambda: is_on("extractive-only"))
    place.write(
        *(lambda on=on: turn("extractive-only", on=on, now=1.0, by="ana") for on in (True, False, True)),
    )
    assert place.read(lambda: is_on("extractive-only"))
    assert len(place.look("SELECT 1 FROM audit WHERE action LIKE 'switch%'")) == 3


def test_one_failing_job_does_not_take_its_neighbours(place: Place) -> None:
    """Jobs that are written at the same time succeed or fail each by itself."""

    async def story(store: Store) -> list[object]:
        names = ["a", "b", "a", "c", "b", "d"]
        return await asyncio.gather(
            *(store.write(lambda name=name: insert_accounts([person(name)])) for name in names), return_exceptions=True
        )

    outcomes = [type(outcome).__name__ for outcome in place.tell(story)]
    assert outcomes.count("NoneType") == 4
    assert outcomes.count("TakenError") == 2
    assert [account.username for account in place.read(all_accounts)] == ["a", "b", "c", "d"]


def test_work_that_fails_leaves_nothing(place: Place) -> None:
    """What was written before an error of the work itself is taken back, and the error reaches its caller as it is."""

    def job() -> Work[None]:
        yield from insert_accounts([person("ana")])
        raise KeyError("the work's own")

    with pytest.raises(KeyError, match="own"):
        place.write(job)
    with pytest.raises(TakenError):
        place.write(lambda: insert_accounts([person("ana"), person("ana")]))
    assert place.look("SELECT id FROM accounts") == []


def test_a_statement_that_the_database_refuses_is_unavailable(place: Place) -> None:
    """A table that is gone fails the work with a problem that quotes neither statement nor values."""

    async def story(store: Store) -> None:
        for attempt in (store.read, store.write):
            with pytest.raises(StorageUnavailable) as caught:
                await attempt(lambda: rows("SELECT 1 FROM no_such_table WHERE name = $1", "secret words"))
            assert "secret" not in repr((caught.value, caught.value.__cause__))
        await store.check()

    place.tell(story)


def test_reads_cannot_write(peopled: Place) -> None:
    """A read refuses to change anything, alone and behind another command."""

    def late() -> Work[None]:
        yield from run("SELECT 1")
        yield from run("DELETE FROM accounts")

    for job in (lambda: run("DELETE FROM accounts"), late):
        with pytest.raises(StorageUnavailable):
            peopled.read(job)
    assert len(peopled.read(all_accounts)) == 2


def test_a_read_of_several_commands_sees_one_state(peopled: Place) -> None:
    """What is written between two commands of a read is not seen by the second, whether the work was known or not."""
    names = iter("cdefgh")

    def between() -> None:
        """Add an account from elsewhere, in a thread: the store's own loop is busy reading."""
        insert = "INSERT INTO accounts VALUES ('#', '#', 'judge', 'h', 0, 1.0, 0.0) RETURNING id"
        thread = threading.Thread(target=peopled.look, args=(insert.replace("#", next(names)),))
        thread.start()
        thread.join()

    def twice() -> Work[tuple[Row | None, Row | None]]:
        first = yield from one("SELECT count(*) FROM accounts")
        between()
        second = yield from one("SELECT count(*) FROM accounts")
        return first, second

    async def story(store: Store) -> None:
        for _ in range(2):
            first, second = await store.read(twice)
            assert first is not None
            assert second is not None
            assert first[0] == second[0]

    peopled.tell(story)
    assert len(peopled.read(all_accounts)) > 3


def test_a_caller_that_gives_up_harms_nobody(place: Place) -> None:
    """Work of a caller that was cancelled is kept whole or not at all, and what its neighbours write is kept."""

    async def story(store: Store) -> None:
        for n in range(10):
            given_up = asyncio.ensure_future(
                store.write(lambda n=n: insert_accounts([person(f"x{n}"), person(f"y{n}")]))
            )
            kept = asyncio.ensure_future(store.write(lambda n=n: insert_accounts([person(f"k{n}")])))
            for _ in range(n):
                await asyncio.sleep(0.0005)
            given_up.cancel()
            await kept
        await store.check()

    place.tell(story)
    names = [account.username for account in place.read(all_accounts)]
    assert [name for name in names if name[0] == "k"] == sorted(f"k{n}" for n in range(10))
    assert [name[1:] for name in names if name[0] == "x"] == [name[1:] for name in names if name[0] == "y"]


def test_closing_writes_what_waits_and_refuses_the_rest(place: Place) -> None:
    """Work that was begun before the end is kept, and later work is refused."""

    async def story(store: Store) -> None:
        jobs = [asyncio.ensure_future(store.write(lambda n=n: revoke(f"j{n}", 9.0, 1.0))) for n in range(20)]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*jobs)
        with pytest.raises(StorageUnavailable):
            await store.write(lambda: revoke("late", 9.0, 1.0))

    place.tell(story)
    assert place.look("SELECT count(*) FROM revoked_tokens") == [(20,)]


def test_sums_are_plain_numbers(place: Place) -> None:
    """A sum of integers is an integer and a mean a number, whatever types the database has for them."""
    insert = "INSERT INTO usage_hours VALUES ($1, 'judge', 'm', 3, $2, 0, 0.5, 0.25)"
    place.write(lambda: run(insert, 3600, 2**40), lambda: run(insert, 7200, 1))
    total = place.read(lambda: one("SELECT sum(input_tokens), sum(cost_usd), avg(requests), count(*) FROM usage_hours"))
    assert total is not None
    assert list(total) == [2**40 + 1, 1.0, 3, 2]
    assert not any(type(value).__name__ == "Decimal" for value in total)


@trying(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60), min_size=1, max_size=8
    )
)
def test_what_is_said_comes_back_as_it_was(place: Place, texts: list[str]) -> None:
    """Any text survives, and so do floats to the last bit."""

    async def story(store: Store) -> Sequence[Message]:
        await store.write(lambda: run("DELETE FROM accounts"))
        await store.write(lambda: insert_accounts([person("ana")]))
        await store.write(lambda: begin("id-ana", "c1"))
        messages = [Message(f"m{n}", "user", text, 0.1 * n + 1e9) for n, text in enumerate(texts)]
        await store.write(lambda: append_messages("id-ana", "c1", messages))
        assert list(await store.read(lambda: list_messages("c1"))) == messages
        return messages

    place.tell(story)


def test_a_sign_that_postgresql_cannot_hold_does_not_fail_the_message(peopled: Place) -> None:
    """U+0000 stays on SQLite, and the sign for what cannot be shown stands for it on PostgreSQL."""
    message = Message("m1", "user", "a\0b", 1.0)
    peopled.write(lambda: begin("id-ana", "c1"), lambda: append_messages("id-ana", "c1", [message]))
    (kept,) = peopled.read(lambda: list_messages("c1"))
    assert kept.content == ("a\0b" if peopled.dialect == "sqlite" else "a�b")


def test_scrubbing_changes_nothing_that_is_kept(peopled: Place) -> None:
    """The files are cleaned of what was deleted, and the rest stays."""

    async def story(store: Store) -> None:
        await store.write(lambda: begin("id-ana", "c1"))
        await store.write(lambda: delete_conversation("id-ana", "c1"))
        await store.scrub()
        await store.write(lambda: begin("id-ana", "c2"))

    peopled.tell(story)
    assert len(peopled.read(all_accounts)) == 2
