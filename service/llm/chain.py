"""Asks model after model until one has answered, within one total time.

Each model that may answer the question is tried in turn: first whether its budget and its circuit allow a call, then the call, then,
if the failure was of a kind that may pass, once more after a random wait. What was written before a failure is void. Time,
randomness, providers, prices and counts are given; nothing here knows HTTP.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from service.chat.complexity import Complexity
from service.llm.attempt import NOTHING, Attempt, Leave, Office, added
from service.llm.calls import AttemptLimits, Call, Chunk, End, Model, Prompt, Provider, Text, Usage
from service.llm.circuits import Circuit, CircuitRules
from service.llm.failures import REASONS, ProviderError, TooSlow
from service.llm.hedging import race
from service.llm.retries import RetryBudget, RetryRules

FALLBACK_REASONS: tuple[str, ...] = (
    *REASONS,
    "budget",
    "circuit_open",
    "no_model",
    "switched_off",
    "unverified",
    "engine_error",
)
"""Why an answer was not written by the first model that should have written it."""
_LEAST_SECONDS = 0.05
"""An attempt with less time than this is not begun."""
_RETRY_AFTER_SECONDS = 5.0
"""What a client is told to wait when nobody knows better."""

Route = Callable[[Complexity, int, int], Sequence[Model]]
"""The models for a complexity, the prompt's tokens and the most tokens of the answer, in the order to try."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """The texts so far are void; another attempt begins anew."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Who answered. Usage and cost are those of all attempts together, failed ones too.

    `first` should have written and did not, for `reason`; None where the first model wrote.
    """

    model: Model
    usage: Usage
    cost_usd: float
    finish_reason: str | None
    first: str | None = None
    reason: str = ""


class NobodyAnswered(Exception):  # noqa: N818 - nobody did anything wrong; the caller decides whether it is an error
    """All models failed, were not allowed, or the time is over. `reason` is one of FALLBACK_REASONS."""

    def __init__(
        self,
        reason: str,
        *,
        usage: Usage = NOTHING,
        cost_usd: float = 0.0,
        timed_out: bool = False,
        retry_after_seconds: float = _RETRY_AFTER_SECONDS,
        first: str | None = None,
    ) -> None:
        super().__init__(f"no model answered: {reason}")
        self.reason = reason
        self.usage = usage
        self.cost_usd = cost_usd
        self.timed_out = timed_out
        self.retry_after_seconds = retry_after_seconds
        self.first = first


@dataclass(frozen=True, slots=True)
class ChainRules:
    """Limits of an attempt and of all together (seconds), retries, circuits, and after how long a silence to hedge (None: never)."""

    limits: AttemptLimits
    total_seconds: float
    retries: RetryRules = field(default_factory=RetryRules)
    circuit: CircuitRules = field(default_factory=CircuitRules)
    hedge_after_seconds: float | None = None


class Chain:
    """All models of an installation, in the order in which they are asked."""

    def __init__(
        self,
        *,
        models: Sequence[Model],
        providers: Mapping[str, Provider],
        route: Route,
        rules: ChainRules,
        office: Office,
        draw: Callable[[], float],
    ) -> None:
        """Begin with closed circuits.

        Args:
            models: every model that a route may name.
            providers: by their name; each model's provider is among them.
            route: the candidates for a question.
            rules: limits, retries, circuits, hedging.
            office: money, counts, prices, time.
            draw: uniform numbers from [0, 1).
        """
        self.models = tuple(models)
        self.rules = rules
        self.office = office
        self._providers = providers
        self._route = route
        self._draw = draw
        self._circuits = {model.name: Circuit(rules.circuit) for model in models}
        self._retry_budget = RetryBudget(rules.retries)

    def circuit(self, model: str) -> Circuit:
        """The circuit of a model."""
        return self._circuits[model]

    def first(self, complexity: Complexity) -> str | None:
        """The model that should write a short question's answer; None when there is none."""
        return next((model.name for model in self._route(complexity, 0, 1)), None)

    async def answer(
        self, prompt: Prompt, *, role: str, complexity: Complexity, request_id: str
    ) -> AsyncGenerator[Text | Restarted | Ended, None]:
        """Texts, Restarted where what came before is void, and one Ended.

        Raises:
            NobodyAnswered: no model could, or the total time is over.
        """
        self._retry_budget.asked()
        question = _Question(self, prompt, role, request_id, self.office.clock() + self.rules.total_seconds)
        prompt_tokens = sum(self.office.estimate(message.content) for message in prompt.messages)
        candidates = tuple(self._route(complexity, prompt_tokens, prompt.max_output_tokens))
        async with aclosing(question.events(candidates)) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        """Give the connections of all providers back."""
        await asyncio.gather(*(provider.close() for provider in self._providers.values()))

    def may_retry(self) -> bool:
        """Take one retry off the budget, if there is one."""
        return self._retry_budget.take()

    def wait(self, tried: int) -> float:
        """Seconds to wait after so many failures."""
        return self.rules.retries.wait(tried, self._draw())

    def provider(self, model: Model) -> Provider:
        """Who serves a model."""
        return self._providers[model.provider]


