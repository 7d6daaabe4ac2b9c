"""The real process, seen by a raw client: every fault on the wire, the queue, the truth."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration


@pytest.fixture
def fault(simulator: Any) -> Iterator[Callable[..., str]]:
    """Orders faults, and ends them all after the test."""
    yield simulator.fault
    assert simulator.admin("DELETE", "/admin/faults")[0] == 200


def test_a_stream_comes_as_planned_and_the_truth_is_what_the_client_saw(simulator: Any) -> None:
    """No token leaves or arrives before its planned instant; text, count of tokens and bytes agree with the truth."""
    seen = simulator.ask(stream=True, stream_options={"include_usage": True})
    request = seen.header("X-Request-Id")
    assert request is not None
    record = simulator.told(request)
    assert (seen.status, seen.whole, seen.reset) == (200, True, False)
    assert (record["ended"], record["tokens_sent"], record["bytes"]) == ("complete", 12, len(seen.raw))
    assert (
        json.loads(seen.events[-2])["usage"]["completion_tokens"]
        == len(record["sent"])
        == len(seen.words.split())
        == 12
    )
    assert all(sent >= planned for planned, sent in zip(record["planned"], record["sent"], strict=True))
    so_far = 0
    for at, piece in seen.pieces:
        so_far += piece.count(b'"delta":{"content":"')
        assert so_far == 0 or at >= record["planned"][so_far - 1]
    assert record["planned"][0] > record["arrived"]


def test_times_repeat_with_the_seed_across_processes(simulator: Any, tmp_path: Path, starting: Any) -> None:
    """A second process with the same seed plans the same offsets for the same key; another seed does not."""

    def offsets(one: Any) -> list[float]:
        record = one.told(one.ask(stream=True, X_Simulator_Key="q-7").header("X-Request-Id") or "")
        return [planned - record["arrived"] for planned in record["planned"]]

    mine = offsets(simulator)
    for seed in ("7", "8"):
        folder = tmp_path / seed
        folder.mkdir()
        with starting(folder, "--seed", seed) as other:
            assert (offsets(other) == pytest.approx(mine, abs=1e-6)) == (seed == "7")


def test_a_status_fault_is_seen_with_its_wait(simulator: Any, fault: Callable[..., str]) -> None:
    """429 with Retry-After and OpenAI's error; once used up, the next request is well."""
    fault(kind="status", status=429, retry_after_seconds=2, count=1)
    seen = simulator.ask(stream=True)
    assert (seen.status, seen.header("Retry-After"), seen.whole) == (429, "2", True)
    assert json.loads(seen.body)["error"]["code"] == "rate_limit_exceeded"
    assert simulator.told(seen.header("X-Request-Id") or "")["fault"]["status"] == 429
    assert simulator.ask().status == 200


@pytest.mark.parametrize("stream", [False, True])
def test_a_cut_is_a_reset_of_the_connection(simulator: Any, fault: Callable[..., str], stream: bool) -> None:
    """The bytes before it arrive, then the system says reset, not end."""
    fault(kind="cut", after_tokens=4)
    seen = simulator.ask(stream=stream)
    assert (seen.status, seen.reset, seen.whole) == (200, True, False)
    if stream:
        assert len(seen.words.split()) == 4


def test_an_early_end_is_an_orderly_one(simulator: Any, fault: Callable[..., str]) -> None:
    """A stream ends its body well but without reason and end mark; a whole body ends in its midst."""
    fault(kind="early_end", after_tokens=4)
    seen = simulator.ask(stream=True)
    assert (seen.whole, seen.reset, b"[DONE]" in seen.body, len(seen.words.split())) == (True, False, False, 4)
    body = simulator.ask()
    assert (body.whole, body.reset) == (False, False)


def test_stalls_leave_a_gap_of_their_length(simulator: Any, fault: Callable[..., str]) -> None:
    """Before the first token nothing comes for the stall; in the midst the rest comes that much later."""
    first = fault(kind="stall_before_first", stall_seconds=0.4)
    begun = time.monotonic()
    assert simulator.ask(stream=True).pieces[0][0] - begun >= 0.4
    simulator.admin("DELETE", f"/admin/faults/{first}")
    fault(kind="stall_in_stream", stall_seconds=0.4, after_tokens=3)
    seen = simulator.ask(stream=True)
    record = simulator.told(seen.header("X-Request-Id") or "")
    assert record["sent"][3] - record["planned"][2] >= 0.4
    assert seen.whole


def test_a_malformed_chunk_an_error_object_and_a_page_are_seen(simulator: Any, fault: Callable[..., str]) -> None:
    """Each stands on the wire as ordered."""
    fault(kind="malformed_chunk", count=1)
    fault(kind="error_in_stream", count=1)
    fault(kind="wrong_content_type", count=1)
    broken = simulator.ask(stream=True)
    with pytest.raises(json.JSONDecodeError):
        [json.loads(event) for event in broken.events if event != b"[DONE]"]
    assert broken.events[-1] == b"[DONE]"
    assert "error" in json.loads(simulator.ask(stream=True).events[-1])
    page = simulator.ask(stream=True)
    assert (page.header("Content-Type"), page.body[:15]) == ("text/html; charset=utf-8", b"<!doctype html>")


def test_usage_faults_and_a_slow_drip_are_seen(simulator: Any, fault: Callable[..., str]) -> None:
    """No usage, usage in every chunk, and events that come in halves."""
    fault(kind="missing_usage", count=1)
    fault(kind="repeated_usage", count=1)
    fault(kind="slow_drip", gap_seconds=0.06, count=1)
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    assert b'"completion_tokens"' not in simulator.ask(**asked).body
    assert simulator.ask(**asked).body.count(b'"completion_tokens"') == 13
    drip = simulator.ask(**asked)
    assert drip.whole
    assert len(drip.words.split()) == 12
    assert any(not piece.endswith(b"\n\n\r\n") for _, piece in drip.pieces[:-1])


