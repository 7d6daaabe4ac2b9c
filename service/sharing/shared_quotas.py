"""Counts requests of all workers and machines in Redis, in one round trip; while Redis is away each machine counts for itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from service.quotas.limits import SLOTS, Count, Decision, Demand, QuotaStore, decide
from service.quotas.windows import SlidingWindows
from service.sharing.naming import KeyNamer
from service.sharing.redis_link import Away, RedisLink

if TYPE_CHECKING:
    from redis.commands.core import AsyncScript

_SCRIPT = """
local slots = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local answer, free = {}, true
for i = 1, #KEYS do
  local most, seconds = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local width = seconds / slots
  local first = math.floor(now / width) - slots
  local held = redis.pcall('HGETALL', KEYS[i])
  if held.err then
    redis.call('DEL', KEYS[i])
    held = {}
  end
  local used, oldest = 0, first + slots
  for j = 1, #held, 2 do
    local slot, count = tonumber(held[j]), tonumber(held[j + 1])
    if slot and count and slot >= first and slot <= first + slots and count > 0 then
      used = used + count
      if slot < oldest then oldest = slot end
    else
      redis.call('HDEL', KEYS[i], held[j])
    end
  end
  if used >= most then free = false end
  answer[2 * i - 1] = used
  answer[2 * i] = math.ceil(((oldest + slots + 1) * width - now) * 1000)
end
if free then
  for i = 1, #KEYS do
    local width = tonumber(ARGV[2 * i + 1]) / slots
    redis.call('HINCRBY', KEYS[i], string.format('%d', math.floor(now / width)), 1)
    redis.call('PEXPIRE', KEYS[i], math.ceil(width * (slots + 1) * 1000))
  end
end
return answer
"""
"""The same slots as `SlidingWindows`, by Redis' own clock. What is no count of ours is thrown away; a slot of the future, left by a clock that was set back, too."""


class SharedQuotas:
    """A `QuotaStore` of all who speak to one Redis."""

    def __init__(self, link: RedisLink, named: KeyNamer, local: QuotaStore | None = None) -> None:
        """Nothing is connected yet.

        Args:
            link: to the Redis.
            named: hides who is counted.
            local: counts while Redis is away: what the workers of this machine share; this process by itself when left out.
        """
        self._link = link
        self._named = named
        self._local = local or SlidingWindows()
        self._script: AsyncScript = link.client.register_script(_SCRIPT)

    async def take(self, demands: Sequence[Demand], now: float) -> Decision:
        """See `QuotaStore`. Redis counts by its own clock; `now` is for the time in which it is away."""
        keys = [self._named("quota", demand.limit.name, demand.subject) for demand in demands]
        wanted = [SLOTS, *(part for demand in demands for part in (demand.limit.requests, demand.limit.seconds))]
        try:
            # Where the script is unknown, after a restart, it is sent along once more.
            reply = await self._link.ask(lambda client: self._script(keys=keys, args=wanted, client=client))
            return decide(_counts(reply, demands))
        except Away:
            return await self._local.take(demands, now)

    async def forget(self, demand: Demand) -> None:
        """See `QuotaStore`."""
        await self._local.forget(demand)
        key = self._named("quota", demand.limit.name, demand.subject)
        with suppress(Away):
            await self._link.ask(lambda client: client.delete(key))


def _counts(reply: object, demands: Sequence[Demand]) -> list[Count]:
    """What stood in Redis.

    Raises:
        Away: this is no answer of the script.
    """
    if not isinstance(reply, list) or len(reply) != 2 * len(demands) or not all(type(part) is int for part in reply):
        raise Away
    return [
        Count(demand.limit, max(0, reply[2 * number]), max(0, reply[2 * number + 1]) / 1000)
        for number, demand in enumerate(demands)
    ]
