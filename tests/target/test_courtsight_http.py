"""Our service over HTTP, with httpx's own transport as the fake."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

from slo.errors import InvalidInput
from target.accounts import Credentials
from target.chat import MALFORMED, STREAM_CUT, AccessToken, RawRequest, Session
from target.courtsight import CourtSightTarget, open_target, read_credentials
from target.errors import TargetDown, TargetRefused

JUDGE = Session("judge", "t0ken")
BODY: dict[str, Any] = {
    "id": "m1",
    "conversation_id": "c1",
    "request_id": "r1",
    "answer": "Jawaban [1]",
    "outcome": "ok",
    "refusal_reason": None,
    "citations": [
        {
            "number": 1,
            "id": "kuhp-603",
            "title": "Korupsi",
            "law": "UU 1/2023",
            "article": "603",
            "demo": False,
            "verified": True,
            "new": 1,
        }
    ],
    "confidence_score": 0.91,
    "complexity": "complex",
    "role": "judge",
    "tool_calls": [
        {
            "tool_name": "LegalRetriever",
            "arguments": {"query": "x"},
            "outcome": "ok",
            "results": 5,
            "duration_seconds": 0.003,
        }
    ],
    "reasoning_steps": [{"number": 1, "title": "Membaca", "detail": "…"}],
    "notices": ["Bukan nasihat hukum."],
    "processing_time": 0.012,
    "model": "extractive",
    "usage": {"input_tokens": 1, "output_tokens": 2},
}


def event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


class Chunks(httpx.AsyncByteStream):
    """A body in pieces; an exception among them breaks it off."""

    def __init__(self, pieces: Iterable[bytes | Exception]) -> None:
        self.pieces = list(pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


def target_of(
    handler: Callable[[httpx.Request], httpx.Response], timer: Callable[[], float] | None = None
) -> CourtSightTarget:
    client = httpx.AsyncClient(transport=httpx.MockTransport(handler), base_url="http://127.0.0.1:1")
    credentials = {"judge": Credentials("hakim", "rahasia"), "public": AccessToken("given")}
    return CourtSightTarget(client, credentials, timer or itertools.count().__next__)


def answering(status: int, body: object = None, **rest: Any) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, json=body, **rest)


def streaming(*pieces: bytes | Exception) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Chunks(pieces))


def test_an_answer_is_read_whole_and_timed_by_the_clients_clock() -> None:
    """The answer of the contract becomes values; its time is ours, not the one that the service tells."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=BODY)

    reply = asyncio.run(target_of(handler).ask(JUDGE, "Apa?", "c1"))
    assert reply.answer is not None
    assert (reply.status, reply.code, reply.duration_seconds, reply.failure) == (200, "", 1, "")
    assert reply.answer.citations[0].id == "kuhp-603"
    assert reply.answer.tool_calls[0].tool_name == "LegalRetriever"
    assert reply.answer.reasoning_steps == ("Membaca",)
    assert seen[0].headers["authorization"] == "Bearer t0ken"
    assert json.loads(seen[0].content) == {"message": "Apa?", "conversation_id": "c1"}


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "token_expired"), (404, "not_found"), (422, "invalid_request"), (503, "storage_unavailable")],
)
def test_a_refusal_is_carried_and_not_raised(status: int, code: str) -> None:
    """Whoever judges sees status and code of a refusal."""
    reply = asyncio.run(
        target_of(answering(status, {"status": status, "code": code, "detail": "why"})).ask(JUDGE, "Apa?")
    )
    assert (reply.status, reply.code, reply.detail, reply.answer) == (status, code, "why", None)
    assert reply.failure == f"{status} {code}"


def test_an_answer_that_breaks_the_contract_is_malformed() -> None:
    """A 200 without citations is no answer, and says what is missing."""
    body = {key: value for key, value in BODY.items() if key != "citations"}
    reply = asyncio.run(target_of(answering(200, body)).ask(JUDGE, "Apa?"))
    assert (reply.code, reply.answer) == (MALFORMED, None)
    assert "citations" in reply.detail


def test_a_body_that_cannot_be_unpacked_is_no_answer() -> None:
    """A broken encoding is the target's fault, not an error of ours."""
    headers = {"content-encoding": "gzip"}
    with pytest.raises(TargetDown):
        asyncio.run(
            target_of(lambda _: httpx.Response(200, headers=headers, stream=Chunks([b"no gzip"]))).ask(JUDGE, "?")
        )


