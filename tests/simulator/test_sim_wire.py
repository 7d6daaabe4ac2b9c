"""OpenAI's wire form, checked by hand against what its published API says."""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

import orjson
import pytest

from simulator.embeddings import embed, packed


def dot(one: list[float], two: list[float]) -> float:
    return math.fsum(a * b for a, b in zip(one, two, strict=True))


def test_a_whole_answer_has_openais_form(published: Any) -> None:
    """id, object, created, model, one choice with message and finish_reason, and the usage that adds up."""
    response = published.chat(model="courtsight-sim:simple")
    body = published.body(response)
    assert set(body) == {"id", "object", "created", "model", "system_fingerprint", "choices", "usage"}
    assert (body["object"], body["model"], body["created"]) == (
        "chat.completion",
        "courtsight-sim:simple",
        1_800_000_000,
    )
    (choice,) = body["choices"]
    assert (choice["index"], choice["finish_reason"], choice["message"]["role"]) == (0, "stop", "assistant")
    words = len(published.prompt.split())
    assert body["usage"] == {"prompt_tokens": words, "completion_tokens": 60, "total_tokens": words + 60}
    assert len(choice["message"]["content"].split()) == 60
    assert response.plan.content_type == "application/json"


def test_a_stream_has_openais_form(published: Any) -> None:
    """Role first, then one chunk a token, then the reason to stop, then the usage without choices, then the end mark."""
    response = published.chat(model="courtsight-sim:simple", stream=True, stream_options={"include_usage": True})
    events = published.events(response)
    assert response.plan.content_type.startswith("text/event-stream")
    assert {event["object"] for event in events} == {"chat.completion.chunk"}
    assert len({event["id"] for event in events}) == 1
    role, *tokens, finish, usage = events
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert len(tokens) == 60
    assert "".join(token["choices"][0]["delta"]["content"] for token in tokens) == published.text(
        published.chat(model="courtsight-sim:simple")
    )
    assert [event["usage"] for event in events[:-1]] == [None] * (len(events) - 1)
    assert (finish["choices"][0]["delta"], finish["choices"][0]["finish_reason"]) == ({}, "stop")
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 60)
    assert response.plan.writes[-1].payload.endswith(b"data: [DONE]\n\n")


def test_usage_comes_in_a_stream_only_when_asked_for(published: Any) -> None:
    """Without stream_options no chunk has the member at all."""
    assert not any("usage" in event for event in published.events(published.chat(stream=True)))


def test_members_that_are_not_known_are_passed_over(published: Any) -> None:
    """Temperature, tools, seeds and whatever comes next do not disturb."""
    assert published.chat(temperature=0.2, tools=[], seed=1, reasoning_effort="low", user="x").plan.status == 200


def test_content_may_come_in_parts(instant: Any) -> None:
    """A message's text parts count and are read like one text."""
    parts = [
        {"type": "text", "text": "[1] Pasal 5 melindungi pemilik tanah."},
        {"type": "image_url", "image_url": {"url": "x"}},
    ]
    body = {"model": "m", "messages": [{"role": "user", "content": parts}]}
    response = instant.post("/v1/chat/completions", body)
    assert "[1]" in instant.text(response)
    assert instant.body(response)["usage"]["prompt_tokens"] == 6


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "halo"}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"model": None}, "model"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 2}, "n"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_a_bad_request_names_the_member_in_openais_form(published: Any, changes: dict[str, Any], param: str) -> None:
    """400 with message, type invalid_request_error, the member as param, and a code; the next request draws as if nothing had been."""
    response = published.chat(**changes)
    error = published.body(response)["error"]
    assert response.plan.status == 400
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["param"].startswith(param)
    assert response.record.request == "rejected-7-1"
    assert published.chat().record.key == "#1"


def test_limits_and_stops_of_the_client_hold(instant: Any) -> None:
    """max_tokens ends an answer for its length, in both spellings; a stop sequence ends it before that text."""
    for name in ("max_tokens", "max_completion_tokens"):
        body = instant.body(instant.chat(**{name: 5}))
        assert (body["choices"][0]["finish_reason"], body["usage"]["completion_tokens"]) == ("length", 5)
    assert instant.text(instant.chat(stop="Pasal")) == "Menurut "


