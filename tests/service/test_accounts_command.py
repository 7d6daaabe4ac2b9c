"""Making and managing accounts from the command line."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.__main__ import main

PASSWORD = "a long enough password"


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "service.db"
    monkeypatch.setenv("COURTSIGHT_DATABASE", str(path))
    monkeypatch.setenv("COURTSIGHT_ENVIRONMENT", "development")
    return path


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    return str(file)


def create(name: str, role: str, file: str) -> int:
    return main(["accounts", "create", "--username", name, "--role", role, "--password-file", file])


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    found = connection.execute(query).fetchall()
    connection.close()
    return found


def test_an_account_is_made_and_listed(database: Path, password_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The list shows name, role and state; the password is kept as an argon2id hash of the stated cost."""
    assert create("ana", "judge", password_file) == 0
    assert main(["accounts", "list"]) == 0
    assert capsys.readouterr().out == "ana\tjudge\tactive\n"
    ((kept,),) = rows(database, "SELECT password_hash FROM accounts")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_password_comes_from_standard_input(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash reads one line, so that a password need not stand in a file or in the process list."""
    monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
    assert create("ana", "public", "-") == 0


def test_a_password_that_is_no_text_is_refused(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes on standard input that are no UTF-8 are one line and status 2, and no account."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff" * 20), "utf-8", "surrogateescape"))
    assert create("ana", "public", "-") == 2
    assert capsys.readouterr().err == "courtsight: standard input: it is no UTF-8 text\n"
    assert not database.exists()


@pytest.mark.parametrize(
    ("name", "role", "password", "told"),
    [
        ("ana", "jugde", PASSWORD, "did you mean 'judge'?"),
        ("a b", "judge", PASSWORD, "use 1 to 64 of letters"),
        ("ana", "judge", "short", "shorter than 12 characters"),
        ("ana", "judge", "", "shorter than 12 characters"),
    ],
)
def test_what_is_not_acceptable_is_one_line_and_status_two(
    tmp_path: Path, *, name: str, role: str, password: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mistake says what to write instead."""
    (tmp_path / "p").write_text(password)
    assert create(name, role, str(tmp_path / "p")) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_a_taken_name_is_refused(database: Path, password_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A second account of the same name is not made, and the first stays as it is."""
    create("ana", "judge", password_file)
    assert create("ana", "admin", password_file) == 2
    assert "taken" in capsys.readouterr().err
    assert rows(database, "SELECT role FROM accounts") == [("judge",)]


def test_many_accounts_are_made_all_or_none(database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One wrong line, and no account is there; with all lines right, all are."""
    good = [{"username": f"u{n}", "role": "public", "password": PASSWORD} for n in range(3)]
    file = tmp_path / "many.jsonl"
    file.write_bytes(b"\n".join(orjson.dumps(one) for one in [*good, good[0]]))
    assert main(["accounts", "create-many", str(file)]) == 2
    assert rows(database, "SELECT count(*) FROM accounts") == [(0,)]
    file.write_bytes(b"\n".join(orjson.dumps(one) for one in good))
    assert main(["accounts", "create-many", str(file)]) == 0
    assert capsys.readouterr().out == "3 accounts made\n"


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"username": "ana"}',
        '{"username": "a", "role": "judge", "passwort": "x"}',
        '{"username": "a", "role": "judge", "password": {"a long": "enough text"}}',
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The message says which line of the file is wrong."""
    file = tmp_path / "many.jsonl"
    file.write_text("\n" + line)
    assert main(["accounts", "create-many", str(file)]) == 2
    assert f"{file}:2: " in capsys.readouterr().err


def test_disabling_and_changing_a_password_are_noted(database: Path, password_file: str) -> None:
    """Both take effect, and every command leaves a line in the audit trail."""
    create("ana", "judge", password_file)
    assert main(["accounts", "set-password", "--username", "ana", "--password-file", password_file]) == 0
    assert main(["accounts", "disable", "--username", "ana"]) == 0
    assert rows(database, "SELECT disabled, tokens_valid_after > 0 FROM accounts") == [(1, 1)]
    actions = [action for (action,) in rows(database, "SELECT action FROM audit ORDER BY seq")]
    assert actions == ["create judge", "set-password", "disable"]


def test_an_unknown_name_says_which_is_near(password_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt name changes nothing and names the nearest account."""
    create("ana.judge", "judge", password_file)
    assert main(["accounts", "disable", "--username", "ana.jugde"]) == 2
    assert "did you mean 'ana.judge'?" in capsys.readouterr().err


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """The help says how to make an account and start the service."""
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "python -m service serve --port 8000" in capsys.readouterr().out
