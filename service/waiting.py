"""What costs nothing where nothing waits: a time limit, and to begin outside of a task."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, running: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives.

    Only one that waits has a time limit, from its first wait on: what does not wait cannot be stopped, and `asyncio.timeout` costs more than a look-up.

    Raises:
        TimeoutError: it took longer.
    """
    try:
        awaited = running.send(None)
    except StopIteration as done:
        found: T = done.value
        return found
    async with asyncio.timeout(seconds):
        return await going_on(running, awaited)


@types.coroutine
def going_on(running: Coroutine[Any, Any, T] | Generator[Any, Any, T], awaited: object) -> Generator[object, Any, T]:
    """The rest of what has begun to run and waits for `awaited`; whoever stops it stops what runs inside."""
    while True:
        try:
            try:
                sent = yield awaited
            except GeneratorExit:
                running.close()
                raise
            except BaseException as stopped:  # noqa: BLE001 - whatever comes from outside is for the coroutine inside to take
                awaited = running.throw(stopped)
            else:
                awaited = running.send(sent)
        except StopIteration as done:
            found: T = done.value
            return found
