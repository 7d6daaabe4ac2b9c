"""Asks a second model when the first one stays silent: the first to speak goes on, the other is cancelled and accounted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from service.llm.attempt import Attempt
from service.llm.calls import Chunk, End
from service.llm.failures import ProviderError

_AHEAD = 64
"""Chunks that are read before anybody takes them."""


class Runner:
    """Reads an attempt in a task of its own."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self._queue: asyncio.Queue[Chunk | ProviderError] = asyncio.Queue(_AHEAD)
        self._task = asyncio.create_task(self._read())

    async def next(self) -> Chunk:
        """The next chunk; raises the ProviderError with which the attempt ended."""
        item = await self._queue.get()
        if isinstance(item, ProviderError):
            raise item
        return item

    async def stop(self) -> None:
        """End the call and wait until it has been accounted."""
        self._task.cancel()
        # Not awaited itself: who is cancelled meanwhile must stay cancelled.
        await asyncio.wait([self._task])

    async def _read(self) -> None:
        try:
            async with aclosing(self.attempt.chunks()) as chunks:
                async for chunk in chunks:
                    await self._queue.put(chunk)
        except ProviderError as error:
            await self._queue.put(error)


async def race(
    first: Attempt, second: Callable[[], Attempt | None], after: float, won: Callable[[Attempt], None]
) -> AsyncGenerator[Chunk, None]:
    """The chunks of whichever attempt speaks first.

    Args:
        first: the attempt that is made at once.
        second: makes the other one, or gives None when there is none to make.
        after: seconds of silence before the second is made.
        won: told who speaks, before the first chunk.

    Raises:
        ProviderError: all attempts failed before a word, or the one that spoke failed later.
    """
    runners = [Runner(first)]
    try:
        winner, chunk = await _first_to_speak(runners, second, after)
        won(winner.attempt)
        for runner in runners:
            if runner is not winner:
                runner.attempt.left_as = "superseded"
                await runner.stop()
        while True:
            yield chunk
            if isinstance(chunk, End):
                return
            chunk = await winner.next()
    finally:
        for runner in runners:
            await runner.stop()


async def _first_to_speak(
    runners: list[Runner], second: Callable[[], Attempt | None], after: float
) -> tuple[Runner, Chunk]:
    waiting = {asyncio.create_task(runners[0].next()): runners[0]}
    try:
        done, _ = await asyncio.wait(waiting, timeout=after)
        attempt = None if done else second()
        if attempt:
            runners.append(Runner(attempt))
            waiting[asyncio.create_task(runners[1].next())] = runners[1]
        while True:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in waiting if task in done]:
                runner = waiting.pop(task)
                try:
                    return runner, task.result()
                except ProviderError:
                    if not waiting:
                        raise
    finally:
        for task in waiting:
            task.cancel()
