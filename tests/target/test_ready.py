"""What a chatbot says of itself, asked of chatbots that answer without end."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from target import ready
from target.errors import TargetDown
from target.loopback import is_loopback
from target.ready import ready_info


@pytest.fixture
def chatbot() -> Iterator[str]:
    """Ready at its root; below other paths it answers as their name says."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place = self.path.rpartition("/health/ready")[0].rpartition("/")[2]
            self.send_response({"gateway": 502, "moved": 307}.get(place, 200))
            if place == "moved":
                self.send_header("Location", "https://chat.example/health/ready")
            self.end_headers()
            pieces: Iterator[bytes] = {
                "endless": itertools.repeat(b" " * 65536),
                "nested": iter([b"[" * 200_000]),
                "gateway": iter([b"<h1>Bad Gateway</h1>"]),
                "page": iter([b"<h1>Please sign in</h1>"]),
                "moved": iter([b""]),
            }.get(place, iter([b'{"status": "ready", "engine": "extractive"}']))
            try:
                for piece in pieces:
                    self.wfile.write(piece)
            except OSError:
                return  # who asked has left

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_a_chatbot_says_is_read(chatbot: str) -> None:
    """The body of `/health/ready` as it is."""
    assert ready_info(chatbot) == {"status": "ready", "engine": "extractive"}


@pytest.mark.parametrize("path", ["endless", "nested"])
def test_an_answer_that_pours_or_nests_without_end_is_none(path: str, chatbot: str) -> None:
    """It takes neither this machine's memory nor the run with it."""
    with pytest.raises(TargetDown, match="no usable answer to /health/ready"):
        ready_info(f"{chatbot}/{path}")


def test_an_answer_that_trickles_is_cut(chatbot: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read comes in time and the whole never ends: a run that asked so could neither begin nor end."""
    monkeypatch.setattr(ready, "LARGEST_BYTES", 2**60)
    seconds = itertools.count(step=7.0)
    with pytest.raises(TargetDown, match="no usable answer"):
        ready_info(f"{chatbot}/endless", lambda: next(seconds))
    assert next(seconds) < 100


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("gateway", "is not ready: /health/ready answered 502, and no JSON"),
        ("page", "no JSON object"),
        ("moved", r"sends /health/ready on to https://chat\.example/health/ready \(307\)"),
    ],
)
def test_who_answers_in_its_place_is_said(path: str, said: str, chatbot: str) -> None:
    """A gateway's page, a login page, an address that moved: each was told as a `JSONDecodeError`, and asked whether the chatbot ran."""
    with pytest.raises(TargetDown, match=said):
        ready_info(f"{chatbot}/{path}")


def test_only_this_machine_is_reached_past_the_environment() -> None:
    """Proxies and certificates of the environment count for a chatbot elsewhere, in every step alike."""
    assert is_loopback("http://127.0.0.1:8000/x")
    assert is_loopback("http://[::1]:8000")
    assert not is_loopback("https://chat.example")


def test_a_chatbot_elsewhere_is_asked_through_the_proxy_of_the_environment(
    chatbot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As its questions are: behind a proxy a run ended before it began."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, chatbot)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert ready_info("http://chat.example")["status"] == "ready"
