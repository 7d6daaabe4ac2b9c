"""`python -m service keys`: API keys of accounts, for programs that never log in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import orjson

from service.commands.accounts import Desk, kept, moment, named
from service.deployments.load import deployment_file, load_deployment
from service.errors import ConfigurationError
from service.security.keys import make_key
from service.store.accounts import all_accounts
from service.store.keys import ApiKey, find_key, insert_key, keys_of, revoke_key
from service.store.work import Work
from service.strictness import nearest

_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be made: whose, what it is for, what it may (empty: all that the role may), for how many days (None: no end)."""

    username: str
    name: str
    scopes: tuple[str, ...]
    days: float | None
    quota: str | None


def create(desk: Desk, wanted: NewKey) -> str:
    """Make a key and give its text, which is kept nowhere.

    Raises:
        ConfigurationError: there is no such account, or its role may not all of the scopes.
    """
    deployment = load_deployment(deployment_file(desk.settings.deployment))
    roles, quotas = deployment.roles, deployment.quotas.named
    if wanted.quota is not None and wanted.quota not in quotas:
        raise ConfigurationError(f"quota {wanted.quota!r}: the deployment has {', '.join(sorted(quotas)) or 'none'}")
    made = make_key(secrets.token_bytes)
    ends = None if wanted.days is None else desk.now + wanted.days * _DAY_SECONDS

    def job() -> Work[None]:
        account = yield from named(wanted.username)
        permissions = roles[account.role].permissions
        for scope in wanted.scopes:
            if scope not in permissions:
                near = nearest(scope, permissions)
                hint = (
                    f"did you mean {near!r}?"
                    if near
                    else f"the role {account.role!r} has {', '.join(sorted(permissions))}"
                )
                raise ConfigurationError(f"scope {scope!r}: {hint}")
        scopes = tuple(sorted(set(wanted.scopes) or permissions))
        key = ApiKey(desk.new_id(), account.id, wanted.name, made.hint, scopes, wanted.quota, desk.now, ends, None)
        yield from insert_key(key, made.digest, by=desk.by)

    kept(desk, job)
    return made.text


def listing(desk: Desk, username: str | None, *, json: bool = False) -> list[str]:
    """The keys of an account, or of all, in a line each: id, account, name, hint, scopes, state.

    Raises:
        ConfigurationError: there is no such account.
    """

    def job() -> Work[list[tuple[str, ApiKey]]]:
        accounts = [(yield from named(username))] if username else (yield from all_accounts())
        found = []
        for account in accounts:
            found += [(account.username, key) for key in (yield from keys_of(account.id))]
        return found

    return [_line(name, key, desk.now, json=json) for name, key in kept(desk, job)]


def revoke(desk: Desk, key_id: str) -> None:
    """Void a key from now on.

    Raises:
        ConfigurationError: there is no such key.
    """

    def job() -> Work[None]:
        if (yield from find_key(key_id)) is None:
            raise ConfigurationError(f"no key {key_id!r} (see: python -m service keys list)")
        yield from revoke_key(key_id, desk.now, by=desk.by)

    kept(desk, job)


def _line(username: str, key: ApiKey, now: float, *, json: bool) -> str:
    fields = {
        "key_id": key.id,
        "username": username,
        "name": key.name,
        "hint": key.hint,
        "scopes": ",".join(key.scopes),
        "quota": key.quota,
        "state": _state(key, now),
        "created_at": moment(key.created_at),
        "expires_at": None if key.expires_at is None else moment(key.expires_at),
    }
    if json:
        return orjson.dumps({**fields, "scopes": key.scopes}).decode()
    return "\t".join(str(fields[name]) for name in ("key_id", "username", "name", "hint", "scopes", "state"))


def _state(key: ApiKey, now: float) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "active"