def test_nobody_answering_is_target_down_without_the_token() -> None:
    """A refused connection raises TargetDown, whose words hold the address and no secret."""

    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    for call in ("ask", "stream"):
        with pytest.raises(TargetDown, match=r"127\.0\.0\.1:1: no answer") as caught:
            asyncio.run(getattr(target_of(handler), call)(JUDGE, "Apa?"))
        assert "t0ken" not in str(caught.value)


def test_ttft_is_the_first_delta_with_words() -> None:
    """Steps and an empty delta are no words: the time to the first words runs on until some come."""
    pieces = (
        event("start", {"conversation_id": "c1", "request_id": "r", "complexity": "complex"})
        + event("step", {"title": "Membaca"}),
        event("delta", {"text": ""}),
        event("delta", {"text": "Jawaban "}),
        event("delta", {"text": "[1]"}),
        event("done", BODY),
    )
    streamed = asyncio.run(target_of(streaming(*pieces)).stream(JUDGE, "Apa?"))
    # The clock ticks once per look: the request is 0, chunks are 1 to 5, the end is 6.
    assert streamed.ttft_seconds == 3
    assert streamed.gaps == (1,)
    assert streamed.duration_seconds == 6
    assert streamed.text == "Jawaban [1]"
    assert streamed.reply.answer is not None
    assert streamed.reply.answer.text == streamed.text


def test_a_stream_that_ends_without_done_or_error_was_cut() -> None:
    """A clean end of the connection is no success: only `done` is."""
    streamed = asyncio.run(target_of(streaming(event("delta", {"text": "Jawa"}))).stream(JUDGE, "Apa?"))
    assert (streamed.reply.code, streamed.reply.answer, streamed.text) == (STREAM_CUT, None, "Jawa")


def test_a_connection_lost_in_mid_stream_keeps_the_words_and_fails() -> None:
    """A socket that breaks after the first words is a failed answer, not a missing service."""
    broken = streaming(event("delta", {"text": "Jawa"}), httpx.ReadError("connection reset"))
    streamed = asyncio.run(target_of(broken).stream(JUDGE, "Apa?"))
    assert (streamed.reply.code, streamed.reply.detail) == (STREAM_CUT, "connection reset")


class Endless(httpx.AsyncByteStream):
    """A body that goes on for ever, a piece in each turn of the loop."""

    def __init__(self, piece: bytes) -> None:
        self.piece = piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0)
            yield self.piece


def test_a_stream_that_never_ends_is_cut_off() -> None:
    """Words that trickle for ever keep no run waiting: past the longest time of an answer the stream counts as cut."""
    body = Endless(event("delta", {"text": "la "}))
    target = target_of(lambda _: httpx.Response(200, stream=body))  # its clock ticks once for each piece
    streamed = asyncio.run(target.stream(JUDGE, "Apa?"))
    assert (streamed.reply.code, streamed.reply.detail) == (STREAM_CUT, "not at its end after 120 s")
    assert streamed.text == "la " * 120


