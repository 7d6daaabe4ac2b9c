"""API keys as they are kept: never the key, only its digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from service.store.audit import note
from service.store.naming import is_id
from service.store.work import Row, Work, one, rows, run
from service.values import value


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of an account. Moments are seconds since the epoch; without `expires_at` it has no end of its own."""

    id: str
    account_id: str
    name: str
    hint: str
    scopes: tuple[str, ...]
    quota: str | None
    created_at: float
    expires_at: float | None
    revoked_at: float | None


@value
class KeyHolder:
    """What a digest leads to: the key's own limits and the account behind it as it is now. `scopes` is JSON text."""

    key_id: str
    account_id: str
    role: str
    disabled: bool
    scopes: str
    quota: str | None
    expires_at: float | None
    revoked_at: float | None


_MOST_LISTED = 500
_COLUMNS = "id, account_id, name, hint, scopes, quota, created_at, expires_at, revoked_at"
_HOLDER = (
    "SELECT k.id, k.account_id, a.role, a.disabled, k.scopes, k.quota, k.expires_at, k.revoked_at"
    " FROM api_keys k JOIN accounts a ON a.id = k.account_id WHERE k.digest = $1"
)


def _key(row: Row) -> ApiKey:
    return ApiKey(row[0], row[1], row[2], row[3], tuple(orjson.loads(row[4])), *row[5:])


def key_holder(digest: str) -> Work[KeyHolder | None]:
    """Who holds the key with this digest."""
    row = yield from one(_HOLDER, digest)
    return KeyHolder(*row) if row else None


def insert_key(key: ApiKey, digest: str, *, by: str, request_id: str = "") -> Work[None]:
    """Add a key, and write down who made it."""
    yield from run(
        f"INSERT INTO api_keys ({_COLUMNS}, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        key.id,
        key.account_id,
        key.name,
        key.hint,
        orjson.dumps(key.scopes).decode(),
        key.quota,
        key.created_at,
        key.expires_at,
        key.revoked_at,
        digest,
    )
    yield from note(key.created_at, "key_made", key.id, actor=by, request_id=request_id)


def insert_key_among(key: ApiKey, digest: str, most: int, *, by: str, request_id: str = "") -> Work[bool]:
    """Add a key unless its account has `most` live ones already; False then."""
    # Held until the end: others who make keys of this account at the same time count this one.
    yield from run("SELECT id FROM accounts WHERE id = $1 FOR UPDATE", key.account_id)
    if (yield from count_live_keys(key.account_id, key.created_at)) >= most:
        return False
    yield from insert_key(key, digest, by=by, request_id=request_id)
    return True


def keys_of(account_id: str) -> Work[Sequence[ApiKey]]:
    """The keys of an account, newest first, revoked ones too; at most 500, and none that is revoked hides one that is not."""
    sql = (
        f"SELECT {_COLUMNS} FROM (SELECT {_COLUMNS} FROM api_keys WHERE account_id = $1"
        " ORDER BY revoked_at IS NULL DESC, created_at DESC, id DESC LIMIT $2) AS listed ORDER BY created_at DESC, id DESC"
    )
    return [_key(row) for row in (yield from rows(sql, account_id, _MOST_LISTED))]


def count_live_keys(account_id: str, now: float) -> Work[int]:
    """How many keys of an account still open something."""
    row = yield from one(
        "SELECT count(*) FROM api_keys WHERE account_id = $1 AND revoked_at IS NULL"
        " AND (expires_at IS NULL OR expires_at > $2)",
        account_id,
        now,
    )
    return int(row[0]) if row else 0


def find_key(key_id: str) -> Work[ApiKey | None]:
    """The key with this id, whoever holds it."""
    if not is_id(key_id):
        return None
    row = yield from one(f"SELECT {_COLUMNS} FROM api_keys WHERE id = $1", key_id)
    return _key(row) if row else None


def revoke_key(key_id: str, now: float, *, by: str, request_id: str = "") -> Work[None]:
    """Void a key from now on; one that is void already keeps its moment."""
    changed = yield from rows(
        "UPDATE api_keys SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL RETURNING id", now, key_id
    )
    if changed:
        yield from note(now, "key_revoked", key_id, actor=by, request_id=request_id)
