"""What nobody foresaw: one line in the log, and a report where the installation has somebody to tell."""

from __future__ import annotations

from typing import Protocol

from service.telemetry.logging import EventLog
from service.telemetry.record import RequestRecord


class Reports(Protocol):
    """Takes errors that were not handled, for people who look after them."""

    def report(self, error: BaseException, request_id: str, trace_id: str) -> None:
        """Hand over an error; never waits, never raises."""

    def close(self) -> None:
        """Give away what is left, within seconds."""


def note_unhandled(log: EventLog, reports: Reports | None, error: Exception, record: RequestRecord) -> None:
    """Tell of an error by type and place; its text may hold what somebody asked."""
    log.write("error", "unhandled", exception=type(error).__name__, place=place_of(error), request_id=record.request_id)
    if reports:
        reports.report(error, record.request_id, record.trace_id)


def place_of(error: BaseException) -> str:
    """File and line where an exception arose: enough to find it, and free of any user's text."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "unknown"
