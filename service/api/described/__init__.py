"""The OpenAPI document of the service: made from its routes, from the models that validate bodies, and from one table of the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from service.api.described.operations import BINARY, JSON, OPERATIONS, PATH_PARAMETERS, STREAM, Operation, Parameter
from service.api.described.schemas import SCHEMAS, ref

PROBLEM = "application/problem+json"
_OF_EVERY_ROUTE = (400, 421, 429, 431, 500, 503)
_OF_PROBES = (400, 421, 431, 500, 503)
_OF_KNOWN_CALLERS = (401, 403)
_OF_BODIES = (408, 413, 415, 422)
_PARAMETER = re.compile(r"\{(\w+)\}")
_CREDENTIALS: list[dict[str, list[str]]] = [{"bearer": []}, {"key": []}, {"cookie": []}]
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token of POST /v1/auth/token, or an API key"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "courtsight_session",
        "description": "The chat page's; changes need an `Origin` of the service's own",
    },
}


def describe(title: str, version: str, routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """The document, OpenAPI 3.1.

    Raises:
        KeyError: a route is not in the table; a test holds that none is missing.
    """
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if isinstance(route, APIRoute):
            for method in sorted(route.methods or ()):
                described = _operation(route, method, OPERATIONS[route.path, method])
                paths.setdefault(route.path, {})[method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": "docs/http-api.md says what the forms mean."},
        "paths": paths,
        "components": {"schemas": {**_bodies(), **SCHEMAS}, "securitySchemes": _SCHEMES},
    }


def _operation(route: APIRoute, method: str, told: Operation) -> dict[str, Any]:
    doc = (route.endpoint.__doc__ or "").strip()
    described: dict[str, Any] = {
        "operationId": f"{route.endpoint.__module__.rpartition('.')[2]}_{route.name}",
        "summary": doc.split("\n", maxsplit=1)[0],
        "tags": [told.tag],
        "security": [] if told.open else _CREDENTIALS,
        "parameters": [*_path_parameters(route.path), *map(_parameter, told.parameters)],
        "responses": _responses(route.path, told),
    }
    if told.body or told.binary:
        described["requestBody"] = _request(told)
    if method == "GET" or not described["parameters"]:
        described = {name: value for name, value in described.items() if name != "parameters" or value}
    return described


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": PATH_PARAMETERS.get(name, {"type": "string"})}
        for name in _PARAMETER.findall(path)
    ]


def _parameter(told: Parameter) -> dict[str, Any]:
    return {
        "name": told.name,
        "in": told.place,
        "required": told.required,
        "description": told.description,
        "schema": told.schema,
        **({} if told.example is None else {"example": told.example}),
    }


def _request(told: Operation) -> dict[str, Any]:
    if told.body is None:
        return {"required": True, "content": {BINARY: {"schema": {"type": "string", "format": "binary"}}}}
    content: dict[str, Any] = {"schema": ref(told.body.__name__)}
    if told.example is not None:
        content["example"] = told.example
    required = any(member.is_required() for member in told.body.model_fields.values())
    return {"required": required, "content": {JSON: content}}


def _responses(path: str, told: Operation) -> dict[str, Any]:
    """By status as text; a status of the probes may be their own body or a problem of the edge."""
    bodies = {kind: _media(kind, name) for kind, name in told.gives.items()}
    success = {"description": HTTPStatus(told.status).phrase, **({"content": bodies} if bodies else {})}
    failure = (
        {"application/json": {"schema": ref("OpenAIError")}} if told.openai else {PROBLEM: {"schema": ref("Problem")}}
    )
    found = {str(told.status): success}
    for status in sorted({*_problems(path, told), *told.also}):
        content = {**failure, **(bodies if status in told.also else {})}
        found[str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
    return found


def _problems(path: str, told: Operation) -> set[int]:
    found = {*told.problems, *(_OF_PROBES if told.open and told.tag == "operations" else _OF_EVERY_ROUTE)}
    if not told.open:
        found.update(_OF_KNOWN_CALLERS)
    if told.body:
        found.update(_OF_BODIES)
    if "{" in path:
        found.add(404)
    # What is wrong with a body is 400 in OpenAI's words.
    return found - {422} | {400, 422} if told.openai else found


def _media(kind: str, name: str) -> Mapping[str, Any]:
    """A body of one media type. The events of a stream have no form that OpenAPI 3.1 can say; docs/http-api.md does."""
    if name:
        return {"schema": ref(name)}
    if kind == STREAM:
        return {}
    return {"schema": {"type": "object" if kind == JSON else "string"}}


def _bodies() -> dict[str, Any]:
    """The models that validate bodies, in JSON Schema; what they mention comes along."""
    models = {told.body for told in OPERATIONS.values() if told.body}
    _, found = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = found["$defs"]
    return schemas
