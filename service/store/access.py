"""What a request needs to know about its caller, in one query."""

from __future__ import annotations

from dataclasses import dataclass

from service.store.work import Work, one

_STANDING = (
    "SELECT role, disabled, tokens_valid_after, EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = $2)"
    " FROM accounts WHERE id = $1"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """An account behind a token, as it is now; `valid_after` in seconds since the epoch."""

    role: str
    disabled: bool
    valid_after: float
    revoked: bool


def standing(account_id: str, jti: str) -> Work[Standing | None]:
    """How an account and one of its tokens stand; None when there is no such account."""
    row = yield from one(_STANDING, account_id, jti)
    return Standing(row[0], bool(row[1]), row[2], bool(row[3])) if row else None
