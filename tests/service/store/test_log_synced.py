"""Killing a process does not test the disk: the system still writes what it was handed. Here the calls of the running service are watched."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from target.accounts import make_credentials
from target.stack import RunningService, ServicePlan, create_accounts, prepare_secret, start_service
from tests.service.store.system_calls import Call, Watch

pytestmark = pytest.mark.integration
_ROOT = Path(__file__).parents[3]
_CORPUS = "service/corpora/courtsight/pidana.jsonl"
_LAUNCHER = Path(__file__).with_name("unsynced_log.py")


def _post(service: RunningService, path: str, body: dict[str, str], token: str = "") -> Any:
    connection = http.client.HTTPConnection(service.address, timeout=60)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        assert response.status == 200, response.read()
        return json.loads(response.read())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A database with one account."""
    folder = tmp_path_factory.mktemp("synced")
    plan = ServicePlan(_ROOT, folder / "private", folder / "log")
    prepare_secret(plan, secrets.token_urlsafe(48))
    credentials = make_credentials(["judge"], lambda: secrets.token_urlsafe(24))
    create_accounts(plan, credentials)
    return folder, credentials["judge"]


@pytest.fixture(params=["FULL", "NORMAL", "OFF"])
def running(request: pytest.FixtureRequest, prepared: tuple[Path, Any]) -> Iterator[tuple[str, RunningService]]:
    """The service as it is, and two whose log is synced less often than at every commit."""
    folder, _ = prepared
    program = (sys.executable, "-m", "service")
    if request.param != "FULL":
        program = (sys.executable, str(_LAUNCHER), request.param)
    settings = {"COURTSIGHT_CORPUS": str(_ROOT / _CORPUS), "PYTHONPATH": str(_ROOT)}
    service = start_service(ServicePlan(_ROOT, folder / "private", folder / "log", settings=settings, program=program))
    yield request.param, service
    service.child.stop(1.0)


def _calls_of_an_answer(service: RunningService, token: str) -> list[Call]:
    """Every write and sync of the service from a question to its acknowledgement."""
    watch = Watch(service.pid)
    answered = threading.Event()

    def ask() -> None:
        try:
            _post(service, "/v1/chat", {"message": "Apa itu pencurian?"}, token)
        finally:
            answered.set()

    asking = threading.Thread(target=ask)
    asking.start()
    calls = watch.until(answered.is_set)
    asking.join()
    return calls


def synced_before_told(calls: list[Call], log: Path) -> bool:
    """Whether the log was synced behind the last write to it, before the first byte of the answer left."""
    told = next(place for place, call in enumerate(calls) if call.kind == "write" and call.target.startswith("socket:"))
    of_log = [call.kind for call in calls[:told] if call.target == str(log)]
    assert "write" in of_log, "nothing was written to the log before the answer left"
    return of_log[-1] == "sync"


def test_an_answer_is_told_only_when_the_log_was_synced(
    running: tuple[str, RunningService], prepared: tuple[Path, Any]
) -> None:
    """Between the last write to the write-ahead log and the first byte of the answer stands a sync of that log; with NORMAL or OFF none does."""
    level, service = running
    login = {"username": prepared[1].username, "password": prepared[1].password}
    token = _post(service, "/v1/auth/token", login)["access_token"]
    calls = _calls_of_an_answer(service, token)
    log = Path(os.path.realpath(f"{service.database}-wal"))
    assert synced_before_told(calls, log) is (level == "FULL")
