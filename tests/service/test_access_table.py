"""Who may call what: every route for every role, with and without a token."""

from __future__ import annotations

from typing import Any

import pytest

from service.app import _routes
from service.deployments.model import ROLES, TOOLS

OPEN = {("/v1/auth/token", "POST"), ("/health/live", "GET"), ("/health/ready", "GET"), ("/metrics", "GET")}
BODIES: dict[str, Any] = {
    "/v1/auth/token": {"username": "a-judge", "password": "wrong"},
    "/v1/chat": {"message": "Apa itu hukum pidana?"},
    "/v1/chat/completions": {"model": "courtsight", "messages": [{"role": "user", "content": "Apa itu hukum pidana?"}]},
    "/v1/conversations": {},
    "/v1/conversations/{conversation_id}": {"title": "Perkara"},
    "/v1/messages/{message_id}/feedback": {"score": 5},
    "/v1/keys": {"name": "skrip"},
    "/v1/tools/{tool_name}": {"query": "korupsi"},
    "/v1/switches/extractive-only": {"on": False},
}
FOR_KNOWN_CALLERS: dict[tuple[str, str], Any] = {
    # One status for everybody, or those of the roles that are not refused.
    ("/v1/auth/logout", "POST"): 204,
    ("/v1/auth/me", "GET"): 200,
    ("/v1/keys", "GET"): 200,
    ("/v1/keys", "POST"): 201,
    ("/v1/keys/{key_id}", "DELETE"): 404,
    ("/v1/chat", "POST"): 200,
    ("/v1/chat/completions", "POST"): 200,
    ("/v1/models", "GET"): 200,
    ("/v1/models/{model}", "GET"): 200,
    ("/v1/conversations", "POST"): 201,
    ("/v1/conversations", "GET"): 200,
    ("/v1/conversations/{conversation_id}", "GET"): 404,
    ("/v1/conversations/{conversation_id}", "DELETE"): 404,
    ("/v1/conversations/{conversation_id}/citations", "GET"): 404,
    ("/v1/conversations/{conversation_id}", "PATCH"): 404,
    ("/v1/conversations/{conversation_id}/export", "GET"): 404,
    ("/v1/messages/{message_id}", "GET"): 404,
    ("/v1/usage", "GET"): 200,
    ("/v1/usage/conversations", "GET"): 200,
    ("/v1/messages/{message_id}/feedback", "PUT"): 404,
    ("/v1/switches/extractive-only", "GET"): {"admin": 200},
    ("/v1/switches/extractive-only", "PUT"): {"admin": 200},
    ("/v1/tools", "GET"): 200,
    ("/v1/tools/{tool_name}", "POST"): 200,
}


def call(house: Any, route: str, method: str, role: str | None) -> Any:
    path = (
        route.replace("{conversation_id}", "somebody-elses")
        .replace("{message_id}", "theirs")
        .replace("{key_id}", "none")
        .replace("{tool_name}", "LegalRetriever")
        .replace("{model}", "courtsight")
    )
    options = {"json": BODIES.get(route, {})} if method in {"POST", "PUT", "PATCH"} else {}
    return house.send(method, path, role, **options)


def test_the_table_names_every_route() -> None:
    """A route that is not in this table, open or closed, fails here."""
    assert {*OPEN, *FOR_KNOWN_CALLERS} == set(_routes())


def test_no_closed_route_answers_without_a_token(house: Any) -> None:
    """Everything but logging in, probes and metrics needs a token."""
    for route, method in FOR_KNOWN_CALLERS:
        response = call(house, route, method, None)
        problem = response.json()
        assert (response.status_code, problem.get("error", problem)["code"]) == (401, "unauthenticated"), route


@pytest.mark.parametrize("role", ROLES)
def test_every_role_gets_its_status_on_every_route(house: Any, role: str) -> None:
    """With a token each role reaches what `read` allows; somebody else's conversation looks missing."""
    for (route, method), status in sorted(FOR_KNOWN_CALLERS.items(), key=lambda entry: "logout" in entry[0][0]):
        expected = status if isinstance(status, int) else status.get(role, 403)
        assert call(house, route, method, role).status_code == expected, (route, method)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_answers_the_roles_that_may_use_it(house: Any, deployment: Any, role: str, tool: str) -> None:
    """A tool by itself is 200 or 403, as in the deployment's table, and the list says the same."""
    permitted = tool in deployment.roles[role].tools
    response = house.send("POST", f"/v1/tools/{tool}", role, json={"query": "putusan korupsi"})
    assert response.status_code == (200 if permitted else 403)
    if not permitted:
        assert response.json()["code"] == "permission_required"
    listed = {one["tool_name"]: one["permitted"] for one in house.send("GET", "/v1/tools", role).json()["tools"]}
    assert listed[tool] == permitted


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1/chat/", 404, "not_found"),
        ("PUT", "/v1/chat", 405, "method_not_allowed"),
        ("BREW", "/v1/chat", 405, "method_not_allowed"),
        ("GET", "/docs", 404, "not_found"),
        ("GET", "/openapi.json", 404, "not_found"),
    ],
)
def test_unknown_routes_and_methods_are_problems(house: Any, method: str, path: str, status: int, code: str) -> None:
    """What does not exist answers in the one form of all errors."""
    response = house.send(method, path)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code", "request_id", "trace_id"} == set(response.json())


def test_a_permission_that_is_missing_is_named(house: Any, deployment: Any) -> None:
    """The detail of a 403 says which permission was required."""
    from service.errors import PermissionRequired
    from service.security.access import Caller, Credential

    role = deployment.roles["public"]
    caller = Caller("id", role, role.permissions, Credential("token", "j", 1.0))
    with pytest.raises(PermissionRequired, match="Permission 'case_comparison' required"):
        caller.require("case_comparison")
