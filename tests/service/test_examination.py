"""What somebody who examines an answer is given, and who is not."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields, replace
from hashlib import sha256
from typing import Any

import pytest

from service.api.shapes import export_body
from service.examination import ExaminedConversation, examine_conversation
from service.store.answers import SavedAnswer, find_answer, insert_answer, passages_by
from service.store.conversations import Message, insert_messages
from service.store.work import Command, Work
from tests.service.conftest import NOW

QUESTION = "Apa itu tindak pidana korupsi?"


def test_a_message_shows_how_its_answer_came_about(house: Any) -> None:
    """Versions, steps, tools and the whole text of each passage, as they were when it was written."""
    answer = house.ask("judge", QUESTION)
    shown = house.send("GET", f"/v1/messages/{answer['id']}", "judge").json()
    assert shown["content"] == answer["answer"]
    assert shown["conversation_id"] == answer["conversation_id"]
    response = shown["response"]
    for name in ("request_id", "outcome", "confidence_score", "reasoning_steps", "tool_calls", "notices", "usage"):
        assert response[name] == answer[name], name
    assert response["versions"]["corpus"] == house.send("GET", "/health/ready").json()["corpus"]["hash"]
    cited = {one["number"]: one for one in response["passages"] if one["cited"]}
    for citation in answer["citations"]:
        assert citation["quote"] in cited[citation["number"]]["text"]
        assert not cited[citation["number"]]["missing"]
    assert response["confidence_features"]


def test_a_question_has_no_response_of_its_own(house: Any) -> None:
    """The user's own message is shown without minutes."""
    answer = house.ask("judge", QUESTION)
    said = house.send("GET", f"/v1/conversations/{answer['conversation_id']}", "judge").json()["messages"]
    shown = house.send("GET", f"/v1/messages/{said[0]['id']}", "judge").json()
    assert (shown["author"], shown["response"], shown["feedback"]) == ("user", None, None)


def test_an_export_holds_everything_and_its_own_digest(house: Any) -> None:
    """Messages, passages, feedback and audit events; whoever edits a copy breaks its digest."""
    answer = house.ask("judge", QUESTION)
    house.send("PUT", f"/v1/messages/{answer['id']}/feedback", "judge", json={"score": 2, "comment": "kurang"})
    path = f"/v1/conversations/{answer['conversation_id']}/export"
    export = house.send("GET", path, "judge", headers={"X-Request-Id": "the-export"}).json()
    assert export["schema"] == "courtsight/conversation-export/v1"
    assert [one["author"] for one in export["messages"]] == ["user", "assistant"]
    assert export["messages"][1] == house.send("GET", f"/v1/messages/{answer['id']}", "judge").json()
    assert export["messages"][1]["feedback"]["comment"] == "kurang"
    (event,) = export["audit"]
    assert (event["action"], event["request_id"]) == ("export conversation", "the-export")
    whole = {name: value for name, value in export.items() if name != "digest"}
    written = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    assert sha256(written.encode()).hexdigest() == export["digest"]
    again = house.send("GET", path, "judge").json()
    assert len(again["audit"]) == 2


def test_a_lost_passage_is_told(house: Any) -> None:
    """An examiner learns that a passage is missing, instead of taking the others for all."""
    import sqlite3

    answer = house.ask("judge", QUESTION)
    with sqlite3.connect(house.database) as connection:
        connection.execute("DELETE FROM passages")
    shown = house.send("GET", f"/v1/messages/{answer['id']}", "judge").json()["response"]["passages"]
    assert shown
    assert all(one["missing"] and "text" not in one for one in shown)


@pytest.mark.parametrize("role", ["other", "admin", "public"])
def test_a_strangers_message_looks_missing_everywhere(house: Any, role: str) -> None:
    """Reading, rating, renaming and exporting answer 404, word for word as for an id that does not exist."""
    own = house.ask("judge", QUESTION)
    for message, conversation in ((own["id"], own["conversation_id"]), ("no-such", "no-such"), ("a%00b", "a%00b")):
        answers = [
            house.send("GET", f"/v1/messages/{message}", role),
            house.send("PUT", f"/v1/messages/{message}/feedback", role, json={"score": 1}),
        ]
        assert {(one.status_code, one.json()["detail"]) for one in answers} == {
            (404, "No message of yours has this id")
        }
        answers = [
            house.send("PATCH", f"/v1/conversations/{conversation}", role, json={"title": "x"}),
            house.send("GET", f"/v1/conversations/{conversation}/export", role),
        ]
        assert {(one.status_code, one.json()["detail"]) for one in answers} == {
            (404, "No conversation of yours has this id")
        }
    export = house.send("GET", f"/v1/conversations/{own['conversation_id']}/export", "judge").json()
    assert (export["title"], len(export["audit"])) == (QUESTION, 1)
    assert export["messages"][1]["feedback"] is None


