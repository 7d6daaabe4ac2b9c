"""Accounts: who may log in, and with which role."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.store.audit import note
from service.store.work import Row, TakenError, Work, found, one, rows, run


class LookalikeError(TakenError):
    """A name is that of another account but for capitals; nothing of the work was kept."""


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
    """When the password was changed or the account disabled last. Tokens name it as it was at their login, and count while it is the same."""


_COLUMNS = "id, username, role, password_hash, disabled, created_at, tokens_valid_after"
_BY_NAME = f"SELECT {_COLUMNS} FROM accounts WHERE username = $1"
_BY_ID = f"SELECT {_COLUMNS} FROM accounts WHERE id = $1"
_ALL = f"SELECT {_COLUMNS} FROM accounts ORDER BY username"
_INSERT = f"INSERT INTO accounts ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)"


def _account(row: Row) -> Account:
    return Account(row[0], row[1], row[2], row[3], bool(row[4]), row[5], row[6])


def account_by_name(username: str) -> Work[Account | None]:
    """The account with exactly this name."""
    row = yield from one(_BY_NAME, username)
    return _account(row) if row else None


def account_by_id(account_id: str) -> Work[Account | None]:
    """The account with this id."""
    row = yield from one(_BY_ID, account_id)
    return _account(row) if row else None


def all_accounts() -> Work[Sequence[Account]]:
    """Every account, by name."""
    return [_account(row) for row in (yield from rows(_ALL))]


def has_accounts() -> Work[bool]:
    """Whether anybody may log in at all."""
    return (yield from found("SELECT 1 FROM accounts LIMIT 1"))


def insert_accounts(accounts: Iterable[Account], *, by: str = "") -> Work[None]:
    """Add accounts, and write down who did.

    Names that differ by capitals alone would let one person pass for another where somebody reads them. Accounts that were made before that was
    asked stay as they are.

    Raises:
        TakenError: a name is taken.
        LookalikeError: it is but for capitals.
    """
    # Whoever else adds accounts at this moment waits for this row, which every database has, and then sees these.
    yield from one("SELECT version FROM migrations WHERE version = 1 FOR UPDATE")
    held = {name.lower(): name for (name,) in (yield from rows("SELECT username FROM accounts"))}
    for account in accounts:
        other = held.setdefault(account.username.lower(), account.username)
        if other != account.username:
            raise LookalikeError(f"{account.username!r} is {other!r} but for capitals")
        yield from run(
            _INSERT,
            account.id,
            account.username,
            account.role,
            account.password_hash,
            int(account.disabled),
            account.created_at,
            account.tokens_valid_after,
        )
        yield from note(account.created_at, "account_made", f"{account.username} {account.role}", actor=by)


def disable_account(username: str, now: float, *, by: str = "") -> Work[bool]:
    """Refuse the account from now on, its tokens and keys too; False when there is no such account."""
    done = yield from found(
        "UPDATE accounts SET disabled = 1, tokens_valid_after = $1 WHERE username = $2 RETURNING id", now, username
    )
    yield from note(now, "account_disabled", username, actor=by)
    return done


def enable_account(username: str, now: float, *, by: str = "") -> Work[bool]:
    """Let the account in again, by password or key; its old tokens stay void. False when there is no such account."""
    done = yield from found("UPDATE accounts SET disabled = 0 WHERE username = $1 RETURNING id", username)
    yield from note(now, "account_enabled", username, actor=by)
    return done


def set_role(username: str, role: str, now: float, *, by: str = "") -> Work[bool]:
    """Change the role, which counts from the next request on; False when there is no such account."""
    done = yield from found("UPDATE accounts SET role = $1 WHERE username = $2 RETURNING id", role, username)
    yield from note(now, "account_role", f"{username} {role}", actor=by)
    return done


def set_password(username: str, password_hash: str, now: float, *, by: str = "") -> Work[bool]:
    """Change the password and void all tokens issued before; False when there is no such account."""
    done = yield from found(
        "UPDATE accounts SET password_hash = $1, tokens_valid_after = $2 WHERE username = $3 RETURNING id",
        password_hash,
        now,
        username,
    )
    yield from note(now, "account_password", username, actor=by)
    return done