@dataclass(slots=True)
class _Question:
    """One answer in the making."""

    chain: Chain
    prompt: Prompt
    role: str
    request_id: str
    deadline: float
    made: list[Attempt] = field(default_factory=list)
    writer: Attempt | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    shown: bool = False
    timed_out: bool = False

    async def events(self, candidates: tuple[Model, ...]) -> AsyncGenerator[Text | Restarted | Ended, None]:
        for place, model in enumerate(candidates):
            tried = 0
            while attempt := self._begin(model):
                tried += 1
                try:
                    async with aclosing(self._chunks(attempt, candidates[place + 1 :])) as chunks:
                        async for chunk in chunks:
                            self.shown = True
                            # The end is told after the attempt has been accounted, because it tells the account.
                            if isinstance(chunk, End):
                                end = chunk
                            else:
                                yield chunk
                except ProviderError as error:
                    failure = error
                else:
                    yield self._ended(end, candidates[0])
                    return
                if self.shown:
                    self.shown = False
                    yield Restarted(failure.reason)
                if not await self._again(model, failure, tried):
                    break
            if self.timed_out:
                break
        raise self._nobody(candidates)

    def _begin(self, model: Model) -> Attempt | None:
        """An attempt at a model, or None with a note why it may not be made."""
        chain, office = self.chain, self.chain.office
        now = office.clock()
        left = self.deadline - now
        if left < _LEAST_SECONDS:
            self.timed_out = True
            self._not(model, "timeout")
            return None
        most = min(self.prompt.max_output_tokens, model.output_tokens)
        call = Call(model, self.prompt.messages, most, self.prompt.temperature, self.request_id)
        worst = office.cost(Usage(office.prompt_tokens(call), most), model)
        reservation = office.budgets.reserve(self.role, worst)
        if reservation is None:
            self.waits.append(office.budgets.seconds_left_today())
            self._not(model, "budget")
            return None
        circuit = chain.circuit(model.name)
        permit = circuit.admit(now)
        if permit is None:
            office.budgets.settle(reservation, 0.0)
            self.waits.append(circuit.closed_in(now))
            self._not(model, "circuit_open")
            return None
        limits = chain.rules.limits
        fair = left >= min(limits.first_token_seconds, limits.attempt_seconds)
        within = replace(limits, attempt_seconds=min(limits.attempt_seconds, left))
        leave = Leave(circuit, permit, reservation, fair)
        attempt = Attempt(office, chain.provider(model), call, within, self.role, leave)
        self.made.append(attempt)
        return attempt

    def _not(self, model: Model, reason: str) -> None:
        self.reasons.setdefault(model.name, reason)

    def _chunks(self, attempt: Attempt, others: Sequence[Model]) -> AsyncGenerator[Chunk, None]:
        self.writer = attempt
        after = self.chain.rules.hedge_after_seconds
        if after is None or not others:
            return attempt.chunks()
        return race(attempt, lambda: self._hedge(others), after, self._won)

    def _hedge(self, others: Sequence[Model]) -> Attempt | None:
        """An attempt at the next model that may be called: it takes a retry, so that hedges cannot double the load for long."""
        if not self.chain.may_retry():
            return None
        return next((attempt for model in others if (attempt := self._begin(model))), None)

    def _won(self, attempt: Attempt) -> None:
        if self.writer is not attempt and self.writer:
            self._not(self.writer.call.model, "timeout")
        self.writer = attempt

    async def _again(self, model: Model, failure: ProviderError, tried: int) -> bool:
        """Whether to ask the same model once more; waits for the right moment."""
        self._not(model, failure.reason)
        self.timed_out = self.chain.office.clock() >= self.deadline - _LEAST_SECONDS
        rules = self.chain.rules
        if failure.retry_after_seconds is not None:
            self.waits.append(failure.retry_after_seconds)
        if self.timed_out or not failure.retryable or tried >= rules.retries.tries_per_model:
            return False
        if isinstance(failure, TooSlow) and failure.phase != "connect":
            # Who was too slow a moment ago is asked last: the next model has the better chance.
            return False
        wait = max(self.chain.wait(tried), failure.retry_after_seconds or 0.0)
        fits = self.chain.office.clock() + wait + rules.limits.first_token_seconds <= self.deadline
        if not fits or not self.chain.may_retry():
            return False
        await asyncio.sleep(wait)
        return True

    def _ended(self, end: End, first: Model) -> Ended:
        if self.writer is None:
            raise RuntimeError("an answer has ended that nobody wrote")
        model = self.writer.call.model
        usage, cost = self._spent()
        if model.name == first.name:
            return Ended(model, usage, cost, end.finish_reason)
        return Ended(model, usage, cost, end.finish_reason, first.name, self.reasons.get(first.name, "unverified"))

    def _spent(self) -> tuple[Usage, float]:
        usage = NOTHING
        for attempt in self.made:
            usage = added(usage, attempt.usage)
        return usage, math.fsum(attempt.cost_usd for attempt in self.made)

    def _nobody(self, candidates: Sequence[Model]) -> NobodyAnswered:
        first = candidates[0].name if candidates else None
        reason = self.reasons.get(first, "timeout") if first else "no_model"
        usage, cost = self._spent()
        slow = self.timed_out or set(self.reasons.values()) == {"timeout"}
        wait = min(self.waits, default=_RETRY_AFTER_SECONDS)
        return NobodyAnswered(reason, usage=usage, cost_usd=cost, timed_out=slow, retry_after_seconds=wait, first=first)
