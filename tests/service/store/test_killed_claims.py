"""A process is killed while it answers a request with a key: what whoever sends it again gets, from real processes over both databases."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from target.simulator import provider_settings
from tests.service.postgres_server import Server
from tests.service.test_worker_life import WITHIN_SECONDS, Running, logged_in, started, wait_for

pytestmark = pytest.mark.integration

QUESTION = {"message": "Apa itu hukum pidana?"}


class Silent:
    """A provider that takes connections and says nothing, until it is told to hang up on everybody."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._held: list[socket.socket] = []
        self._hangs_up = False
        self._taking = threading.Thread(target=self._take)
        self._taking.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    @property
    def asked(self) -> bool:
        return bool(self._held)

    def hang_up(self) -> None:
        self._hangs_up = True
        for one in self._held:
            one.close()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._taking.join()
        self.hang_up()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                taken, _ = self._listening.accept()
                if self._hangs_up:
                    taken.close()
                else:
                    self._held.append(taken)


@pytest.fixture
def silent() -> Iterator[Silent]:
    provider = Silent()
    yield provider
    provider.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The settings of a database that two services share."""
    if request.param == "sqlite":
        return {"COURTSIGHT_DATABASE": str(tmp_path / "shared.db")}
    server: Server = request.getfixturevalue("server")
    new: Callable[[], str] = request.getfixturevalue("new_database")
    # The tests' server syncs nothing.
    url = server.url(new(), "courtsight_writer", "w")
    return {"COURTSIGHT_DATABASE_URL": url, "COURTSIGHT_ENVIRONMENT": "development"}


@contextmanager
def two_services(folder: Path, settings: dict[str, str]) -> Iterator[tuple[Running, Running]]:
    """Two of one process each over one database, as two workers or two machines are."""
    folders = [folder / name for name in ("first", "second")]
    for one in folders:
        one.mkdir()
    with started(folders[0], **settings) as first, started(folders[1], people=False, **settings) as second:
        first.token = second.token = logged_in(first.url)
        yield first, second


def send(running: Running) -> httpx.Response:
    headers = {"Authorization": f"Bearer {running.token}", "Idempotency-Key": "k"}
    return httpx.post(f"{running.url}/v1/chat", json=QUESTION, headers=headers, timeout=WITHIN_SECONDS)


def sent_until_answered(running: Running) -> httpx.Response:
    """As docs/openai.md says: a 409 is sent again after its `Retry-After`."""
    answers: list[httpx.Response] = []

    def answered() -> bool:
        answers.append(send(running))
        return answers[-1].status_code != 409

    wait_for(answered, "the claim of the killed process ends")
    return answers[-1]


def test_who_sends_again_is_answered_once_by_another_process(
    tmp_path: Path, database: dict[str, str], silent: Silent
) -> None:
    """The claim ends with its lease, whoever waits is answered then and kept once, and the next one gets that very answer."""
    settings = {**database, **provider_settings(silent.url, tmp_path, fallback=True)}
    with two_services(tmp_path, settings) as (first, second), ThreadPoolExecutor(2) as clients:
        cut = clients.submit(send, first)
        wait_for(lambda: silent.asked, "the first process has claimed the key and asks its model")
        waiting = clients.submit(sent_until_answered, second)
        first.process.kill()
        with pytest.raises(httpx.HTTPError):
            cut.result(WITHIN_SECONDS)
        silent.hang_up()
        answer = waiting.result(WITHIN_SECONDS)
        assert answer.status_code == 200
        assert "Idempotency-Replayed" not in answer.headers
        again = send(second)
        assert (again.content, again.headers["Idempotency-Replayed"]) == (answer.content, "true")
        headers = {"Authorization": f"Bearer {second.token}"}
        kept = httpx.get(f"{second.url}/v1/conversations", headers=headers, timeout=WITHIN_SECONDS).json()
        assert [one["messages"] for one in kept["conversations"]] == [2]
