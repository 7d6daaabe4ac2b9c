"""What a request needs to know about its caller, in one query."""

from __future__ import annotations

from service.store.work import Command, Work
from service.values import value

_STANDING = (
    "SELECT role, disabled, tokens_valid_after, EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = $2)"
    " FROM accounts WHERE id = $1"
)


@value
class Standing:
    """An account behind a token, as it is now; `valid_after` in seconds since the epoch."""

    role: str
    disabled: bool
    valid_after: float
    revoked: bool


def standing(account_id: str, jti: str) -> Work[Standing | None]:
    """How an account and one of its tokens stand; None when there is no such account."""
    # The command itself, without `one` between: every request with a token asks this.
    rows = yield Command(_STANDING, (account_id, jti))
    if not rows:
        return None
    role, disabled, valid_after, revoked = rows[0]
    return Standing(role, bool(disabled), valid_after, bool(revoked))
