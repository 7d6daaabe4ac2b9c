"""Making and managing accounts from the command line."""

from __future__ import annotations

import asyncio
import io
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.__main__ import main
from service.beside import tell_when_empty
from service.commands import accounts
from service.commands.accounts import Desk
from service.errors import ConfigurationError
from service.security.keys import is_well_formed, key_digest
from service.security.passwords import hasher
from service.settings import Settings
from service.store.sqlite.sqlite_store import SqliteStore
from service.telemetry.logging import EventLog

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


def test_a_byte_order_mark_is_no_part_of_a_password(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Editors of Windows write one before the text, and nobody could log in with it: in a file, on standard input and before JSON lines."""
    file, many = tmp_path / "marked", tmp_path / "many.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + PASSWORD.encode() + b"\r\n")
    many.write_bytes(b"\xef\xbb\xbf" + orjson.dumps({"username": "cici", "role": "public", "password": PASSWORD}))
    assert create("ana", "judge", str(file)) == 0
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes()), "utf-8"))
    assert create("budi", "judge", "-") == 0
    assert main(["accounts", "create-many", str(many)]) == 0
    hashes = [row[0] for row in rows(database, "SELECT password_hash FROM accounts")]
    assert [hasher().verify(one, PASSWORD) for one in hashes] == [True, True, True]


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
        ("ana", "judge", "a long one " * 100, "longer than 1024 characters"),
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


def test_a_name_that_is_anothers_but_for_capitals_is_refused(
    database: Path, password_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody passes for another in the audit trail; two such names in one file are refused as well, and logins stay exact."""
    assert create("Budi", "judge", password_file) == 0
    assert create("bUDI", "admin", password_file) == 2
    assert "'bUDI' is 'Budi' but for capitals" in capsys.readouterr().err
    file = tmp_path / "many.jsonl"
    pair = [{"username": name, "role": "public", "password": PASSWORD} for name in ("ana", "Ana")]
    file.write_bytes(b"\n".join(orjson.dumps(one) for one in pair))
    assert main(["accounts", "create-many", str(file)]) == 2
    assert rows(database, "SELECT username FROM accounts") == [("Budi",)]
    assert main(["accounts", "disable", "--username", "budi"]) == 2


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
    assert actions == ["account_made", "account_password", "account_disabled"]


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


def test_an_account_is_enabled_and_gets_another_role(
    database: Path, password_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both take effect and are noted with who sat at the command line; tokens from before stay void."""
    create("ana", "judge", password_file)
    for command in (["disable"], ["enable"], ["set-role", "--role", "lawyer"]):
        assert main(["accounts", command[0], "--username", "ana", *command[1:]]) == 0
    assert rows(database, "SELECT role, disabled, tokens_valid_after > 0 FROM accounts") == [("lawyer", 0, 1)]
    noted = rows(database, "SELECT action, subject FROM audit ORDER BY seq")
    assert noted[1:] == [("account_disabled", "ana"), ("account_enabled", "ana"), ("account_role", "ana lawyer")]
    actors = {actor for (actor,) in rows(database, "SELECT actor FROM audit")}
    assert len(actors) == 1
    assert actors.pop().startswith("command line, uid ")
    assert main(["accounts", "set-role", "--username", "ana", "--role", "jugde"]) == 2
    assert "did you mean 'judge'?" in capsys.readouterr().err


def test_accounts_are_listed_as_json(password_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line with name, role, state and since when, and never a hash."""
    create("ana", "judge", password_file)
    capsys.readouterr()
    assert main(["accounts", "list", "--json"]) == 0
    shown = orjson.loads(capsys.readouterr().out)
    assert set(shown) == {"username", "role", "state", "created_at"}
    assert shown["state"] == "active"


def test_thirty_at_once_make_one_account(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thirty parallel tries to make the same name, one makes it, the others say that it is taken."""
    create("first", "public", _file(database, PASSWORD))
    monkeypatch.setattr(
        "service.commands.accounts.hasher", lambda: type("Quick", (), {"hash": staticmethod(str.upper)})
    )

    def attempt(number: int) -> str:
        desk = Desk(Settings(environment="development", database=database), 1.0, lambda: f"id{number}", "test")
        try:
            accounts.create(desk, [accounts.NewAccount("ana", "admin", PASSWORD)])
        except ConfigurationError as error:
            return str(error)
        return "made"

    with ThreadPoolExecutor(30) as pool:
        outcomes = list(pool.map(attempt, range(30)))
    assert outcomes.count("made") == 1
    assert all("taken" in told for told in outcomes if told != "made")
    assert rows(database, "SELECT count(*) FROM accounts WHERE username = 'ana'") == [(1,)]
    assert rows(database, "SELECT count(*) FROM audit WHERE subject LIKE 'ana%'") == [(1,)]


def _file(database: Path, text: str) -> str:
    file = database.with_name("first-password")
    file.write_text(text)
    return str(file)


def test_a_key_is_made_listed_and_revoked(
    database: Path, password_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key is printed once; the list shows its hint, scopes and state, and the trail who did what."""
    create("ana", "judge", password_file)
    assert main(["keys", "create", "--username", "ana", "--name", "skrip", "--scopes", "read", "--no-end"]) == 0
    key = capsys.readouterr().out.strip()
    assert is_well_formed(key)
    assert main(["keys", "list", "--json"]) == 0
    shown = orjson.loads(capsys.readouterr().out)
    assert (shown["username"], shown["scopes"], shown["state"], shown["expires_at"]) == (
        "ana",
        ["read"],
        "active",
        None,
    )
    assert key not in str(shown)
    assert rows(database, "SELECT digest FROM api_keys") == [(key_digest(key),)]
    assert main(["keys", "revoke", shown["key_id"]]) == 0
    assert main(["keys", "list", "--username", "ana"]) == 0
    assert capsys.readouterr().out.endswith("\tread\trevoked\n")
    actions = rows(database, "SELECT action FROM audit WHERE action LIKE 'key%' ORDER BY seq")
    assert actions == [("key_made",), ("key_revoked",)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["create", "--username", "anna", "--name", "x"], "did you mean 'ana'?"),
        (["create", "--username", "ana", "--name", "x", "--scopes", "admin"], "has legal_analysis, read, write"),
        (["create", "--username", "ana", "--name", "x", "--scopes", "raed"], "did you mean 'read'?"),
        (["create", "--username", "ana", "--name", "x", "--scopes", ""], "--scopes names no permission"),
        (["create", "--username", "ana", "--name", "x", "--scopes", " , "], "--scopes names no permission"),
        (["create", "--username", "ana", "--name", " "], "what the key is for"),
        (["create", "--username", "ana", "--name", "x" * 101], "at most 100 characters"),
        (["create", "--username", "ana", "--name", "x", "--days", "0"], "must end in the future"),
        (["create", "--username", "ana", "--name", "x", "--days", "nan"], "must end in the future"),
        (["create", "--username", "ana", "--name", "x", "--days", "inf"], "--no-end"),
        (["create", "--username", "ana", "--name", "x", "--days", "4e6"], "--no-end"),
        (["create", "--username", "ana", "--name", "x", "--quota", "endless"], "the deployment has load-test"),
        (["revoke", "none"], "keys list"),
    ],
)
def test_a_key_that_cannot_be_is_one_line(
    database: Path, password_file: str, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mistake says what to write instead, and makes no key."""
    create("ana", "judge", password_file)
    assert main(["keys", *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert rows(database, "SELECT count(*) FROM api_keys") == [(0,)]


def test_the_trail_is_shown(password_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As columns and as JSON lines, from a moment on, the newest last."""
    create("ana", "judge", password_file)
    main(["accounts", "disable", "--username", "ana"])
    capsys.readouterr()
    assert main(["audit", "show"]) == 0
    assert [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()] == [
        "account_made",
        "account_disabled",
    ]
    assert main(["audit", "show", "--json", "--since", "5m", "--limit", "1"]) == 0
    shown = orjson.loads(capsys.readouterr().out)
    assert (shown["action"], shown["subject"], shown["times"]) == ("account_disabled", "ana", 1)
    assert main(["audit", "show", "--since", "2099-01-01T00:00Z"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["audit", "show", "--since", "yesterday"]) == 2
    assert "write 30m" in capsys.readouterr().err


def test_an_empty_installation_says_how_to_make_an_account(settings: Any, tmp_path: Path) -> None:
    """No account is there by itself; the start says so once, with the command."""
    output = io.BytesIO()
    log = EventLog(output, "info", lambda: 1.0)
    store = SqliteStore(settings.database, 1.0, 1.0)
    asyncio.run(tell_when_empty(store, log))
    asyncio.run(store.close())
    log.flush()
    (line,) = [orjson.loads(text) for text in output.getvalue().splitlines()]
    assert line["event"] == "no_accounts"
    assert "accounts create" in line["make_one_with"]
