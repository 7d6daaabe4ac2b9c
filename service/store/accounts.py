"""Accounts: who may log in, and with which role."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """A person or program that may log in. Times are seconds since the epoch."""

    id: str
    username: str
    role: str
    password_hash: str
    disabled: bool
    created_at: float
    tokens_valid_after: float
    """Tokens issued before this moment do not count: set when the password changes or the account is disabled."""


_COLUMNS = "id, username, role, password_hash, disabled, created_at, tokens_valid_after"


def _account(row: tuple[str, str, str, str, int, float, float]) -> Account:
    return Account(row[0], row[1], row[2], row[3], bool(row[4]), row[5], row[6])


def account_by_name(connection: sqlite3.Connection, username: str) -> Account | None:
    """The account with exactly this name."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM accounts WHERE username = ?", (username,)).fetchone()  # noqa: S608 - a constant of this module
    return _account(row) if row else None


def account_by_id(connection: sqlite3.Connection, account_id: str) -> Account | None:
    """The account with this id."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM accounts WHERE id = ?", (account_id,)).fetchone()  # noqa: S608 - as above
    return _account(row) if row else None


def all_accounts(connection: sqlite3.Connection) -> list[Account]:
    """Every account, by name."""
    return [_account(row) for row in connection.execute(f"SELECT {_COLUMNS} FROM accounts ORDER BY username")]  # noqa: S608 - as above


def insert_accounts(connection: sqlite3.Connection, accounts: Iterable[Account]) -> None:
    """Add accounts; a name that is taken raises `sqlite3.IntegrityError`."""
    for account in accounts:
        connection.execute(
            f"INSERT INTO accounts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - as above
            (
                account.id,
                account.username,
                account.role,
                account.password_hash,
                account.disabled,
                account.created_at,
                account.tokens_valid_after,
            ),
        )
        note(connection, account.created_at, f"create {account.role}", account.username)


def disable_account(connection: sqlite3.Connection, username: str, now: float) -> bool:
    """Refuse the account from now on, its tokens too; False when there is no such account."""
    done = connection.execute(
        "UPDATE accounts SET disabled = 1, tokens_valid_after = ? WHERE username = ?", (now, username)
    ).rowcount
    note(connection, now, "disable", username)
    return done == 1


def set_password(connection: sqlite3.Connection, username: str, password_hash: str, now: float) -> bool:
    """Change the password and void all tokens issued before; False when there is no such account."""
    done = connection.execute(
        "UPDATE accounts SET password_hash = ?, tokens_valid_after = ? WHERE username = ?",
        (password_hash, now, username),
    ).rowcount
    note(connection, now, "set-password", username)
    return done == 1


def note(connection: sqlite3.Connection, now: float, action: str, subject: str) -> None:
    """Write one line of the audit trail."""
    connection.execute("INSERT INTO audit (at, action, subject) VALUES (?, ?, ?)", (now, action, subject))
