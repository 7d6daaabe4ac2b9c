"""How an attempt at a provider can fail.

ProviderError
├── Unreachable      refused, reset before an answer, DNS, TLS           retryable
├── Overloaded       429, 503 with Retry-After                           retryable, after `retry_after_seconds`
├── ServerFault      other 5xx, an error object with such a type         retryable
├── TooSlow          connect, first token, between tokens, attempt       retryable
├── CutShort         the stream ended without its end                    retryable
├── Malformed        not JSON, not the form, wrong content type          retryable
├── Rejected         4xx: the request itself, the key, the model         not retryable with this model
└── Filtered         the provider declined the content                   not retryable with this model
"""

from __future__ import annotations

from typing import ClassVar, Literal

Phase = Literal["connect", "first_token", "between_tokens", "attempt"]


class ProviderError(Exception):
    """An attempt failed. `reason` is a closed label; the message is for engineers and holds no text of the question."""

    reason: ClassVar[str]
    retryable: ClassVar[bool] = True

    def __init__(self, message: str, *, status: int | None = None, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class Unreachable(ProviderError):
    """No connection, or one that broke before it answered."""

    reason = "unreachable"


class Overloaded(ProviderError):
    """The provider asks to wait."""

    reason = "overloaded"


class ServerFault(ProviderError):
    """The provider failed on its side."""

    reason = "server_fault"


class TooSlow(ProviderError):
    """A time limit of the attempt passed."""

    reason = "timeout"

    def __init__(self, phase: Phase, seconds: float) -> None:
        super().__init__(f"no progress within {seconds:g} s ({phase})")
        self.phase = phase


class CutShort(ProviderError):
    """The answer ended in the midst."""

    reason = "cut_short"


class Malformed(ProviderError):
    """What came is not what the protocol says."""

    reason = "malformed"


class Rejected(ProviderError):
    """The provider refuses the request itself: to repeat it is of no use."""

    reason = "rejected"
    retryable = False


class Filtered(ProviderError):
    """The provider's content filter stopped the answer."""

    reason = "filtered"
    retryable = False


REASONS: tuple[str, ...] = tuple(
    kind.reason for kind in (Unreachable, Overloaded, ServerFault, TooSlow, CutShort, Malformed, Rejected, Filtered)
)
"""Every reason, for the labels of metrics."""