def test_refused_really_refuses_and_ends(tmp_path: Path, starting: Any) -> None:
    """Connecting fails in the system itself, idle connections are closed, an answer under way goes on; then all is well again."""
    with starting(tmp_path) as one:
        idle = one.connect()
        going = one.send(
            "POST",
            "/v1/chat/completions",
            {"model": "sim:many", "stream": True, "messages": [{"role": "user", "content": one.prompt}]},
        )
        assert going.recv(1, socket.MSG_PEEK) == b"H"
        one.fault(kind="refused", for_seconds=6.0)
        assert idle.recv(1) == b""
        idle.close()
        with pytest.raises(ConnectionRefusedError):
            one.connect()
        assert one.read(going).whole
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            with contextlib.suppress(ConnectionRefusedError):
                assert one.ask().status == 200
                break
            time.sleep(0.05)
        else:
            raise AssertionError("the listener did not come back")
        assert one.stop() == 0


def test_a_queue_waits_and_a_full_one_turns_away(simulator: Any) -> None:
    """Four run, two wait and say how long, the seventh hears 503 with Retry-After."""
    body = {
        "model": "sim:many",
        "max_tokens": 300,
        "stream": True,
        "messages": [{"role": "user", "content": simulator.prompt}],
    }
    open_ones = []
    for _ in range(7):
        open_ones.append(simulator.send("POST", "/v1/chat/completions", body))
        time.sleep(0.02)  # so that they arrive in this order
    seen = [simulator.read(connection) for connection in open_ones]
    assert sorted(one.status for one in seen) == [200] * 6 + [503]
    turned = next(one for one in seen if one.status == 503)
    assert turned.header("Retry-After") == "1"
    records = [simulator.told(one.header("X-Request-Id") or "") for one in seen]
    assert sum(record["queue_wait_seconds"] > 0 for record in records) == 2
    assert [record["ended"] for record in records].count("queue_full") == 1


def test_a_client_that_leaves_frees_its_place(simulator: Any) -> None:
    """The truth says client_closed with the tokens that left; a place in the queue is given up too."""
    body = {"model": "sim:many", "stream": True, "messages": [{"role": "user", "content": simulator.prompt}]}
    leaving = [simulator.send("POST", "/v1/chat/completions", body, X_Simulator_Key=f"gone-{n}") for n in range(6)]
    leaving[0].recv(1)
    for connection in leaving:
        connection.close()
    deadline = time.monotonic() + 180
    while simulator.admin("GET", "/admin/truth")[1]["running"] and time.monotonic() < deadline:
        time.sleep(0.02)
    ended = simulator.admin("GET", "/admin/truth")[1]["ended"][:6]
    records = [simulator.told(request) for request in ended]
    assert {record["ended"] for record in records} == {"client_closed"}
    assert all(record["tokens_sent"] < 400 for record in records)
    assert simulator.ask().status == 200


def test_one_connection_carries_many_requests_also_sent_ahead(simulator: Any) -> None:
    """Keep-alive works, and requests that come before the answer are answered in order."""
    request = b"GET /health/%b HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    connection = simulator.connect()
    connection.sendall(request % b"live" + request % b"ready" + last)
    raw = simulator.read(connection).raw
    assert raw.count(b"HTTP/1.1 200 OK") == 3
    assert raw.index(b"alive") < raw.index(b"ready") < raw.rindex(b"alive")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", b"431"),
        (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 9000001\r\n\r\n" + b"x" * 8_000_001, b"413"),
    ],
)
def test_what_is_no_request_is_refused_and_the_server_lives(simulator: Any, raw: bytes, status: bytes) -> None:
    """Nonsense, a huge head and a huge body end the connection with their status."""
    with closing(simulator.connect()) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(raw)
        seen = simulator.read(connection)
    assert seen.raw.startswith(b"HTTP/1.1 " + status) or seen.reset
    assert simulator.read(simulator.send("GET", "/health/live")).status == 200


def test_an_old_client_gets_a_stream_without_chunks(simulator: Any) -> None:
    """HTTP/1.0 knows no chunked bodies: the stream ends with the connection."""
    body = json.dumps(
        {"model": "sim", "stream": True, "messages": [{"role": "user", "content": simulator.prompt}]}
    ).encode()
    with closing(simulator.connect()) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        seen = simulator.read(connection)
    assert seen.header("Transfer-Encoding") is None
    assert seen.body.endswith(b"data: [DONE]\n\n")


def test_the_admin_routes_want_the_token(simulator: Any) -> None:
    """Without it, or with another one, nothing is told or taken; an unknown request and fault are 404."""
    assert simulator.read(simulator.send("GET", "/admin/faults")).status == 401
    assert (
        simulator.read(simulator.send("POST", "/admin/faults", {"kind": "cut"}, Authorization="Bearer wrong")).status
        == 401
    )
    assert simulator.admin("GET", "/admin/faults") == (200, {"faults": []})
    assert simulator.admin("GET", "/admin/truth?request=nobody")[0] == 404
    assert simulator.admin("DELETE", "/admin/faults/fault-999")[0] == 404
    status, told = simulator.admin("POST", "/admin/faults", {"kind": "cutt"})
    assert (status, "did you mean 'cut'?" in told["error"]["message"]) == (400, True)


def test_the_admin_token_is_made_for_its_owner_alone(simulator: Any) -> None:
    """A token file that was missing is made with mode 0600."""
    assert (simulator.truth.with_name("token").stat().st_mode & 0o777) == 0o600
