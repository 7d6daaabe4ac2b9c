"""An attempt's own limit, which holds even over a provider that keeps to none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from service.llm.attempt import Attempt, CallRecord, Leave, Office
from service.llm.budgets import Budgets
from service.llm.calls import AttemptLimits, Call, Chunk, End, Message, Model, Text, Usage
from service.llm.circuits import Circuit, CircuitRules
from service.llm.failures import TooSlow

LIMITS = AttemptLimits(1.0, 1.0, 1.0, attempt_seconds=0.05)
MODEL = Model("m", "p", "m", 8_000, 1_000, 0.0, 0.0, 0.0)
END = End("stop", Usage(1, 1))


class Seen:
    def __init__(self) -> None:
        self.statuses: list[str] = []

    def called(self, record: CallRecord) -> None:
        self.statuses.append(record.status)


class Silent:
    """A provider that says one word and then nothing; `deaf` ones swallow the cancellation and say another."""

    name = "p"

    def __init__(self, *, deaf: bool = False) -> None:
        self.deaf = deaf
        self.closed = False

    async def stream(self, call: Call, limits: AttemptLimits) -> AsyncGenerator[Chunk, None]:
        assert (call.model, limits) == (MODEL, LIMITS)
        try:
            yield Text("satu ")
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if not self.deaf:
                    raise
            yield Text("dua")
            yield END
        finally:
            self.closed = True

    async def close(self) -> None:
        return


def attempt_at(provider: Silent, seen: Seen) -> Attempt:
    """An attempt with a permit and no money set aside."""
    loop = asyncio.get_running_loop()
    budgets = Budgets({}, lambda: 1_795_000_000.0)
    office = Office(budgets, seen, lambda _usage, _model: 0.0, len, loop.time)
    circuit, reservation = Circuit(CircuitRules()), budgets.reserve("judge", 0.0)
    permit = circuit.admit(loop.time())
    assert permit is not None
    assert reservation is not None
    call = Call(MODEL, (Message("user", "apa itu hukum"),), 100, 0.0, "r")
    return Attempt(office, provider, call, LIMITS, "judge", Leave(circuit, permit, reservation, fair=True))


async def read_into(got: list[Chunk], attempt: Attempt, *, pause: float = 0.0) -> None:
    """Read all chunks, with a pause in seconds after each."""
    async for chunk in attempt.chunks():
        got.append(chunk)
        await asyncio.sleep(pause)


@pytest.mark.parametrize("deaf", [False, True])
def test_a_provider_that_forgets_the_time_is_ended_and_its_reader_is_not(deaf: bool) -> None:
    """The attempt is too slow, even where the provider swallows the cancellation, and the reader's next wait is its own."""
    provider, seen = Silent(deaf=deaf), Seen()

    async def main() -> list[Chunk]:
        got: list[Chunk] = []
        with pytest.raises(TooSlow, match="attempt"):
            await read_into(got, attempt_at(provider, seen))
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        return got

    assert asyncio.run(main())[0] == Text("satu ")
    assert seen.statuses == ["timeout"]
    assert provider.closed


def test_a_reader_that_takes_its_time_is_left_alone() -> None:
    """While the reader holds a word nothing is cancelled; that the time is over shows when it asks for the next."""
    provider, seen = Silent(), Seen()

    async def main() -> list[Chunk]:
        got: list[Chunk] = []
        with pytest.raises(TooSlow, match="attempt"):
            await read_into(got, attempt_at(provider, seen), pause=0.15)
        return got

    assert asyncio.run(main()) == [Text("satu ")]
    assert seen.statuses == ["timeout"]
    assert provider.closed


def test_a_task_that_is_cancelled_is_never_called_too_slow() -> None:
    """Whoever gives up before the limit is accounted as such."""
    provider, seen = Silent(), Seen()

    async def read() -> None:
        async with aclosing(attempt_at(provider, seen).chunks()) as chunks:
            async for _ in chunks:
                asyncio.get_running_loop().call_soon(task.cancel)

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await task

    with asyncio.Runner() as runner:
        task = runner.get_loop().create_task(read())
        runner.run(main())
    assert seen.statuses == ["cancelled"]
    assert provider.closed
