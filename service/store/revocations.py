"""Tokens that no longer count. They are kept in SQL, because a cache may forget them."""

from __future__ import annotations

from service.store.work import Work, run


def revoke(jti: str, expires_at: float, now: float) -> Work[None]:
    """Void a token until it would have expired anyway, and forget those that have."""
    yield from run(
        "INSERT INTO revoked_tokens (jti, expires_at) VALUES ($1, $2) ON CONFLICT (jti) DO NOTHING", jti, expires_at
    )
    yield from run("DELETE FROM revoked_tokens WHERE expires_at < $1", now)
