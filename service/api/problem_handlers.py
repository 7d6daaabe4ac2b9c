"""Makes problems of what the routes and the framework raise."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from service.api.problems import from_http, problem_response
from service.errors import InvalidRequest, PermissionRequired, Problem
from service.services import services_of
from service.telemetry.record import record_of


def handle_problems(app: FastAPI) -> None:
    """Every error that the routes or the framework raise leaves as a problem."""

    @app.exception_handler(Problem)
    async def on_problem(request: Request, problem: Problem) -> Response:
        if isinstance(problem, PermissionRequired):
            services_of(request).note(record_of(request.scope), "permission_denied", problem.detail)
        return problem_response(problem, record_of(request.scope))

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        return problem_response(from_http(error), record_of(request.scope))

    @app.exception_handler(RequestValidationError)
    async def on_validation(request: Request, _: RequestValidationError) -> Response:
        return problem_response(InvalidRequest("The request does not have the expected form"), record_of(request.scope))