@pytest.mark.parametrize(("call", "status"), [("ask", 200), ("ask", 503), ("stream", 503)])
def test_an_answer_that_never_ends_is_none(call: str, status: int) -> None:
    """A body that trickles for ever never lets a read time out; it is given up as a whole."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, stream=Endless(b" ")))
    client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1")
    target = CourtSightTarget(client, {}, time.perf_counter, longest_seconds=0.05)
    with pytest.raises(TargetDown, match=r"not at its end after 0\.05 s"):
        asyncio.run(getattr(target, call)(JUDGE, "Apa?"))


def test_an_error_event_carries_its_problem() -> None:
    """The stream began with 200, the problem inside says 504: the problem counts."""
    streamed = asyncio.run(
        target_of(streaming(event("error", {"status": 504, "code": "timeout", "detail": "zu"}))).stream(JUDGE, "Apa?")
    )
    assert (streamed.reply.status, streamed.reply.code) == (504, "timeout")


def test_a_refused_stream_is_a_refusal() -> None:
    """403 before the first event is carried like that of a plain question."""
    streamed = asyncio.run(
        target_of(answering(403, {"status": 403, "code": "permission_required"})).stream(JUDGE, "Apa?")
    )
    assert (streamed.reply.status, streamed.reply.code, streamed.ttft_seconds) == (403, "permission_required", None)


def test_signing_in_by_password_or_by_a_given_token() -> None:
    """A password is exchanged for a token; a given token is used as it is, without a request."""
    requests: list[dict[str, str]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(json.loads(request.content))
        return httpx.Response(
            200, json={"access_token": "abc", "token_type": "bearer", "expires_in": 60, "role": "judge"}
        )

    target = target_of(handler)
    judge, public = asyncio.run(target.login("judge")), asyncio.run(target.login("public"))
    assert (judge.token, public.token) == ("abc", "given")
    assert requests == [{"username": "hakim", "password": "rahasia"}]
    assert "abc" not in repr(judge)
    with pytest.raises(InvalidInput, match="there are: judge, public"):
        asyncio.run(target.login("admin"))


def test_who_is_asked_to_wait_for_a_login_tries_again() -> None:
    """A crowd that signs in at once is let in one after the other; after five tries, or told of minutes, it is refused."""
    answers = [httpx.Response(429, headers={"Retry-After": "0"})] * 4
    token = {"access_token": "abc", "token_type": "bearer", "expires_in": 60, "role": "judge"}
    replies = iter([*answers, httpx.Response(200, json=token)])
    assert asyncio.run(target_of(lambda _: next(replies)).login("judge")).token == "abc"
    for refusing in ([*answers, answers[0]], [httpx.Response(429, headers={"Retry-After": "900"})]):
        turns = iter(refusing)
        with pytest.raises(TargetRefused, match="refused with 429"):
            asyncio.run(target_of(lambda _, turns=turns: next(turns)).login("judge"))
        assert next(turns, None) is None


def test_a_wrong_password_is_refused_without_being_shown() -> None:
    """The error names role, status and code, never the password."""
    with pytest.raises(TargetRefused, match="signing in as judge: refused with 401 invalid_credentials") as caught:
        asyncio.run(target_of(answering(401, {"status": 401, "code": "invalid_credentials"})).login("judge"))
    assert caught.value.status == 401
    assert "rahasia" not in str(caught.value)


def test_conversation_routes_read_their_answers() -> None:
    """Start, history and export each read what the contract says, and raise on a refusal."""

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(
                201, json={"conversation_id": "c9", "title": "T", "created_at": "2026-11-20T00:00:00Z"}
            )
        if request.url.path.endswith("/citations"):
            return httpx.Response(200, json={"format": request.url.params["format"], "citations": ["Pasal 603."]})
        if request.url.raw_path == b"/v1/conversations/c%2F9":
            return httpx.Response(200, json={"messages": [{"author": "user", "content": "Apa?"}]})
        return httpx.Response(404, json={"status": 404, "code": "not_found"})

    target = target_of(handler)
    assert asyncio.run(target.start_conversation(JUDGE, "T")) == "c9"
    assert asyncio.run(target.export_citations(JUDGE, "c9", "ma_indonesia")) == ("Pasal 603.",)
    assert [message.content for message in asyncio.run(target.history(JUDGE, "c/9"))] == ["Apa?"]
    with pytest.raises(TargetRefused) as caught:
        asyncio.run(target.history(JUDGE, "c8"))
    assert caught.value.code == "not_found"


def test_a_tool_alone_gives_its_passages_or_its_refusal() -> None:
    """Results are counted from the passages; 403 is carried as code."""
    good = {"tool_name": "LawLookup", "outcome": "ok", "results": [{"id": "a", "text": "isi"}], "duration_seconds": 0.1}
    assert asyncio.run(target_of(answering(200, good)).run_tool(JUDGE, "LawLookup", "x")).results[0].text == "isi"
    refused = asyncio.run(
        target_of(answering(403, {"code": "permission_required"})).run_tool(JUDGE, "CaseComparator", "x")
    )
    assert (refused.status, refused.code, refused.results) == (403, "permission_required", ())


def test_a_raw_request_goes_to_the_target_only() -> None:
    """Without a session there is no token; a path that names another host is refused."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(401, json={"code": "unauthenticated"}, headers={"X-Request-Id": "r1"})

    response = asyncio.run(target_of(handler).raw(None, RawRequest("GET", "/v1/conversations")))
    assert (response.status, response.code, response.headers["x-request-id"]) == (401, "unauthenticated", "r1")
    assert "authorization" not in seen[0].headers
    for path in ("//elsewhere.example/x", "http://elsewhere.example/x"):
        with pytest.raises(ValueError, match="must begin with one /"):
            asyncio.run(target_of(handler).raw(JUDGE, RawRequest("GET", path)))


