"""What the chain of models costs a token, beside the bare stream of a provider that never waits: pairs in one run, medians.

python benchmarks/micro/llm_chain.py [--answers 60] [--tokens 150]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import uvloop

from service.llm.attempt import CallRecord, Office
from service.llm.budgets import Budgets
from service.llm.calls import AttemptLimits, Call, Chunk, End, Message, Model, Prompt, Text, Usage
from service.llm.chain import Chain, ChainRules
from service.llm.pricing import cost_usd, estimate_tokens

MODEL = Model("m", "p", "m", 32_768, 1_024, 1.0, 1.0, 1.0)
PROMPT = Prompt((Message("user", "x" * 4_000),), 1_024, 0.0, "1", "h")


class Instant:
    """A provider that has every token ready."""

    name = "p"

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens

    async def stream(self, call: Call, limits: AttemptLimits) -> AsyncGenerator[Chunk, None]:  # noqa: ARG002 - the Protocol's
        """All tokens, then the end."""
        for _ in range(self._tokens):
            yield Text("kata ")
        yield End("stop", Usage(1_000, self._tokens))

    async def close(self) -> None:
        """There is nothing to close."""


class Unwatched:
    """Counts nothing: instruments are measured elsewhere."""

    def called(self, record: CallRecord) -> None:
        """A call has ended."""

    def fell_back(self, first: str, to: str, reason: str) -> None:
        """Nobody falls back here."""


async def _measure(answers: int, tokens: int) -> tuple[float, float]:
    """Seconds a token: bare, and through the chain."""
    provider = Instant(tokens)
    limits = AttemptLimits(2.0, 8.0, 5.0, 25.0)
    chain = Chain(
        models=(MODEL,),
        providers={"p": provider},
        route=lambda _complexity, _tokens, _most: (MODEL,),
        rules=ChainRules(limits, 40.0),
        office=Office(Budgets({"judge": 1e9}, time.time), Unwatched(), cost_usd, estimate_tokens, time.perf_counter),
        draw=lambda: 0.5,
    )
    call = Call(MODEL, PROMPT.messages, 1_024, 0.0, "r")
    bare, through = [], []
    for _ in range(answers):
        began = time.perf_counter()
        async for _chunk in provider.stream(call, limits):
            pass
        bare.append(time.perf_counter() - began)
        began = time.perf_counter()
        async for _event in chain.answer(PROMPT, role="judge", complexity="simple", request_id="r"):
            pass
        through.append(time.perf_counter() - began)
    return statistics.median(bare) / tokens, statistics.median(through) / tokens


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=60)
    parser.add_argument("--tokens", type=int, default=150)
    options = parser.parse_args()
    bare, through = uvloop.run(_measure(options.answers, options.tokens))
    print(f"microseconds a token: bare stream {bare * 1e6:.2f}, through the chain {through * 1e6:.2f}")


if __name__ == "__main__":
    main()
