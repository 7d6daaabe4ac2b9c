"""Passwords are hashed by argon2id, slowly on purpose, beside the event loop and never more than two at a time."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from service.errors import TooBusy

_TIME_COST = 2
_MEMORY_KIB = 19 * 1024
_PARALLELISM = 1
"""OWASP's second choice for argon2id (19 MiB, 2 passes): about 20 ms on one core."""
_AT_ONCE = 2
MOST_WAITING = _AT_ONCE + 20
"""Those that are checked, and a queue of twenty: more would wait longer than people do, and hold 19 MiB each in turn."""
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024
"""A login takes no longer one; what would be hashed for nothing must have an end."""


def hasher() -> PasswordHasher:
    """The one choice of argon2 parameters."""
    return PasswordHasher(time_cost=_TIME_COST, memory_cost=_MEMORY_KIB, parallelism=_PARALLELISM)


class PasswordCheck:
    """Compares passwords with hashes in two threads of its own."""

    def __init__(self) -> None:
        self._hasher = hasher()
        # A name that nobody has costs the same time as a wrong password, so that time tells nothing about names.
        self._nobody = self._hasher.hash(secrets.token_hex(16))
        self._pool = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="password")
        self._waiting = 0

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether the password belongs to the hash; without a hash the same work is done and the answer is no.

        Raises:
            TooBusy: too many logins wait already.
        """
        if self._waiting >= MOST_WAITING:
            raise TooBusy("Too many logins are waiting. Try again in a few seconds.")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._pool, self._verify, password_hash or self._nobody, password)
        finally:
            self._waiting -= 1
        return found and password_hash is not None

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
