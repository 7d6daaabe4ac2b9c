"""Answers, counts and logs what the server could not read as a request: no route and no layer of the app ever sees it."""

from __future__ import annotations

from service.api.problems import MEDIA_TYPE, problem_body
from service.edge.answer_headers import dressed
from service.errors import Problem
from service.telemetry.labels import OTHER
from service.telemetry.middleware import Telemetry, members_of
from service.telemetry.record import RequestRecord
from service.telemetry.route_series import UNMATCHED


class Unread:
    """Refuses in the form of all errors, with ids that are found again in the log."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def refuse(self, problem: Problem) -> bytes:
        """The whole answer, head and body; its connection has to be closed behind it."""
        telemetry = self._telemetry
        # Never recorded as a trace: there is nothing in it but this refusal, and whoever sends rubbish sends much of it.
        record = RequestRecord(telemetry.new_id(), telemetry.new_id(), telemetry.clock(), problem=problem.code)
        status = problem.status
        route, method = telemetry.metrics.count_http(UNMATCHED, OTHER, status, 0.0)
        telemetry.metrics.count_problem(problem.code, route)
        telemetry.log.write_members("info", members_of(record, route, method, status, 0.0, None))
        body = problem_body(problem, record)
        headers = dressed(
            [
                (b"content-type", MEDIA_TYPE.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ],
            record,
            telemetry.fixed,
        )
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}".encode(),
            *(name + b": " + value for name, value in headers),
        ]
        return b"\r\n".join([*lines, b"", body])
