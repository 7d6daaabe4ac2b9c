"""A chain over models that follow a script, on a clock that jumps instead of waiting."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from service.llm.attempt import CallRecord, Office
from service.llm.budgets import Budgets
from service.llm.calls import AttemptLimits, Call, Chunk, End, Message, Model, Prompt, Text, Usage
from service.llm.chain import Chain, ChainRules, Ended, NobodyAnswered, Restarted
from service.llm.circuits import CircuitRules
from service.llm.retries import RetryRules

Result = TypeVar("Result")
LIMITS = AttemptLimits(connect_seconds=1, first_token_seconds=4, between_tokens_seconds=2, attempt_seconds=10)
TOLD = Usage(40, 2, cached_tokens=8, reasoning_tokens=1)
WHOLE = ("satu ", "dua", End("stop", TOLD))


class JumpingSelector(selectors.DefaultSelector):
    """Never waits: the time that it should have waited has passed at once."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.now += timeout or 0.0
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose hour passes in a millisecond."""

    def __init__(self) -> None:
        self.jumping = JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now


def run(work: Callable[[], Awaitable[Result]]) -> Result:
    async def main() -> Result:
        return await work()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main())


def now() -> float:
    return asyncio.get_running_loop().time()


Step = str | float | End | BaseException


@dataclass
class Scripted:
    """Plays one script per call; a number is a silence in seconds. It keeps to no limit: it is as careless as a provider may be."""

    scripts: dict[str, list[Sequence[Step]]]
    name: str = "fake"
    calls: list[tuple[str, float]] = field(default_factory=list)
    closed_at: list[float] = field(default_factory=list)

    async def stream(self, call: Call, limits: AttemptLimits) -> AsyncGenerator[Chunk, None]:
        self.calls.append((call.model.name, now()))
        left = self.scripts[call.model.name]
        script = left.pop(0) if len(left) > 1 else left[0]
        try:
            for step in script:
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, End):
                    yield step
                elif isinstance(step, str):
                    yield Text(step)
                else:
                    await asyncio.sleep(step)
        finally:
            self.closed_at.append(now())

    async def close(self) -> None:
        return


@dataclass
class Counting:
    records: list[CallRecord] = field(default_factory=list)
    fallbacks: list[tuple[str, str, str]] = field(default_factory=list)

    def called(self, record: CallRecord) -> None:
        self.records.append(record)


def model(name: str, usd: float = 0.0) -> Model:
    return Model(name, "fake", name, 8_000, 1_000, usd, usd, usd)


def cost(usage: Usage, one: Model) -> float:
    return (usage.input_tokens * one.input_usd + usage.output_tokens * one.output_usd) / 1_000_000


class Bench:
    """A chain over scripted models, in the order in which they are named."""

    def __init__(self, *, total: float = 20.0, budgets: dict[str, float] | None = None, **scripts: Any) -> None:
        rules: dict[str, Any] = {name: scripts.pop(name) for name in ("retries", "circuit", "hedge") if name in scripts}
        prices: dict[str, float] = scripts.pop("prices", {})
        plans = {name: [plan] if isinstance(plan, tuple) else plan for name, plan in scripts.items()}
        self.fake = Scripted(plans)
        self.seen = Counting()
        self.budgets = Budgets(budgets or {}, lambda: 1_795_000_000.0)
        self.models = tuple(model(name, prices.get(name, 0.0)) for name in scripts)
        office = Office(self.budgets, self.seen, cost, lambda text: len(text.split()), now)
        self.chain = Chain(
            models=self.models,
            providers={"fake": self.fake},
            route=lambda complexity, tokens, most: self.models,
            rules=ChainRules(
                LIMITS,
                total,
                rules.get("retries", RetryRules()),
                rules.get("circuit", CircuitRules()),
                rules.get("hedge"),
            ),
            office=office,
            draw=lambda: 0.5,
        )

    async def ask(self, role: str = "judge") -> list[Any]:
        prompt = Prompt((Message("user", "apa itu hukum"),), 100, 0.0, "1", "x")
        async with aclosing(self.chain.answer(prompt, role=role, complexity="simple", request_id="r")) as events:
            found = [event async for event in events]
        self.seen.fallbacks += [
            (end.first, end.model.name, end.reason) for end in found if isinstance(end, Ended) and end.first
        ]
        return found

    async def nobody(self, role: str = "judge") -> NobodyAnswered:
        with pytest.raises(NobodyAnswered) as raised:
            await self.ask(role)
        return raised.value

    @property
    def statuses(self) -> list[tuple[str, str]]:
        return [(record.model.name, record.status) for record in self.seen.records]


def text_of(events: list[Any]) -> str:
    texts: list[str] = []
    for event in events:
        texts = [] if isinstance(event, Restarted) else [*texts, event.text] if isinstance(event, Text) else texts
    return "".join(texts)
