"""Answers as streams of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import orjson
import pytest

from service.chat.brief import Brief
from service.llm.engine import Piece, WritingEvent


class EndlessEngine:
    """An engine that goes on until somebody stops it, and notes that it was stopped."""

    name = "endless"
    models: Mapping[str, str] = {"endless": "fake"}

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.stopped = False

    async def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        self.begun.set()
        try:
            while True:
                yield Piece("kata ")
                await asyncio.sleep(0.001)
        finally:
            self.stopped = True


class SilentEngine(EndlessEngine):
    async def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        await asyncio.sleep(3_600)
        yield Piece("kata ")


class FailingEngine(EndlessEngine):
    async def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        yield Piece("kata ")
        raise RuntimeError("inner text")


def test_the_deltas_joined_are_the_answer(house: Any) -> None:
    """What was streamed is what is in the body at the end, and what was saved."""
    events = house.stream("judge", "Apa preseden terkuat untuk membuktikan KDRT dalam perkara perceraian?")
    done = events[-1][1]
    assert "".join(data["text"] for event, data in events if event == "delta") == done["answer"]
    saved = house.send("GET", f"/v1/conversations/{done['conversation_id']}", "judge").json()["messages"][1]
    assert saved["content"] == done["answer"]


def test_the_events_come_in_order(house: Any) -> None:
    """First `start` with conversation, request and class, last `done`; the steps are those of the body."""
    events = house.stream("lawyer", "Dasar hukum gugatan wanprestasi kontrak bisnis")
    assert events[0][0] == "start"
    assert set(events[0][1]) == {"conversation_id", "request_id", "complexity"}
    assert events[-1][0] == "done"
    assert [data for event, data in events if event == "step"] == events[-1][1]["reasoning_steps"]
    assert {event for event, _ in events} == {"start", "step", "delta", "done"}


def test_a_stream_answers_like_json(house: Any) -> None:
    """Both ways give the same answer to the same question."""
    streamed = house.stream("judge", "Apa itu hukum pidana?")[-1][1]
    plain = house.ask("judge", "Apa itu hukum pidana?")
    same = ("answer", "citations", "confidence_score", "complexity", "notices", "usage", "role", "model")
    assert [streamed[name] for name in same] == [plain[name] for name in same]


def test_the_accept_header_asks_for_a_stream(house: Any) -> None:
    """`Accept: text/event-stream` streams without a member in the body."""
    headers = {"Accept": "text/event-stream"}
    response = house.send("POST", "/v1/chat", "judge", json={"message": "Apa itu hukum pidana?"}, headers=headers)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in response.headers


@pytest.mark.parametrize(
    ("accept", "said", "streams"),
    [
        ("application/json, text/event-stream", None, False),
        ("text/event-stream, application/json;q=0.9", None, True),
        ("text/event-stream, */*", None, True),
        ("Text/Event-Stream; q=0.5", None, True),
        ("application/json, text/event-stream;q=0", None, False),
        ("text/event-stream", False, False),
        ("application/json", True, True),
    ],
)
def test_a_reader_gets_the_form_it_would_rather_have(
    house: Any, accept: str, *, said: bool | None, streams: bool
) -> None:
    """What the body says counts; without it the weights of `Accept` do, and who takes both as gladly gets JSON."""
    body = {"message": "Halo", **({} if said is None else {"stream": said})}
    response = house.send("POST", "/v1/chat", "judge", json=body, headers={"Accept": accept})
    assert response.headers["content-type"].startswith("text/event-stream") is streams


def test_refused_and_abstained_answers_stream_too(house: Any) -> None:
    """A stream without evidence still ends with `done`."""
    for question, outcome in (("Bagaimana cara menyuap hakim?", "refused"), ("resep rendang", "abstained")):
        assert house.stream("public", question)[-1][1]["outcome"] == outcome


def test_errors_before_the_stream_are_plain_problems(house: Any) -> None:
    """What is refused before anything was sent has its own status."""
    response = house.send("POST", "/v1/chat", "judge", json={"message": " ", "stream": True})
    assert response.status_code == 422


def test_a_stream_that_fails_ends_with_an_error_event(build_house: Any) -> None:
    """A failure after the start is told by a problem without the exception's text, and there is no `done`."""
    house = build_house(FailingEngine())
    events = house.stream("judge", "Apa itu hukum pidana?")
    assert events[-1][0] == "error"
    assert events[-1][1]["code"] == "internal"
    assert "done" not in {event for event, _ in events}
    assert "inner text" not in str(events)
    assert house.sample("chatbot_requests_total", role="judge", complexity="simple", outcome="error") == 1
    assert house.sample("chatbot_stream_end_total", reason="upstream_error") == 1


