"""Conversations by hour and day, role and model, on either database: counted out of the answers, summed up, and kept when the answers go."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st

from service.commands.storage import back_up, restore
from service.store.accounts import insert_accounts
from service.store.answers import insert_answer
from service.store.backup import KEYS
from service.store.conversations import (
    Conversation,
    Message,
    append_messages,
    delete_conversation,
    insert_conversation,
)
from service.store.feedback import Feedback, put_feedback
from service.store.migrating import LATEST, bring_to
from service.store.opening import dialect_of, once
from service.store.retention import let_conversations_go
from service.store.sqlite.driving import drive
from service.store.store import Store
from service.store.sums import DAY, HOUR, STEPS, Step, settle, unsettled
from service.store.usage import Split, Talked, Used, all_talk, all_usage, own_talk
from service.store.work import Work, run
from tests.service.store.conftest import Place, person
from tests.service.store.stories import ANSWER

HOUR_SECONDS = 3_600.0
DAY_SECONDS = 86_400.0
SPLITS = [Split(role, model) for role in (False, True) for model in (False, True)]
BEFORE_THE_PARTS = 3
"""The version of the tables that kept days over all roles and models alone."""


def say(owner: str, talk: str, name: str, at: float, role: str = "judge", model: str = "m") -> Work[None]:
    """A question and its answer, of a role and a model, at one moment."""
    said = (Message(f"q-{name}", "user", "?", at), Message(f"a-{name}", "assistant", "!", at))
    yield from append_messages(f"id-{owner}", talk, said)
    saved = replace(
        ANSWER, message_id=f"a-{name}", account_id=f"id-{owner}", conversation_id=talk, asked_at=at - 2, answered_at=at,
        hour=int(at // HOUR_SECONDS), role=role, model=model,
    )  # fmt: skip
    yield from insert_answer(saved, {})


def begin(owner: str, talk: str, at: float) -> Work[None]:
    """A conversation in which nothing was said yet."""
    yield from insert_conversation(f"id-{owner}", Conversation(talk, "t", at, 0))


def day_of_three() -> Work[None]:
    """Ana speaks through two hours with two models and once in another role; budi in the second hour."""
    yield from begin("ana", "c1", 10.0)
    yield from say("ana", "c1", "1", 20.0)
    yield from say("ana", "c1", "2", 30.0, model="n")
    yield from say("ana", "c1", "3", HOUR_SECONDS + 20.0)
    yield from begin("ana", "c2", HOUR_SECONDS + 10.0)
    yield from say("ana", "c2", "4", HOUR_SECONDS + 40.0, role="lawyer")
    yield from begin("budi", "c3", HOUR_SECONDS + 10.0)
    yield from say("budi", "c3", "5", HOUR_SECONDS + 50.0)
    yield from put_feedback(Feedback("a-2", 5, "", HOUR_SECONDS + 60.0))
    yield from put_feedback(Feedback("a-5", 2, "", DAY_SECONDS + 10.0))


EXPECTED = {
    (DAY, Split()): [Talked(0, "", "", 3, 3, 2, 10, 1, 5), Talked(1, "", "", 0, 0, 0, 0, 1, 2)],
    (DAY, Split(model=True)): [
        Talked(0, "", "m", 3, 3, 2, 8, 0, 0), Talked(0, "", "n", 1, 0, 1, 2, 1, 5), Talked(1, "", "m", 0, 0, 0, 0, 1, 2),
    ],
    (HOUR, Split()): [
        Talked(0, "", "", 1, 1, 1, 4, 0, 0), Talked(1, "", "", 3, 2, 2, 6, 1, 5), Talked(24, "", "", 0, 0, 0, 0, 1, 2),
    ],
    (HOUR, Split(role=True)): [
        Talked(0, "judge", "", 1, 1, 1, 4, 0, 0), Talked(1, "judge", "", 2, 1, 2, 4, 1, 5),
        Talked(1, "lawyer", "", 1, 1, 1, 2, 0, 0), Talked(24, "judge", "", 0, 0, 0, 0, 1, 2),
    ],
    (HOUR, Split(role=True, model=True)): [
        Talked(0, "judge", "m", 1, 1, 1, 2, 0, 0), Talked(0, "judge", "n", 1, 0, 1, 2, 0, 0),
        Talked(1, "judge", "m", 2, 1, 2, 4, 0, 0), Talked(1, "judge", "n", 0, 0, 0, 0, 1, 5),
        Talked(1, "lawyer", "m", 1, 1, 1, 2, 0, 0), Talked(24, "judge", "m", 0, 0, 0, 0, 1, 2),
    ],
}  # fmt: skip


async def statistics(store: Store, end: int = 60) -> dict[tuple[Step, Split], Sequence[Talked]]:
    """Everybody's, in each form."""
    return {
        (step, split): await store.read(lambda step=step, split=split: all_talk(0, end, step, split))  # type: ignore[misc]  # mypy infers no type for a lambda with defaults
        for step in STEPS
        for split in SPLITS
    }