def test_feedback_is_replaced_and_counted(house: Any) -> None:
    """The later score stands, every score counts, and the comment is in no log."""
    answer = house.ask("judge", QUESTION)
    path = f"/v1/messages/{answer['id']}/feedback"
    first = house.send("PUT", path, "judge", json={"score": 1, "comment": "rahasia-komentar"})
    assert first.json() == {
        "message_id": answer["id"],
        "score": 1,
        "comment": "rahasia-komentar",
        "created_at": first.json()["created_at"],
    }
    assert house.send("PUT", path, "judge", json={"score": 5}).json()["comment"] is None
    assert house.send("GET", f"/v1/messages/{answer['id']}", "judge").json()["feedback"]["score"] == 5
    assert house.sample("chatbot_feedback_score_count", role="judge") == 2
    assert house.sample("chatbot_feedback_score_sum", role="judge") == 6
    assert "rahasia-komentar" not in house.output.getvalue().decode()


@pytest.mark.parametrize(
    "body", [{}, {"score": 0}, {"score": 6}, {"score": "5"}, {"score": True}, {"score": 3, "comment": "x" * 2_001}]
)
def test_feedback_out_of_form_is_invalid(house: Any, body: dict[str, Any]) -> None:
    """A score is a whole number from 1 to 5, a comment has at most 2,000 characters."""
    answer = house.ask("judge", QUESTION)
    response = house.send("PUT", f"/v1/messages/{answer['id']}/feedback", "judge", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


def test_a_question_cannot_be_rated(house: Any) -> None:
    """Feedback is on answers; the detail says which id to send."""
    answer = house.ask("judge", QUESTION)
    said = house.send("GET", f"/v1/conversations/{answer['conversation_id']}", "judge").json()["messages"]
    response = house.send("PUT", f"/v1/messages/{said[0]['id']}/feedback", "judge", json={"score": 5})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


def members(saved: SavedAnswer) -> dict[str, Any]:
    return {field.name: getattr(saved, field.name) for field in fields(SavedAnswer)}


def _filled(house: Any, answer: dict[str, Any], turns: int) -> None:
    """Copies of an answer and its minutes, in its conversation."""

    def job() -> Work[None]:
        found = yield from find_answer(answer["id"])
        assert found is not None
        for number in range(turns):
            asked = Message(f"q{number}", "user", "?", float(number))
            yield from insert_messages(
                answer["conversation_id"], (asked, replace(asked, id=f"a{number}", author="assistant"))
            )
            yield from insert_answer(SavedAnswer(**{**members(found), "message_id": f"a{number}"}), {})

    house.run(house.app.state.services.store.write(job))


def test_others_have_their_turn_while_a_long_conversation_is_exported(house: Any) -> None:
    """The loop turns with the number of messages, and the digest is that of the whole as one piece of JSON."""
    answer = house.ask("judge", QUESTION)
    path = f"/v1/conversations/{answer['conversation_id']}/export"
    headers = {"Authorization": f"Bearer {house.token('judge')}"}

    async def exported() -> tuple[int, Any]:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        examined = await house.app.state.services.store.read(
            lambda: examine_conversation("id-judge", answer["conversation_id"])
        )
        turning = asyncio.create_task(turn())
        body = await export_body(examined, NOW)
        turning.cancel()
        return turns, json.loads(body)

    assert house.run(exported())[0] <= 1
    _filled(house, answer, 200)
    turns, export = house.run(exported())
    assert turns >= 50
    assert len(export["messages"]) == 402
    assert not any(one["missing"] for one in export["messages"][-1]["response"]["passages"])
    whole = {name: value for name, value in export.items() if name != "digest"}
    written = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    assert sha256(written.encode()).hexdigest() == export["digest"]
    asked = house.run(house.client.get(path, headers=headers)).json()
    assert (asked["messages"], len(asked["audit"])) == (export["messages"], 1)


def test_a_long_conversation_is_read_in_pages(house: Any) -> None:
    """No query gives more than two hundred answers or messages, so that nothing is held up while they are made into values; none is lost between pages."""
    answer = house.ask("judge", QUESTION)
    _filled(house, answer, 250)
    seen: list[int] = []

    def watched() -> Work[ExaminedConversation]:
        work = examine_conversation("id-judge", answer["conversation_id"])
        command = next(work)
        while True:
            rows = yield command
            seen.append(len(rows))
            try:
                command = work.send(rows)
            except StopIteration as ended:
                whole: ExaminedConversation = ended.value
                return whole

    whole = house.run(house.app.state.services.store.read(watched))
    assert max(seen) == 200
    assert [one.message.author for one in whole.messages] == ["user", "assistant"] * 251
    assert [one.answer is not None for one in whole.messages] == [False, True] * 251
    assert [one.message.id for one in whole.messages[2::2]] == [f"q{number}" for number in range(250)]


def test_passages_are_read_a_hundred_at_a_time() -> None:
    """Thousands of ways to a server and back would outlast the time of a piece of work: a long conversation could never be exported."""
    digests = [f"d{number}" for number in range(250)]
    commands: list[Command] = []

    def answering(work: Work[dict[str, str]]) -> None:
        """Runs the work by itself, and gives each digest its passage."""
        command = next(work)
        while True:
            commands.append(command)
            command = work.send([(one, "body") for one in dict.fromkeys(command.values)])

    with pytest.raises(StopIteration) as ended:
        answering(passages_by([*digests, *digests]))
    assert ended.value.value == dict.fromkeys(digests, "body")
    assert len(commands) == 3
    assert len({command.sql for command in commands}) == 1
