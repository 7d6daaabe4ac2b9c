"""Gives an answer again to whoever asks the same of the same sources, and lets those who ask at the same time share one.

The key is the whole brief: question, role and register, language, the passages themselves and the corpus they are of; with it the prompt, the routes and the
day. So nothing crosses roles, users' documents or versions, also not what a later version adds to the brief. A question that leans
on its conversation is never kept.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from service.chat.brief import Brief, Reading
from service.llm.calls import Usage
from service.llm.chain import NobodyAnswered
from service.llm.engine import AnswerEngine, Interrupted, Piece, WritingEvent, Written
from service.llm.keeping import CacheRules

CACHE_RESULTS: tuple[str, ...] = ("hit", "miss", "shared", "bypass")
"""Answered from the cache; written; written for another reader at the same time; not to be cached."""


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What has to be the same for an answer to be given again. The brief carries no request id, and holds no corpus open."""

    brief: Brief
    prompt: str
    routes: str
    day: date


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer in the cache: its pieces, its account, and when it stops being given (monotonic seconds)."""

    pieces: tuple[str, ...]
    written: Written
    until: float
    bytes: int


class AnswerCache:
    """Answers by key, the longest unused dropped first."""

    def __init__(self, rules: CacheRules) -> None:
        self._rules = rules
        self._kept: OrderedDict[CacheKey, Kept] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """Bytes of texts and passages that are kept."""
        return self._bytes

    def get(self, key: CacheKey, now: float) -> Kept | None:
        """The answer, unless it is too old."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if now >= kept.until:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept

    def put(self, key: CacheKey, pieces: tuple[str, ...], written: Written, now: float) -> None:
        """Keep an answer; one that is larger than all the room is not kept."""
        size = sum(len(piece.encode()) for piece in pieces) + _size(key.brief)
        if size > self._rules.bytes:
            return
        if key in self._kept:
            self._drop(key)
        self._kept[key] = Kept(pieces, written, now + self._rules.seconds, size)
        self._bytes += size
        while self._bytes > self._rules.bytes or len(self._kept) > self._rules.entries:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: CacheKey) -> None:
        self._bytes -= self._kept.pop(key).bytes


def _size(brief: Brief) -> int:
    return len(brief.question.encode()) + sum(
        len(item.document.text.encode()) + len(item.quote.encode()) for item in brief.evidence
    )


class Flight:
    """One answer in the making, read by all who asked for it. It goes on while somebody reads."""

    def __init__(self, events: AsyncGenerator[WritingEvent, None], landed: Callable[[Flight], None]) -> None:
        self.events: list[WritingEvent] = []
        self.error: Exception | None = None
        self.ended = False
        self._readers = 0
        self._more = asyncio.Event()
        self._landed = landed
        self._task = asyncio.create_task(self._write(events))

    async def read(self) -> AsyncGenerator[WritingEvent, None]:
        """All events from the first on; whoever leaves last ends the writing."""
        self._readers += 1
        seen = 0
        try:
            while True:
                while seen < len(self.events):
                    seen += 1
                    yield self.events[seen - 1]
                if self.ended:
                    break
                await self._more.wait()
            if self.error:
                raise self.error
        finally:
            self._readers -= 1
            if not self._readers and not self.ended:
                self._end()
                self._task.cancel()
                # Not awaited itself: a reader who is cancelled meanwhile must stay cancelled.
                await asyncio.wait([self._task])

    async def _write(self, events: AsyncGenerator[WritingEvent, None]) -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    self.events.append(event)
                    self._wake()
        except asyncio.CancelledError:
            self.error = NobodyAnswered("engine_error")
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to those who read
            self.error = error
        finally:
            if not self.ended:
                self._end()

    def _end(self) -> None:
        self.ended = True
        self._landed(self)
        self._wake()

    def _wake(self) -> None:
        self._more.set()
        self._more = asyncio.Event()


@dataclass(frozen=True, slots=True)
class Versions:
    """What answers depend on beside the brief: the prompt's templates, models and routes."""

    prompt: str
    routes: str


class AnswersBeyond(Protocol):
    """Answers that other processes wrote, by the same key."""

    async def get(self, key: CacheKey) -> tuple[tuple[str, ...], Written] | None:
        """The pieces of an answer and its account; None when there is none, or nobody can say."""

    async def put(self, key: CacheKey, pieces: tuple[str, ...], written: Written) -> None:
        """Keep an answer for others, if that is possible."""


