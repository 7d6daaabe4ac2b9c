"""One call to one model, from its first byte to its account: whatever happens to it, it is accounted once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from service.llm.budgets import Budgets, Reservation
from service.llm.calls import AttemptLimits, Call, Chunk, End, Model, Provider, Text, Usage
from service.llm.circuits import Circuit, Permit
from service.llm.failures import (
    REASONS,
    CutShort,
    Filtered,
    Malformed,
    ProviderError,
    Rejected,
    TooSlow,
)

CALL_STATUSES: tuple[str, ...] = ("ok", *REASONS, "cancelled", "superseded")
"""How a call ends: answered, failed for a reason, left by its reader, or given up because another model spoke first."""
NOTHING = Usage(0, 0, source="missing")
_OURS_OR_THE_MODELS = frozenset({401, 403, 404})
"""A key that is not accepted and a model that is not there stay so: they count against the model."""
_MOST_LETTERS_PER_TOKEN = 16
"""No tokenizer makes texts of more letters a token: who sends more ignores the limit that it was told."""
_GRACE_SECONDS = 0.05
"""A provider ends an attempt by itself at its limit; so much later we do."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """The account of one call. Seconds count from its start; `first_token_seconds` is None when no token came."""

    model: Model
    role: str
    status: str
    usage: Usage
    cost_usd: float
    seconds: float
    first_token_seconds: float | None


class CallWatcher(Protocol):
    """Is told of calls, to count them."""

    def called(self, record: CallRecord) -> None:
        """A call has ended, in whatever way."""


@dataclass(frozen=True, slots=True)
class Office:
    """What every attempt shares: where money, circuits, prices and counts are kept, and monotonic seconds."""

    budgets: Budgets
    watcher: CallWatcher
    cost: Callable[[Usage, Model], float]
    estimate: Callable[[str], int]
    clock: Callable[[], float]

    def prompt_tokens(self, call: Call) -> int:
        """An estimate of the tokens of a call's messages."""
        return sum(self.estimate(message.content) for message in call.messages)


@dataclass(frozen=True, slots=True)
class Leave:
    """What an attempt was given to begin: the circuit's permit and the money. `fair` says that it has its whole time."""

    circuit: Circuit
    permit: Permit
    reservation: Reservation
    fair: bool


