"""The engine that lets language models write, and shows of what they write only what its check lets through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Protocol

from service.chat.brief import Brief
from service.chat.checking import AnswerCheck
from service.chat.complexity import Complexity
from service.chat.statements import Guardrail, Outcome
from service.llm.calls import Prompt, Text
from service.llm.chain import Ended, NobodyAnswered, Restarted
from service.llm.engine import Interrupted, Piece, WritingEvent, Written
from service.llm.prompt import Composed, PromptBuilder

STAGE = "output"
"""The stage of these guard rails in the metrics: what a model wrote, before it is shown."""
UNVERIFIED = "unverified"
_LETTERS_AT_ONCE = 400
"""So much of a text is checked before others get their turn: a provider may send the whole answer in one piece."""
_CUT = frozenset({"length", "max_tokens"})


class Answers(Protocol):
    """The part of the chain that this engine needs."""

    def answer(
        self, prompt: Prompt, *, role: str, complexity: Complexity, request_id: str
    ) -> AsyncGenerator[Text | Restarted | Ended, None]:
        """Texts, Restarted where what came before is void, and one Ended."""


OnCheck = Callable[[Guardrail, str, Outcome], None]
"""Told of each sentence: guard rail, stage, action."""


class LanguageModelEngine:
    """Brief to prompt, prompt to models, their text through the check.

    Args:
        name: how the readiness page calls it.
        models: every model that may write, and its provider.
        chain: asks them.
        prompts: makes prompts.
        on_check: told of each sentence that was checked.
        on_fallback: told of each answer that stood the check and that another model than the first wrote: who should have, who did, why.
    """

    def __init__(
        self,
        *,
        name: str,
        models: Mapping[str, str],
        chain: Answers,
        prompts: PromptBuilder,
        on_check: OnCheck = lambda _guardrail, _stage, _action: None,
        on_fallback: Callable[[str, str, str], None] = lambda _first, _to, _reason: None,
    ) -> None:
        self._name = name
        self._models = dict(models)
        self._chain = chain
        self._prompts = prompts
        self._on_check = on_check
        self._on_fallback = on_fallback

    @property
    def name(self) -> str:
        """The deployment's name for its models."""
        return self._name

    @property
    def models(self) -> Mapping[str, str]:
        """Every model that may write, and its provider."""
        return self._models

    @property
    def prompt_hash(self) -> str:
        """The hash of what models are told: a cache of answers keys on it."""
        return self._prompts.hash

    async def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        """Checked pieces, Interrupted where a model failed after some were shown, and Written.

        Raises:
            NobodyAnswered: no model could answer, or nothing of what was written stood the check (reason `unverified`).
        """
        composed = self._prompts.build(brief)
        check = self._check(brief, composed)
        ended: Ended | None = None
        answer = self._chain.answer(
            composed.prompt, role=brief.role, complexity=brief.complexity, request_id=brief.request_id
        )
        async with aclosing(answer) as events:
            async for event in events:
                match event:
                    case Text(text):
                        async with aclosing(_checked(check, text)) as pieces:
                            async for shown in pieces:
                                yield shown
                    case Restarted(reason):
                        if check.shown:
                            yield Interrupted(reason)
                        check = self._check(brief, composed)
                    case Ended():
                        ended = event
        if ended is None:
            raise NobodyAnswered("cut_short")
        cut = ended.finish_reason in _CUT
        for piece in check.finish(cut=cut):
            yield Piece(piece)
        if not check.shown:
            first = ended.first or ended.model.name
            raise NobodyAnswered(UNVERIFIED, usage=ended.usage, cost_usd=ended.cost_usd, first=first)
        self._count(ended)
        yield _written(ended, check, cut=cut)

    def _count(self, ended: Ended) -> None:
        # Only of what stands: where nothing does, whoever writes in its place counts the question, once.
        if ended.first is not None:
            self._on_fallback(ended.first, ended.model.name, ended.reason)

    def _check(self, brief: Brief, composed: Composed) -> AnswerCheck:
        return AnswerCheck(
            composed.evidence,
            f"{brief.question}\n{brief.carried}" if brief.carried else brief.question,
            brief.reading.terms_of,
            brief.reading.idf,
            language=brief.language,
            forbidden=composed.forbidden,
            on_check=lambda guardrail, outcome: self._on_check(guardrail, STAGE, outcome),
        )


async def _checked(check: AnswerCheck, text: str) -> AsyncGenerator[Piece, None]:
    """What may be shown after so much more text."""
    for at in range(0, len(text), _LETTERS_AT_ONCE):
        if at:
            await asyncio.sleep(0)
        for piece in check.feed(text[at : at + _LETTERS_AT_ONCE]):
            yield Piece(piece)


def _written(ended: Ended, check: AnswerCheck, *, cut: bool) -> Written:
    counts = check.counts
    return Written(
        model=ended.model.name,
        provider=ended.model.provider,
        usage=ended.usage,
        cost_usd=ended.cost_usd,
        withheld=counts.withheld,
        repaired=counts.repaired,
        marked=counts.marked,
        cut=cut,
    )
