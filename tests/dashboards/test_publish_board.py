"""Putting a board into Grafana, against a fake one that keeps what it gets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dashboards.publish import publish, read_token
from slo.errors import CourtSightError

BOARD = json.dumps({"uid": "courtsight-overview", "title": "courtsight: overview", "id": 7}).encode()
TOKEN = "token-of-a-test"


class FakeGrafana:
    """Answers the import route as Grafana does; `status` and `body` may be set to misbehave."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b'{"url": "/d/courtsight-overview/overview", "status": "success"}'
        self.received: list[tuple[str, str | None, dict[str, Any]]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fake.received.append((self.path, self.headers["Authorization"], sent))
                self.send_response(fake.status)
                self.send_header("Content-Length", str(len(fake.body)))
                self.end_headers()
                self.wfile.write(fake.body)

            def log_message(self, *args: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def grafana() -> Iterator[FakeGrafana]:
    """A fake Grafana for one test."""
    fake = FakeGrafana()
    yield fake
    fake.close()


def test_a_board_is_written_over_the_one_with_its_uid(grafana: FakeGrafana) -> None:
    """The board goes out with the token, without a foreign id, and its address comes back."""
    where = publish(BOARD, grafana.address + "/", TOKEN, folder_uid="slo", message="spec of today")
    assert where == f"{grafana.address}/d/courtsight-overview/overview"
    path, authorization, sent = grafana.received[0]
    assert path == "/api/dashboards/db"
    assert authorization == f"Bearer {TOKEN}"
    assert sent["overwrite"] is True
    assert sent["folderUid"] == "slo"
    assert sent["message"] == "spec of today"
    assert sent["dashboard"] == {"uid": "courtsight-overview", "title": "courtsight: overview", "id": None}


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "service-account token"),
        (403, "role Editor"),
        (404, "start page"),
        (412, "provisioned"),
        (500, "Grafana's own log"),
    ],
)
def test_a_refusal_says_what_to_do(grafana: FakeGrafana, status: int, advice: str) -> None:
    """Each refusal names the status and the way out, and never the token."""
    grafana.status = status
    with pytest.raises(CourtSightError, match=f"answered {status}: .*{advice}") as caught:
        publish(BOARD, grafana.address, TOKEN)
    assert TOKEN not in str(caught.value)


def test_an_answer_that_is_not_grafanas_is_no_success(grafana: FakeGrafana) -> None:
    """A 200 without the board's address is an error: something else answers there."""
    for body in (b"<html>hello</html>", b"{}", b"[]"):
        grafana.body = body
        with pytest.raises(CourtSightError, match="not like Grafana"):
            publish(BOARD, grafana.address, TOKEN)


def test_an_unreachable_grafana_is_named(grafana: FakeGrafana) -> None:
    """Nobody listening, and an address that is none, end in one sentence."""
    address = grafana.address
    grafana.server.server_close()
    for wrong in (address, "http://[nonsense"):
        with pytest.raises(CourtSightError, match="cannot be reached"):
            publish(BOARD, wrong, TOKEN)


def test_the_token_is_read_without_its_line_end(tmp_path: Path) -> None:
    """The file's line end is no part of the token."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n", encoding="utf-8")
    assert read_token(path) == TOKEN


@pytest.mark.parametrize("content", [b"two words", b"two\nlines", b"geh\xe9im"])
def test_a_token_that_no_header_can_carry_is_refused_unseen(tmp_path: Path, content: bytes) -> None:
    """The message names the file, never what stands in it."""
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(CourtSightError, match="holds no Grafana token") as caught:
        read_token(file)
    assert content.decode("latin-1")[:3] not in str(caught.value).removeprefix(str(file))


def test_a_missing_or_empty_token_file_is_named(tmp_path: Path) -> None:
    """Neither a missing nor an empty file passes as a token."""
    with pytest.raises(CourtSightError, match="cannot be read"):
        read_token(tmp_path / "absent")
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    with pytest.raises(CourtSightError, match="holds no Grafana token"):
        read_token(tmp_path / "empty")
