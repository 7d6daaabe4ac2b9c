"""`python -m service show-answers`: questions of a file put to the extractive engine, and its answers shown whole, as Markdown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from service.answering import Answerer
from service.chat.complexity import Complexity
from service.deployments.load import deployment_file, load_deployment
from service.deployments.model import ROLES
from service.errors import ConfigurationError
from service.exchange import Answer, Question
from service.llm.extractive import ExtractiveEngine
from service.retrieval.opening import open_corpus
from service.settings import CORPORA
from service.tools.toolbox import ToolRun, all_tools


@dataclass(frozen=True, slots=True)
class Asked:
    """One conversation of a role: the questions in order, of which the last one's answer is shown, and a remark on it."""

    role: str
    questions: tuple[str, ...]
    remark: str = ""


class _Unwatched:
    """Counts nothing: nobody measures what is only shown."""

    def asked(self, question: str) -> None:
        """An answer is begun."""

    def answered(self, outcome: str | None, text: str) -> None:
        """It has ended."""

    def guarded(self, guardrail: str, action: str) -> None:
        """A guard rail decided on a question."""

    def tool_ran(self, run: ToolRun, complexity: Complexity) -> None:
        """A tool has run."""

    def tool_failed(self, name: str, error: Exception) -> None:
        """A tool has raised."""

    def generated(self, model: str, seconds: float) -> None:
        """The engine has written an answer."""


def read_asked(path: Path) -> tuple[Asked, ...]:
    """The conversations of a file of JSON lines with `role`, `questions` and, when there is one, `remark`.

    Raises:
        ConfigurationError: the file or a line of it is not of this form.
    """
    found: list[Asked] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be read ({error})") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            found.append(_asked(line, f"{path}:{number}"))
    if not found:
        raise ConfigurationError(f"{path}: holds no question")
    return tuple(found)


def _asked(line: str, where: str) -> Asked:
    try:
        row: dict[str, Any] = json.loads(line)
        asked = Asked(str(row["role"]), tuple(str(one) for one in row["questions"]), str(row.get("remark", "")))
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{where}: expected JSON with role and questions ({error})") from error
    if asked.role not in ROLES:
        raise ConfigurationError(f"{where}: role {asked.role!r} is none of {', '.join(ROLES)}")
    if not asked.questions:
        raise ConfigurationError(f"{where}: questions is empty; write at least one")
    return asked


def answers_of(asked: Iterable[Asked], deployment_name: str, today: date) -> Iterator[tuple[Asked, Answer]]:
    """The answers, composed without a model, as they would be given on a day.

    Raises:
        ConfigurationError: the deployment or its corpus cannot be loaded.
    """
    deployment = load_deployment(deployment_file(deployment_name))
    opened = open_corpus(CORPORA / deployment.corpus, _stopped)
    answerer = Answerer(
        deployment=deployment,
        shelf=opened.shelf(),
        tools=all_tools(),
        engine=ExtractiveEngine(),
        watcher=_Unwatched(),
        clock=_stopped,
    )
    for one in asked:
        said = one.questions
        question = Question(said[-1], deployment.roles[one.role], earlier=said[-2::-1])
        yield one, asyncio.run(_answer(answerer, question, today))


def _stopped() -> float:
    """A clock that stands still: what is shown holds no durations."""
    return 0.0


async def _answer(answerer: Answerer, question: Question, today: date) -> Answer:
    async def save(_answer: Answer) -> None:
        """Nothing is kept."""

    told = [event async for event in answerer.answer(question, today, save) if isinstance(event, Answer)]
    return told[-1]


BEGIN, END = "<!-- answers -->", "<!-- /answers -->"
"""What is shown stands between these lines of a page."""


def put_into(page: str, text: str) -> str:
    """A page with the answers between its marks.

    Raises:
        ConfigurationError: the page lacks the marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ConfigurationError(f"the page lacks the lines {BEGIN} and {END}; put them where the answers belong")
    return f"{before}{BEGIN}\n{text.strip()}\n{END}{after}"


def shown(shows: Iterable[tuple[Asked, Answer]]) -> str:
    """The answers as Markdown: question, role, answer, citations, confidence, notices, and the remark where there is one."""
    return "\n".join(
        line for number, (asked, answer) in enumerate(shows, start=1) for line in _lines(number, asked, answer)
    )


def _lines(number: int, asked: Asked, answer: Answer) -> Iterator[str]:
    yield f"### {number}. {asked.questions[-1]}"
    reason = f", {answer.refusal_reason}" if answer.refusal_reason else ""
    yield f"\n*{asked.role} · {answer.complexity} · {answer.outcome}{reason} · confidence {answer.confidence:.2f}*"
    if len(asked.questions) > 1:
        yield f"\nAsked before: {' / '.join(asked.questions[:-1])}"
    yield "\n```text"
    yield answer.text
    yield "```\n"
    for one in answer.citations:
        weak = "demo" if one.demo else one.status if one.verified else f"{one.status}, unverified"
        yield f"- [{one.number}] `{one.id}` {one.title} ({weak})"
    for notice in answer.notices:
        yield f"- *{notice}*"
    if asked.remark:
        yield f"\n**Why it is shown.** {asked.remark}"
    yield ""
