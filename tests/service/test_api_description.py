"""The OpenAPI document says what the docs say, and what the service does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from service.api.described.operations import OPERATIONS
from service.app import _routes

DOCS = Path(__file__).parents[2] / "docs"
PAGES = "".join((DOCS / name).read_text() for name in ("http-api.md", "openai.md"))
METHODS = "GET|HEAD|POST|PUT|PATCH|DELETE"


@pytest.fixture(scope="module")
def described(shipped: Any) -> dict[str, Any]:
    document: dict[str, Any] = shipped.send("GET", "/openapi.json").json()
    return document


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method.upper(), one) for path, item in described["paths"].items() for method, one in item.items()]


def resolved(described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = described["components"]["schemas"][name] if name else schema
    return found


def test_every_route_is_described(described: dict[str, Any]) -> None:
    """The table, the app and the document name the same routes."""
    assert {(path, method) for path, method, _ in operations(described)} == set(_routes()) == set(OPERATIONS)


def test_the_docs_name_the_same_routes(described: dict[str, Any]) -> None:
    """Each route stands on a page of the docs, and the docs promise none that is not there."""
    named = set(re.findall(rf"`({METHODS}) (/[^\s`?]*)", PAGES))
    there = {(method, path) for path, method, _ in operations(described)}
    assert there - named == set()
    assert named - there == set()


def test_the_docs_name_the_same_parameters(described: dict[str, Any]) -> None:
    """Every parameter of a query or header stands in the docs, and every one in the docs exists."""
    there: dict[tuple[str, str], set[str]] = {}
    for path, method, one in operations(described):
        told = {parameter["name"] for parameter in one.get("parameters", []) if parameter["in"] == "query"}
        there[method, path] = told
        for parameter in one.get("parameters", []):
            if parameter["in"] == "header":
                assert f"`{parameter['name']}" in PAGES
    found = {
        (method, path): set(re.findall(r"(\w+)=", query))
        for method, path, query in re.findall(rf"`({METHODS}) (/[^\s`?]*)\?([^`]*)`", PAGES)
    }
    assert {place: names for place, names in there.items() if names} == found


def test_every_member_of_a_body_stands_in_the_docs(described: dict[str, Any]) -> None:
    """What a request may hold and what an answer holds, by name."""
    words = set(re.findall(r"[\w-]+", PAGES))

    def names(schema: dict[str, Any]) -> set[str]:
        own = set(schema.get("properties", {}))
        inner = [*schema.get("properties", {}).values(), schema.get("items"), *schema.get("anyOf", [])]
        return own.union(*(names(one) for one in inner if one))

    for name, schema in described["components"]["schemas"].items():
        missing = names(schema) - words
        assert not missing, f"{name}: {sorted(missing)}"


def test_every_status_stands_in_the_docs(described: dict[str, Any]) -> None:
    """A client meets no status that the pages do not explain."""
    told = {status for _, _, one in operations(described) for status in one["responses"]}
    assert {status for status in told if not re.search(rf"\b{status}\b", PAGES)} == set()


def test_the_schemas_are_schemas_and_the_examples_fit(described: dict[str, Any]) -> None:
    """Every schema is valid JSON Schema of 2020-12, and every example of a request is valid by its own."""
    defs = {"components": {"schemas": described["components"]["schemas"]}}
    for name in described["components"]["schemas"]:
        jsonschema_rs.meta.validate({**defs, "$ref": f"#/components/schemas/{name}"})
    examples = 0
    for path, method, one in operations(described):
        for content in one.get("requestBody", {}).get("content", {}).values():
            if "example" in content:
                jsonschema_rs.validate({**defs, **content["schema"]}, content["example"])
                examples += 1
            else:
                assert (path, method) == ("/v1/documents", "POST")
        for parameter in one.get("parameters", ()):
            if "example" in parameter:
                jsonschema_rs.validate(parameter["schema"], parameter["example"])
    assert examples == sum(told.body is not None for told in OPERATIONS.values())


def test_references_lead_somewhere(described: dict[str, Any]) -> None:
    """No schema is named that is not there."""
    wanted = set(re.findall(r"#/components/schemas/(\w+)", str(described)))
    assert wanted <= set(described["components"]["schemas"])


def test_operations_have_ids_summaries_and_security(described: dict[str, Any]) -> None:
    """Ids are there once, every route says in a sentence what it does, and only open ones need no credential."""
    ids = [one["operationId"] for _, _, one in operations(described)]
    assert len(ids) == len(set(ids))
    for path, method, one in operations(described):
        assert one["summary"].endswith(".") or ":" in one["summary"], path
        assert bool(one["security"]) != OPERATIONS[path, method].open


def test_real_answers_fit_their_schemas(shipped: Any, described: dict[str, Any]) -> None:
    """A chat, its conversation, its message and its export are what the document says they are."""
    answer = shipped.ask("judge", "Apa itu tindak pidana korupsi?")
    own = answer["conversation_id"]
    bodies = {
        "Answer": answer,
        "ConversationWithMessages": shipped.send("GET", f"/v1/conversations/{own}", "judge").json(),
        "ExaminedMessage": shipped.send("GET", f"/v1/messages/{answer['id']}", "judge").json(),
        "Export": shipped.send("GET", f"/v1/conversations/{own}/export", "judge").json(),
        "UsageReport": shipped.send("GET", "/v1/usage", "judge").json(),
        "ConversationStatistics": shipped.send("GET", "/v1/usage/conversations?by=hour&split=both", "judge").json(),
    }
    defs = {"components": {"schemas": described["components"]["schemas"]}}
    for name, body in bodies.items():
        jsonschema_rs.validate({**defs, "$ref": f"#/components/schemas/{name}"}, body)
