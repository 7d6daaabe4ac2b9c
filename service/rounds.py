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
        except Exception as error:  # noqa: BLE001 - a round that ends for good would leave switches and budgets as they are
            if not failing:
                why = error.code if isinstance(error, Problem) else type(error).__name__
                log.write("warning", "round_failed", round=name, problem=why)
            failing = True
        else:
            failing = False


async def ended(task: asyncio.Task[None]) -> None:
    """End such work, and wait until it has ended."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