@dataclass(slots=True)
class Attempt:
    """One call. `chunks` may be read once; it accounts when it ends, fails or is closed."""

    office: Office
    provider: Provider
    call: Call
    limits: AttemptLimits
    role: str
    leave: Leave
    left_as: str = "cancelled"
    usage: Usage = NOTHING
    cost_usd: float = 0.0
    _texts: list[str] = field(default_factory=list)

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        """Texts, then one End.

        Raises:
            ProviderError: the attempt failed.
        """
        clock = self.office.clock
        started = clock()
        first: float | None = None
        told: Usage | None = None
        failure: ProviderError | None = None
        status = ""
        try:
            async with aclosing(self._stream()) as stream:
                async for chunk in stream:
                    if isinstance(chunk, End):
                        told = _believed(chunk.usage, self.call)
                        if not self._texts:
                            raise Malformed("the answer has no text")
                        status = "ok"
                    else:
                        first = clock() - started if first is None else first
                        self._texts.append(chunk.text)
                    yield chunk
        except ProviderError as error:
            failure, status = error, error.reason
            raise
        finally:
            self._account(status or self.left_as, told, failure, clock() - started, first)

    async def _stream(self) -> AsyncGenerator[Chunk, None]:
        """What the provider sends, within the attempt's time and the answer's length even if the provider forgets about them."""
        most = self.limits.attempt_seconds
        room = _MOST_LETTERS_PER_TOKEN * self.call.max_output_tokens
        stream = self.provider.stream(self.call, self.limits)
        guard = _Guard(most + _GRACE_SECONDS)
        try:
            while not guard.over:
                guard.wait()
                try:
                    chunk = await anext(stream)
                except asyncio.CancelledError:
                    if guard.rest():
                        break
                    raise
                except StopAsyncIteration as error:
                    raise CutShort("the answer stopped without an end") from error
                except ProviderError:
                    raise
                except Exception as error:
                    # A client that fails in a way of its own is a failed attempt, not a failed question.
                    raise Malformed(f"the client failed: {type(error).__name__}") from error
                finally:
                    guard.rest()
                if isinstance(chunk, Text) and len(chunk.text) > room:
                    yield Text(chunk.text[:room])
                    yield End("length", None)
                    return
                yield chunk
                if isinstance(chunk, End):
                    return
                room -= len(chunk.text)
            raise TooSlow("attempt", most)
        finally:
            guard.close()
            await stream.aclose()

    def _account(
        self, status: str, told: Usage | None, failure: ProviderError | None, seconds: float, first: float | None
    ) -> None:
        self.usage = told or self._estimated(failure, first)
        self.cost_usd = self.office.cost(self.usage, self.call.model)
        self.office.budgets.settle(self.leave.reservation, self.cost_usd)
        self._judge(status, failure)
        self.office.watcher.called(
            CallRecord(self.call.model, self.role, status, self.usage, self.cost_usd, seconds, first)
        )

    def _estimated(self, failure: ProviderError | None, first: float | None) -> Usage:
        """A model that began to read the prompt is paid for it; one that was never reached is not."""
        slow = isinstance(failure, TooSlow) and failure.phase != "connect"
        reached = first is not None or failure is None or slow or isinstance(failure, CutShort | Filtered)
        if not reached:
            return NOTHING
        output = self.office.estimate("".join(self._texts))
        return Usage(self.office.prompt_tokens(self.call), output, source="estimated")

    def _judge(self, status: str, failure: ProviderError | None) -> None:
        """Tell the circuit what the call says about the model, if it says anything."""
        circuit, permit, now = self.leave.circuit, self.leave.permit, self.office.clock()
        hurried = isinstance(failure, TooSlow) and not self.leave.fair
        our_request = isinstance(failure, Rejected) and failure.status not in _OURS_OR_THE_MODELS
        if status == "ok" or isinstance(failure, Filtered):
            circuit.succeeded(permit, now)
        elif failure is None or hurried or our_request:
            circuit.abandoned(permit)
        else:
            circuit.failed(permit, now)


class _Guard:
    """Ends a wait for a provider that forgot the attempt's time. One timer an attempt: `asyncio.timeout` makes one a chunk.

    `over` says that the time passed while nobody waited: how long the reader takes with a chunk is its own affair.
    """

    __slots__ = ("_before", "_struck", "_timer", "_waiting", "over")

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._waiting: asyncio.Task[object] | None = None
        self._before = 0
        self._struck = False
        self._timer = asyncio.get_running_loop().call_later(seconds, self._late)

    def wait(self) -> None:
        """The running task waits for the provider from here on; it may be another task than last time."""
        self._waiting = asyncio.current_task()
        if self._waiting is not None:
            self._before = self._waiting.cancelling()

    def rest(self) -> bool:
        """It waits no more. True when this guard ended the wait, and nobody else wants the task to end."""
        task, self._waiting = self._waiting, None
        if not self._struck or task is None:
            return False
        # Taken back even if the provider swallowed it: else the reader's next wait would be cancelled.
        self._struck = False
        return task.uncancel() <= self._before

    def close(self) -> None:
        """Watch no more."""
        self._timer.cancel()

    def _late(self) -> None:
        self.over = True
        if self._waiting is not None:
            self._struck = True
            self._waiting.cancel()


def _believed(told: Usage | None, call: Call) -> Usage | None:
    """What a provider says that an answer cost, unless it cannot be: more than its model's window holds, or no token for words."""
    if told is None or not told.output_tokens or told.input_tokens + told.output_tokens > call.model.context_tokens:
        return None
    return told


def added(one: Usage, other: Usage) -> Usage:
    """Two usages together; the sum is as sure as the less sure of those that count anything."""
    sources = {usage.source for usage in (one, other) if usage.input_tokens or usage.output_tokens}
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_tokens + other.cached_tokens,
        one.reasoning_tokens + other.reasoning_tokens,
        "estimated" if "estimated" in sources else "provider" if "provider" in sources else "missing",
    )