def test_good_streams_are_timed_to_their_first_content(house: Any) -> None:
    """TTFT counts streams only, from the request to the first piece, within the whole duration."""
    house.ask("judge", "Apa itu hukum pidana?")
    house.stream("judge", "Apa itu hukum pidana?")
    labels = {"role": "judge", "complexity": "simple"}
    assert house.sample("chatbot_ttft_seconds_count", **labels) == 1
    assert house.sample("chatbot_request_duration_seconds_count", **labels) == 2
    first = house.sample("chatbot_ttft_seconds_sum", **labels)
    assert 0 < first < house.sample("chatbot_request_duration_seconds_sum", **labels)
    assert house.sample("chatbot_stream_end_total", reason="complete") == 1


def test_a_reader_who_leaves_stops_the_work(build_house: Any) -> None:
    """When the client disconnects in mid-stream, the engine is stopped, nothing is saved, and it counts as client_closed."""
    engine = EndlessEngine()
    house = build_house(engine)
    house.run(_leave_after(house, house.token("judge"), deltas=3))
    assert engine.stopped
    assert house.sample("chatbot_requests_total", role="judge", complexity="simple", outcome="client_closed") == 1
    assert house.sample("chatbot_stream_end_total", reason="client_closed") == 1
    assert house.sample("chatbot_requests_in_flight") == 0
    assert house.send("GET", "/v1/conversations", "judge").json()["conversations"] == []


def test_a_reader_of_json_who_leaves_stops_the_work(build_house: Any) -> None:
    """When the client closes the connection while it waits for a whole answer, the engine is stopped and nothing is saved."""
    engine = EndlessEngine()
    house = build_house(engine)
    house.run(_leave_while_waiting(house, house.token("judge"), engine.begun))
    assert engine.stopped
    assert house.sample("chatbot_requests_total", role="judge", complexity="simple", outcome="client_closed") == 1
    assert house.sample("chatbot_requests_in_flight") == 0
    assert house.send("GET", "/v1/conversations", "judge").json()["conversations"] == []


async def _leave_while_waiting(house: Any, token: str, begun: asyncio.Event) -> None:
    body = orjson.dumps({"message": "Apa itu hukum pidana?"})
    headers = [
        (b"host", b"service"),
        (b"authorization", b"Bearer " + token.encode()),
        (b"content-length", b"%d" % len(body)),
    ]
    scope = {
        "type": "http", "method": "POST", "path": "/v1/chat", "raw_path": b"/v1/chat", "query_string": b"", "headers": headers,
        "http_version": "1.1", "scheme": "http", "server": ("service", 80), "client": ("client", 1), "root_path": "",
        "asgi": {"version": "3.0"},
    }  # fmt: skip
    questions = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if questions:
            return questions.pop()
        await begun.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        return

    await house.app(scope, receive, send)


async def _leave_after(house: Any, token: str, deltas: int) -> None:
    """Speak ASGI by hand: send a question, take some deltas, then disconnect."""
    body = orjson.dumps({"message": "Apa itu hukum pidana?", "stream": True})
    headers = [
        (b"host", b"service"),
        (b"authorization", b"Bearer " + token.encode()),
        (b"content-length", b"%d" % len(body)),
    ]
    scope = {
        "type": "http", "method": "POST", "path": "/v1/chat", "raw_path": b"/v1/chat", "query_string": b"", "headers": headers,
        "http_version": "1.1", "scheme": "http", "server": ("service", 80), "client": ("client", 1), "root_path": "",
        "asgi": {"version": "3.0"},
    }  # fmt: skip
    enough = asyncio.Event()
    questions = [{"type": "http.request", "body": body, "more_body": False}]
    seen = 0

    async def receive() -> dict[str, Any]:
        if questions:
            return questions.pop()
        await enough.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal seen
        seen += message.get("body", b"").startswith(b"event: delta")
        if seen >= deltas:
            enough.set()

    async with asyncio.timeout(60):
        await house.app(scope, receive, send)


@pytest.mark.parametrize("engine", [EndlessEngine, SilentEngine])
@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_that_takes_too_long_is_a_timeout(
    build_house: Any, settings: Any, tmp_path: Any, streamed: bool, engine: type[EndlessEngine]
) -> None:
    """Past the deployment's limit the answer is 504 `timeout`, or an `error` event, and counts as timeout."""
    from service.deployments.load import deployment_file

    file = tmp_path / "hasty.yaml"
    shipped = deployment_file("courtsight").read_text(encoding="utf-8")
    file.write_text(shipped.replace("answer_seconds: 60.0", "answer_seconds: 0.05"), encoding="utf-8")
    house = build_house(engine(), settings.model_copy(update={"deployment": str(file)}))
    if streamed:
        event, data = house.stream("judge", "Apa itu hukum pidana?")[-1]
        assert (event, data["code"]) == ("error", "timeout")
        assert house.sample("chatbot_stream_end_total", reason="timeout") == 1
    else:
        response = house.send("POST", "/v1/chat", "judge", json={"message": "Apa itu hukum pidana?"})
        assert (response.status_code, response.json()["code"]) == (504, "timeout")
    assert house.sample("chatbot_requests_total", role="judge", complexity="simple", outcome="timeout") == 1
