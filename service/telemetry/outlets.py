"""The ways by which telemetry leaves a real process, as its settings say: log lines, spans, reports of errors."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import BinaryIO

from opentelemetry.sdk.trace import SpanProcessor

from service import __version__
from service.errors import ConfigurationError
from service.settings import Settings
from service.telemetry.drops import Drops
from service.telemetry.logging import LINES, EventLog
from service.telemetry.otlp import OtlpSpans, collector_of
from service.telemetry.sentry import SentryReports
from service.telemetry.tracing import stderr_processor
from service.telemetry.unhandled import Reports


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where lines, spans and errors go; None: nowhere. What none of them could deliver is counted in `drops`."""

    log: EventLog
    spans: SpanProcessor | None
    reports: Reports | None
    drops: Drops


def outlets_of(settings: Settings, stream: BinaryIO) -> Outlets:
    """Open them; the log writes to `stream`.

    Raises:
        ConfigurationError: an address or a header is wrong.
    """
    drops = Drops()
    log = EventLog(stream, settings.log_level, time.time, gather=LINES, drops=drops)
    dsn = settings.sentry_dsn
    reports = SentryReports(dsn.get_secret_value(), __version__, settings.environment, drops) if dsn else None
    return Outlets(log, _spans(settings, log, drops), reports, drops)


def _spans(settings: Settings, log: EventLog, drops: Drops) -> SpanProcessor | None:
    if settings.otlp_endpoint is None:
        return stderr_processor() if settings.trace_export == "stderr" else None
    if settings.trace_export == "stderr":
        raise ConfigurationError("COURTSIGHT_OTLP_ENDPOINT and COURTSIGHT_TRACE_EXPORT=stderr are both set: keep one")
    headers = settings.otlp_headers.get_secret_value() if settings.otlp_headers else None
    return OtlpSpans(collector_of(settings.otlp_endpoint, headers), drops, log)