def test_an_address_that_is_none_is_invalid_input() -> None:
    """`TARGET=localhost:8000` lacks its scheme; the error shows how to write it."""

    async def enter() -> None:
        async with open_target("localhost:8000", {}):
            pass

    with pytest.raises(InvalidInput, match="write it like http://"):
        asyncio.run(enter())


def test_credentials_are_read_from_yaml_or_json(tmp_path: Path) -> None:
    """A role has a username and password, or a token; a typo in a key is named and the password is not shown."""
    file = tmp_path / "credentials.json"
    file.write_text('{"judge": {"username": "h", "password": "p"}, "public": "abc"}', encoding="utf-8")
    assert read_credentials(file) == {"judge": Credentials("h", "p"), "public": AccessToken("abc")}
    file.write_text("judge: {username: h, pasword: geheim}\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="judge") as caught:
        read_credentials(file)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("token", ["geheim wort", "geheim\nwort", "geh\u00e9im", ""])
def test_a_token_that_no_header_can_carry_is_refused_unseen(tmp_path: Path, token: str) -> None:
    """A client would name it in its own error; we name the role."""
    file = tmp_path / "roles.json"
    file.write_text(json.dumps({"judge": token}), encoding="utf-8")
    with pytest.raises(InvalidInput, match="judge: its token cannot stand in a header") as caught:
        read_credentials(file)
    assert "geh" not in str(caught.value)


def test_an_answer_without_measure_is_cut() -> None:
    """More than anybody reads: no answer, and neither this machine's memory nor the rest of the run is lost with it."""
    pours = b"x" * 600

    def handler(request: httpx.Request) -> httpx.Response:
        status = 503 if request.headers["Authorization"] == "Bearer refused" else 200
        return httpx.Response(status, stream=Chunks([pours, pours, AssertionError("nobody reads on")]))

    client = httpx.AsyncClient(transport=httpx.MockTransport(handler), base_url="http://127.0.0.1:1")
    target = CourtSightTarget(client, {}, time.perf_counter, largest_bytes=1024)
    with pytest.raises(TargetDown, match="an answer of more than"):
        asyncio.run(target.ask(JUDGE, "Apa?"))
    with pytest.raises(TargetDown, match="an answer of more than"):
        asyncio.run(target.stream(Session("judge", "refused"), "Apa?"))
    streamed = asyncio.run(target.stream(JUDGE, "Apa?"))
    assert streamed.reply.code == STREAM_CUT
    assert "an answer of more than" in streamed.reply.detail


def test_a_packed_answer_is_unpacked_once_and_keeps_its_headers() -> None:
    """What came is judged with the headers that it came with."""
    packed = gzip.compress(json.dumps({"code": "x"}).encode())

    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-encoding": "gzip", "x-a": "b"}, stream=Chunks([packed]))

    raw = asyncio.run(target_of(handler).raw(None, RawRequest("GET", "/")))
    assert raw.body == {"code": "x"}
    assert raw.headers["content-encoding"] == "gzip"
    assert raw.headers["x-a"] == "b"


def test_a_body_nested_without_end_is_no_json() -> None:
    """It ended the whole run as an error of our own."""
    raw = asyncio.run(
        target_of(lambda _: httpx.Response(200, content=b"[" * 200_000)).raw(JUDGE, RawRequest("GET", "/"))
    )
    assert raw.body is None


@pytest.mark.parametrize("token", ["a\r\nX-Evil: b", "k\u00e9", "", "two words"])
def test_a_token_that_cannot_stand_in_a_header_is_no_login(token: str) -> None:
    """Sending it ended the whole run as an error of our own, with the token in the message."""
    with pytest.raises(TargetRefused, match="cannot stand in a header") as refused:
        asyncio.run(target_of(answering(200, {"access_token": token})).login("judge"))
    assert not token or token not in str(refused.value)
