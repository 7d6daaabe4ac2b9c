"""How a request finds its route, and what becomes of a problem there.

Our routes take the request and the names in their path, read what they need themselves, and give a response. FastAPI's way to an endpoint
(dependencies, exit stacks, two layers that each look for exceptions, every route asked in turn) costs a request three times what all
of ours around it does, and gives such a route nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import from_http, problem_response
from service.errors import PermissionRequired, Problem
from service.services import services_of
from service.telemetry.record import record_of

Endpoint = Callable[..., Awaitable[Response]]


class DirectRoute(APIRoute):
    """A route whose endpoint is called with the request and the names in its path, and with nothing between."""

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:  # noqa: ANN401 - FastAPI's own options
        """As FastAPI makes it, with another way in."""
        super().__init__(path, endpoint, **options)
        self.app = _served(endpoint)


def router_of(prefix: str = "") -> APIRouter:
    """A router of direct routes."""
    return APIRouter(prefix=prefix, route_class=DirectRoute)


class DirectApp(FastAPI):
    """The app, without layers that ours make idle: the outermost of ours catches whatever was not foreseen, and no dependency leaves files open."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Straight into our layers; what begins and ends the app goes FastAPI's way."""
        if scope["type"] != "http" or self.middleware_stack is None or self.root_path:
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        await self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Our layers around the routes."""
        app: ASGIApp = _Routes(self)
        for layer, values, options in reversed(self.user_middleware):
            app = layer(app, *values, **options)
        return app


class _Routes:
    """Finds routes without names in their path at once; the others, and what is refused, by Starlette's router."""

    def __init__(self, app: FastAPI) -> None:
        self._router = app.router
        self._plain: dict[tuple[str, str], APIRoute] = {}
        for route in app.router.routes:
            if isinstance(route, APIRoute) and not route.param_convertors:
                for method in route.methods or ():
                    # The first of two routes counts, as when they are asked in turn.
                    self._plain.setdefault((method, route.path), route)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self._router(scope, receive, send)
        route = self._plain.get((scope["method"], scope["path"]))
        if route is None or scope.get("root_path"):
            return self._asked_in_turn(scope, receive, send)
        scope["route"] = route
        # Given on to be awaited: one coroutine fewer for each request.
        return route.app(scope, receive, send)

    async def _asked_in_turn(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._router(scope, receive, send)
        except HTTPException as error:
            await problem_response(from_http(error, self._allowed(scope)), record_of(scope))(scope, receive, send)

    def _allowed(self, scope: Scope) -> set[str]:
        """Every method of a path: Starlette tells those of one route alone, and a path may have several."""
        routes = [route for route in self._router.routes if isinstance(route, Route)]
        return {name for one in routes if one.matches(scope)[0] is not Match.NONE for name in one.methods or ()}


def _served(endpoint: Endpoint) -> ASGIApp:
    """An endpoint as an app; a problem that it raises becomes its response."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            response = await endpoint(request, **scope.get("path_params", {}))
        except Problem as problem:
            response = _refused(request, problem)
        await response(scope, receive, send)

    return app


def _refused(request: Request, problem: Problem) -> Response:
    record = record_of(request.scope)
    if isinstance(problem, PermissionRequired):
        services_of(request).note(record, "permission_denied", problem.detail)
    return problem_response(problem, record)
