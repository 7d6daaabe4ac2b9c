"""Single counters of a `/metrics` page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from target.counters import counter_total
from target.errors import TargetDown
from target.processes import free_port

PAGE = b"""# TYPE chatbot_cache_requests_total counter
chatbot_cache_requests_total{cache="answer",result="hit"} 3
chatbot_cache_requests_total{cache="answer",result="miss"} 40
chatbot_cache_requests_total{cache="passages",result="hit"} 5
"""


@pytest.fixture
def page() -> Iterator[str]:
    """A service with one page of metrics, and none at /broken/metrics."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/metrics" else 500)
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_series_with_the_labels_are_summed(page: str) -> None:
    """All series that carry the labels count together; a counter that the page does not know has no value, not zero."""
    assert counter_total(page, "chatbot_cache_requests_total", {"result": "hit"}) == 8
    assert counter_total(page, "chatbot_cache_requests_total", {"cache": "answer", "result": "hit"}) == 3
    assert counter_total(page, "chatbot_cache_requests_total", {"result": "stale"}) is None
    assert counter_total(page, "chatbot_other_total", {}) is None


def test_a_page_that_does_not_answer_is_said(page: str) -> None:
    """An error page and a closed port are no counters."""
    for url in (f"{page}/broken", f"http://127.0.0.1:{free_port()}"):
        with pytest.raises(TargetDown, match="gave no usable answer"):
            counter_total(url, "chatbot_cache_requests_total", {})
