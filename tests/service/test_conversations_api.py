"""Conversations over HTTP."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_conversation_is_made_with_a_title(house: Any) -> None:
    """Making one gives its id, title and moment; it is empty."""
    response = house.send("POST", "/v1/conversations", "judge", json={"title": "Perkara cerai"})
    assert response.status_code == 201
    made = response.json()
    assert set(made) == {"conversation_id", "title", "created_at"}
    shown = house.send("GET", f"/v1/conversations/{made['conversation_id']}", "judge").json()
    assert shown == {**made, "messages": [], "next_cursor": None}


def test_a_question_without_a_conversation_makes_one(house: Any) -> None:
    """It bears the question as its title and is listed with its two messages."""
    answer = house.ask("judge", "Apa itu hukum pidana?")
    (listed,) = house.send("GET", "/v1/conversations", "judge").json()["conversations"]
    assert listed["conversation_id"] == answer["conversation_id"]
    assert (listed["title"], listed["messages"]) == ("Apa itu hukum pidana?", 2)
    house.ask("judge", "Apa itu\r\n\thukum perdata?\nJelaskan.")
    (newest, _) = house.send("GET", "/v1/conversations", "judge").json()["conversations"]
    assert newest["title"] == "Apa itu hukum perdata? Jelaskan.", "a title is one line"


def test_messages_are_shown_as_they_were_said(house: Any) -> None:
    """Author, text, moment in UTC; only the assistant's carry citations, in the contract's form."""
    answer = house.ask("judge", "Apa itu hukum pidana?")
    shown = house.send("GET", f"/v1/conversations/{answer['conversation_id']}", "judge").json()
    asked, answered = shown["messages"]
    assert asked["content"] == "Apa itu hukum pidana?"
    assert "citations" not in asked
    assert answered["id"] == answer["id"]
    assert answered["content"] == answer["answer"]
    assert answered["citations"] == answer["citations"]
    assert answered["created_at"].endswith("Z")


def test_what_a_reader_must_know_is_read_again_with_the_answer(house: Any) -> None:
    """The notices of each answer stand beside its words, whichever page of the conversation is asked for; questions have none."""
    first = house.ask("judge", "Apa itu hukum pidana?")
    identifier = first["conversation_id"]
    second = house.ask("judge", "Apa ancaman pidana korupsi?", conversation_id=identifier)
    assert first["notices"]
    shown = house.send("GET", f"/v1/conversations/{identifier}", "judge").json()["messages"]
    assert [one.get("notices") for one in shown] == [None, first["notices"], None, second["notices"]]
    page = house.send("GET", f"/v1/conversations/{identifier}?limit=3", "judge").json()
    assert [one.get("notices") for one in page["messages"]] == [None, first["notices"], None]
    rest = house.send("GET", f"/v1/conversations/{identifier}?limit=3&cursor={page['next_cursor']}", "judge").json()
    assert [one.get("notices") for one in rest["messages"]] == [second["notices"]]


def test_a_message_names_its_language_when_it_is_read_again(house: Any) -> None:
    """An answer says its language and who wrote it, a question the language in which it was answered, also where the answer stands on the next page."""
    first = house.ask("judge", "What is the punishment for corruption?")
    identifier = first["conversation_id"]
    house.ask("judge", "Apa ancaman pidana korupsi?", conversation_id=identifier)
    shown = house.send("GET", f"/v1/conversations/{identifier}", "judge").json()["messages"]
    assert [one["language"] for one in shown] == ["en", "en", "id", "id"]
    assert [one.get("model") for one in shown] == [None, "extractive", None, "extractive"]
    for limit in (1, 3):
        page = house.send("GET", f"/v1/conversations/{identifier}?limit={limit}", "judge").json()["messages"]
        assert [one["language"] for one in page] == [one["language"] for one in shown[:limit]]


@pytest.mark.parametrize("role", ["other", "admin", "public"])
def test_a_strangers_conversation_looks_missing_everywhere(house: Any, role: str) -> None:
    """Reading, exporting, deleting and asking answer 404, word for word as for an id that does not exist."""
    own = house.ask("judge", "Apa itu hukum pidana?")["conversation_id"]
    for conversation in (own, "does-not-exist"):
        answers = [
            house.send("GET", f"/v1/conversations/{conversation}", role),
            house.send("GET", f"/v1/conversations/{conversation}/citations", role),
            house.send("DELETE", f"/v1/conversations/{conversation}", role),
            house.send("POST", "/v1/chat", role, json={"message": "x", "conversation_id": conversation}),
        ]
        assert {(one.status_code, one.json()["code"], one.json()["detail"]) for one in answers} == {
            (404, "not_found", "No conversation of yours has this id")
        }
    assert house.send("GET", f"/v1/conversations/{own}", "judge").status_code == 200


def test_deleting_makes_it_missing(house: Any) -> None:
    """A deleted conversation is gone for its owner too, and a second deletion says so."""
    own = house.ask("judge", "Apa itu hukum pidana?")["conversation_id"]
    assert house.send("DELETE", f"/v1/conversations/{own}", "judge").status_code == 204
    assert house.send("GET", f"/v1/conversations/{own}", "judge").status_code == 404
    assert house.send("DELETE", f"/v1/conversations/{own}", "judge").status_code == 404


def test_citations_are_exported_once_each(house: Any) -> None:
    """Two answers on the same sources give each source one line, demonstrations marked as such."""
    first = house.ask("judge", "preseden KDRT dalam perceraian")
    house.ask("judge", "preseden KDRT dalam perceraian", first["conversation_id"])
    path = f"/v1/conversations/{first['conversation_id']}/citations"
    exported = house.send("GET", path, "judge", params={"format": "ma_indonesia"}).json()
    assert exported["format"] == "ma_indonesia"
    alone = {citation["law"] for citation in first["citations"]}
    assert len(exported["citations"]) == len(set(exported["citations"])) == len(alone)
    assert any(line.startswith("Putusan Mahkamah Agung") and "[DEMO" in line for line in exported["citations"])


def test_an_unknown_export_format_is_invalid(house: Any) -> None:
    """The answer names the formats that exist."""
    own = house.ask("judge", "Apa itu hukum pidana?")["conversation_id"]
    response = house.send("GET", f"/v1/conversations/{own}/citations", "judge", params={"format": "word"})
    assert response.status_code == 422
    assert "ma_indonesia" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1e2", "٣", "9" * 30])
def test_a_limit_must_be_a_small_whole_number(house: Any, limit: str) -> None:
    """Anything else is an invalid request that names the member."""
    response = house.send("GET", "/v1/conversations", "judge", params={"limit": limit})
    assert response.status_code == 422
    assert response.json()["errors"][0]["path"] == "limit"


def test_the_newest_conversations_come_first(house: Any) -> None:
    """The list is cut to its limit after ordering."""
    made = [house.ask("judge", "Apa itu hukum pidana?")["conversation_id"] for _ in range(3)]
    listed = house.send("GET", "/v1/conversations", "judge", params={"limit": "2"}).json()["conversations"]
    assert [one["conversation_id"] for one in listed] == [made[2], made[1]]


@pytest.mark.parametrize("blank", ["   ", "\u200b", "\n\t"])
def test_a_title_that_nobody_sees_is_none(house: Any, blank: str) -> None:
    """A conversation without a visible title bears the usual one, and cannot be renamed to nothing: a line of the history must be seen."""
    made = house.send("POST", "/v1/conversations", "judge", json={"title": blank}).json()
    untitled = house.send("POST", "/v1/conversations", "judge", json={}).json()
    assert made["title"] == untitled["title"]
    renamed = house.send("PATCH", f"/v1/conversations/{made['conversation_id']}", "judge", json={"title": blank})
    assert renamed.status_code == 422


def test_the_title_gives_a_first_follow_up_its_topic(house: Any) -> None:
    """In a conversation titled with a topic, a first question that points back is understood."""
    title = "Analisis preseden untuk kasus perceraian dengan kekerasan domestik"
    made = house.send("POST", "/v1/conversations", "judge", json={"title": title}).json()["conversation_id"]
    answer = house.ask("judge", "Bandingkan dengan putusan serupa di 5 tahun terakhir", made)
    assert answer["outcome"] == "ok"
    years = [citation["year"] for citation in answer["citations"] if citation["kind"] == "decision"]
    assert sorted(years) == [2022, 2024]
