"""`python -m service accounts`: who may log in."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import orjson

from service.commands.storage import with_store
from service.deployments.load import deployment_file, load_deployment
from service.deployments.model import ROLES
from service.erasing import erase_person
from service.errors import ConfigurationError
from service.security.passwords import LONGEST_PASSWORD, SHORTEST_PASSWORD, hasher
from service.settings import Settings
from service.sharing.forgetting import Forgetting
from service.store.accounts import (
    Account,
    LookalikeError,
    account_by_name,
    all_accounts,
    disable_account,
    enable_account,
    insert_accounts,
    set_password,
    set_role,
)
from service.store.work import Job, TakenError, Work
from service.strictness import nearest
from service.telemetry.logging import pseudonym as keyed

Result = TypeVar("Result")
_USERNAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be made, as it was asked for."""

    username: str
    role: str
    password: str


@dataclass(frozen=True, slots=True)
class Desk:
    """Where accounts are kept, what time it is, where ids come from, and who sits there (for the audit trail)."""

    settings: Settings
    now: float
    new_id: Callable[[], str]
    by: str


def create(desk: Desk, wanted: list[NewAccount]) -> int:
    """Make accounts in one transaction: all or none. Returns how many.

    Raises:
        ConfigurationError: a name, role or password is not acceptable, or a name is taken.
    """
    hash_password = hasher().hash
    accounts = []
    for one in wanted:
        _check(one)
        accounts.append(
            Account(desk.new_id(), one.username, one.role, hash_password(one.password), False, desk.now, 0.0)  # noqa: FBT003 - the field is `disabled`
        )
    try:
        kept(desk, lambda: insert_accounts(accounts, by=desk.by))
    except LookalikeError as error:
        raise ConfigurationError(
            f"username {error}, and who reads both would take one for the other; nothing was made: choose another name"
        ) from error
    except TakenError as error:
        raise ConfigurationError(
            "a username is taken or stands twice; nothing was made (see: python -m service accounts list)"
        ) from error
    return len(accounts)


def listing(desk: Desk, *, json: bool = False) -> list[str]:
    """Every account in a line: name, role, and whether it may log in; or as JSON lines, which say since when as well."""
    found = kept(desk, all_accounts)
    if not json:
        return [f"{a.username}\t{a.role}\t{_state(a)}" for a in found]
    lines = [
        {"username": a.username, "role": a.role, "state": _state(a), "created_at": moment(a.created_at)} for a in found
    ]
    return [orjson.dumps(line).decode() for line in lines]


def _state(account: Account) -> str:
    return "disabled" if account.disabled else "active"


