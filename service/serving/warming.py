"""Asks a few questions before the first real one, through the real path: nothing of it is counted, stored or paid for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import date

from service.answering import Answerer
from service.chat.complexity import Complexity
from service.deployments.model import Deployment
from service.exchange import Answer, Question
from service.llm.extractive import ExtractiveEngine
from service.retrieval.lending import Shelf
from service.store.store import Store
from service.tools.toolbox import ToolRun, all_tools


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


async def _keep_nothing(_: Answer) -> None:
    """A question of nobody's leaves nothing behind."""
