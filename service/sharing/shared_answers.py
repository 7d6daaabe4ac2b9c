"""Answers of language models for all workers, in Redis as JSON: never pickled, and read as strictly as anything from outside."""

from __future__ import annotations

from dataclasses import asdict

import orjson
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from service.llm.answer_cache import CacheKey
from service.llm.calls import Usage as CallUsage
from service.llm.calls import UsageSource
from service.llm.engine import Written
from service.sharing.naming import KeyNamer
from service.sharing.redis_link import Away, RedisLink

_MOST_BYTES = 262_144
_STRICT = ConfigDict(extra="forbid")


@dataclass(config=_STRICT)
class _Usage:
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    source: UsageSource


@dataclass(config=_STRICT)
class _Answer:
    """An answer on the wire: only those are kept that stand without a remark, whole, and by the models themselves."""

    key: str
    pieces: list[str]
    model: str
    provider: str
    usage: _Usage
    cost_usd: float
    repaired: int


_READER = TypeAdapter(_Answer)


class SharedAnswers:
    """Answers by the whole key of the answer cache: question, role, corpus, passages, prompt, models, day."""

    def __init__(self, link: RedisLink, named: KeyNamer, seconds: float) -> None:
        """Keep the link.

        Args:
            link: to Redis.
            named: makes the keys.
            seconds: how long an answer is kept, as in the cache of one process.
        """
        self._link = link
        self._named = named
        self._seconds = int(seconds)

    async def get(self, key: CacheKey) -> tuple[tuple[str, ...], Written] | None:
        """The pieces of an answer and its account, None when there is none that can be read."""
        name = self._name(key)
        try:
            raw = await self._link.ask(lambda client: client.get(name))
            read = _READER.validate_json(raw) if isinstance(raw, bytes) and len(raw) <= _MOST_BYTES else None
        except (Away, ValidationError):
            return None
        # Whoever can write into Redis could copy one reader's answer to another's key; an answer knows its own.
        if read is None or read.key != name:
            return None
        usage = CallUsage(**asdict(read.usage))
        return tuple(read.pieces), Written(read.model, read.provider, usage, read.cost_usd, repaired=read.repaired)

    async def put(self, key: CacheKey, pieces: tuple[str, ...], written: Written) -> None:
        """Keep an answer for all; when that fails, each process still has its own cache."""
        name = self._name(key)
        usage = _Usage(**asdict(written.usage))
        kept = _Answer(name, list(pieces), written.model, written.provider, usage, written.cost_usd, written.repaired)
        value = orjson.dumps(asdict(kept))
        if len(value) > _MOST_BYTES or self._seconds < 1:
            return
        try:
            await self._link.ask(lambda client: client.set(name, value, ex=self._seconds))
        except Away:
            return

    def _name(self, key: CacheKey) -> str:
        # A brief is made of frozen values without sets, and its reading is left out of its text: the same in every process.
        return self._named("answer", repr(key))