def test_each_part_counts_a_conversation_once(peopled: Place) -> None:
    """One of two hours is one of the day, one that two models answered is one over all; it begins once, with its first answer."""
    peopled.write(day_of_three)
    live = peopled.tell(statistics)
    assert {form: live[form] for form in EXPECTED} == EXPECTED
    later = 3 * DAY_SECONDS
    assert peopled.read(lambda: unsettled(later))
    peopled.write(lambda: settle(later), lambda: settle(later))
    assert not peopled.read(lambda: unsettled(later))
    assert peopled.tell(statistics) == live


def test_ones_own_statistics_hold_nobody_else(peopled: Place) -> None:
    """The same parts of one account alone, also when the sums of everybody were made."""
    peopled.write(day_of_three, lambda: settle(3 * DAY_SECONDS))
    assert peopled.read(lambda: own_talk("id-budi", 0, 60, HOUR, Split(role=True))) == [
        Talked(1, "judge", "", 1, 1, 1, 2, 0, 0),
        Talked(24, "judge", "", 0, 0, 0, 0, 1, 2),
    ]
    assert peopled.read(lambda: own_talk("id-budi", 2, 24, HOUR)) == []
    assert [one.conversations for one in peopled.read(lambda: own_talk("id-ana", 0, 1))] == [2]


@pytest.mark.parametrize("settled_at", [0.0, HOUR_SECONDS + 400.0, DAY_SECONDS + 400.0])
def test_what_is_deleted_stays_in_the_sums(peopled: Place, settled_at: float) -> None:
    """Whether a step runs, is over or is summed up when a conversation goes: no figure of everybody changes but who asked."""
    peopled.write(day_of_three, lambda: settle(settled_at))
    before, usage = peopled.tell(statistics), peopled.read(lambda: all_usage(0, 60))
    peopled.write(
        lambda: delete_conversation("id-ana", "c1"),
        lambda: delete_conversation("id-budi", "c3"),
        lambda: let_conversations_go(DAY_SECONDS, 10),
    )
    assert peopled.look("SELECT count(*) FROM answers") == [(0,)]

    def without_users(found: dict[Any, Sequence[Talked]]) -> dict[Any, list[Talked]]:
        return {form: [replace(one, users=0) for one in some] for form, some in found.items()}

    after = peopled.tell(statistics)
    assert without_users(after) == without_users(before)
    assert sorted(peopled.read(lambda: all_usage(0, 60)), key=str) == sorted(usage, key=str)
    peopled.write(lambda: settle(3 * DAY_SECONDS))
    assert peopled.tell(statistics) == after


def test_deleting_and_summing_up_at_the_same_time_counts_once(peopled: Place) -> None:
    """An hour that is summed up while its conversations go has each of them once, however the two come between each other."""

    def many() -> Work[None]:
        for n in range(12):
            yield from begin("ana", f"c{n}", 10.0)
            yield from say("ana", f"c{n}", str(n), 20.0 + n)
            yield from put_feedback(Feedback(f"a-{n}", 3, "", 40.0))

    async def story(store: Store) -> tuple[int, Talked, Talked]:
        await asyncio.gather(
            *(store.write(lambda n=n: delete_conversation("id-ana", f"c{n}")) for n in range(12)),
            *(store.write(lambda: settle(2 * DAY_SECONDS)) for _ in range(3)),
        )
        used = await store.read(lambda: all_usage(0, 24))
        (day,) = await store.read(lambda: all_talk(0, 1))
        (hour,) = await store.read(lambda: all_talk(0, 24, HOUR))
        return sum(one.requests for one in used), day, hour

    peopled.write(many)
    requests, day, hour = peopled.tell(story)
    assert requests == 12
    for one in (day, hour):
        assert (one.conversations, one.begun, one.messages, one.scores, one.points) == (12, 12, 24, 12, 36)


