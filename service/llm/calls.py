"""What passes between the house and a provider of language models: the model, the call, the pieces that come back."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from service.values import value

UsageSource = Literal["provider", "estimated", "missing"]
"""Who counted the tokens: the provider in its last chunk, we by an estimate, or nobody (the call never reached a model)."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Model:
    """A model that this installation may call.

    `name` is the closed label that answers and metrics show, `wire_name` what the provider calls it. Prices are US dollars per
    million tokens; `context_tokens` bounds prompt and answer together.
    """

    name: str
    provider: str
    wire_name: str
    context_tokens: int
    output_tokens: int
    input_usd: float
    output_usd: float
    cached_input_usd: float

    @property
    def free(self) -> bool:
        """Whether calling it costs nothing."""
        return self.input_usd == self.output_usd == 0.0


@value
class Usage:
    """The tokens of one call. Cached tokens are part of the input, reasoning tokens part of the output."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    source: UsageSource = "provider"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked. `version` and `hash` are those of the templates it was made from: the same for every question."""

    messages: tuple[Message, ...]
    max_output_tokens: int
    temperature: float
    version: str
    hash: str


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one model. `request_id` travels as X-Request-Id; it identifies no person."""

    model: Model
    messages: tuple[Message, ...]
    max_output_tokens: int
    temperature: float
    request_id: str


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """How long one attempt may take, in seconds: to connect, to the first non-empty token, between tokens, and in all."""

    connect_seconds: float
    first_token_seconds: float
    between_tokens_seconds: float
    attempt_seconds: float


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class End:
    """The orderly end of an answer. `usage` is what the provider's last usage said, None when it said nothing."""

    finish_reason: str | None
    usage: Usage | None


Chunk = Text | End


class Provider(Protocol):
    """Calls the models of one provider."""

    @property
    def name(self) -> str:
        """The provider's label in metrics."""

    def stream(self, call: Call, limits: AttemptLimits) -> AsyncGenerator[Chunk, None]:
        """One attempt: texts as they come, then one End. Closing the generator cancels the call at the provider.

        Raises:
            ProviderError: the attempt failed; the error says whether another one may help.
        """

    async def close(self) -> None:
        """Give the connections back."""