def moment(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def disable(desk: Desk, username: str) -> None:
    """Refuse an account from now on, its tokens too.

    Raises:
        ConfigurationError: there is no such account.
    """
    kept(desk, lambda: _found(disable_account(username, desk.now, by=desk.by), username))


def enable(desk: Desk, username: str) -> None:
    """Let an account in again; tokens from before it was disabled stay void, its keys count again.

    Raises:
        ConfigurationError: there is no such account.
    """
    kept(desk, lambda: _found(enable_account(username, desk.now, by=desk.by), username))


def change_role(desk: Desk, username: str, role: str) -> None:
    """Give an account another role, from its next request on.

    Raises:
        ConfigurationError: there is no such account or role.
    """
    _check_role(role)
    kept(desk, lambda: _found(set_role(username, role, desk.now, by=desk.by), username))


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done about a person: how many conversations went, whether Redis forgot what it remembered, and whether logins lost their keyed hashes."""

    conversations: int
    redis: bool
    logins: bool


def erase(desk: Desk, username: str, *, keep_account: bool) -> Erased:
    """Delete everything of a person.

    Raises:
        ConfigurationError: there is no such account, or the database cannot be used; what was deleted until then is gone.
    """
    pseudonym = f"erased-{desk.new_id()[:12]}"
    kept(desk, lambda: named(username))
    settings = desk.settings
    forget = None
    if settings.redis_url:
        name = load_deployment(deployment_file(settings.deployment)).name
        forget = Forgetting(settings.redis_url.get_secret_value(), settings.signing_secrets(), name)
    seen_as = _seen_as(settings, username)
    erased = with_store(
        settings,
        desk.now,
        lambda store: erase_person(
            store,
            username,
            pseudonym,
            desk.now,
            by=desk.by,
            keep_account=keep_account,
            forget=forget,
            seen_as=seen_as,
        ),
    )
    return Erased(erased, forget is None or forget.complete, bool(seen_as))


def _seen_as(settings: Settings, username: str) -> list[str]:
    """How logins with a name stand in the audit trail, by every secret that may have keyed it; nothing where the command has none."""
    try:
        return [keyed(secret, username) for secret in settings.signing_secrets()]
    except ConfigurationError:
        return []


def change_password(desk: Desk, username: str, password: str) -> None:
    """Change a password and void all tokens of the account.

    Raises:
        ConfigurationError: there is no such account, or the password is too short.
    """
    _check_password(username, password)
    password_hash = hasher().hash(password)
    kept(desk, lambda: _found(set_password(username, password_hash, desk.now, by=desk.by), username))


def read_password(path: str) -> str:
    """The first line of a file, or of standard input for `-`."""
    text = _standard_input(sys.stdin.readline) if path == "-" else _read(path)
    lines = text.splitlines()
    return lines[0] if lines else ""


def read_new_accounts(path: str) -> list[NewAccount]:
    """JSON lines of username, role and password; `-` is standard input.

    Raises:
        ConfigurationError: naming the line that is wrong.
    """
    text = _standard_input(sys.stdin.read) if path == "-" else _read(path)
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            account = NewAccount(**orjson.loads(line))
        except (orjson.JSONDecodeError, TypeError) as error:
            raise _no_account(path, number) from error
        if not all(isinstance(value, str) for value in (account.username, account.role, account.password)):
            raise _no_account(path, number)
        found.append(account)
    return found


def _no_account(path: str, number: int) -> ConfigurationError:
    return ConfigurationError(f"{path}:{number}: expected one JSON object with username, role and password, all text")


def _read(path: str) -> str:
    try:
        # Editors of Windows put a mark before the text: as a part of a password it would let nobody log in.
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; name a file, or - for standard input") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: it is no UTF-8 text") from error


def _standard_input(read: Callable[[], str]) -> str:
    try:
        text = read()
        text.encode()  # bytes that are no UTF-8 come through as lone surrogates
    except UnicodeError as error:
        raise ConfigurationError("standard input: it is no UTF-8 text") from error
    return text.removeprefix("\ufeff")


def _check(wanted: NewAccount) -> None:
    if not _USERNAME.fullmatch(wanted.username):
        raise ConfigurationError(f"username {wanted.username!r}: use 1 to 64 of letters, digits and . _ @ -")
    _check_role(wanted.role)
    _check_password(wanted.username, wanted.password)


def _check_role(role: str) -> None:
    if role not in ROLES:
        near = nearest(role, ROLES)
        hint = f"did you mean {near!r}?" if near else f"there is {', '.join(ROLES)}"
        raise ConfigurationError(f"role {role!r}: no such role ({hint})")


def _check_password(username: str, password: str) -> None:
    if len(password) < SHORTEST_PASSWORD:
        raise ConfigurationError(f"the password of {username!r} is shorter than {SHORTEST_PASSWORD} characters")
    if len(password) > LONGEST_PASSWORD:
        # Logins take no longer one: the account could never be used.
        raise ConfigurationError(f"the password of {username!r} is longer than {LONGEST_PASSWORD} characters")


def _found(change: Work[bool], username: str) -> Work[None]:
    if not (yield from change):
        yield from named(username)


def named(username: str) -> Work[Account]:
    """The account with this name.

    Raises:
        ConfigurationError: there is none; says which is near.
    """
    account = yield from account_by_name(username)
    if account is None:
        near = nearest(username, [account.username for account in (yield from all_accounts())])
        hint = f" (did you mean {near!r}?)" if near else ""
        raise ConfigurationError(f"no account {username!r}{hint}")
    return account


def kept(desk: Desk, job: Job[Result]) -> Result:
    """Run work in a transaction on the installation's store, for commands that run beside the service.

    Raises:
        ConfigurationError: the store cannot be used.
        TakenError: a name is taken.
    """
    return with_store(desk.settings, desk.now, lambda store: store.write(job))
