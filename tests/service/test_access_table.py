"""Who may call what: every route for every role and every way to show a credential; docs/access.md shows the same table.

The page is written anew by: python -m tests.service.test_access_table
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from service.app import _routes
from service.deployments.load import deployment_file, load_deployment
from service.deployments.model import PERMISSIONS, ROLES, TOOLS, Deployment
from tests.service.conftest import building, settings_in

PAGE = Path(__file__).parents[2] / "docs" / "access.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->"

OPEN = {
    ("/v1/auth/token", "POST"),
    ("/health/live", "GET"),
    ("/health", "GET"),
    ("/health/detailed", "GET"),
    ("/health/ready", "GET"),
    ("/health/live", "HEAD"),
    ("/health", "HEAD"),
    ("/health/ready", "HEAD"),
    ("/metrics", "GET"),
    ("/openapi.json", "GET"),
    ("/", "GET"),
    ("/", "HEAD"),
    ("/assets/{version}/{name}", "GET"),
    ("/assets/{version}/{name}", "HEAD"),
}
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
    ("/v1/documents", "POST"): {"admin": 409},
    ("/v1/documents", "GET"): {"admin": 200},
    ("/v1/documents/{document_id}", "GET"): {"admin": 404},
    ("/v1/usage", "GET"): 200,
    ("/v1/usage/conversations", "GET"): 200,
    ("/v1/messages/{message_id}/feedback", "PUT"): 404,
    ("/v1/switches/extractive-only", "GET"): {"admin": 200},
    ("/v1/switches/extractive-only", "PUT"): {"admin": 200},
    ("/v1/tools", "GET"): 200,
    ("/v1/tools/{tool_name}", "POST"): 200,
}

FOR_ANY_CREDENTIAL = {("/v1/auth/logout", "POST"), ("/v1/auth/me", "GET")}
FOR_TOKENS_ONLY = {("/v1/auth/logout", "POST"): 422, ("/v1/keys", "POST"): 403, ("/v1/keys/{key_id}", "DELETE"): 403}
"""What a key may not do, whatever its scopes, and the status that it gets."""
Route = tuple[str, str]


def needed(place: Route) -> str | None:
    """The permission that a route asks for; None when any credential will do."""
    if place in FOR_ANY_CREDENTIAL:
        return None
    return "admin" if isinstance(FOR_KNOWN_CALLERS[place], Mapping) else "read"


def call(house: Any, route: str, method: str, role: str | None, headers: Mapping[str, str] | None = None) -> Any:
    path = (
        route.replace("{conversation_id}", "somebody-elses")
        .replace("{message_id}", "theirs")
        .replace("{key_id}", "none")
        .replace("{document_id}", "none")
        .replace("{tool_name}", "LegalRetriever")
        .replace("{model}", "courtsight")
    )
    options = {"json": BODIES.get(route, {})} if method in {"POST", "PUT", "PATCH"} else {}
    return house.send(method, path, role, headers=dict(headers or {}), **options)


def token_of(house: Any, role: str) -> str:
    """A fresh token without a login, whose pace is limited."""
    services = house.app.state.services
    token: str = services.signer.issue(f"id-{role}", services.surroundings.new_id(), house.wall_clock())
    return token


def key_of(house: Any, role: str, *scopes: str) -> str:
    """A fresh key with these scopes, or all of the role's."""
    body = {"name": "table", **({"scopes": list(scopes)} if scopes else {})}
    made = house.send("POST", "/v1/keys", headers={"Authorization": f"Bearer {token_of(house, role)}"}, json=body)
    key: str = made.json()["key"]
    return key


def by_cookie(house: Any, role: str, origin: str) -> dict[str, str]:
    return {"Cookie": f"courtsight_session={token_of(house, role)}", "Origin": origin}


CARRIERS: dict[str, Callable[[Any, str], dict[str, str]]] = {
    "token": lambda house, role: {"Authorization": f"Bearer {token_of(house, role)}"},
    "cookie": lambda house, role: by_cookie(house, role, "http://service"),
    "cookie, foreign page": lambda house, role: by_cookie(house, role, "http://elsewhere"),
    "key by bearer": lambda house, role: {"Authorization": f"Bearer {key_of(house, role)}"},
    "key by X-API-Key": lambda house, role: {"X-API-Key": key_of(house, role)},
    "key that may only read": lambda house, role: {"X-API-Key": key_of(house, role, "read")},
    "key that may not read": lambda house, role: {"X-API-Key": key_of(house, role, other_than_read(house, role))},
    "none": lambda house, role: {},
    "two at once": lambda house, role: {"X-API-Key": "cs_x", "Authorization": f"Bearer {token_of(house, role)}"},
}


