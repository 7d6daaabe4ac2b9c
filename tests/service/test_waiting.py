"""Time limits for what may wait."""

from __future__ import annotations

import asyncio

import pytest

from service.waiting import within


def test_what_does_not_wait_has_no_limit() -> None:
    """A coroutine that never waits gives its result whatever its limit, and no timer is set for it."""

    async def found() -> str:
        return "found"

    async def story() -> tuple[str, list[float]]:
        loop, timers = asyncio.get_running_loop(), list[float]()
        at = loop.call_at
        loop.call_at = lambda when, *rest, **more: timers.append(when) or at(when, *rest, **more)  # type: ignore[func-returns-value,method-assign]  # notes and goes on
        return await within(0.0, found()), timers

    assert asyncio.run(story()) == ("found", [])


def test_what_waits_is_stopped_at_its_limit() -> None:
    """It is cancelled where it waits, may clear up, and whoever waits for it gets a TimeoutError."""
    cleared: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleared.append("up")

    with pytest.raises(TimeoutError):
        asyncio.run(within(0.01, endless()))
    assert cleared == ["up"]


def test_what_waits_and_is_in_time_gives_its_result() -> None:
    """Waiting several times, as a body in pieces does, changes nothing of the result; what it raises comes out."""

    async def slow(fails: bool) -> int:
        for _ in range(3):
            await asyncio.sleep(0)
        if fails:
            raise ValueError("of its own")
        return 3

    assert asyncio.run(within(60.0, slow(fails=False))) == 3
    with pytest.raises(ValueError, match="of its own"):
        asyncio.run(within(60.0, slow(fails=True)))
