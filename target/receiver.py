"""A webhook receiver: the place where Alertmanager's notifications arrive in a drill."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

from target.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LARGEST_BODY = 4_000_000  # bytes; Alertmanager sends a few kilobytes


@dataclass(frozen=True, slots=True)
class Notification:
    """One delivery: when it came (monotonic seconds and UTC), and Alertmanager's JSON (version 4)."""

    monotonic: float
    at: datetime
    body: Mapping[str, object]

    def alerts(self) -> list[Mapping[str, object]]:
        """The alerts of this delivery, as Alertmanager sent them."""
        alerts = self.body.get("alerts")
        return [alert for alert in alerts if isinstance(alert, dict)] if isinstance(alerts, list) else []

    def has(self, alertname: str, status: str) -> bool:
        """Whether it tells of an alert by this name in this state, `firing` or `resolved`."""
        return any(
            _labels(alert).get("alertname") == alertname and alert.get("status") == status for alert in self.alerts()
        )


def _labels(alert: Mapping[str, object]) -> Mapping[str, object]:
    labels = alert.get("labels")
    return labels if isinstance(labels, dict) else {}


class WebhookReceiver:
    """Listens on a free loopback port while it is entered, and keeps every notification in the order of arrival."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._monotonic = monotonic
        self._now = now
        self._arrived = threading.Condition()
        self._notifications: list[Notification] = []
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        """Starts listening, in a thread of its own."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 5.0  # seconds; a silent sender must not keep a thread

            def do_POST(self) -> None:
                self.send_response(receiver._receive(self))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
                """Says nothing: a drill's output is the drill's."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="webhook receiver").start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stops listening; what arrived stays readable."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def url(self) -> str:
        """Where Alertmanager sends to; known from entering on."""
        if self._server is None:
            raise RuntimeError("the receiver has no address before it is entered")
        return f"http://{LOOPBACK}:{self._server.server_address[1]}/"

    def notifications(self) -> tuple[Notification, ...]:
        """Everything that arrived so far, oldest first."""
        with self._arrived:
            return tuple(self._notifications)

    def wait_for(self, wanted: Callable[[Notification], bool], timeout_seconds: float) -> Notification | None:
        """The first notification, old or new, that is `wanted`; None when none has come after `timeout_seconds`."""
        with self._arrived:
            return self._arrived.wait_for(lambda: next(filter(wanted, self._notifications), None), timeout_seconds)

    def _receive(self, request: BaseHTTPRequestHandler) -> int:
        """Keeps one delivery; gives the HTTP status to answer with."""
        monotonic, now = self._monotonic(), self._now()
        length = request.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LARGEST_BODY:
            return 400
        try:
            body = json.loads(request.rfile.read(int(length)))
        except ValueError:
            return 400
        if not isinstance(body, dict):
            return 400
        with self._arrived:
            self._notifications.append(Notification(monotonic, now, body))
            self._arrived.notify_all()
        return 200
