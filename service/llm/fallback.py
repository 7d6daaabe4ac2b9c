"""Lets the extractive engine write when the models cannot or must not; or says clearly that nobody can."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from service.chat.brief import Brief
from service.chat.complexity import Complexity
from service.errors import AnswerTimeout, Problem, ProviderUnavailable
from service.llm.attempt import added
from service.llm.chain import NobodyAnswered
from service.llm.engine import AnswerEngine, Interrupted, Piece, WritingEvent, Written

NOBODY = "none"
"""Who wrote when to fall back is switched off."""


@dataclass(frozen=True, slots=True)
class FallbackRules:
    """What the engine asks and tells while it runs.

    `extractive_only` says whether all traffic is switched to the extractive engine, `allowed` whether it may stand in at all, `first`
    which model should have written; `fell_back` counts, `crashed` notes what no engine should raise.
    """

    extractive_only: Callable[[], bool]
    allowed: bool
    first: Callable[[Complexity], str | None]
    fell_back: Callable[[str, str, str], None]
    crashed: Callable[[Exception], None]


class FallbackEngine:
    """The models' engine with the extractive one behind it."""

    def __init__(self, models: AnswerEngine, extractive: AnswerEngine, rules: FallbackRules) -> None:
        self._models = models
        self._extractive = extractive
        self._rules = rules

    @property
    def name(self) -> str:
        """Who writes at present."""
        return self._extractive.name if self._rules.extractive_only() else self._models.name

    @property
    def models(self) -> Mapping[str, str]:
        """Every model that may write, the extractive one too."""
        return {**self._models.models, **self._extractive.models}

    def write(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        """What the models write; when they fail, the extractive engine begins anew. Whoever asked for it has it from the start.

        Raises:
            Problem: nobody could write, and to fall back is switched off.
        """
        return self._extractive.write(brief) if brief.extractive else self._written(brief)

    async def _written(self, brief: Brief) -> AsyncGenerator[WritingEvent, None]:
        shown = False
        failure = NobodyAnswered("switched_off")
        if not self._rules.extractive_only():
            try:
                async with aclosing(self._models.write(brief)) as events:
                    async for event in events:
                        shown = isinstance(event, Piece) or (shown and not isinstance(event, Interrupted))
                        yield event
            except NobodyAnswered as error:
                failure = error
            except Problem:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a model's text did to us, the question can still be answered
                self._rules.crashed(error)
                failure = NobodyAnswered("engine_error")
            else:
                return
            if not self._rules.allowed:
                self._count(brief, NOBODY, failure)
                raise _problem(failure)
        if shown:
            yield Interrupted(failure.reason)
        async with aclosing(self._extractive.write(brief)) as events:
            async for event in events:
                yield self._standing_in(event, failure) if isinstance(event, Written) else event
        self._count(brief, self._extractive.name, failure)

    def _count(self, brief: Brief, to: str, failure: NobodyAnswered) -> None:
        first = failure.first or self._rules.first(brief.complexity) or NOBODY
        self._rules.fell_back(first, to, failure.reason)

    @staticmethod
    def _standing_in(written: Written, failure: NobodyAnswered) -> Written:
        """The account of both: what the models cost before they failed, and who wrote in the end."""
        return replace(
            written,
            usage=added(written.usage, failure.usage),
            cost_usd=written.cost_usd + failure.cost_usd,
            calls=failure.usage,
            fallback=failure.reason,
        )


def _problem(failure: NobodyAnswered) -> Problem:
    if failure.timed_out:
        return AnswerTimeout("The language models did not answer in time. Try again.")
    return ProviderUnavailable(
        "No language model can answer right now. Try again later.", retry_after_seconds=failure.retry_after_seconds
    )