@pytest.mark.parametrize("at", [7_199.2, 7_199.5, 7_199.999, 7_200.0, 7_200.4])
def test_feedback_is_of_the_hour_in_which_it_was_given(peopled: Place, at: float) -> None:
    """A moment is not rounded into the next hour, as casts of PostgreSQL would."""
    peopled.write(
        lambda: begin("ana", "c1", 1.0),
        lambda: say("ana", "c1", "1", 2.0),
        lambda: put_feedback(Feedback("a-1", 4, "", at)),
    )
    given_in = {one.place: one.points for one in peopled.read(lambda: all_talk(0, 24, HOUR)) if one.scores}
    assert given_in == {int(at // 3_600): 4}
    peopled.write(lambda: delete_conversation("id-ana", "c1"))
    assert {one.place: one.points for one in peopled.read(lambda: all_talk(0, 24, HOUR)) if one.scores} == given_in


def move(place: Place, version: int) -> None:
    asyncio.run(once(place.settings, bring_to(dialect_of(place.settings), 5.0, version, back=True)))


def older(place: Place) -> None:
    """Tables as an older service left them: the first hour and day are summed up, and a conversation of that day is deleted since."""

    def fill() -> Work[None]:
        yield from insert_accounts([person("ana"), person("budi")])
        yield from day_of_three()
        yield from begin("budi", "c9", DAY_SECONDS)
        yield from say("budi", "c9", "9", DAY_SECONDS + 20.0)
        for hour, requests in ((0, 2), (1, 3)):
            yield from run("INSERT INTO usage_hours VALUES ($1, 'judge', 'm', $2, 1, 1, 0.5, 2.0)", hour, requests)
        yield from run("INSERT INTO usage_days VALUES (0, 4, 3, 12)")

    move(place, BEFORE_THE_PARTS)
    asyncio.run(once(place.settings, fill()))


def test_days_of_an_older_service_keep_their_totals_and_get_parts(place: Place) -> None:
    """Over all a day stays what it was; its parts, and the hours, are counted out of the answers that are still there."""
    older(place)
    move(place, LATEST)
    found = place.tell(statistics)
    assert found[DAY, Split()] == [Talked(0, "", "", 4, None, 3, 12, 1, 5), Talked(1, "", "", 1, 1, 1, 2, 1, 2)]
    for form in (DAY, Split(model=True)), (HOUR, Split()), (HOUR, Split(role=True, model=True)):
        assert [one for one in found[form] if one.place * form[0].hours < 24] == [
            one for one in EXPECTED[form] if one.place * form[0].hours < 24
        ]
    place.write(lambda: settle(3 * DAY_SECONDS))
    assert place.tell(statistics) == found


def test_the_way_back_leaves_what_an_older_service_reads(place: Place) -> None:
    """Days that are over go back over all roles and models; what belongs to steps that run is taken out, so that it is not counted twice."""
    older(place)
    move(place, LATEST)
    place.write(lambda: delete_conversation("id-budi", "c9"), lambda: settle(DAY_SECONDS + 400.0))
    assert place.look("SELECT count(*) FROM usage_hours WHERE hour = 24") == [(1,)]
    move(place, BEFORE_THE_PARTS)
    assert place.look("SELECT day, conversations, users, messages FROM usage_days") == [(0, 4, 3, 12)]
    assert place.look("SELECT hour, requests FROM usage_hours ORDER BY hour") == [(0, 2), (1, 3)]


def test_a_backup_of_an_older_service_brings_its_days(
    place: Place, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that is no more is put in place as it was, and its rows are carried on."""
    older(place)
    with monkeypatch.context() as then:
        then.setattr("service.store.backup.LATEST", BEFORE_THE_PARTS)
        tables = [table for table in KEYS if not table.startswith(("conversation_", "summed_up", "clocks"))]
        then.setattr("service.store.backup.KEYS", {**{table: KEYS[table] for table in tables}, "usage_days": ("day",)})
        back_up(place.settings, tmp_path / "backup", 50.0)
    restore(place.settings, tmp_path / "backup", 60.0, force=True)
    found = place.tell(statistics)
    assert found[DAY, Split()][0] == Talked(0, "", "", 4, None, 3, 12, 1, 5)
    assert place.look("SELECT step, first_open FROM summed_up ORDER BY step") == [("day", 1), ("hour", 2)]


@dataclass
class Told:
    """What was ever said, in plain Python: the truth that sums and answers together have to give."""

    answers: list[tuple[str, str, float, str, str]] = field(default_factory=list)
    scores: dict[int, tuple[float, int]] = field(default_factory=dict)

    def talked(self, step: Step, split: Split) -> list[Talked]:
        """Everything but users."""
        found: dict[tuple[int, str, str], Talked] = {}
        seen: set[tuple[object, ...]] = set()
        begun: set[str] = set()
        for _, talk, at, role, model in self.answers:
            key = int(at // step.seconds), role if split.role else "", model if split.model else ""
            one = found.get(key, Talked(*key))
            found[key] = replace(
                one,
                conversations=one.conversations + ((key, talk) not in seen),
                begun=(one.begun or 0) + (talk not in begun),
                messages=one.messages + 2,
            )
            seen.add((key, talk))
            begun.add(talk)
        for number, (at, score) in self.scores.items():
            _, _, _, role, model = self.answers[number]
            key = int(at // step.seconds), role if split.role else "", model if split.model else ""
            one = found.get(key, Talked(*key))
            found[key] = replace(one, scores=one.scores + 1, points=one.points + score)
        return [found[key] for key in sorted(found)]

    def users(self, step: Step) -> dict[int, int]:
        """Who asked, by step."""
        asked = {(int(at // step.seconds), owner) for owner, _, at, _, _ in self.answers}
        return {place: sum(1 for other, _ in asked if other == place) for place, _ in asked}


@contextmanager
def in_memory() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        drive(connection, bring_to("sqlite", 1.0))
        drive(connection, insert_accounts([person("ana"), person("budi")]))
        yield connection


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["say", "say", "say", "rate", "delete", "settle"]),
        st.integers(0, 4),
        st.sampled_from(["judge", "lawyer"]),
        st.sampled_from(["m", "n"]),
        st.floats(0, 5 * HOUR_SECONDS),
    ),
    max_size=40,
)


@trying(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(acts=ACTS)
def test_sums_and_answers_together_tell_everything_that_was_ever_said(
    acts: list[tuple[str, int, str, str, float]],
) -> None:
    """However people talk, rate and delete, and whenever it is summed up: each form of the statistics is what plain counting gives."""
    told, now, living = Told(), 10 * DAY_SECONDS, dict[int, str]()
    deleted = False
    with in_memory() as connection:
        for number, (act, chosen, role, model, pause) in enumerate(acts):
            now += pause
            owner = ("ana", "budi")[chosen % 2]
            if act == "say":
                if chosen not in living:
                    living[chosen] = f"c{number}"
                    drive(connection, begin(owner, living[chosen], now))
                drive(connection, say(owner, living[chosen], str(len(told.answers)), now, role, model))
                told.answers.append((owner, living[chosen], now, role, model))
            elif act == "rate":
                rated = [n for n, one in enumerate(told.answers) if one[1] == living.get(chosen)]
                if rated:
                    told.scores[rated[-1]] = now, chosen + 1
                    drive(connection, put_feedback(Feedback(f"a-{rated[-1]}", chosen + 1, "", now)))
            elif act == "delete" and chosen in living:
                drive(connection, delete_conversation(f"id-{owner}", living.pop(chosen)))
                deleted = True
            elif act == "settle":
                drive(connection, settle(now))
        for step in STEPS:
            end = int(now // step.seconds) + 1
            for split in SPLITS:
                found = drive(connection, all_talk(0, end, step, split))
                assert [replace(one, users=0) for one in found] == told.talked(step, split)
            asked = {one.place: one.users for one in drive(connection, all_talk(0, end, step)) if one.conversations}
            expected = told.users(step)
            assert asked == expected if not deleted else all(asked[place] <= expected[place] for place in asked)
        used = drive(connection, all_usage(0, int(now // HOUR_SECONDS) + 1))
        assert total(used) == (len(told.answers), 10 * len(told.answers))


def total(used: Sequence[Used]) -> tuple[int, int]:
    return sum(one.requests for one in used), sum(one.input_tokens for one in used)
