"""Work that is done again and again beside the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from service.errors import Problem
from service.telemetry.logging import EventLog


async def repeat(name: str, seconds: float, work: Callable[[], Awaitable[None]], log: EventLog) -> None:
    """Do some work every so many seconds until cancelled; of failures in a row, the first leaves a line in the log."""
    failing = False
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Problem as problem:
            if not failing:
                log.write("warning", "round_failed", round=name, problem=problem.code)
            failing = True
        else:
            failing = False


async def ended(task: asyncio.Task[None]) -> None:
    """End such work, and wait until it has ended."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
