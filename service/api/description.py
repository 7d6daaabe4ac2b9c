"""`/openapi.json`: the API as machines read it."""

from __future__ import annotations

import orjson
from fastapi import FastAPI, Request, Response

from service.api.described import describe
from service.api.routing import router_of

router = router_of()


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """The OpenAPI document of this service."""
    return Response(_document(request.app), media_type="application/json")


def _document(app: FastAPI) -> bytes:
    """Made when it is asked for first: nothing in it changes while the app runs."""
    made: bytes | None = getattr(app.state, "described", None)
    if made is None:
        made = app.state.described = orjson.dumps(describe(app.title, app.version, app.routes))
    return made
