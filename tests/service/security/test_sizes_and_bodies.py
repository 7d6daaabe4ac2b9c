"""How much is read of a request, and what is made of bodies that are no honest JSON (API4, V5)."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.api.openai_wire import CompletionRequest
from service.api.wire import Body, parsed
from service.errors import FieldError, InvalidRequest

WITH_BODIES = [
    ("POST", "/v1/auth/token", None),
    ("POST", "/v1/chat", "judge"),
    ("POST", "/v1/conversations", "judge"),
    ("POST", "/v1/keys", "judge"),
    ("POST", "/v1/tools/LegalRetriever", "judge"),
    ("PUT", "/v1/switches/extractive-only", "admin"),
]


def limit_of(house: Any) -> int:
    most: int = house.app.state.services.deployment.limits.body_bytes
    return most


@pytest.mark.parametrize(("method", "path", "role"), WITH_BODIES)
def test_one_byte_more_than_allowed_is_refused_declared_or_not(
    house: Any, method: str, path: str, role: str | None
) -> None:
    """API4, FastAPI has no limit by itself: limit + 1 bytes are 413 with their length and in chunks without one; the limit itself is read."""

    async def chunks(size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, 1_000):
            yield b" " * min(1_000, size - start)

    most = limit_of(house)
    assert house.send(method, path, role, content=b" " * (most + 1)).status_code == 413
    assert house.send(method, path, role, content=chunks(most + 1)).status_code == 413
    assert house.send(method, path, role, content=b" " * most).status_code == 422
    assert house.send(method, path, role, content=chunks(most)).status_code == 422


def test_a_lying_length_buys_nothing(house: Any) -> None:
    """A Content-Length below the truth, or one that is no number, does not lift the limit."""
    for declared in ("10", "-1", "1e3", "0x10", "9" * 30):
        response = house.send(
            "POST", "/v1/chat", "judge", content=b" " * (limit_of(house) + 1), headers={"Content-Length": declared}
        )
        assert response.status_code == 413, declared


@pytest.mark.parametrize(("method", "path", "role"), WITH_BODIES)
def test_a_compressed_body_is_refused_and_never_unpacked(house: Any, method: str, path: str, role: str | None) -> None:
    """RFC 9110, 15.5.16: what is encoded is 415 in the form of all errors and says what is taken; `identity` is no encoding."""
    for encoding in ("gzip", "BR", "deflate, gzip"):
        response = house.send(method, path, role, content=gzip.compress(b"{}"), headers={"Content-Encoding": encoding})
        assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
        assert response.headers["accept-encoding"] == "identity"
        assert response.headers["content-type"] == "application/problem+json"
    plain = house.send(method, path, role, content=b"{", headers={"Content-Encoding": "identity"})
    assert plain.status_code == 422


def test_a_second_header_hides_no_encoding(house: Any) -> None:
    """What a first header calls no encoding, a second one may still name."""
    headers = [("Content-Encoding", "identity"), ("Content-Encoding", "gzip")]
    response = house.run(house.client.post("/v1/auth/token", content=gzip.compress(b"{}"), headers=headers))
    assert response.status_code == 415


def test_clients_of_openai_learn_of_a_compressed_body_in_their_words(house: Any) -> None:
    """The same refusal in the form that OpenAI's clients read."""
    response = house.send(
        "POST", "/v1/chat/completions", "judge", content=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}
    )
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["code"]) == (
        415,
        "invalid_request_error",
        "unsupported_media_type",
    )


def test_a_thousand_parts_are_refused_as_a_whole(house: Any) -> None:
    """Aiohttp CVE-2025-69228, a limit for each part only: a form of 1,000 parts is 413, and no form is ever parsed."""
    files = [(f"f{number}", (f"n{number}.txt", b"x" * 10)) for number in range(1_000)]
    assert house.send("POST", "/v1/chat", "judge", files=files).status_code == 413
    assert house.send("POST", "/v1/chat", "judge", files=files[:3]).status_code == 422


@pytest.mark.parametrize("path", ["/v1/conversations", "/v1/usage"])
def test_a_query_without_end_is_not_taken_apart(house: Any, path: str) -> None:
    """100 parameters, or 16,384 bytes, are read; one more is refused in the form of all errors, whether the route knows it or not."""
    for query, status in (
        ("a=&" * 99 + "b=", 200),
        ("a=&" * 100 + "b=", 422),
        ("a=" + "x" * 16_382, 200),
        ("a=" + "%41" * 5_461, 422),
    ):
        response = house.send("GET", f"{path}?{query}", "admin")
        assert response.status_code == status, query[:20]
        assert status == 200 or response.json()["code"] == "invalid_request"


