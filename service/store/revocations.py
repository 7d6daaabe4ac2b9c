"""Tokens that no longer count. They are kept in SQL, because a cache may forget them."""

from __future__ import annotations

import sqlite3


def revoke(connection: sqlite3.Connection, jti: str, expires_at: float, now: float) -> None:
    """Void a token until it would have expired anyway, and forget those that have."""
    connection.execute("INSERT OR IGNORE INTO revoked_tokens (jti, expires_at) VALUES (?, ?)", (jti, expires_at))
    connection.execute("DELETE FROM revoked_tokens WHERE expires_at < ?", (now,))


def is_revoked(connection: sqlite3.Connection, jti: str) -> bool:
    """Whether the token with this id was revoked."""
    return connection.execute("SELECT 1 FROM revoked_tokens WHERE jti = ?", (jti,)).fetchone() is not None