class CachingEngine:
    """An engine of models with the cache in front of it."""

    def __init__(
        self,
        inner: AnswerEngine,
        rules: CacheRules,
        versions: Versions,
        *,
        clock: Callable[[], float],
        today: Callable[[], date],
        counted: Callable[[str], None],
        beyond: AnswersBeyond | None = None,
    ) -> None:
        """Begin empty.

        Args:
            inner: writes what is not in the cache.
            rules: time and room.
            versions: of corpus, prompt and routes.
            clock: monotonic seconds.
            today: the day on which is asked.
            counted: told each result, one of CACHE_RESULTS.
            beyond: answers of other processes, asked when this one has none.
        """
        self._inner = inner
        self._cache = AnswerCache(rules)
        self._versions = versions
        self._clock = clock
        self._today = today
        self._counted = counted
        self._beyond = beyond
        self._flights: dict[CacheKey, Flight] = {}

    @property
    def name(self) -> str:
        """The inner engine's name."""
        return self._inner.name

    @property
    def models(self) -> Mapping[str, str]:
        """The inner engine's models."""
        return self._inner.models

    async def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        """The answer from the cache, together with others, or new.

        Raises:
            NobodyAnswered: the models failed.
        """
        if brief.carried or not brief.cacheable:
            self._counted("bypass")
            events = self._inner.write(brief)
        else:
            events = self._shared(brief)
        async with aclosing(events):
            async for event in events:
                yield event

    def _shared(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        versions = self._versions
        key = CacheKey(
            replace(brief, request_id="", followed=True, reading=Reading()),
            versions.prompt,
            versions.routes,
            self._today(),
        )
        kept = self._cache.get(key, self._clock())
        if kept:
            self._counted("hit")
            return _again(kept)
        flight = self._flights.get(key)
        if flight:
            self._counted("shared")
            return _together(flight)
        if self._beyond is None:
            self._counted("miss")
            events = self._inner.write(brief)
        else:
            events = self._written(key, brief, self._beyond)
        flight = Flight(events, lambda landed: self._land(key, landed))
        self._flights[key] = flight
        return flight.read()

    async def _written(self, key: CacheKey, brief: Brief, beyond: AnswersBeyond) -> AsyncGenerator[WritingEvent, None]:
        """What another process wrote, or a new answer, which others may then have."""
        found = await beyond.get(key)
        self._counted("hit" if found else "miss")
        if found:
            pieces, written = found
            for piece in pieces:
                yield Piece(piece)
            yield _for_nothing(written)
            return
        events: list[WritingEvent] = []
        async with aclosing(self._inner.write(brief)) as writing:
            async for event in writing:
                events.append(event)
                yield event
        answer = _keepable(events)
        if answer:
            await beyond.put(key, *answer)

    def _land(self, key: CacheKey, flight: Flight) -> None:
        self._flights.pop(key, None)
        answer = None if flight.error else _keepable(flight.events)
        if answer:
            self._cache.put(key, *answer, self._clock())


def _keepable(events: Sequence[WritingEvent]) -> tuple[tuple[str, ...], Written] | None:
    """The pieces and the account of an answer that may be given again: whole, in one go, and with nothing to remark on."""
    last = events[-1] if events else None
    if not isinstance(last, Written) or last.withheld or last.marked or last.cut:
        return None
    if any(isinstance(event, Interrupted) for event in events):
        return None
    return tuple(event.text for event in events if isinstance(event, Piece)), last


async def _again(kept: Kept) -> AsyncGenerator[WritingEvent, None]:
    for piece in kept.pieces:
        yield Piece(piece)
    yield _for_nothing(kept.written)


async def _together(flight: Flight) -> AsyncGenerator[WritingEvent, None]:
    """What somebody else's question gives; its cost is in that answer's account."""
    try:
        async with aclosing(flight.read()) as events:
            async for event in events:
                yield _for_nothing(event) if isinstance(event, Written) else event
    except NobodyAnswered as error:
        raise NobodyAnswered(
            error.reason,
            timed_out=error.timed_out,
            retry_after_seconds=error.retry_after_seconds,
            first=error.first,
        ) from error


def _for_nothing(written: Written) -> Written:
    return replace(written, usage=Usage(0, 0, source="missing"), cost_usd=0.0, cached=True)
