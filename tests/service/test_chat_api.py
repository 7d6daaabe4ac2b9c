"""Asking over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import pytest

from service.chat.brief import Brief
from service.chat.evidence import sentences
from service.deployments.model import ROLES, TOOLS
from service.llm.calls import Usage
from service.llm.engine import Piece, WritingEvent, Written

BODY = {
    "id", "conversation_id", "request_id", "answer", "cached", "outcome", "refusal_reason", "citations", "confidence_score", "complexity",
    "language", "role", "tool_calls", "reasoning_steps", "notices", "processing_time", "model", "usage",
}  # fmt: skip
CITATION = {
    "number", "id", "title", "law", "article", "year", "status", "as_of", "source", "kind", "quote", "demo", "verified",
}  # fmt: skip


class BrokenEngine:
    """An engine that writes a little and then fails with a text that nobody outside may read."""

    name = "broken"
    models: Mapping[str, str] = {"broken": "fake", "dangling": "fake"}

    async def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        yield Piece("Sebagian ")
        raise RuntimeError("the secret inside of the engine")


class DanglingEngine(BrokenEngine):
    """An engine that cites a passage it was never given."""

    async def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        yield Piece("Menurut sumber [1] dan [99].")
        yield Written("dangling", "fake", Usage(3, 6))


def test_an_answer_has_the_form_of_the_contract(house: Any) -> None:
    """Every member of docs/http-api.md is there, and no other."""
    answer = house.ask("judge", "Apa preseden terkuat untuk membuktikan KDRT dalam perkara perceraian?")
    assert set(answer) == BODY
    assert set(answer["citations"][0]) == CITATION
    assert set(answer["tool_calls"][0]) == {"tool_name", "arguments", "outcome", "results", "duration_seconds"}
    assert set(answer["reasoning_steps"][0]) == {"number", "title", "detail"}
    assert [step["number"] for step in answer["reasoning_steps"]] == list(range(1, len(answer["reasoning_steps"]) + 1))
    assert answer["usage"]["output_tokens"] == len(answer["answer"].split())
    assert answer["model"] == "extractive"


def test_every_mark_has_its_citation_and_every_quote_its_source(house: Any) -> None:
    """The answer stands on what it cites: each citation is marked, and each sentence of each quote is in the answer under its mark."""
    answer = house.ask("lawyer", "Dasar hukum gugatan wanprestasi kontrak bisnis")
    for citation in answer["citations"]:
        assert f"[{citation['number']}]" in answer["answer"]
        assert all(
            f"{sentence} [{citation['number']}]" in answer["answer"] for sentence in sentences(citation["quote"])
        )


def test_weak_sources_are_told(house: Any) -> None:
    """Demonstration and unverified sources say so in the citation, the title and the notices."""
    answer = house.ask("judge", "preseden KDRT dalam perceraian")
    demo = [citation for citation in answer["citations"] if citation["demo"]]
    assert demo
    assert all(citation["title"].startswith("[DEMO] ") for citation in demo)
    assert any("rekaan" in notice for notice in answer["notices"])
    assert any("belum diverifikasi" in notice for notice in answer["notices"])


def test_questions_outside_the_corpus_are_not_answered(house: Any) -> None:
    """The service abstains with little confidence, without citations, and without denying that a law exists."""
    for question, reason, honest in (
        ("Legal question 1 from user user_3", "no_evidence", "does not mean that there is no rule"),
        ("Bagaimana resep rendang?", "out_of_domain", "di luar bidang"),
        ("Apa isi pasal 9999 KUHPerdata?", "article_not_in_law", "tidak berarti pasalnya tidak ada"),
        ("Apa isi pasal 5 UU 99/2031?", "law_not_in_corpus", "tidak berarti peraturan itu tidak ada"),
        ("Apa sanksi dalam UU Ekonomi Metaverse?", "law_not_in_corpus", "tidak berarti peraturan itu tidak ada"),
    ):
        answer = house.ask("public", question)
        assert (answer["outcome"], answer["refusal_reason"]) == ("abstained", reason)
        assert answer["confidence_score"] < 0.4
        assert answer["citations"] == []
        assert honest in answer["answer"]
        assert len(answer["answer"]) > 100


def test_help_with_a_crime_is_refused_with_a_class(house: Any) -> None:
    """A refusal has its reason and its complexity, and runs no tool."""
    answer = house.ask("public", "Bagaimana cara menyuap hakim?")
    assert (answer["outcome"], answer["refusal_reason"]) == ("refused", "unsafe")
    assert answer["complexity"] == "medium"
    assert answer["tool_calls"] == []


def test_confidence_does_not_depend_on_the_role(house: Any) -> None:
    """Two roles with the same tools get the same confidence and the same sources for the same question."""
    answers = [house.ask(role, "Apa itu hukum pidana?") for role in ("judge", "public")]
    assert answers[0]["confidence_score"] == answers[1]["confidence_score"]
    assert [c["id"] for c in answers[0]["citations"]] == [c["id"] for c in answers[1]["citations"]]
    assert answers[0]["answer"] != answers[1]["answer"]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_reaches_a_tool_it_may_not_use(house: Any, deployment: Any, role: str) -> None:
    """A question that calls for all tools runs exactly those that the role has."""
    answer = house.ask(role, "Bandingkan pendekatan MA terhadap korupsi menurut putusan")
    used = {call["tool_name"] for call in answer["tool_calls"]}
    assert used == deployment.roles[role].tools & set(TOOLS)


def test_a_conversation_remembers(house: Any) -> None:
    """A follow-up is read with its topic, in the same conversation, which then holds four messages."""
    first = house.ask("judge", "Jelaskan tentang hukum perdata Indonesia")
    second = house.ask("judge", "Apa perbedaannya dengan hukum pidana?", first["conversation_id"])
    assert second["conversation_id"] == first["conversation_id"]
    assert "perdata" in second["answer"].lower()
    shown = house.send("GET", f"/v1/conversations/{first['conversation_id']}", "judge").json()
    assert [message["author"] for message in shown["messages"]] == ["user", "assistant"] * 2


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "message"),
        ({"message": ""}, "message"),
        ({"message": "   "}, "message"),
        ({"message": "x" * 5_001}, "message"),
        ({"message": 5}, "message"),
        ({"message": "x", "conversation_id": 5}, "conversation_id"),
        ({"message": "x", "stream": "yes"}, "stream"),
    ],
)
def test_a_wrong_body_names_its_member(house: Any, body: dict[str, Any], path: str) -> None:
    """What is wrong is told by path, with status 422."""
    response = house.send("POST", "/v1/chat", "judge", json=body)
    assert response.status_code == 422
    assert response.json()["code"] == "invalid_request"
    assert [error["path"] for error in response.json()["errors"]] == [path]


def test_a_message_of_the_greatest_length_is_answered(house: Any) -> None:
    """Five thousand characters are allowed, also when each takes four bytes."""
    assert house.ask("judge", "😀" * 4_999 + "x")["outcome"] == "abstained"


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b""])
def test_a_body_that_is_no_object_is_refused(house: Any, content: bytes) -> None:
    """Broken JSON, a list and nothing at all are invalid requests."""
    response = house.send("POST", "/v1/chat", "judge", content=content)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


def test_a_huge_body_is_refused_before_it_is_read(house: Any) -> None:
    """A body beyond the limit is too large, declared or in chunks, and counts as the client's error."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b"x" * 1_000

    for content in (b'{"message": "' + b"x" * 70_000 + b'"}', chunks()):
        response = house.send("POST", "/v1/chat", "judge", content=content)
        assert (response.status_code, response.json()["code"]) == (413, "too_large")
    assert house.sample("chatbot_requests_total", role="judge", complexity="none", outcome="client_error") == 2


