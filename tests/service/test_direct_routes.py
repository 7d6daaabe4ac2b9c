"""Endpoints are called directly, and nothing that the framework did around them is missed."""

from __future__ import annotations

from fastapi.routing import APIRoute

from service.api.routing import DirectRoute
from tests.service.conftest import House


def test_every_route_is_called_directly(house: House) -> None:
    """Every route is a direct one: what another raised would be nobody's problem and leave as an error of ours."""
    routes = [route for route in house.app.router.routes if isinstance(route, APIRoute)]
    assert routes
    assert [route.path for route in routes if not isinstance(route, DirectRoute)] == []


def test_a_route_without_names_and_one_with_names_refuse_alike(house: House) -> None:
    """A problem keeps its status and form, whether its route is found at once or by the router."""
    plain = house.send("GET", "/v1/usage")
    named = house.send("GET", "/v1/messages/none")
    assert (plain.status_code, plain.json()["code"]) == (401, "unauthenticated")
    assert (named.status_code, named.json()["code"]) == (401, "unauthenticated")


def test_a_known_path_with_another_method_and_an_unknown_path_are_problems(house: House) -> None:
    """What the router itself refuses leaves as a problem with its own code."""
    wrong, unknown = house.send("PATCH", "/v1/chat"), house.send("GET", "/v1/nothing")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


def test_a_refused_method_names_every_method_of_the_path(house: House) -> None:
    """`Allow` holds the methods of all routes of a path, with names in it or without, in both forms of errors; nothing else has it."""
    allow = {
        "/v1/chat": "POST",
        "/v1/chat/completions": "POST",
        "/v1/conversations": "GET, POST",
        "/v1/conversations/none": "DELETE, GET, PATCH",
        "/": "GET, HEAD",
        "/openapi.json": "GET",
    }
    for path, methods in allow.items():
        refused = house.send("PUT", path)
        assert (refused.status_code, refused.headers["allow"]) == (405, methods), path
    assert "allow" not in house.send("GET", "/v1/nothing").headers
