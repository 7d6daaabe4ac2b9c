"""The options of `accounts`, `keys` and `audit`, and what they do: all that decides who may do what, from the command line."""

from __future__ import annotations

import argparse
import time
import uuid
from collections.abc import Callable, Mapping

from service.commands import accounts, audit, keys
from service.commands.accounts import Desk
from service.commands.storage import operator
from service.deployments.model import ROLES
from service.errors import ConfigurationError
from service.settings import load_settings

COMMANDS = ("accounts", "keys", "audit")
_LONGEST_NAME = 100
_LINES = 1_000
_MOST_LINES = 1_000_000
_DAYS = 90.0
_MOST_DAYS = 36_500


def desk() -> Desk:
    """This installation, now; the audit trail says that a command did it, and whose process that was."""
    return Desk(load_settings(), time.time(), lambda: uuid.uuid4().hex, operator())


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:  # the library names no public type
    """Add the three commands to a parser."""
    _add_accounts(commands.add_parser("accounts", help="make, list, change and disable accounts"))
    _add_keys(commands.add_parser("keys", help="API keys of accounts"))
    _add_audit(commands.add_parser("audit", help="what was done to accounts, access and conversations"))


def _add_accounts(parser: argparse.ArgumentParser) -> None:
    people = parser.add_subparsers(dest="action", required=True)
    one = people.add_parser("create", help="make one account")
    many = people.add_parser("create-many", help="make many accounts, all or none")
    many.add_argument("file", help="JSON lines of username, role, password; - reads standard input")
    people.add_parser("list", help="name, role and state of every account").add_argument(
        "--json", action="store_true", help="JSON lines"
    )
    gone = people.add_parser("erase", help="delete everything of a person; the audit trail keeps a pseudonym")
    gone.add_argument("--username", required=True)
    gone.add_argument("--keep-account", action="store_true", help="leave name, role and password: they may begin anew")
    off = people.add_parser("disable", help="refuse an account, its tokens and keys from now on")
    on = people.add_parser("enable", help="let an account in again; old tokens stay void")
    role = people.add_parser("set-role", help="give an account another role, from its next request on")
    change = people.add_parser("set-password", help="change a password and void the account's tokens")
    for command in (one, off, on, role, change):
        command.add_argument("--username", required=True)
    for command in (one, role):
        command.add_argument("--role", required=True, help=", ".join(ROLES))
    for command in (one, change):
        command.add_argument("--password-file", required=True, help="its first line; - reads standard input")


def _add_keys(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    one = actions.add_parser("create", help="make a key and print it, this once")
    one.add_argument("--username", required=True, help="whose key")
    one.add_argument("--name", required=True, help="what it is for")
    one.add_argument("--scopes", help="permissions with commas between (default: all of the role)")
    one.add_argument("--quota", help="the name of a quota of the deployment instead of the role's")
    ends = one.add_mutually_exclusive_group()
    ends.add_argument("--days", type=float, default=_DAYS, help="until it ends (default: %(default)g)")
    ends.add_argument("--no-end", action="store_true", help="it never ends by itself")
    listed = actions.add_parser("list", help="keys with account, scopes and state")
    listed.add_argument("--username", help="of this account only")
    listed.add_argument("--json", action="store_true", help="JSON lines")
    actions.add_parser("revoke", help="void a key from now on").add_argument("key_id")


def _add_audit(parser: argparse.ArgumentParser) -> None:
    showing = parser.add_subparsers(dest="action", required=True).add_parser("show", help="the newest lines")
    showing.add_argument("--since", help="30m, 24h, 7d, or a moment like 2026-11-20T08:00Z")
    showing.add_argument("--limit", type=_some, default=_LINES, help="at most so many (default: %(default)d)")
    showing.add_argument("--json", action="store_true", help="JSON lines")


def _some(text: str) -> int:
    number = int(text)
    if not 1 <= number <= _MOST_LINES:
        raise argparse.ArgumentTypeError(f"give 1 to {_MOST_LINES}")
    return number


def run(options: argparse.Namespace) -> int:
    """Run one of the commands.

    Raises:
        ConfigurationError: an option, a name or the database is wrong.
    """
    for line in _ACTIONS[options.command, options.action](options, desk()):
        print(line)
    return 0


def _make_one(options: argparse.Namespace, at: Desk) -> list[str]:
    password = accounts.read_password(options.password_file)
    accounts.create(at, [accounts.NewAccount(options.username, options.role, password)])
    return []


def _make_many(options: argparse.Namespace, at: Desk) -> list[str]:
    return [f"{accounts.create(at, accounts.read_new_accounts(options.file))} accounts made"]


def _erase(options: argparse.Namespace, at: Desk) -> list[str]:
    erased = accounts.erase(at, options.username, keep_account=options.keep_account)
    told = [f"erased, with {erased.conversations} conversations; backups still hold them (docs/storage.md)"]
    if not erased.redis:
        told.append("Redis did not answer: what it remembers of their last questions ends by itself within 24 hours")
    if not erased.logins:
        told.append(
            "Without COURTSIGHT_JWT_SECRET the keyed hashes of the name stay with logins in the audit trail, until its days are over"
        )
    return told


def _disable(options: argparse.Namespace, at: Desk) -> list[str]:
    accounts.disable(at, options.username)
    return []


def _enable(options: argparse.Namespace, at: Desk) -> list[str]:
    accounts.enable(at, options.username)
    return []


def _role(options: argparse.Namespace, at: Desk) -> list[str]:
    accounts.change_role(at, options.username, options.role)
    return []


def _password(options: argparse.Namespace, at: Desk) -> list[str]:
    accounts.change_password(at, options.username, accounts.read_password(options.password_file))
    return []


def _make_key(options: argparse.Namespace, at: Desk) -> list[str]:
    if not options.no_end and not 0 < options.days <= _MOST_DAYS:
        raise ConfigurationError(
            f"--days: a key must end in the future, within {_MOST_DAYS} days; --no-end makes one without an end"
        )
    if not options.name.strip() or not options.name.isprintable() or len(options.name) > _LONGEST_NAME:
        raise ConfigurationError(
            f"--name: write what the key is for, in one line of at most {_LONGEST_NAME} characters"
        )
    scopes = tuple(part.strip() for part in (options.scopes or "").split(",") if part.strip())
    if options.scopes is not None and not scopes:
        # As a script's empty variable would: nobody means the whole role by that.
        raise ConfigurationError("--scopes names no permission; leave it away for all that the role may")
    days = None if options.no_end else options.days
    return [keys.create(at, keys.NewKey(options.username, options.name, scopes, days, options.quota))]


def _revoke_key(options: argparse.Namespace, at: Desk) -> list[str]:
    keys.revoke(at, options.key_id)
    return []


_ACTIONS: Mapping[tuple[str, str], Callable[[argparse.Namespace, Desk], list[str]]] = {
    ("accounts", "create"): _make_one,
    ("accounts", "create-many"): _make_many,
    ("accounts", "list"): lambda options, at: accounts.listing(at, json=options.json),
    ("accounts", "disable"): _disable,
    ("accounts", "erase"): _erase,
    ("accounts", "enable"): _enable,
    ("accounts", "set-role"): _role,
    ("accounts", "set-password"): _password,
    ("keys", "create"): _make_key,
    ("keys", "list"): lambda options, at: keys.listing(at, options.username, json=options.json),
    ("keys", "revoke"): _revoke_key,
    ("audit", "show"): lambda options, at: audit.shown(at, options.since, options.limit, json=options.json),
}
