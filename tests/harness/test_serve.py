"""The development service's accounts: found again when they are of use, made anew when they are not."""

from __future__ import annotations

import fcntl
import json
import stat
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from harness import serve
from harness.serve import known_credentials, welcome
from slo.errors import InvalidInput
from target.accounts import Credentials
from target.errors import StackError
from target.processes import free_port
from target.stack import ServicePlan


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServicePlan:
    """A service whose accounts are made by touching its database."""
    monkeypatch.setattr(serve, "create_accounts", lambda made, _: made.database.touch())
    return ServicePlan(root=tmp_path, private=tmp_path / "serve", log=tmp_path / "log")


def test_the_second_start_finds_the_accounts_of_the_first(plan: ServicePlan) -> None:
    """Passwords stay the same as long as database and file are there, and only their owner can read them."""
    first = known_credentials(plan)
    assert known_credentials(plan) == first
    assert stat.S_IMODE((plan.private / "credentials.json").stat().st_mode) == 0o600


def test_two_that_begin_at_once_share_their_accounts(plan: ServicePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one makes them nobody else looks: it took what was half made for useless, and removed it under the other's hands."""

    def make(made: ServicePlan, _: object) -> None:
        with made.private.with_name("serve.lock").open("w") as handle, pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        made.database.touch()

    monkeypatch.setattr(serve, "create_accounts", make)
    first = known_credentials(plan)
    with plan.private.with_name("serve.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert known_credentials(plan) == first


@pytest.mark.parametrize("lost", ["service.sqlite3", "credentials.json"])
def test_half_of_them_is_of_no_use(plan: ServicePlan, lost: str) -> None:
    """Without the database, or without the passwords, accounts are made anew: printed passwords always work."""
    first = known_credentials(plan)
    (plan.private / lost).unlink()
    again = known_credentials(plan)
    assert again != first
    assert plan.database.exists()
    assert known_credentials(plan) == again


@pytest.mark.parametrize("content", ["", "[]", '{"judge": {"name": "x"}}', json.dumps({"judge": "x"})])
def test_a_damaged_file_says_how_to_start_over(plan: ServicePlan, content: str) -> None:
    """A file that holds no accounts is an input error that names the folder to remove."""
    assert isinstance(known_credentials(plan)["judge"], Credentials)
    (plan.private / "credentials.json").write_text(content)
    with pytest.raises(InvalidInput, match=r"is damaged \(start over: rm -r .*serve\)"):
        known_credentials(plan)


def test_the_printed_commands_work_as_they_stand(plan: ServicePlan) -> None:
    """The way to log in calls the Python that runs us, by a path that every shell finds, and hands no password to a process."""
    said = welcome("http://127.0.0.1:8000", known_credentials(plan), plan)
    (login,) = [line for line in said.splitlines() if line.lstrip().startswith("TOKEN=")]
    assert sys.executable in login
    assert login.index("printf") < login.index('"password"') < login.index("| curl")


def test_a_cache_that_cannot_be_written_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only checkout is a failure that is explained, not an error of ours."""

    def refuse(_: ServicePlan) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(serve, "known_credentials", refuse)
    with pytest.raises(StackError, match=r"cannot be made: .*Read-only"):
        serve.serve(Namespace(port=free_port(), deployment="courtsight"))