def test_models_are_listed_with_their_kinds(published: Any) -> None:
    """GET /v1/models has the profile's models, each also with every kind as its suffix."""
    response = published.get("/v1/models")
    body = published.body(response)
    assert body["object"] == "list"
    assert [model["id"] for model in body["data"]] == [
        "courtsight-sim",
        *(f"courtsight-sim:{kind}" for kind in ("simple", "medium", "complex")),
    ]
    one = published.body(published.get("/v1/models/courtsight-sim:simple"))
    assert (one["id"], one["object"]) == ("courtsight-sim:simple", "model")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models/gpt", 404),
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/health/live", 405),
        ("GET", "/", 404),
        ("GET", "/health/live", 200),
        ("GET", "/health/ready", 200),
    ],
)
def test_routes_answer_with_their_status(published: Any, method: str, path: str, status: int) -> None:
    """Unknown paths, models and wrong methods are errors in the same form."""
    response = published.request(method, path)
    assert response.plan.status == status
    assert ("error" in published.body(response)) == (status >= 400)


def test_a_model_that_the_profile_does_not_list_is_not_found(published: Any) -> None:
    """404 model_not_found, with the models there are."""
    response = published.chat(model="gpt-5")
    assert response.plan.status == 404
    assert published.body(response)["error"]["code"] == "model_not_found"


def test_a_key_is_asked_for_when_the_simulator_has_one(calling: Any) -> None:
    """Without the right bearer token every route under /v1 is 401; health is open."""
    caller = calling(api_key="rahasia")
    assert caller.chat().plan.status == 401
    assert caller.chat(authorization="Bearer salah").plan.status == 401
    assert caller.chat(authorization="Bearer rahasia").plan.status == 200
    assert caller.get("/health/live").plan.status == 200


def test_embeddings_are_seeded_and_near_for_shared_words(instant: Any) -> None:
    """The same text has the same vector of length 1; texts that share words lie nearer than those that do not."""
    body = {"model": "m", "input": ["hukum perdata waris", "hukum waris adat", "motor hilang"], "dimensions": 128}
    data = instant.body(instant.post("/v1/embeddings", body))["data"]
    one, two, three = (item["embedding"] for item in data)
    assert [item["index"] for item in data] == [0, 1, 2]
    assert (len(one), math.hypot(*one)) == (128, pytest.approx(1))
    assert dot(one, two) > dot(one, three) + 0.2
    assert one == embed("waris perdata HUKUM", 128, 7) != embed("waris perdata HUKUM", 128, 8)


def test_embeddings_come_as_base64_when_asked_for(instant: Any) -> None:
    """encoding_format base64 is little-endian 32-bit floats, as OpenAI's client wants them."""
    body = {"model": "m", "input": "hukum", "encoding_format": "base64"}
    found = instant.body(instant.post("/v1/embeddings", body))
    raw = base64.b64decode(found["data"][0]["embedding"])
    assert struct.unpack("<64f", raw) == pytest.approx(embed("hukum", 64, 7), rel=1e-6)
    assert found["usage"] == {"prompt_tokens": 1, "total_tokens": 1}
    assert packed([1.0, 0.0]) == "AACAPwAAAAA="


def test_a_text_without_words_has_a_vector_too(instant: Any) -> None:
    """Length 1 also for an empty text."""
    assert embed("…", 4, 7) == [1.0, 0.0, 0.0, 0.0]


def test_every_body_is_json_that_parses(published: Any) -> None:
    """Quotation marks and line ends of a prompt do not break the answer's JSON."""
    prompt = '[1] Pasal 1 menyebut "hak" dan \\ kewajiban.\nBaris kedua memuat tab\tdi tengah kalimat.'
    assert orjson.loads(published.chat(prompt).plan.writes[0].payload)["choices"]