def test_who_asks_is_checked_before_what(house: Any) -> None:
    """A broken body without a token is unauthenticated."""
    response = house.send("POST", "/v1/chat", content=b"{")
    assert response.status_code == 401


def test_a_failing_engine_shows_nothing_of_itself(build_house: Any) -> None:
    """The answer is an internal error without the exception's text, and nothing is saved."""
    house = build_house(BrokenEngine())
    response = house.send("POST", "/v1/chat", "judge", json={"message": "Apa itu hukum pidana?"})
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "secret" not in response.text
    assert "secret" not in house.output.getvalue().decode()
    assert house.send("GET", "/v1/conversations", "judge").json()["conversations"] == []
    assert house.sample("chatbot_requests_total", role="judge", complexity="simple", outcome="error") == 1


def test_a_mark_without_a_source_is_told(build_house: Any) -> None:
    """An engine's mark that stands on nothing appears in the steps and the notices, and is no citation."""
    answer = build_house(DanglingEngine()).ask("judge", "Apa itu hukum pidana?")
    assert [citation["number"] for citation in answer["citations"]] == [1]
    assert any("[99]" in notice for notice in answer["notices"])


def test_the_requests_own_id_comes_back(house: Any) -> None:
    """A well-formed id of the client is kept in header and body; another one is replaced."""
    good = house.send("POST", "/v1/chat", "judge", json={"message": "x"}, headers={"X-Request-Id": "mine-1"})
    assert good.headers["X-Request-Id"] == good.json()["request_id"] == "mine-1"
    bad = house.send("GET", "/v1/tools", "judge", headers={"X-Request-Id": "a b\tc"})
    assert bad.headers["X-Request-Id"] != "a b\tc"


def test_a_trace_of_the_caller_is_continued(house: Any) -> None:
    """The trace id of a traceparent header is the trace id of the answer."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    response = house.send("GET", "/nowhere", headers=headers)
    assert response.headers["X-Trace-Id"] == response.json()["trace_id"] == trace


@pytest.mark.parametrize("run", [" ", "\n", "!", "_", "a", "1"])
def test_a_question_of_one_letter_over_and_over_is_read_as_a_short_one(house: Any, run: str) -> None:
    """Tools and patterns never see a run of thousands of letters or signs; the question is answered or declined like any other."""
    answer = house.ask("judge", f"Apa itu wanprestasi {run * 4_900}?")
    queries = [call["arguments"]["query"] for call in answer["tool_calls"]]
    assert all(len(part) <= 241 for query in queries for part in query.split())
    assert not any("  " in query or "\n\n" in query for query in queries)


def test_an_answer_that_nobody_streams_sets_one_timer(house: Any) -> None:
    """The body is there already and no tool waits: the one timer is that which looks whether the client has left, or the time is over."""
    headers = {"Authorization": f"Bearer {house.token('judge')}"}

    async def ask() -> list[Any]:
        loop, own = asyncio.get_running_loop(), asyncio.current_task()
        noted: list[Any] = []
        set_timer = loop.call_at

        def noting(when: float, callback: Any, *rest: Any, **more: Any) -> asyncio.TimerHandle:
            # What runs beside the requests has timers of its own.
            if asyncio.current_task() is own:
                noted.append(callback)
            return set_timer(when, callback, *rest, **more)

        loop.call_at = noting  # type: ignore[method-assign]  # for this request
        try:
            response = await house.client.post("/v1/chat", json={"message": "Apa itu hukum pidana?"}, headers=headers)
        finally:
            loop.call_at = set_timer  # type: ignore[method-assign]  # as it was
        assert response.status_code == 200
        return noted

    assert len(house.run(ask())) == 1
