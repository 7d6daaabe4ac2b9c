"""What a question leans on when a short memory knows its conversation."""

from __future__ import annotations

from typing import Any

import pytest

from service.exchange import Question
from service.minutes import MinuteTaker, Versions
from service.security.access import Caller, Credential
from service.sharing.recent import Remembered
from service.turns import Turns


class Remembers:
    """A memory that knows one conversation."""

    async def recall(self, owner: str, conversation_id: str) -> Remembered | None:
        return Remembered("Judul", ("yang terakhir", "yang pertama"))

    async def keep(self, owner: str, conversation_id: str, remembered: Remembered) -> None:
        """Nothing to do."""

    async def forget(self, owner: str, conversation_id: str) -> None:
        """Nothing to do."""


@pytest.fixture
def turns(house: Any) -> Turns:
    minutes = MinuteTaker(Versions("1", "courtsight", "extractive"))
    return Turns(house.app.state.services.store, 2, lambda: "an id", lambda: 1.0, minutes, Remembers())


def opened(house: Any, turns: Turns, **wanted: Any) -> Question:
    role = house.app.state.services.deployment.roles["lawyer"]
    caller = Caller("an account", role, frozenset({"read"}), Credential("token", "a token", None))
    question: Question = house.run(turns.open(caller, "Dan?", "a conversation", **wanted)).question
    return question


def test_what_memory_knows_is_not_read_from_the_database(house: Any, turns: Turns) -> None:
    """A remembered conversation gives title and earlier questions, though the database has none of it."""
    question = opened(house, turns)
    assert (question.title, question.earlier) == ("Judul", ("yang terakhir", "yang pertama"))


def test_a_remembered_conversation_changes_nothing_that_was_asked_for(house: Any, turns: Turns) -> None:
    """Who asks for the extractive engine gets no language model, and earlier questions that were sent stand for those that are kept."""
    question = opened(house, turns, extractive=True, earlier=("yang dikirim", "sebelumnya", "paling awal"))
    assert question.extractive
    assert question.earlier == ("yang dikirim", "sebelumnya")
    assert question.title == "Judul"
