"""Flaws that broke services like this one, each as a test of one thing; the docstring names where it happened."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from service.settings import Settings

AUTHORISED = "Authorization"


def test_sql_in_a_key_opens_nothing(house: Any) -> None:
    """LiteLLM CVE-2026-42208, SQL injection in the key check: `' OR 1=1--` is 401 by every carrier."""
    for key in ("' OR 1=1--", "cs_' OR 1=1--", "cs_x'; DROP TABLE accounts; --"):
        assert house.send("GET", "/v1/conversations", headers={"X-API-Key": key}).status_code == 401
        assert house.send("GET", "/v1/conversations", headers={AUTHORISED: f"Bearer {key}"}).status_code == 401
    assert house.ask("judge", "Apa itu hukum pidana?")["outcome"] == "ok"


def test_tokens_with_one_beginning_are_two_identities(house: Any) -> None:
    """LiteLLM CVE-2026-35030, a cache keyed by the token's beginning: the same first 20 characters, two people."""
    one, other = house.token("judge"), house.token("public")
    assert one[:20] == other[:20]
    roles = [
        house.send("GET", "/v1/auth/me", headers={AUTHORISED: f"Bearer {token}"}).json()["role"]
        for token in (one, other, one)
    ]
    assert roles == ["judge", "public", "judge"]


def test_a_client_cannot_name_where_the_service_calls(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """LiteLLM #37053, a client's `api_base` got the provider's key; Chainlit CVE-2026-22218: no address or path of a client is opened."""
    import socket

    called: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _self, address: called.append(address))
    body = {"message": "Apa itu hukum pidana?"}
    foreign = {"api_base": "http://192.0.2.1/", "base_url": "http://192.0.2.1/", "url": "http://192.0.2.1/", "path": "/etc/passwd"}  # fmt: skip
    plain, sent = (
        house.send("POST", "/v1/chat", "judge", json={**body, **more}).json()["answer"] for more in ({}, foreign)
    )
    assert called == []
    assert sent == plain


def test_junk_from_clients_adds_at_most_one_series(house: Any) -> None:
    """LiteLLM #39136, client text becomes a label: a thousand invented paths, methods, models and tools leave the page as long as it was."""
    house.ask("judge", "Apa itu hukum pidana?")
    token = {AUTHORISED: f"Bearer {house.token('judge')}"}
    before = len([line for line in house.page().splitlines() if not line.startswith("#")])
    for number in range(250):
        house.send("GET", f"/junk/{number}")
        house.send(f"JUNK{number}", "/v1/chat")
        house.send("POST", f"/v1/tools/junk{number}", headers=token, json={"query": "x"})
        house.send("POST", "/v1/chat", headers=token, json={"message": " ", "model": f"junk{number}"})
    after = len([line for line in house.page().splitlines() if not line.startswith("#")])
    assert after - before <= 1


def test_with_a_metrics_token_nobody_else_reads_the_page(build_house: Callable[..., Any], settings: Settings) -> None:
    """LiteLLM #24530, open metrics leak: with a token set, an anonymous, a user's and an almost right request are 401."""
    house = build_house(wanted=settings.model_copy(update={"metrics_token": SecretStr("token-of-prometheus-51c8")}))
    assert house.send("GET", "/metrics").status_code == 401
    assert house.send("GET", "/metrics", "admin").status_code == 401
    for shown in ("Bearer token-of-prometheus-51c", "Bearer token-of-prometheus-51c8x", "Bearer ", "é"):
        assert house.send("GET", "/metrics", headers={AUTHORISED: shown.encode()}).status_code == 401
    assert house.send("GET", "/metrics", headers={AUTHORISED: "Bearer token-of-prometheus-51c8"}).status_code == 200


@pytest.mark.parametrize("limit", ["1000000000", "-1", "0", "1e9", "NaN", "9" * 400, "１", ""])
def test_no_number_of_a_client_is_unbounded(house: Any, limit: str) -> None:
    """VLLM CVE-2026-34756, unbounded `n` exhausts memory: out of bounds is 422."""
    assert house.send("GET", "/v1/conversations", "judge", params={"limit": limit}).status_code == 422


