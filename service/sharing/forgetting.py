"""Takes a person's short memory out of Redis, from beside the running service."""

from __future__ import annotations

from collections.abc import Sequence

from service.errors import ConfigurationError
from service.sharing.naming import key_namer
from service.sharing.recent import SharedMemory
from service.sharing.redis_link import RedisLink


class Forgetting:
    """Forgets conversations; `complete` says whether Redis took every word of it."""

    def __init__(self, url: str, secrets: Sequence[str], deployment: str) -> None:
        """Prepare; nothing is connected yet.

        Args:
            url: of Redis.
            secrets: all that may have keyed the names: a process keeps the secret with which it began.
            deployment: the name of the deployment.

        Raises:
            ConfigurationError: the address is none.
        """
        self._url = url
        self._named = [key_namer(secret, deployment) for secret in secrets]
        self.complete = True
        try:
            RedisLink(url, lambda _: None)
        except (ValueError, TypeError) as error:
            raise ConfigurationError("COURTSIGHT_REDIS_URL is no address of Redis") from error

    async def __call__(self, owner: str, conversations: Sequence[str]) -> None:
        """Forget an account's conversations."""
        link = RedisLink(self._url, lambda _: None)
        try:
            await link.look()
            for named in self._named:
                memory = SharedMemory(link, named)
                for conversation in conversations:
                    await memory.forget(owner, conversation)
            self.complete = self.complete and link.up
        finally:
            await link.close()
