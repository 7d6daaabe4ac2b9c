"""The API against requests that nobody thought of; `make fuzz-api` asks many more."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.store import conversations
from tests.service.fuzzing import fuzz, open_house

pytestmark = pytest.mark.integration


def test_no_request_breaks_the_description_or_shows_anothers(tmp_path: Path) -> None:
    """No 5xx, no answer outside the description, nothing of a conversation that somebody else planted."""
    with open_house(tmp_path) as house:
        outcome = fuzz(house, 200)
    assert outcome.cases >= 200
    assert {200, 401, 404, 422} <= set(outcome.statuses)
    assert not outcome.leaks
    assert not outcome.breaches, "\n".join(outcome.breaches[:5])


def test_a_query_that_forgets_the_owner_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary sings: were one query to forget whose message it is, these requests would show it."""
    monkeypatch.setattr(conversations, "_MESSAGE", conversations._MESSAGE.replace("c.account_id = $2", "$2 = $2"))
    with open_house(tmp_path) as house:
        assert fuzz(house, 40, below="/v1/messages").leaks