def test_too_many_or_too_long_headers_are_refused(house: Any) -> None:
    """More than a hundred headers, or 32 KiB of them, are 431 in the form of all errors."""
    many = {f"X-Junk-{number}": "x" for number in range(101)}
    for headers in (many, {"X-Junk": "x" * 40_000}):
        response = house.send("GET", "/v1/tools", headers=headers)
        assert (response.status_code, response.json()["code"]) == (431, "too_large")


@pytest.mark.parametrize(
    "junk",
    [
        'application/x-www-form-urlencoded; !="' + "\\" * 5_000,
        "multipart/form-data; boundary=" + "a" * 5_000,
        "multipart/form-data;" + " ;" * 2_500,
        "application/json;charset=" + "é" * 2_000,
        ";" * 5_000,
    ],
)
def test_a_hostile_content_type_is_not_even_parsed(house: Any, junk: str) -> None:
    """python-multipart CVE-2024-24762, a regex over Content-Type: the header decides nothing here, the body is JSON or refused."""
    body = b'{"message": "Apa itu hukum pidana?"}'
    headers = {"Content-Type": junk.encode("latin-1", "replace")}
    assert house.send("POST", "/v1/chat", "judge", content=body, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 30_000,
        b'{"message":' * 5_000,
        b'{"message": NaN}',
        b'{"message": Infinity}',
        b'{"message": 1' + b"0" * 5_000 + b"}",
        b'{"message": "\\ud800"}',
        b'{"message": "\xed\xa0\x80"}',
        b'{"message": "a\x00b"}',
        b'{"message": "x", "year_from": 1' + b"0" * 400 + b"}",
        b'{"message": "x"} {"message": "y"}',
        b"\xef\xbb\xbf{}",
        b"\x80\x04\x95",
    ],
    ids=lambda raw: raw[:16].decode("latin-1"),
)
def test_hostile_json_is_a_wrong_request(house: Any, raw: bytes) -> None:
    """Depth, NaN, huge numbers, halves of surrogates, raw control characters, two values: 422, with and without an idempotency key."""
    for headers in ({}, {"Idempotency-Key": "k1"}):
        response = house.send("POST", "/v1/chat", "judge", content=raw, headers=headers)
        assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


def bodies(model: type[Body] = Body) -> Iterator[type[Body]]:
    """Every form that a body, or a part of one, may have."""
    for below in model.__subclasses__():
        yield below
        yield from bodies(below)


def lists() -> Iterator[Any]:
    """Every member of every form as a list of what is no text, and the parts of one message and of a thousand."""
    for model in bodies():
        for name in model.model_fields:
            yield pytest.param(model, {name: [1] * 20_000}, id=f"{model.__name__}.{name}")
    yield pytest.param(CompletionRequest, {"messages": [{"content": [1] * 20_000}]}, id="parts")
    yield pytest.param(CompletionRequest, {"messages": [{"content": [1] * 20}] * 1_000}, id="messages")


def errors_of(model: type[Body], told: dict[str, Any]) -> Sequence[FieldError]:
    """What a client would be told of a body."""
    try:
        parsed(orjson.dumps(told), model)
    except InvalidRequest as refused:
        return refused.errors
    return ()


@pytest.mark.parametrize(("model", "told"), [*lists()])
def test_a_list_of_wrong_members_is_not_told_member_by_member(model: type[Body], told: dict[str, Any]) -> None:
    """A body holds 250,000 of them, and to tell of each takes the worker seconds: an answer names a few."""
    assert len(errors_of(model, told)) <= 10


def test_a_member_given_twice_is_read_once(house: Any) -> None:
    """Duplicate keys: nothing reads the body a second time, so no check sees another value than the answer does."""
    raw = b'{"message": "", "message": "Apa itu hukum pidana?", "role": "admin", "role": "judge"}'
    assert house.send("POST", "/v1/chat", "public", content=raw).json()["role"] == "public"
    raw = b'{"message": "Apa itu hukum pidana?", "message": ""}'
    assert house.send("POST", "/v1/chat", "public", content=raw).status_code == 422


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_no_body_at_all_is_an_error_of_ours(house: Any, raw: bytes) -> None:
    """Whatever bytes come, the answer is never a 5xx."""
    assert house.send("POST", "/v1/tools/LawLookup", "judge", content=raw).status_code < 500