def other_than_read(house: Any, role: str) -> str:
    permissions = house.app.state.services.deployment.roles[role].permissions
    return min(permissions - {"read", "admin"}, default="read")


def expected(place: Route, role: str, carrier: str, deployment: Deployment) -> int:
    """The status of a route for a role that shows its credential in this way."""
    status, permission = FOR_KNOWN_CALLERS[place], needed(place)
    if carrier in {"none", "two at once"}:
        return {"none": 401, "two at once": 400}[carrier]
    if carrier == "cookie, foreign page" and place[1] != "GET":
        return 403
    held = deployment.roles[role].permissions
    if carrier == "key that may only read":
        held = frozenset({"read"})
    if carrier == "key that may not read" and held != {"read"}:
        held = frozenset({"write"})
    if permission is not None and permission not in held:
        return 403
    if "key" in carrier and place in FOR_TOKENS_ONLY:
        return FOR_TOKENS_ONLY[place]
    return status if isinstance(status, int) else int(status[role])


def tables(deployment: Deployment) -> str:
    """What the page shows: the roles, then every route."""
    roles = ["| role | permissions | tools |", "|---|---|---|"]
    for role in ROLES:
        given = deployment.roles[role]
        permissions = ", ".join(one for one in PERMISSIONS if one in given.permissions)
        roles.append(f"| {role} | {permissions} | {', '.join(tool for tool in TOOLS if tool in given.tools)} |")
    routes = ["| route | needs | roles | token, cookie | key |", "|---|---|---|---|---|"]
    for place in sorted({*OPEN, *FOR_KNOWN_CALLERS}):
        route, method = place
        permission = "" if place in OPEN else needed(place) or "any credential"
        who = [
            role
            for role in ROLES
            if permission in {"", "any credential"} or permission in deployment.roles[role].permissions
        ]
        told = "all" if len(who) == len(ROLES) else ", ".join(who)
        key = "–" if place in FOR_TOKENS_ONLY else "yes"
        carriers = "open | open" if place in OPEN else f"yes | {key}"
        routes.append(f"| `{method} {route}` | {permission or '–'} | {told} | {carriers} |")
    return "\n".join([*roles, "", *routes, ""])


def test_the_page_shows_the_table(deployment: Deployment) -> None:
    """docs/access.md says what this file holds the service to; the module's first lines say how to write it anew."""
    shown = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert shown == tables(deployment)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, password_hash: str) -> Any:
    """One house for the whole table; a minute passes between two of its columns, so that no quota speaks."""
    with building(settings_in(tmp_path_factory.mktemp("table")), password_hash) as build:
        yield build()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("carrier", CARRIERS)
def test_every_route_answers_every_role_by_every_carrier(
    asked: Any, deployment: Deployment, role: str, carrier: str
) -> None:
    """What a role may does not depend on how it shows itself, but for what keys, foreign pages and doubled credentials may not."""
    asked.wall_clock.now += 120
    headers = CARRIERS[carrier](asked, role)
    for place in sorted(FOR_KNOWN_CALLERS, key=lambda place: "logout" in place[0]):
        answer = call(asked, *place, None, headers)
        assert answer.status_code == expected(place, role, carrier, deployment), (place, answer.text)


def test_the_table_names_every_route() -> None:
    """A route that is not in this table, open or closed, fails here."""
    assert {*OPEN, *FOR_KNOWN_CALLERS} == set(_routes())


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_answers_the_roles_that_may_use_it(asked: Any, deployment: Any, role: str, tool: str) -> None:
    """A tool by itself is 200 or 403, as in the deployment's table, and the list says the same."""
    headers = CARRIERS["token"](asked, role)
    permitted = tool in deployment.roles[role].tools
    response = asked.send("POST", f"/v1/tools/{tool}", headers=headers, json={"query": "putusan korupsi"})
    assert response.status_code == (200 if permitted else 403)
    if not permitted:
        assert response.json()["code"] == "permission_required"
    listed = {
        one["tool_name"]: one["permitted"] for one in asked.send("GET", "/v1/tools", headers=headers).json()["tools"]
    }
    assert listed[tool] == permitted


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1/chat/", 404, "not_found"),
        ("PUT", "/v1/chat", 405, "method_not_allowed"),
        ("BREW", "/v1/chat", 405, "method_not_allowed"),
        ("GET", "/docs", 404, "not_found"),
    ],
)
def test_unknown_routes_and_methods_are_problems(asked: Any, method: str, path: str, status: int, code: str) -> None:
    """What does not exist answers in the one form of all errors."""
    response = asked.send(method, path)
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


def _write() -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    fresh = tables(load_deployment(deployment_file("courtsight")))
    PAGE.write_text(f"{before}{BEGIN}{fresh}{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    _write()
