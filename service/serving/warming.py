"""Asks a few questions before the first real one, through the real path: nothing of it is counted, stored or paid for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime

from service.answering import Answerer
from service.chat.complexity import Complexity
from service.deployments.model import Deployment
from service.errors import Problem
from service.exchange import Answer, Question
from service.llm.extractive import ExtractiveEngine
from service.retrieval.lending import Shelf
from service.services import Surroundings
from service.serving.huge_pages import HugePages
from service.serving.life import Life
from service.store.store import Store
from service.tools.toolbox import ToolRun, all_tools

_PAUSE_SECONDS = 1.0


class Unwatched:
    """A watcher that counts nothing."""

    def asked(self, question: str) -> None:
        """Nobody did."""

    def answered(self, outcome: str | None, text: str) -> None:
        """To nobody."""

    def guarded(self, guardrail: str, action: str) -> None:
        """Nobody asked."""

    def tool_ran(self, run: ToolRun, complexity: Complexity) -> None:
        """Nobody asked."""

    def tool_failed(self, name: str, error: Exception) -> None:
        """The real path says so when it happens again."""

    def generated(self, model: str, seconds: float) -> None:
        """Nobody asked."""


async def warm_up(
    questions: Sequence[str],
    deployment: Deployment,
    shelf: Shelf,
    store: Store,
    clock: Callable[[], float],
    today: date,
) -> None:
    """Read the database, and answer questions with the extractive engine and every tool, as the role that may use most.

    Raises:
        Problem: the database or the sources do not answer yet.
    """
    await store.check()
    role = max(deployment.roles.values(), key=lambda one: len(one.tools))
    answerer = Answerer(
        deployment=deployment,
        shelf=shelf,
        tools=all_tools(),
        engine=ExtractiveEngine(),
        watcher=Unwatched(),
        clock=clock,
    )
    for text in questions:
        async with aclosing(answerer.answer(Question(text=text, role=role), today, _keep_nothing)) as events:
            async for _ in events:
                pass


async def warm_until_ready(
    life: Life,
    deployment: Deployment,
    shelf: Shelf,
    store: Store,
    around: Surroundings,
    huge_pages: HugePages | None = None,
) -> None:
    """Warm up until it succeeds or nobody waits for it: what is not there yet keeps the process from being ready, and not from living.

    What lies in memory by then is brought together in `huge_pages` before anybody's question comes.
    """
    failed = ""
    life.warm = not life.questions
    while not life.warm and not life.draining:
        today = datetime.fromtimestamp(around.wall_clock(), UTC).date()
        try:
            await warm_up(life.questions, deployment, shelf, store, around.clock, today)
            if huge_pages:
                await huge_pages.begin()
            life.warm = True
        except Exception as error:  # noqa: BLE001 - a process that gives up here would never be ready
            why = error.code if isinstance(error, Problem) else type(error).__name__
            if why != failed:
                around.log.write("warning", "warming_failed", problem=why)
            failed = why
            await asyncio.sleep(_PAUSE_SECONDS)


async def _keep_nothing(_: Answer) -> None:
    """A question of nobody's leaves nothing behind."""