def test_the_host_header_does_not_change_the_route(house: Any) -> None:
    """Starlette CVE-2026-48710, the Host header poisons the path of the URL: `x/health?a=` on a closed route is 401."""
    for host in ("x/health/live?a=", "x/metrics#", "service@health/live", "[::1]/health/live", ""):
        response = house.send("GET", "/v1/conversations", headers={"Host": host})
        assert response.status_code == 401, host


def test_a_request_cannot_widen_a_list_of_the_installation(build_house: Callable[..., Any], settings: Settings) -> None:
    """Gradio CVE-2026-28416, remote configuration widened an allow-list: origins and hosts are what the settings say, whatever is asked."""
    house = build_house(wanted=settings.model_copy(update={"cors_origins": "https://page.example"}))
    body = {"message": "Apa itu?", "cors_origins": "*", "allowed_hosts": "*"}
    house.send("POST", "/v1/chat", "judge", json=body, headers={"Origin": "https://evil.example"})
    answer = house.send("GET", "/v1/tools", "judge", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_every_error_has_the_one_form(house: Any) -> None:
    """VLLM CVE-2026-22778, an error leaks an address of the heap: every refusal has the members of the contract and none of an exception."""
    token = {AUTHORISED: f"Bearer {house.token('judge')}"}
    wrong: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/chat", {"content": b"{", "headers": token}),
        ("POST", "/v1/chat", {"content": b"\xff\xfe", "headers": token}),
        ("POST", "/v1/chat", {"json": [], "headers": token}),
        ("POST", "/v1/chat", {"json": {"message": 5}, "headers": token}),
        ("POST", "/v1/chat", {"json": {"message": "x", "conversation_id": "none"}, "headers": token}),
        ("POST", "/v1/chat", {"content": b"x" * 70_000, "headers": token}),
        ("POST", "/v1/tools/None", {"json": {"query": "x"}, "headers": token}),
        ("GET", "/v1/conversations", {"params": {"cursor": "!"}, "headers": token}),
        ("GET", "/v1/conversations", {"headers": {AUTHORISED: "Bearer x.y.z"}}),
        ("GET", "/%00", {}),
        ("TRACE", "/v1/chat", {}),
        ("OPTIONS", "/v1/chat", {"headers": {"Origin": "null", "Access-Control-Request-Method": "POST"}}),
    ]
    allowed = {"type", "title", "status", "detail", "code", "request_id", "trace_id", "errors"}
    for method, path, options in wrong:
        response = house.send(method, path, **options)
        body = response.json()
        assert 400 <= response.status_code < 500, (method, path)
        assert response.headers["content-type"] == "application/problem+json"
        assert allowed - {"errors"} <= set(body) <= allowed
        assert body["status"] == response.status_code
        assert not any(word in response.text for word in ("0x", "Traceback", ".py", "Error(", "<object"))


def test_a_second_header_skips_no_rule(house: Any) -> None:
    """Open WebUI CVE-2026-45339, a second header skips a rule: two credentials, or a role of one's own, never say more."""
    judge, public = house.token("judge"), house.token("public")
    shown = [(AUTHORISED, f"Bearer {public}"), (AUTHORISED, f"Bearer {judge}")]
    for pair in itertools.permutations(shown):
        response = house.run(house.client.request("GET", "/v1/auth/me", headers=list(pair)))
        assert response.status_code in {400, 401}
    forged = {AUTHORISED: f"Bearer {public}", "X-Role": "admin", "X-Forwarded-User": "a-admin", "X-Original-URL": "/metrics"}  # fmt: skip
    assert house.send("GET", "/v1/auth/me", headers=forged).json()["role"] == "public"
    body = {"message": "Apa itu hukum pidana?", "role": "admin"}
    assert house.send("POST", "/v1/chat", "public", json=body).json()["role"] == "public"
