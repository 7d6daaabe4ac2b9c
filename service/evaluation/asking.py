"""Asks a whole deployment questions in this process, without HTTP and store, and notes what became of each."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date

from service.answering import Answerer
from service.chat.complexity import Complexity
from service.chat.guard import RefusalReason
from service.deployments.model import Deployment
from service.errors import ConfigurationError
from service.exchange import Answer, Outcome, Question
from service.llm.extractive import ExtractiveEngine
from service.retrieval.analysis import Analyser
from service.retrieval.document import Document
from service.retrieval.embedded import EmbeddedRetriever
from service.retrieval.index import Index
from service.retrieval.lending import Shelf
from service.tools.toolbox import ToolRun, all_tools


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a question: outcome and reason, the documents that were weighed, what spoke for them, and the confidence."""

    outcome: Outcome
    reason: RefusalReason | None
    weighed: tuple[str, ...]
    features: Mapping[str, float]
    confidence: float


class _Unwatched:
    """Counts nothing; a tool that raises ends the evaluation, because figures without it would mislead."""

    def tool_ran(self, run: ToolRun, complexity: Complexity) -> None:
        """A tool has run."""

    def tool_failed(self, name: str, error: Exception) -> None:
        """A tool has raised."""
        raise ConfigurationError(f"{name} failed: {error!r}; nothing was measured") from error

    def asked(self, question: str) -> None:
        """An answer is begun."""

    def answered(self, outcome: str | None, text: str) -> None:
        """It has ended."""

    def guarded(self, guardrail: str, action: str) -> None:
        """A guard rail refused a question or withheld its answer; or none did (`none`, `kept`)."""

    def generated(self, model: str, seconds: float) -> None:
        """The engine has written an answer."""


def answerer_of(deployment: Deployment, documents: Sequence[Document], clock: Callable[[], float]) -> Answerer:
    """A deployment over documents in memory, with the extractive engine."""
    retriever = EmbeddedRetriever(Index.of(documents, Analyser(), clock))
    return answerer_over(deployment, Shelf(retriever, lambda: None), clock)


def answerer_over(deployment: Deployment, shelf: Shelf, clock: Callable[[], float]) -> Answerer:
    """A deployment over what a shelf lends, with the extractive engine."""
    return Answerer(
        deployment=deployment,
        shelf=shelf,
        tools=all_tools(),
        engine=ExtractiveEngine(),
        watcher=_Unwatched(),
        clock=clock,
    )


def role_for(qid: str, deployment: Deployment) -> str:
    """The role that asks a question: by the hash of its id, so that every role asks about as many."""
    roles = sorted(deployment.roles)
    return roles[hashlib.sha256(qid.encode()).digest()[1] % len(roles)]


def ask_all(
    answerer: Answerer,
    deployment: Deployment,
    asked: Sequence[tuple[str, str]],
    today: date,
    told: Callable[[int], None],
) -> list[Became]:
    """Ask each question (qid and text) by itself; `told` hears how many are done."""
    return asyncio.run(_ask_all(answerer, deployment, asked, today, told))


async def _ask_all(
    answerer: Answerer,
    deployment: Deployment,
    asked: Sequence[tuple[str, str]],
    today: date,
    told: Callable[[int], None],
) -> list[Became]:
    found = []
    async for answer in answers(answerer, deployment, asked, today):
        found.append(
            Became(
                answer.outcome,
                answer.refusal_reason,
                tuple(item.document.id for item in answer.weighed),
                answer.features,
                answer.confidence,
            )
        )
        told(len(found))
    return found


async def answers(
    answerer: Answerer, deployment: Deployment, asked: Sequence[tuple[str, str]], today: date
) -> AsyncIterator[Answer]:
    """The answer to each question, one after the other."""
    for qid, text in asked:
        question = Question(text, deployment.roles[role_for(qid, deployment)])
        async with aclosing(answerer.answer(question, today, _unsaved)) as events:
            async for event in events:
                if isinstance(event, Answer):
                    yield event


async def _unsaved(answer: Answer) -> None:
    """Answers to an evaluation are kept by nobody."""
