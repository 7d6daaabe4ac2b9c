"""Reports unhandled errors to Sentry: type, place and ids, and nothing else.

The SDK only carries: no integration is switched on, nothing is hooked, no local variable, body, breadcrumb or user is collected,
and what it adds by itself is cut by an allow-list before it leaves. It sends from a thread and drops what its queue cannot hold.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.errors import ConfigurationError

if TYPE_CHECKING:
    from types import TracebackType

    from service.telemetry.drops import Drops

_CLOSING_SECONDS = 2.0
_ROOT = str(Path(__file__).parents[2])
_MOST_FRAMES = 50
_ALLOWED = frozenset(
    {"event_id", "timestamp", "level", "platform", "release", "environment", "exception", "tags", "sdk"}
)


class SentryReports:
    """Takes errors for a Sentry project."""

    def __init__(self, dsn: str, release: str, environment: str, drops: Drops) -> None:
        """Make the client; nothing is sent before the first error.

        Raises:
            ConfigurationError: that is no DSN.
        """
        # Importing the SDK takes a tenth of a second, and only who reports pays it.
        from sentry_sdk import Client  # noqa: PLC0415 - see above
        from sentry_sdk.consts import CompressionAlgo  # noqa: PLC0415 - see above
        from sentry_sdk.utils import BadDsn  # noqa: PLC0415 - see above

        self._drops = drops
        try:
            self._client = Client(
                dsn,
                release=release,
                environment=environment,
                server_name="",
                default_integrations=False,
                auto_enabling_integrations=False,
                integrations=[],
                # `send_default_pii` is left out, which means False: to write it down is deprecated.
                include_local_variables=False,
                include_source_context=False,
                max_breadcrumbs=0,
                max_request_body_size="never",
                auto_session_tracking=False,
                send_client_reports=False,
                traces_sample_rate=None,
                shutdown_timeout=_CLOSING_SECONDS,
                before_send=_only_allowed,
                # What every Sentry reads, whichever compressions happen to be installed here.
                _experiments={"transport_compression_algo": CompressionAlgo.GZIP},
            )
        except BadDsn as error:
            raise ConfigurationError("COURTSIGHT_SENTRY_DSN is no DSN; copy it from the project's settings") from error

    def report(self, error: BaseException, request_id: str, trace_id: str) -> None:
        """Queue a report; the exception's text stays here, because it may hold what somebody asked."""
        try:
            taken = self._client.capture_event(event_of(error, request_id, trace_id))  # type: ignore[arg-type] # the SDK's own dict type
        except Exception:  # noqa: BLE001 - telling of an error must not make another
            taken = None
        if not taken:
            self._drops.count("errors", "queue_full")

    def close(self) -> None:
        """Send what waits, for two seconds at most."""
        self._client.close(timeout=_CLOSING_SECONDS)


def event_of(error: BaseException, request_id: str, trace_id: str) -> dict[str, Any]:
    """An error as Sentry's event: the type, the frames by file, function and line, and the ids that join it with logs and traces."""
    exception = {
        "type": type(error).__name__,
        "module": type(error).__module__,
        "stacktrace": {"frames": _frames(error.__traceback__)},
    }
    return {
        "level": "error",
        "platform": "python",
        "exception": {"values": [exception]},
        "tags": {"request_id": request_id, "trace_id": trace_id},
    }


def _frames(trace: TracebackType | None) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    while trace:
        code = trace.tb_frame.f_code
        frames.append(
            {
                # Below the project's folder: where it was installed is nobody's concern.
                "filename": code.co_filename.removeprefix(_ROOT).lstrip("/"),
                "function": code.co_qualname,
                "lineno": trace.tb_lineno,
                "in_app": code.co_filename.startswith(str(Path(__file__).parents[1])),
            }
        )
        trace = trace.tb_next
    return frames[-_MOST_FRAMES:]


def _only_allowed(event: Any, _: dict[str, Any]) -> Any:  # noqa: ANN401 - the SDK's own dict type
    """What may leave; everything else that the SDK or a later version of it adds stays here."""
    return {name: value for name, value in event.items() if name in _ALLOWED}
