"""Builds what is shared: through Redis where the settings name one, else what one process does for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.errors import ConfigurationError
from service.quotas.limits import QuotaStore
from service.quotas.windows import SlidingWindows
from service.rounds import ended, repeat
from service.sharing.naming import key_namer
from service.sharing.recent import Memory, NoMemory, SharedMemory
from service.sharing.redis_link import LOOK_SECONDS, RedisLink
from service.sharing.revocation_news import LOOK_SECONDS as NEWS_SECONDS
from service.sharing.revocation_news import News, NoNews, RevocationNews
from service.sharing.shared_answers import SharedAnswers
from service.sharing.shared_quotas import SharedQuotas

if TYPE_CHECKING:
    from service.deployments.model import Deployment
    from service.telemetry.logging import EventLog


@dataclass(frozen=True, slots=True)
class Sharing:
    """What a process shares with others, or does for itself."""

    quotas: QuotaStore
    memory: Memory
    news: News
    answers: SharedAnswers | None = None
    link: RedisLink | None = None

    async def begin(self, ending: AsyncExitStack, log: EventLog) -> None:
        """Look for Redis once, then every few seconds; closing the stack ends that. A start never waits for Redis longer than its time limits."""
        if self.link is None:
            return
        ending.push_async_callback(self.link.close)
        await self.link.look()
        looking = repeat("redis", LOOK_SECONDS, self.link.look, log)
        hearing = repeat("revocations", NEWS_SECONDS, self.news.look, log)
        for work in (looking, hearing):
            ending.push_async_callback(ended, asyncio.create_task(work))


def open_sharing(
    url: str | None,
    secret: str,
    deployment: Deployment,
    noted: Callable[[bool], None],
    quotas: QuotaStore | None = None,
) -> Sharing:
    """What is shared by the processes of one installation.

    Args:
        url: of Redis, None for a process by itself.
        secret: keys the names in Redis.
        deployment: whose keys they are; it also says how long answers are kept.
        noted: told when Redis goes and comes.
        quotas: counts requests where there is no Redis, and while it is away; this process by itself when left out.

    Raises:
        ConfigurationError: the address is none; the message does not show it, because it holds a password.
    """
    if url is None:
        return Sharing(quotas or SlidingWindows(), NoMemory(), NoNews())
    try:
        link = RedisLink(url, noted)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            "COURTSIGHT_REDIS_URL is no address of Redis: write redis://:password@host:6379/0"
        ) from error
    named = key_namer(secret, deployment.name)
    return Sharing(
        SharedQuotas(link, named, quotas),
        SharedMemory(link, named),
        RevocationNews(link, named),
        SharedAnswers(link, named, deployment.generation.cache.seconds),
        link,
    )
