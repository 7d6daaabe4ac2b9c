"""One request, found everywhere by its ids; and what nobody may find anywhere."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

OPEN_METRICS = {"accept": "application/openmetrics-text;version=1.0.0"}
QUESTION = "Apa itu hukum pidana?"
SEEDED = {
    "name": "Raden-Zebracrossing-Wijaya",
    "nik": "3174092811770042",
    "phone": "081298765432",
    "mail": "zebra.crossing@contoh.example",
    "text": "rahasiaperceraianku",
    "password": "sandi-sangat-rahasia-17",
    "address": "203.0.113.77",
    "key": "cs_zebracrossing0000000000000000000000000000",
    "token": "eyJhbGciOiJIUzI1NiJ9.emVicmFjcm9zc2luZw.c2lnbmF0dXJl",
}


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(build_house: Any, exporter: InMemorySpanExporter) -> Any:
    house = build_house(spans=SimpleSpanProcessor(exporter))
    house.token("judge")
    exporter.clear()
    return house


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat", {"message": QUESTION}),
        ("/v1/chat", {"message": QUESTION, "stream": True}),
        ("/v1/chat/completions", {"model": "courtsight", "messages": [{"role": "user", "content": QUESTION}]}),
    ],
)
def test_an_answer_is_found_by_its_ids(traced: Any, exporter: Any, path: str, body: dict[str, Any]) -> None:
    """Header, log line, span attribute, exemplar and database row of one answer carry one request id and one trace id."""
    response = traced.send("POST", path, "judge", json=body, headers={"x-request-id": "follow-me"})
    assert response.status_code == 200
    trace_id = response.headers["x-trace-id"]
    assert response.headers["x-request-id"] == "follow-me"
    (line,) = [one for one in traced.log_lines() if one.get("request_id") == "follow-me"]
    assert line["trace_id"] == trace_id
    (root,) = [span for span in exporter.get_finished_spans() if span.parent is None]
    assert root.attributes["courtsight.request_id"] == "follow-me"
    assert f"{root.context.trace_id:032x}" == trace_id
    page = traced.send("GET", "/metrics", headers=OPEN_METRICS)
    assert page.headers["content-type"].startswith("application/openmetrics-text")
    timed = [line for line in page.text.splitlines() if "request_duration_seconds_bucket" in line and trace_id in line]
    assert any(one.startswith("chatbot_request_duration_seconds_bucket") for one in timed)
    with sqlite3.connect(traced.database) as connection:
        rows = connection.execute("SELECT trace_id FROM answers WHERE request_id = 'follow-me'").fetchall()
    connection.close()
    assert rows == [(trace_id,)]


def test_an_error_is_found_by_its_ids(traced: Any, exporter: Any) -> None:
    """Body, headers, log line and span of a refused request carry the same ids, and the span says what went wrong."""
    response = traced.send("POST", "/v1/chat", "judge", json={"message": " "}, headers={"x-request-id": "e-1"})
    problem = response.json()
    assert (problem["request_id"], problem["trace_id"]) == ("e-1", response.headers["x-trace-id"])
    (line,) = [one for one in traced.log_lines() if one.get("request_id") == "e-1"]
    assert (line["trace_id"], line["problem"]) == (problem["trace_id"], "invalid_request")
    (root,) = [span for span in exporter.get_finished_spans() if span.parent is None]
    assert root.attributes["courtsight.request_id"] == "e-1"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (SEEDED["nik"], False),
        ("3174-0928-1177-0042", False),
        ("0812.9876.5432", False),
        ("1234567", False),
        ("123456", True),
        ("1764210000123456789", True),
        ("20261122-ab", True),
        ("3f1c2a4e-9b7d-4c61-8f20-5d6e7a8b9c0d", True),
    ],
)
def test_an_id_that_is_the_number_of_somebody_is_not_taken(traced: Any, exporter: Any, sent: str, kept: bool) -> None:
    """An identity card's, a telephone's or an account's number as the request's id would stand in log, trace and database, and go to providers."""
    response = traced.send("POST", "/v1/chat", "judge", json={"message": QUESTION}, headers={"x-request-id": sent})
    assert (response.headers["x-request-id"] == sent) == kept
    told = traced.output.getvalue().decode() + "".join(span.to_json() for span in exporter.get_finished_spans())
    assert (f'"{sent}"' in told) == kept


def test_plain_text_has_no_exemplars(traced: Any) -> None:
    """Whoever does not ask for OpenMetrics gets a page without them, which every reader understands."""
    traced.ask("judge", QUESTION)
    page = traced.send("GET", "/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    assert "trace_id" not in page.text


def test_a_request_that_is_not_recorded_leaves_no_exemplar(build_house: Any, settings: Any, exporter: Any) -> None:
    """A trace id that no collector has would lead nowhere."""
    house = build_house(wanted=settings.model_copy(update={"trace_share": 0.0}), spans=SimpleSpanProcessor(exporter))
    house.ask("judge", QUESTION)
    assert "trace_id" not in house.send("GET", "/metrics", headers=OPEN_METRICS).text
    assert exporter.get_finished_spans() == ()


def _bodies(route: str) -> dict[str, Any]:
    everything = " ".join(SEEDED.values())
    return {
        "message": f"Apa itu hukum pidana {everything}?",
        "query": everything,
        "title": everything[:200],
        "username": SEEDED["name"],
        "password": SEEDED["password"],
        "name": SEEDED["name"],
        "comment": everything,
        "score": 3,
        "model": SEEDED["text"],
        "messages": [{"role": "user", "content": everything}],
        "route": route,
    }


def test_what_is_seeded_is_found_nowhere(traced: Any, exporter: Any) -> None:
    """Through every route, well and badly: names, numbers, texts, secrets and addresses stand in no line, span, label or problem."""
    from service.app import _routes

    hostile = {
        "x-forwarded-for": SEEDED["address"],
        "user-agent": SEEDED["name"],
        "x-request-id": f"{SEEDED['nik']} {SEEDED['mail']}",
        "referer": f"https://{SEEDED['mail']}/",
    }
    problems = []
    for route, method in sorted(_routes(), key=lambda one: "logout" in one[0]):
        path = route
        for name in ("conversation_id", "tool_name", "message_id", "key_id", "document_id", "model", "name", "id"):
            path = path.replace(f"{{{name}}}", SEEDED["text"])
        if "{" in path or "password" in path:
            path = path.partition("{")[0] + SEEDED["text"]
        for credential in ("judge", SEEDED["token"], SEEDED["key"]):
            bearer = traced.token("judge") if credential == "judge" else credential
            headers = {**hostile, "authorization": f"Bearer {bearer}"}
            query = {"q": SEEDED["text"], "format": SEEDED["nik"]}
            for options in ({"json": _bodies(route)}, {"content": SEEDED["text"].encode() + b"\r\n\x1b[31m{"}):
                if "logout" in route and credential == "judge":
                    continue
                response = traced.send(method, path, headers=headers, params=query, **options)
                if response.status_code >= 400:
                    problems.append(response.text)
    for method, path in (
        ("PATCH", f"/v1/tools/{SEEDED['text']}"),
        ("GET", f"/{SEEDED['text']}"),
        (SEEDED["key"], "/v1/chat"),
    ):
        problems.append(traced.send(method, path, "judge", headers=hostile).text)
    found = {
        "log": traced.output.getvalue().decode(),
        "spans": "".join(span.to_json() for span in exporter.get_finished_spans()),
        "metrics": traced.send("GET", "/metrics", headers=OPEN_METRICS).text,
        "problems": "\n".join(problems),
    }
    told = {(where, name) for where, text in found.items() for name, value in SEEDED.items() if value in text}
    assert told == set()
    assert traced.token("judge") not in found["log"] + found["spans"] + found["metrics"]
