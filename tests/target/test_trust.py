"""Whose certificates are trusted, and what is said of the others, in every client that asks the chatbot."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from slo.errors import InvalidInput
from target.accounts import Credentials
from target.courtsight import open_target
from target.errors import PrometheusDown, TargetDown
from target.prometheus import connect
from target.ready import ready_info
from target.trust import trusted_certificates
from tests.tls import EXPIRED, VALID, serving_context


class Page(BaseHTTPRequestHandler):
    """Ready, and a token for everybody."""

    def do_GET(self) -> None:
        alerts = b'{"status": "success", "data": {"alerts": []}}'
        self._send(alerts if self.path.endswith("/alerts") else b'{"status": "ready"}')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._send(b'{"access_token": "t"}')

    def _send(self, content: bytes) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class Server(ThreadingHTTPServer):
    """Says nothing of clients that do not trust it."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def showing(certificate: str, folder: Path) -> Iterator[tuple[int, Path]]:
    """The port of a server that shows this certificate, and the file that has to be trusted for it."""
    context, file = serving_context(folder, certificate)
    server = Server(("127.0.0.1", 0), Page)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port, file
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def signed_in(url: str) -> str:
    async def ask() -> str:
        async with open_target(url, {"judge": Credentials("u", "p")}) as target:
            return (await target.login("judge")).token

    return asyncio.run(ask())


def alerts(url: str) -> object:
    return connect(url).alerts()


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """No authority of the machine that tests."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("ask", [ready_info, signed_in, alerts])
@pytest.mark.parametrize(
    ("certificate", "trusts", "host", "why"),
    [
        (VALID, False, "127.0.0.1", "self-signed certificate"),
        (VALID, True, "localhost", "Hostname mismatch"),
        (EXPIRED, True, "127.0.0.1", "expired"),
    ],
)
def test_a_certificate_that_is_not_trusted_is_said_with_its_mend(
    ask: Callable[[str], object],
    certificate: str,
    trusts: bool,
    host: str,
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was a `ConnectError`, with the question whether the chatbot ran."""
    with showing(certificate, tmp_path) as (port, file):
        if trusts:
            monkeypatch.setenv("SSL_CERT_FILE", str(file))
        with pytest.raises(
            (TargetDown, PrometheusDown), match=f"its certificate is not trusted .*{why}.*SSL_CERT_FILE="
        ) as refused:
            ask(f"https://{host}:{port}")
    assert "running" not in str(refused.value)


def test_an_authority_of_the_environment_counts_on_this_machine_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only proxies are none for loopback: nothing could make an encrypted address of this machine trusted."""
    with showing(VALID, tmp_path) as (port, file):
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert ready_info(f"https://127.0.0.1:{port}") == {"status": "ready"}
        assert signed_in(f"https://127.0.0.1:{port}") == "t"
        assert alerts(f"https://127.0.0.1:{port}") == ()


def test_a_prometheus_elsewhere_is_asked_through_the_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the chatbot is, whose SLOs it counts; one on this machine is asked past it."""
    proxy = Server(("127.0.0.1", 0), Page)
    threading.Thread(target=proxy.serve_forever, args=(0.02,)).start()
    try:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert alerts("http://prometheus.example:9090") == ()
        with pytest.raises(PrometheusDown, match="is it running"):
            alerts("http://127.0.0.1:9")
    finally:
        proxy.shutdown()
        proxy.server_close()


@pytest.mark.parametrize("held", [None, "no certificate"])
def test_a_file_of_authorities_that_cannot_be_used_is_wrong_input(
    held: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistyped path ended each command as an error of our own, with a traceback."""
    file = tmp_path / "ca.pem"
    if held is not None:
        file.write_text(held, encoding="ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(InvalidInput, match=f"SSL_CERT_FILE={file}: cannot be used"):
        trusted_certificates()
